"""MAPPO and HAPPO as solvers: on every problem, in every protocol, and stable-baselines3 beside them."""

import numpy as np
import pytest

from dtbench.envs import make_env
from dtbench.errors import DtbenchError
from dtbench.learning.ppo.policy import BetaPolicy, GaussianPolicy
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import all_problems, problem

from .training import train_and_play

QUICK = {"episodes": 6, "parallel": 3, "epochs": 2, "traces": 2, "validate_every": 2, "hidden": "16,8"}


def solve(name, instance, **options):
    """A short training, played."""
    return train_and_play(name, instance, **(QUICK | options))


@pytest.mark.parametrize("name", ["mappo", "happo", "gaussian-happo"])
@pytest.mark.parametrize("id", all_problems())
def test_every_problem(name, id):
    entry = discover()[name]
    if not entry.takes(id):
        assert name == "gaussian-happo"
        assert id in ("stin-deployment", "dnt-spectrum")  # nothing there is real
        return
    solver, objectives = solve(name, problem(id).generate("tiny", 3))
    assert np.isfinite(objectives).all()
    assert isinstance(solver.policy, GaussianPolicy if name == "gaussian-happo" else BetaPolicy)
    assert solver.training["episodes"] == 6


@pytest.mark.parametrize(
    ("id", "encoding"),
    [
        ("stin-deployment", "matching"), ("stin-deployment", "scores"), ("edge-migration", "matching"),
        ("edge-migration", "scores"), ("mec-synchronization", "served"), ("satellite-offloading", "association"),
        ("dnt-spectrum", "uploads"), ("edge-placement", "opened"),
    ],
)  # fmt: skip
def test_new_decoders(id, encoding):
    """One controller acts; what it asks for is feasible."""
    options = {"encoding": encoding, "env": "", "credit": "team", "apart": "", "by_entry": False}
    solver, objectives = solve("mappo", problem(id).generate("tiny", 3), **options)
    assert np.isfinite(objectives).all()
    assert set(solver.policy.networks) == {"controller"}


@pytest.mark.parametrize("name", ["mappo", "happo"])
def test_the_closed_protocol_has_a_centre(name):
    solver, _ = solve(name, problem("mec-synchronization").generate("tiny", 3, protocol="closed"))
    assert "cc" in solver.policy.networks


def test_same_seed_same_decisions_and_another_sample():
    instance = problem("edge-migration").generate("tiny", 3)
    first, second = (solve("happo", instance, cache=False)[1] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    drawn = solve("happo", instance, evaluation="sampled")[1]
    assert not np.array_equal(first, drawn)


@pytest.mark.parametrize("name", ["mappo", "happo", "gaussian-happo"])
@pytest.mark.parametrize("preset", ["paper", "tuned"])
def test_presets_are_taken(name, preset):
    """Every value of a preset fits its option, and every problem named exists."""
    cls = load_solver(discover()[name])
    for id in cls.presets[preset]:
        assert id == "*" or id in all_problems()
    for id in all_problems():
        if discover()[name].takes(id):
            cls(problem(id), problem(id).generate("tiny", 3), preset=preset)


@pytest.mark.parametrize("name", ["mappo", "happo", "gaussian-happo"])
@pytest.mark.parametrize("preset", ["paper", "tuned"])
def test_presets_train_in_the_closed_loop(name, preset):
    """With the control centre, who learns from its own reward; with the paper's, all agents have their own networks."""
    instance = problem("mec-synchronization").generate("tiny", 3, protocol="closed")
    cls = load_solver(discover()[name])
    env = cls(problem("mec-synchronization"), instance, preset=preset).options.env.replace("n_frames=50", "n_frames=4")
    solver, objectives = train_and_play(name, instance, preset=preset, env=env, episodes=2, traces=2, parallel=1)
    assert np.isfinite(objectives).all()
    assert set(solver.policy.networks) == {"mu", "bs", "cc"}
    assert solver.options.apart == "cc"
    if preset == "paper":
        assert solver.template.horizon == 20
        assert solver.policy.networks["mu"].copies == instance.params.n_users


@pytest.mark.parametrize("name", ["mappo", "happo", "gaussian-happo"])
@pytest.mark.parametrize(("id", "encoding"), [("satellite-offloading", "strict"), ("edge-placement", "hybrid")])
def test_other_encodings(name, id, encoding):
    """Choices and scores of like agents side by side; requests that are paid for before repair."""
    solver, objectives = solve(name, problem(id).generate("tiny", 3), encoding=encoding)
    assert np.isfinite(objectives).all()
    made = problem(id).encodings(solver.instance)[encoding]
    assert set(solver.policy.networks) == {group.name for group in made.groups}
    assert (made.reward is not None) == (encoding == "strict")
    assert made.keep_by == ("reward" if encoding == "strict" else "objective")


def test_a_file_brings_its_encoding_along(tmp_path):
    instance = problem("edge-placement").generate("tiny", 3)
    _, objectives = solve("mappo", instance, encoding="hybrid", preset="paper")
    (file,) = (tmp_path / "cache").rglob("*.safetensors")
    played, again = train_and_play("mappo", instance, checkpoint=str(file), preset="paper")
    assert played.encoding == "hybrid"
    np.testing.assert_array_equal(again, objectives)
    with pytest.raises(DtbenchError, match="option encoding is 'hybrid', given is 'agents'; leave it out"):
        train_and_play("mappo", instance, checkpoint=str(file), encoding="agents")


def test_unknown_encodings_are_refused():
    with pytest.raises(
        DtbenchError, match="'edge-placement' has no encoding 'best'. Known: agents, search, hybrid, printed"
    ):
        solve("mappo", problem("edge-placement").generate("tiny", 3), encoding="best")
    with pytest.raises(
        DtbenchError, match="'encoding' is 'search', in which agents 'twin' observe nothing; expected one"
    ):
        solve("mappo", problem("edge-placement").generate("tiny", 3), encoding="search")


def test_like_agents_may_have_networks_of_their_own():
    instance = problem("stin-deployment").generate("tiny", 3)
    shared, apart = (solve("mappo", instance, share=share)[0].policy.networks["user"] for share in (True, False))
    assert shared.copies == 1
    assert apart.copies == instance.params.n_users


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["stin-deployment/tiny", "satellite-offloading/tiny"])
def test_stable_baselines_trains_on_our_environment_unchanged(name):
    """A PPO that knows nothing of dtbench gets better on its Gymnasium form, without a wrapper."""
    sb3 = pytest.importorskip("stable_baselines3")
    score = pytest.importorskip("stable_baselines3.common.evaluation").evaluate_policy
    env = make_env(name, "gym", seed=0)
    model = sb3.PPO("MlpPolicy", env, seed=0, n_steps=500, batch_size=100, gamma=0.0, device="cpu")
    before, _ = score(model, make_env(name, "gym", seed=1), 100, warn=False)
    model.learn(25_000)
    after, _ = score(model, make_env(name, "gym", seed=1), 100, warn=False)
    assert after > before
