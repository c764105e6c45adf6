"""What is observed lies within what is declared, on fresh traces, whatever is done."""

import numpy as np
import pytest

from dtbench.envs import BatchEnv, make_env
from dtbench.problems import all_problems

VARIANTS = [
    *((id, {}, name) for id, p in all_problems().items() for name in p.encodings(p.generate("tiny", 0))),
    *(("dnt-spectrum", {"obs": obs}, "agents") for obs in ("paper", "twin")),
    ("satellite-offloading", {"obs": "paper"}, "agents"),
    ("satellite-offloading", {"obs": "ordered"}, "agents"),
    *(("mec-synchronization", {"observation": seen}, "agents") for seen in ("paper", "cell")),
    *(
        ("mec-synchronization", {"protocol": "closed", "host_action": kind}, "agents")
        for kind in ("categorical", "real")
    ),
]


@pytest.mark.parametrize(("id", "changes", "encoding"), VARIANTS)
def test_observations_stay_within_their_bounds(id, changes, encoding):
    env = make_env(f"{id}/tiny", n_envs=16, encoding=encoding, **changes)
    rng = np.random.default_rng(0)
    seen = [env.reset(0)]
    seen += [env.step(env.encoding.sample(rng, (16,))).observation for _ in range(env.horizon)]
    groups = [g.name for g in env.encoding.groups if g.observation]
    for name in ["state", *groups]:
        values = np.stack([(s.state if name == "state" else s.agents[name]) for s in seen])
        low, high = env.bounds(name, values.shape[-1])
        assert (values >= low).all(), name
        assert (values <= high).all(), name
        assert np.isfinite(low).any() or np.isfinite(high).any(), name


def test_spaces_are_bounded_where_all_is_cut():
    env = make_env("edge-migration/tiny", "gym")
    assert (env.observation_space.low == -5.0).all()
    assert (env.observation_space.high == 5.0).all()
    assert make_env("edge-migration/tiny", "parallel").observation_space("server_0").is_bounded()


def test_bounds_of_another_length_are_refused(make_toy, monkeypatch):
    toy = make_toy("real")
    monkeypatch.setattr(toy, "observation_bounds", lambda instance: {"state": ((2, 0.0, 1.0),)})
    env = BatchEnv(toy, toy.generate("tiny", 0))
    with pytest.raises(ValueError, match="'state' of 'toy-real': 2 entries are bounded, of 3"):
        env.bounds("state", 3)
    low, high = env.bounds("knob", 2)
    assert np.isinf([low, high]).all()
