"""Repair by hand, then its laws on random decisions."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from dtbench import referee
from dtbench.problems import problem
from dtbench.problems.edge_association.placement.model import PlacementDecision, evaluate, feasible
from dtbench.problems.edge_association.placement.repair import repair, repair_flagged

from .hand import decision, hand_slot

PLACEMENT = problem("edge-placement")


def test_no_open_server_opens_the_fastest():
    fixed = repair(hand_slot(), decision([0, 0], [0, 0, 0]))
    assert fixed.open.tolist() == [False, True]
    assert fixed.assoc.tolist() == [1, 1, 1]


def test_who_does_not_fit_goes_where_it_costs_least():
    """Server 0 takes two of three; users 1 and 0 have higher floors than user 2, which must leave."""
    slot = hand_slot()
    order = np.argsort(-slot.floor.min(axis=-1))
    fixed = repair(slot, decision([1, 1], [0, 0, 0]))
    assert order[-1] != 2 or fixed.assoc.tolist() == [0, 0, 1]
    assert evaluate(slot, fixed).feasible
    assert (fixed.assoc == 0).sum() == 2


def test_a_closed_server_opens_when_nothing_open_fits():
    fixed = repair(hand_slot(), decision([1, 0], [0, 0, 0]))
    assert fixed.open.tolist() == [True, True]
    assert (fixed.assoc == 0).sum() == 2


def test_servers_are_never_closed():
    fixed = repair(hand_slot(), decision([1, 1], [1, 1, 5]))
    assert fixed.open.all()
    assert fixed.assoc.tolist() == [1, 1, 1]


def test_scores_decide_where_those_who_must_move_go():
    slot = dataclasses.replace(hand_slot(), cap=np.array([1, 3]))
    scores = np.array([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]])
    assert repair(slot, decision([1, 1], [-1, -1, -1]), scores).assoc.tolist() == [1, 1, 1]
    placed = repair(slot, decision([1, 1], [-1, -1, -1]), -scores).assoc
    assert (placed == 0).sum() == 1


def test_last_resort_is_the_stored_placement_with_its_servers():
    """tau_1 = 0.49 keeps user 1 on server 0 with 6.67 GHz; a first user that fills it leaves no other place."""
    slot = hand_slot((0.25, 0.49, 0.5))  # g_00 = 2 GHz, g_01 inf
    slot = dataclasses.replace(slot, cap=np.array([1, 3]), safe=np.array([1, 0, 1]))
    ask = decision([1, 0], [0, 0, 0])
    fixed, fallback = repair_flagged(slot, ask)
    assert fallback
    assert fixed.assoc.tolist() == [1, 0, 1]
    assert fixed.open.tolist() == [True, True]
    assert not repair_flagged(hand_slot(), ask)[1]


def random_decisions(seed, size):
    instance = PLACEMENT.generate(size, seed % 20)
    slots = referee.slots(PLACEMENT, instance)
    rng = np.random.default_rng(seed)
    lead = (4, instance.horizon)
    assoc = rng.integers(-1, slots.n_bs + 1, (*lead, slots.n_users))
    return slots, PlacementDecision(open=rng.random((*lead, slots.n_bs)) < 0.5, assoc=assoc)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["tiny", "small"]))
@settings(max_examples=25, deadline=None)
def test_repair_is_feasible_idempotent_and_opens_only(seed, size):
    slots, asked = random_decisions(seed, size)
    fixed, fallback = repair_flagged(slots, asked)
    assert evaluate(slots, fixed).feasible.all()
    again = repair(slots, fixed)
    assert_array_equal(again.assoc, fixed.assoc)
    assert_array_equal(again.open, fixed.open)
    assert (fixed.open | ~asked.open)[~fallback].all()
    safe = np.broadcast_to(slots.safe, fixed.assoc.shape)
    assert_array_equal(fixed.assoc[fallback], safe[fallback])


@pytest.mark.parametrize("size", ["tiny", "small"])
def test_the_last_resort_is_rare(size):
    fell, asked = 0, 0
    for seed in range(15):
        slots, random = random_decisions(seed, size)
        flags = repair_flagged(slots, random)[1]
        fell, asked = fell + flags.sum(), asked + flags.size
    assert 0 < fell < 0.12 * asked


@pytest.mark.parametrize("scored", [False, True])
def test_few_members_are_placed_like_many(monkeypatch, scored):
    """One by one in plain numbers or all together in arrays: the same servers, to the bit."""
    instance = PLACEMENT.generate("small", 5)
    slot = PLACEMENT.slot(instance, 0, PLACEMENT.start(instance))
    rng = np.random.default_rng(1)
    shape = (40, slot.n_users)
    bad = PlacementDecision(open=rng.random((40, slot.n_bs)) < 0.3, assoc=rng.integers(-1, slot.n_bs + 1, shape))
    scores = rng.normal(size=(*shape, slot.n_bs)) if scored else None
    monkeypatch.setattr("dtbench.problems.edge_association.placement.repair.FEW", 0)
    together, stuck = repair_flagged(slot, bad, scores, last_resort=False)
    monkeypatch.setattr("dtbench.problems.edge_association.placement.repair.FEW", 40)
    alone, stuck_alone = repair_flagged(slot, bad, scores, last_resort=False)
    assert_array_equal(alone.open, together.open)
    assert_array_equal(alone.assoc, together.assoc)
    assert_array_equal(stuck_alone, stuck)


def test_feasible_where_counting_leaves_a_few_open():
    instance = PLACEMENT.generate("small", 3)
    slots = PLACEMENT.slot(instance, np.arange(instance.horizon), PLACEMENT.start(instance))[...]
    mixed = repair(slots, PlacementDecision(open=np.ones(slots.cpu.shape, dtype=bool), assoc=slots.access))
    mixed.open[2:] = False
    expected = evaluate(slots, mixed).feasible
    assert expected[:2].all()
    assert not expected[2:].any()
    assert_array_equal(feasible(slots, mixed), expected)


@pytest.mark.parametrize("copies", [1, 40])
def test_feasible_by_counting_is_what_the_referee_says(copies):
    instance = PLACEMENT.generate("small", 3)
    slot, rng = PLACEMENT.slot(instance, 0, PLACEMENT.start(instance)), np.random.default_rng(copies)
    known = set()
    for _ in range(40):
        shape = (copies, slot.n_users)
        given = PlacementDecision(
            open=rng.random((copies, slot.n_bs)) < 0.8, assoc=rng.integers(-1, slot.n_bs + 1, shape) % (slot.n_bs + 1)
        )
        if rng.random() < 0.5:
            given = repair(slot, given)
        assert_array_equal(feasible(slot, given), evaluate(slot, given).feasible)
        known |= set(evaluate(slot, given).feasible.tolist())
    assert known == {False, True}
