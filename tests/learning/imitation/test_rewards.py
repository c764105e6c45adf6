"""Learning from rewards with a network of sets: baselines, ratios, what is learned, and going on when interrupted."""

import dataclasses

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.envs import BatchEnv
from dtbench.learning.imitation.learner import tensors
from dtbench.learning.imitation.options import RewardOptions
from dtbench.learning.imitation.rewards import RewardLearner, clipped
from dtbench.learning.training import Validation, fit
from dtbench.problems import problem

STIN, MIGRATION = problem("stin-deployment"), problem("edge-migration")
QUICK = RewardOptions(episodes=12, parallel=6, alike=3, noise=0.3, minibatches=2, hidden=8, layers=2)


def learner(owner=STIN, options=QUICK, seed=0, encoding="matching", start=None):
    env = BatchEnv(owner, owner.generate("tiny", 90_001), options.copies, fresh=True, seed=seed, encoding=encoding)
    return RewardLearner(env, options, seed, start)


def test_clipping_by_hand():
    """Ratios 2, 2, 1/2, 1/2 with advantages 1, -1, 1, -1, clipped at 1.2 and 0.8: -(1.2 - 2 + 0.5 - 0.8) / 4."""
    change = torch.log(torch.tensor([2.0, 2.0, 0.5, 0.5]))
    assert float(clipped(change, torch.tensor([1.0, -1.0, 1.0, -1.0]), 0.2)) == pytest.approx(1.1 / 4)


def test_copies_of_a_trace_meet_the_same_slots():
    made = learner()
    made.env.reset()
    delays = made.env.slot.own  # (6, I)
    assert_array_equal(delays[:3], np.repeat(delays[:1], 3, axis=0))
    assert not np.array_equal(delays[0], delays[3])


def test_advantages_are_against_the_copies_of_the_trace():
    """Without a future, what is earned less the mean of the three copies; no critic."""
    made = learner()
    made.set_scales()
    rollout = made.play()
    made.episodes += 6
    advantage, _ = made.advantages(rollout)
    same = rollout.earned.reshape(len(advantage), 2, 3)
    assert_allclose(advantage, (same - same.mean(axis=-1, keepdims=True)).reshape(advantage.shape))
    assert not made.judges


def test_one_copy_each_is_judged_by_the_critic():
    made = learner(options=dataclasses.replace(QUICK, alike=1))
    made.episodes += 6
    rollout = made.play()
    advantage, goal = made.advantages(rollout)
    assert_allclose(advantage, rollout.earned)  # the critic says 0 in the first round
    assert_allclose([goal.mean(), goal.std()], [0.0, 1.0], atol=1e-9)
    assert made.round(1)["value_loss"] > 0.0


def test_nothing_follows_where_slots_are_counted():
    """With a clock the end of the horizon is the end: the last advantage is what was earned less its value."""
    made = learner(MIGRATION, dataclasses.replace(QUICK, gamma=0.9, alike=1))
    made.episodes += 6
    made.unit = np.array([5.0, 1.0])
    rollout = made.play()
    made.episodes += 1  # not the first round: the unit stays
    advantage, _ = made.advantages(rollout)
    assert_allclose(advantage[-1], rollout.earned[-1] - 5.0)
    assert_allclose(advantage[-2], rollout.earned[-2] + 0.9 * 5.0 - 5.0 + 0.9 * 0.95 * advantage[-1])


def test_ratios_are_those_of_normal_densities():
    """Entries of pairs that are not allowed do not count."""
    made = learner(MIGRATION, encoding="scores")
    made.set_scales()
    rollout = made.play()
    states, acted, noise = (v[0] for v in (rollout.states, rollout.actions, rollout.noise))
    inputs, counted = tensors(made.layout.split_state(states)), made.counts(states)
    assert 0.0 < counted.mean() < 1.0
    assert_allclose(made.log_ratio(inputs, acted, noise, counted).detach(), 0.0, atol=1e-4)
    with torch.no_grad():
        made.network.weight("head.score.bias").add_(0.1)
    now, then = (torch.distributions.Normal(torch.from_numpy(acted - 0.3 * noise) + by, 0.3) for by in (0.1, 0.0))
    drawn = torch.from_numpy(acted)
    wanted = ((now.log_prob(drawn) - then.log_prob(drawn)) * torch.from_numpy(counted)).sum(dim=1)
    assert_allclose(made.log_ratio(inputs, acted, noise, counted).detach(), wanted, rtol=1e-3, atol=1e-3)


def test_reward_alone_teaches():
    """From nothing: an untrained network sends nobody anywhere."""
    options = dataclasses.replace(QUICK, episodes=96, parallel=24, alike=6, learning_rate=3e-3, hidden=16)
    trained = fit(
        learner(options=options), Validation(STIN, STIN.generate("tiny", 90_001), 4, encoding="matching"), every=1
    )
    assert trained.best.objective < 0.8 * trained.curve[0].objective


def test_learning_goes_on_from_a_policy():
    first = learner(seed=1)
    first.round(0)
    made = learner(start=first.policy)
    for name, value in first.policy.arrays().items():
        assert_array_equal(made.policy.arrays()[name], value)
    made.round(0)
    assert not np.array_equal(made.policy.arrays()["sets/layer0.bias"], first.policy.arrays()["sets/layer0.bias"])
    for name in ("shift.pair", "scale.pair"):
        assert_array_equal(made.critic.arrays()[name], first.policy.arrays()[f"sets/{name}"])


@pytest.mark.parametrize(("owner", "changes"), [(STIN, {}), (MIGRATION, {"gamma": 0.9})])
def test_the_same_after_an_interruption(owner, changes):
    options = dataclasses.replace(QUICK, **changes)
    one, two = learner(owner, options), learner(owner, options, seed=3)
    one.round(0)
    two.load(one.state())
    two.episodes = one.episodes
    one.round(1)
    two.round(1)
    for name, value in one.policy.arrays().items():
        assert_array_equal(two.policy.arrays()[name], value)
