"""Openers and scorers of edge-placement by hand."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.envs import make_env
from dtbench.problems import problem
from dtbench.problems.edge_association.placement import agents, hybrid

from .hand import hand_slot

PLACEMENT = problem("edge-placement")


def joint(choices, scores):
    """Two choices, then the scores of the three users by each base station."""
    return np.concatenate([choices, np.transpose(scores).ravel()])


def test_what_openers_see_by_hand():
    """Over both servers and the three users; ``carry`` is checked with the model."""
    slot = dataclasses.replace(hand_slot(), prev_open=np.array([True, False]))
    carry = slot.carry / slot.carry.mean()
    seen = hybrid.see(slot).agents["open"]
    assert seen.shape == (2, 9)
    assert_allclose(seen[:, 0], [10 / 24, 16 / 24])
    assert_allclose(seen[:, 1], [10 / 13, 16 / 13])
    assert_allclose(seen[:, 2], [2 / 3, 1.0])
    assert seen[:, 3].tolist() == [1.0, 0.0]
    assert_allclose(seen[:, 4], carry.mean(axis=0), rtol=1e-6)
    above = carry - carry.min(axis=1, keepdims=True)
    assert_allclose(seen[:, 5], above.mean(axis=0), rtol=1e-6)
    assert_allclose(seen[:, 6], [2 / 3, 1 / 3])  # users 0 and 1 are nearest to server 0
    assert_allclose(seen[:, 7], [above[:2, 1].sum() / 3, above[2, 0] / 3], rtol=1e-6)
    work = 30.0 * slot.effective_bits.sum() / 26e9
    assert_allclose(seen[:, 8], [work, work], rtol=1e-6)


def test_the_loss_of_a_station_is_to_the_next_best():
    """Three stations: what the users nearest to one would lose if it stayed shut, per user of all."""
    slot = PLACEMENT.slot(instance := PLACEMENT.generate("tiny", 0), 0, PLACEMENT.start(instance))
    carry = np.asarray(agents.carried(slot))
    expected = np.zeros(3)
    for row in carry:
        best, second, _ = sorted(row)
        expected[row.argmin()] += (second - best) / len(carry)
    assert_allclose(hybrid.see(slot).agents["open"][:, 7], expected, rtol=1e-5)


def test_what_scorers_see_by_hand():
    slot = dataclasses.replace(hand_slot(), prev_assoc=np.array([0, 1, -1]), prev_open=np.array([True, False]))
    seen = hybrid.see(slot).agents["score"].reshape(2, 3, 10)
    carry = slot.carry / slot.carry.mean()
    assert_allclose(seen[..., 0], carry.T, rtol=1e-6)
    assert_allclose(seen[..., 1], np.minimum((carry - carry.min(axis=1, keepdims=True)).T, 5.0), rtol=1e-6)
    assert_allclose(seen[..., 2], np.minimum((slot.floor / slot.cpu).T, 5.0), rtol=1e-6)
    for server in range(2):
        assert_allclose(seen[server, :, 3], [0.4, 0.8, 0.2])
        assert_allclose(seen[server, :, 4], [0.5, 1.0, 0.24])
        assert_allclose(seen[server, :, 5], slot.root / slot.root.mean(), rtol=1e-6)
    assert_allclose(seen[:, 1, 6], [10 / 24, 16 / 24])
    assert_allclose(seen[:, 1, 7], [10 / 13, 16 / 13])
    assert seen[..., 8].tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert seen[..., 9].tolist() == [[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]


def test_deadlines_that_nothing_meets_are_told_as_the_farthest():
    seen = hybrid.see(hand_slot(deadline=(1.0, 0.1, 0.5))).agents["score"].reshape(2, 3, 10)
    assert (seen[:, 1, 2] == 5.0).all()


def test_decode_by_hand():
    """Choices open; with equal scores users go where they are cheap to reach, as with ``residual``."""
    slot, equal = hand_slot(), np.zeros((3, 2))
    both = hybrid.decode(slot, joint([1, 1], equal))
    assert both.open.tolist() == [True, True]
    assert both.assoc.tolist() == [0, 0, 1]
    assert hybrid.decode(slot, joint([0, 1], equal)).assoc.tolist() == [1, 1, 1]
    residual = hand_slot(residual=True)
    scores = np.random.default_rng(0).uniform(-1.0, 1.0, (50, 3, 2))
    for own in scores:
        logits = np.concatenate([[1.0, *own[:, 0]], [1.0, *own[:, 1]]])
        assert_array_equal(hybrid.decode(slot, joint([1, 1], own)).assoc, agents.decode(residual, logits).assoc)


def test_if_nobody_opens_the_fastest_does():
    assert hybrid.decode(hand_slot(), joint([0, 0], np.zeros((3, 2)))).open.tolist() == [False, True]


@pytest.mark.parametrize("size", ["tiny", "paper"])
def test_environments_show_what_its_agents_see(size):
    env = make_env(f"edge-placement/{size}", n_envs=3, encoding="hybrid", seed=0)
    seen, rng = env.reset(), np.random.default_rng(0)
    assert set(seen.agents) == {"open", "score"}
    for group in env.encoding.groups:
        assert seen.agents[group.name].shape == (3, group.count, group.observation)
    assert_array_equal(seen.state, PLACEMENT.observe(env.slot).state)
    assert seen.masks["open"].all()
    for _ in range(5):
        step = env.step(env.encoding.sample(rng, (3,)))
        assert step.info["feasible"].all()
        assert_allclose(step.reward, -step.info["objective"])
        assert all((np.abs(value) <= 5.0).all() for value in step.observation.agents.values())
