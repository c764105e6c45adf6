"""Episodes are stored as they were played."""

import contextlib

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.envs import make_env
from dtbench.learning.networks import Network
from dtbench.learning.qlearning.episodes import play
from dtbench.learning.qlearning.policy import ValuePolicy
from dtbench.learning.qlearning.replay import Replay
from dtbench.learning.training import ordered

parts = []


@contextlib.contextmanager
def timed(part):
    parts.append(part)
    yield


def policy_of(encoding):
    rng, networks, weights = np.random.default_rng(0), {}, {}
    for g in encoding.groups:
        networks[g.name] = Network(inputs=g.observation, hidden=(6,), outputs=ValuePolicy.n_outputs(g), memory=3)
        for name, shape in networks[g.name].shapes.items():
            weights[f"{g.name}/{name}"] = rng.standard_normal(shape).astype(np.float32)
    return ValuePolicy(encoding, networks, weights)


@pytest.mark.parametrize("name", ["stin-deployment/tiny", "dnt-spectrum/tiny"])
def test_what_is_stored_can_be_played_again(name):
    """The stored actions, played again in the same traces, show what was stored of them; two rounds, wrapped around."""
    env, again = (make_env(name, n_envs=3, seed=5) for _ in range(2))
    replay = Replay(env, 4, state=True, agent_rewards=True)
    policy, rng = policy_of(env.encoding), np.random.default_rng(1)
    for rows in ([0, 1, 2], [3, 0, 1]):
        played = play(env, policy, replay, rng=rng, explore=0.3, next_mask=ordered(env), timed=timed)
        seen, reward, objective = again.reset(), [], []
        for t in range(env.horizon):
            for group, own in seen.agents.items():
                assert_array_equal(replay.arrays[f"observations/{group}"][rows, t], own)
                assert_array_equal(replay.arrays[f"masks/{group}"][rows, t], seen.masks[group])
            assert_array_equal(replay.arrays["state"][rows, t], seen.state)
            step = again.step(replay.arrays["actions"][rows, t])
            assert_allclose(replay.arrays["reward"][rows, t], step.reward, rtol=1e-6)
            assert_allclose(replay.arrays["agent_rewards"][rows, t], step.agent_rewards, rtol=1e-6)
            seen = step.observation
            reward.append(step.reward)
            objective.append(step.info["objective"])
        for group, own in seen.agents.items():
            assert_array_equal(replay.arrays[f"observations/{group}"][rows, env.horizon], own)
            assert_array_equal(replay.arrays[f"masks/{group}"][rows, env.horizon], seen.masks[group])
        assert_array_equal(replay.arrays["state"][rows, env.horizon], seen.state)
        assert_allclose(played, (np.mean(reward), np.mean(objective)), rtol=1e-12)
    assert set(parts) == {"environment", "acting"}
