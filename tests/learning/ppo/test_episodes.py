"""What a rollout stores, and where."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.envs import BatchEnv
from dtbench.learning.ppo.episodes import agent_slices, collect
from dtbench.learning.ppo.learner import PolicyLearner
from dtbench.learning.ppo.options import OnPolicyOptions
from dtbench.learning.ppo.policy import BetaPolicy, played
from dtbench.problems import problem

COPIES = 3


def make_rollout(**options):
    owner = problem("mec-synchronization")
    env = BatchEnv(owner, owner.generate("tiny", 7, protocol="closed"), COPIES, fresh=True)
    learner = PolicyLearner(env, BetaPolicy, OnPolicyOptions().replace({"hidden": "8", "scaled": True} | options))
    rollout = collect(
        env, learner.policy, ("cc",), np.random.default_rng(0), 5, learner.timed, keep_observations=True
    )  # fmt: skip
    return env, rollout


def test_rollout_is_what_the_environment_played():
    """Played once more with the stored actions: observations, effective entries, rewards and states are the same."""
    env, rollout = make_rollout()
    seen, objective = env.reset(seed=5), []
    for t in range(env.horizon):
        here = slice(t * COPIES, (t + 1) * COPIES)
        assert_array_equal(rollout.states[t], seen.state)
        counts = env.problem.effective(env.slot)
        actions = {}
        for group in env.encoding.groups:
            acts = rollout.acts[group.name]
            assert_array_equal(rollout.observations[group.name][here], seen.agents[group.name])
            assert_allclose(acts.features[:, here].swapaxes(0, 1), seen.agents[group.name])  # nothing scaled at first
            assert_array_equal(acts.counts[:, here].swapaxes(0, 1), counts[group.name])
            actions[group.name] = played(group, acts.actions[:, here].swapaxes(0, 1))
        step = env.step(env.encoding.join(actions))
        assert_allclose(rollout.rewards[t], np.stack([step.reward, step.agent_rewards[:, -1]], axis=-1))
        objective.append(step.info["objective"].mean())
        seen = step.observation
    assert_array_equal(rollout.states[-1], seen.state)
    assert_allclose(rollout.objective, np.mean(objective))


def test_agents_stand_group_after_group():
    env, _ = make_rollout()
    assert agent_slices(env.encoding.groups) == {"mu": slice(0, 5), "bs": slice(5, 7), "cc": slice(7, 8)}
