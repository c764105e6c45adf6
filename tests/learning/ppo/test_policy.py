"""Policies that draw: ranges, masks, means, what is saved; and that they draw what the learner thinks they do."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.encoding import Box, Categorical, Encoding, Group, Observation
from dtbench.envs import make_env
from dtbench.errors import DtbenchError
from dtbench.learning.networks import Network
from dtbench.learning.policy import select
from dtbench.learning.ppo.distributions import BetaHead, CategoricalHead, GaussianHead
from dtbench.learning.ppo.policy import BetaPolicy, GaussianPolicy
from dtbench.learning.training import ordered

GROUPS = (Group("knob", 2, Box(3, -1.0, 4.0), 5), Group("lever", 3, Categorical((2, 4)), 4))
ENCODING = Encoding(GROUPS, decode=lambda slot, x: x)


def make_policy(kind=BetaPolicy, encoding=ENCODING, seed=0, size=1.0, **more):
    rng = np.random.default_rng(seed)
    networks, weights = {}, {}
    for group in encoding.groups:
        network = Network(inputs=group.observation, hidden=(6,), outputs=kind.n_outputs(group), copies=group.count)
        networks[group.name] = network
        for name, shape in network.shapes.items():
            weights[f"{group.name}/{name}"] = (size * rng.standard_normal(shape)).astype(np.float32)
    return kind(encoding, networks, weights | more)


def make_observation(rows, seed=1):
    rng = np.random.default_rng(seed)
    agents = {g.name: rng.standard_normal((rows, g.count, g.observation)).astype(np.float32) for g in GROUPS}
    mask = rng.random((rows, 3, 6)) < 0.6
    mask[..., [1, 4]] = True
    return Observation(agents, {"lever": mask}, np.zeros((rows, 1), dtype=np.float32))


@pytest.mark.parametrize("kind", [BetaPolicy, GaussianPolicy])
@pytest.mark.parametrize("explore", [0.0, 1.0])
def test_actions_are_in_range_and_allowed(kind, explore):
    policy, seen = make_policy(kind), make_observation(200)
    x, _ = policy.act(seen, policy.start(200), rng=np.random.default_rng(2), explore=explore)
    parts = ENCODING.split(x)
    assert (parts["knob"] >= -1.0).all()
    assert (parts["knob"] <= 4.0).all()
    lever, mask = parts["lever"].astype(int), seen.masks["lever"]
    assert np.take_along_axis(mask[..., :2], lever[..., :1], -1).all()
    assert np.take_along_axis(mask[..., 2:], lever[..., 1:], -1).all()


def test_beta_mean_by_hand():
    """Zero weights: Beta(1 + ln 2, 1 + ln 2), mean 1/2, in the middle of [-1, 4]; the first value allowed."""
    policy, seen = make_policy(size=0.0), make_observation(1)
    seen.masks["lever"][:] = [True, True, False, True, True, True]
    x, _ = policy.act(seen, policy.start(1))
    assert_allclose(x[0], [1.5] * 6 + [0, 1] * 3)


def test_drawing_needs_a_generator():
    policy, seen = make_policy(), make_observation(1)
    with pytest.raises(ValueError, match="generator"):
        policy.act(seen, policy.start(1), explore=1.0)


@pytest.mark.parametrize("kind", [BetaPolicy, GaussianPolicy])
def test_draws_have_the_probabilities_that_are_learned(kind):
    """Mean log-probability of draws under the learner's distribution is minus its entropy."""
    rows = 20_000
    policy, one = make_policy(kind, size=0.5), make_observation(1)
    seen = Observation(
        {k: np.repeat(v, rows, 0) for k, v in one.agents.items()},
        {k: np.repeat(v, rows, 0) for k, v in one.masks.items()}, one.state,
    )  # fmt: skip
    outputs, _ = policy.outputs(seen, policy.start(rows))
    choice, _ = policy.choose(seen, policy.start(rows), np.random.default_rng(4), None)
    head = BetaHead if kind is BetaPolicy else GaussianHead
    every = torch.ones(rows, 3, dtype=torch.bool)
    knob = head(torch.from_numpy(choice.actions["knob"][:, 1]), every)
    both = torch.ones(rows, 2, dtype=torch.bool)
    lever = CategoricalHead(
        torch.from_numpy(choice.actions["lever"][:, 2]), both, torch.from_numpy(choice.masks["lever"][:, 2]), (2, 4)
    )
    for found, out in ((knob, outputs["knob"][:, 1]), (lever, outputs["lever"][:, 2])):
        terms = found.evaluate(torch.from_numpy(np.ascontiguousarray(out)))
        assert float(terms.log_prob.mean()) == pytest.approx(-terms.entropy / rows, abs=0.03)


def test_agents_in_order_leave_room():
    """stin-deployment: no device takes more twins than it may, though everybody would like the first one."""
    env = make_env("stin-deployment/small", n_envs=6, fresh=True, seed=0)
    policy = make_policy(encoding=env.encoding, size=0.0)
    policy.weights["user"]["output.bias"][..., 1] = 3.0
    seen = env.reset()
    choice, _ = policy.choose(seen, policy.start(6), np.random.default_rng(0), ordered(env))
    step = env.step(choice.joint)
    assert not step.info["repaired"].any()
    chosen = np.take_along_axis(choice.masks["user"], choice.actions["user"], -1)
    assert chosen.all()


def test_policy_goes_round_with_its_scale():
    more = {f"{g.name}/observation.{k}": np.full(g.observation, v, np.float32)
            for g in GROUPS for k, v in (("mean", 0.5), ("deviation", 2.0))}  # fmt: skip
    policy, seen = make_policy(**more), make_observation(4)
    again = BetaPolicy.restore(ENCODING, policy.facts(), policy.arrays(), "file")
    x, _ = policy.act(seen, policy.start(4))
    assert_array_equal(again.act(seen, again.start(4))[0], x)
    half = Observation({k: (v - 0.5) / 2.0 for k, v in seen.agents.items()}, seen.masks, seen.state)
    plain = make_policy()
    assert_allclose(plain.act(half, plain.start(4))[0], x, atol=1e-6)
    assert select(policy.arrays(), "knob").keys() >= {"observation.mean", "hidden0.weight"}
    missing = {k: v for k, v in policy.arrays().items() if k != "lever/observation.mean"}
    with pytest.raises(DtbenchError, match="observation.mean"):
        BetaPolicy.restore(ENCODING, policy.facts(), missing, "file")


def test_another_kind_is_refused():
    policy = make_policy()
    with pytest.raises(DtbenchError, match="expected 'gaussian'"):
        GaussianPolicy.restore(ENCODING, policy.facts(), policy.arrays(), "file")
