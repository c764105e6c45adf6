"""Running moments, and values that do not move when their unit does."""

import numpy as np
import torch
from numpy.testing import assert_allclose

from dtbench.learning.networks import Network
from dtbench.learning.ppo.critics import Moments, StateValues


def test_moments_by_hand():
    """0, 2 then 4: mean 2, variance (4 + 0 + 4) / 3."""
    moments = Moments(1)
    moments.update(np.array([[0.0], [2.0]]))
    assert_allclose([moments.mean[0], moments.variance[0]], [1.0, 1.0])
    moments.update(np.array([[4.0]]))
    assert_allclose([moments.mean[0], moments.variance[0]], [2.0, 8.0 / 3.0])


def test_moments_of_parts_are_those_of_the_whole():
    rows = np.random.default_rng(0).standard_normal((100, 3)) * [1, 5, 0.1] + [0, 3, -2]
    moments = Moments(3)
    for part in np.split(rows, [10, 40, 70]):
        moments.update(part)
    assert_allclose(moments.mean, rows.mean(0))
    assert_allclose(moments.variance, rows.var(0))
    again = Moments(3)
    again.load(moments.arrays())
    assert_allclose(again.deviation, moments.deviation)
    assert again.count == 100


def test_moments_forget():
    """With a memory of 1 update, half of the weight is the new one's."""
    moments = Moments(1, memory=1.0)
    for value in (0.0, 0.0, 0.0, 8.0):
        moments.update(np.full((5, 1), value))
    assert_allclose(moments.mean, 4.0)


def test_a_new_unit_moves_no_value():
    network = Network(inputs=4, hidden=(8,), outputs=1, copies=2)
    critics = StateValues(network, torch.Generator().manual_seed(0), scaled=False)
    x = critics.inputs(np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32))
    before = critics(x)
    goal = critics.rescale(np.random.default_rng(1).normal(50.0, 7.0, (2, 40)))
    assert_allclose(critics(x), before, atol=1e-4)
    assert_allclose(goal.mean(-1), 0.0, atol=1e-5)
    assert_allclose(goal.std(-1, correction=0), 1.0, rtol=1e-4)


def test_critics_learn_their_own_target():
    network = Network(inputs=2, hidden=(16,), outputs=1, copies=2, activation="tanh")
    critics = StateValues(network, torch.Generator().manual_seed(0), scaled=True)
    states = np.random.default_rng(0).standard_normal((200, 2)).astype(np.float32)
    critics.states.update(states)
    targets = np.stack([100.0 + 20.0 * states[:, 0], -3.0 * states[:, 1]])
    goal, x = critics.rescale(targets), critics.inputs(states)
    losses = [critics.improve(x, goal, 1e-2, 0.5) for _ in range(300)]
    assert losses[-1] < 0.01 * losses[0]
    assert (np.abs(critics(x) - targets).mean(-1) < np.array([2.0, 0.3])).all()
