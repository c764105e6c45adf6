"""The equations of edge-placement against numbers of the card's last section, worked by hand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dtbench.problems.edge_association.placement.model import advance, evaluate, of_assoc, shares

from .hand import decision, every_association, hand_slot


def test_tables_by_hand():
    """B = D + 0.5 / 0.2 dD; w = 30 B; q = 1/r + 5e-11 * 600 across the wire; E = mean of 0.02, 0.08, 0.005 J."""
    slot = hand_slot()
    assert_allclose(slot.effective_bits, [12.5e6, 25e6, 6e6])
    assert_allclose(slot.root**2, [3.75e8, 7.5e8, 1.8e8])
    assert_allclose(slot.transport, [[1e-8, 4e-8], [2e-8, 5e-8], [3.5e-8, 0.5e-8]])
    assert_allclose(slot.energy, 0.035)


def test_square_root_rule_by_hand():
    slot = hand_slot()
    outcome = evaluate(slot, decision([1, 1], [0, 0, 1]))
    assert_allclose(outcome.metrics["share"], [4.142136e9, 5.857864e9, 16e9], rtol=1e-6)
    assert_allclose(outcome.metrics["build"], [0.172426, 0.502426, 0.034375], rtol=3e-6)
    assert_allclose(outcome.metrics["latency"], 0.294939, rtol=2e-6)
    assert_allclose(outcome.objective, 0.629939, rtol=1e-6)
    assert outcome.feasible


def test_one_server_by_hand():
    slot = hand_slot()
    outcome = evaluate(slot, decision([0, 1], [1, 1, 1]))
    assert_allclose(outcome.metrics["share"], [5.149606e9, 7.282642e9, 3.567752e9], rtol=1e-6)
    assert_allclose(outcome.metrics["latency"], 0.668753, rtol=1e-6)
    assert_allclose(outcome.objective, 0.853753, rtol=1e-6)
    crowded = evaluate(slot, decision([1, 0], [0, 0, 0]))
    assert_allclose(crowded.objective, 0.584004, rtol=1e-6)
    assert crowded.violations["capacity"] == 1.0
    assert not crowded.feasible


def test_active_floor_by_hand():
    """tau_1 = 0.49: g_10 = 30 * 20e6 / (0.49 - 0.4) = 6.667 GHz, the other user on server 0 takes the rest."""
    slot = hand_slot((1.0, 0.49, 0.5))
    outcome = evaluate(slot, decision([1, 1], [0, 0, 1]))
    assert_allclose(slot.floor[1, 0], 6.666667e9, rtol=1e-6)
    assert_allclose(outcome.metrics["share"], [3.333333e9, 6.666667e9, 16e9], rtol=1e-6)
    assert_allclose(outcome.metrics["build"][1], 0.49)
    assert_allclose(outcome.metrics["latency"], 0.297083, rtol=2e-6)
    assert_allclose(outcome.objective, 0.632083, rtol=1e-6)
    assert outcome.feasible


@pytest.mark.parametrize(
    ("deadline", "n_feasible", "best"), [((1, 2, 0.5), 7, 0.629939), ((1, 0.49, 0.5), 3, 0.632083)]
)
def test_all_associations_by_hand(deadline, n_feasible, best):
    slot = hand_slot(deadline)
    outcome = evaluate(slot, of_assoc(every_association(slot), 2))
    assert outcome.feasible.sum() == n_feasible
    assert_allclose(outcome.objective[outcome.feasible].min(), best, rtol=1e-6)


def test_every_violation_is_named():
    slot = hand_slot((1.0, 0.49, 0.5))
    assert evaluate(slot, decision([1, 1], [0, 0, 2])).violations["assigned"] == 1.0
    assert evaluate(slot, decision([0, 1], [0, 0, 1])).violations["open"] == 2.0
    late = evaluate(slot, decision([1, 1], [1, 1, 1]))  # q_11 D = 1 s > 0.49 s: no share helps
    assert np.isinf(slot.floor[1, 1])
    assert late.violations["delay"] > 0.5
    assert late.violations["cpu"] == 0.0
    tight = evaluate(hand_slot((0.145, 0.46, 0.5)), decision([1, 1], [0, 0, 1]))  # 6.67 + 10 GHz on a 10 GHz server
    assert_allclose(tight.violations["cpu"], 2.0 / 3.0, rtol=1e-9)
    assert_allclose(tight.metrics["share"][:2], [4.142136e9, 5.857864e9], rtol=1e-6)
    assert not tight.feasible


def test_floors_that_just_fit_are_the_shares():
    """g_00 + g_10 = 10 GHz: tau_0 = 0.1 + 0.3 / 4, tau_1 = 0.4 + 0.6 / 6."""
    slot = hand_slot((0.175, 0.5, 0.5))
    outcome = evaluate(slot, decision([1, 1], [0, 0, 1]))
    assert_allclose(outcome.metrics["share"][:2], [4e9, 6e9], rtol=1e-9)
    assert outcome.feasible


def test_options():
    plain, placed = hand_slot(), decision([1, 1], [0, 0, 1])
    latency = float(evaluate(plain, placed).metrics["latency"])
    alone = evaluate(hand_slot(objective="latency"), placed)
    assert_allclose(alone.objective, latency)
    assert_allclose(evaluate(hand_slot(latency_norm="MN"), placed).objective, latency / 2 + 0.335)
    twice = hand_slot(wired_factor=2)
    assert_allclose(twice.transport[:, 1] - plain.transport[:, 1], [3e-8, 3e-8, 0.0], atol=1e-20)
    even = evaluate(hand_slot(cpu_split="even"), placed)
    assert_allclose(even.metrics["share"], [5e9, 5e9, 16e9])
    assert even.objective > evaluate(plain, placed).objective


def test_unused_open_server_costs_its_fee():
    slot = hand_slot()
    one, two = evaluate(slot, decision([0, 1], [1, 1, 1])), evaluate(slot, decision([1, 1], [1, 1, 1]))
    assert_allclose(two.objective - one.objective, 0.15)
    assert two.feasible


def test_shares_of_a_population_equal_a_loop():
    slot = hand_slot((1.0, 0.49, 0.5))
    assoc = every_association(slot)
    share, excess = shares(slot, assoc)
    for row, (own, over) in zip(assoc, zip(share, excess, strict=True), strict=True):
        alone = shares(slot, row)
        assert_allclose(own, alone[0], rtol=1e-12)
        assert_allclose(over, alone[1], rtol=1e-12)


def test_advance_keeps_the_placement():
    state = advance(hand_slot(), decision([0, 1], [1, 1, 1]))
    assert state.prev_open.tolist() == [False, True]
    assert state.prev_assoc.tolist() == [1, 1, 1]
