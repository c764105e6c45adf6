"""Observation and decoding of edge-placement by hand."""

import dataclasses

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.envs import make_env
from dtbench.problems import problem
from dtbench.problems.edge_association.placement import agents
from dtbench.problems.edge_association.placement.agents import station_entries
from dtbench.problems.edge_association.placement.genes import decode_assoc
from dtbench.problems.edge_association.placement.model import evaluate

from .hand import decision, hand_slot

PLACEMENT = problem("edge-placement")


def joint(logits, scores):
    """The joint action of two agents: logit, then scores of the three users, for each agent."""
    return np.concatenate([[z, *row] for z, row in zip(logits, np.transpose(scores), strict=True)])


def test_lengths_at_paper_size():
    instance = PLACEMENT.generate("paper", 0, horizon=1)
    encoding = PLACEMENT.encodings(instance)["agents"]
    assert encoding.size == 10 * 101
    assert encoding.groups[0].observation == 3330
    seen = PLACEMENT.observe(PLACEMENT.slot(instance, 0, PLACEMENT.start(instance)))
    assert seen.agents["bs"].shape == (10, 3330)
    assert_array_equal(seen.agents["bs"][7], seen.state)


def test_observation_by_hand():
    """Blocks of 6, 6, 6, 3, 3, 3, 2, 2, 2: distances, SNR, previous association, D, B, tau, F, N_k, previous open."""
    slot = dataclasses.replace(hand_slot(), prev_assoc=np.array([0, 1, -1]), prev_open=np.array([True, False]))
    seen = agents.observe(slot).state
    assert seen.shape == (33,)
    assert_allclose(seen[:2], [0.0, 600.0 / (1500.0 * np.sqrt(2.0))])
    snr = 0.2 * 1e-9 / (20e6 * 10**-20.4)
    assert_allclose(seen[6:12], np.log2(1.0 + snr) / 16.0, rtol=1e-6)
    assert seen[12:18].tolist() == [1, 0, 0, 1, 0, 0]
    assert_allclose(seen[18:21], [0.4, 0.8, 0.2])
    assert_allclose(seen[21:24], [0.5, 1.0, 0.24])
    assert_allclose(seen[24:27], np.array([1.0, 2.0, 0.5]) / (3.5 / 3.0) / 2.0, rtol=1e-6)
    assert_allclose(seen[27:29], [10 / 24, 16 / 24])
    assert_allclose(seen[29:31], [2 / 3, 1.0])
    assert seen[31:].tolist() == [1.0, 0.0]


def test_decode_by_hand():
    slot = hand_slot()
    scores = [[0.9, 0.1], [0.2, 0.1], [-1.0, -0.5]]
    both = agents.decode(slot, joint([0.1, 0.5], scores))
    assert both.open.tolist() == [True, True]
    assert both.assoc.tolist() == [0, 0, 1]
    one = agents.decode(slot, joint([-0.1, 0.5], scores))
    assert one.open.tolist() == [False, True]
    assert one.assoc.tolist() == [1, 1, 1]


def test_no_positive_logit_opens_the_highest_and_ties_go_to_the_lowest_index():
    slot = hand_slot()
    shut = agents.decode(slot, joint([-0.5, -0.2], np.zeros((3, 2))))
    assert shut.open.tolist() == [False, True]
    tied = agents.decode(dataclasses.replace(slot, cap=np.array([3, 3])), joint([1.0, 1.0], np.zeros((3, 2))))
    assert tied.assoc.tolist() == [0, 0, 0]


def test_residual_scores_add_to_a_prior():
    """B q / mean: with equal scores every user prefers the server that is cheap to reach."""
    slot = hand_slot(residual=True)
    assert agents.decode(slot, joint([1.0, 1.0], np.zeros((3, 2)))).assoc.tolist() == [0, 0, 1]
    want = [[-1.0, 1.0]] * 3  # 2 apart: more than user 0's 0.375 s / 0.4 s, less than user 1's 0.75 s / 0.4 s
    prior = slot.carry / slot.carry.mean()
    expected = (np.array(want) - prior).argmax(axis=-1)
    assert agents.decode(dataclasses.replace(slot, cap=np.array([3, 3])), joint([1, 1], want)).assoc.tolist() == (
        expected.tolist()
    )


def test_search_vector_opens_what_it_uses():
    slot = hand_slot()
    placed = decode_assoc(slot, np.array([1, 1, 1]))
    assert placed.open.tolist() == [False, True]
    fixed = decode_assoc(slot, np.array([0, 0, 0]))
    assert (fixed.assoc == 0).sum() == 2
    assert evaluate(slot, fixed).feasible


def test_reward_is_the_negative_cost():
    slot = hand_slot()
    outcome = evaluate(slot, decision([1, 1], [0, 0, 1]))
    assert_allclose(agents.reward(slot, outcome), -0.629939, rtol=1e-6)


def test_stations_have_their_own_columns():
    """Position by position: what belongs to station 1 of the observation moves with it, and nothing else."""
    env = make_env("edge-placement/tiny", seed=0)
    env.reset()
    users, n_bs = env.slot.n_users, env.slot.n_bs
    like = station_entries(users, n_bs)
    state = env.observation.state[0]
    assert like.shape == (n_bs, 3 * users + 3 + 1 + users)
    assert len(set(like.ravel())) == like.size
    cpu = like[:, 3 * users]
    np.testing.assert_allclose(state[cpu], np.broadcast_to(env.slot.cpu, (1, n_bs))[0] / 24e9, rtol=1e-6)
    decided = like[:, -(1 + users) :] - len(state)
    assert_array_equal(decided.ravel(), np.arange(env.encoding.size))
