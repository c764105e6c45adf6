"""Rules by hand, then laws."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.problems.edge_association.migration import heuristics

from .hand import MIGRATION, hand_slot, random_slots

RULES = MIGRATION.heuristics


@pytest.mark.parametrize(
    ("rule", "assoc"),
    [
        ("stay", [1, 0, 0]),
        ("nearest", [0, 0, 1]),  # the servers of the access base stations have room
        ("greedy", [1, 0, 1]),  # 0: 0.578 on 1, 0.565 on 0; 2: 0.612 on 1
        ("greedy-nocost", [1, 0, 1]),  # server 0, which 0 would like, is full until 2 leaves it
        ("myopic-opt", [1, 0, 1]),
        ("myopic-nocost", [0, 0, 1]),
        ("amortised", [0, 0, 1]),  # 0 saves 0.2775 s per slot for 0.3 / 3 s
    ],
)
def test_rules_by_hand(rule, assoc):
    assert_array_equal(RULES[rule](hand_slot()).assoc, assoc)


def test_amortised_with_one_slot_is_myopic():
    assert_array_equal(heuristics.amortised(hand_slot(), look_ahead=1.0).assoc, [1, 0, 1])


def test_greedy_sees_only_free_places():
    """Both users of server 0 would like server 1; its one place goes to the first."""
    slot = dataclasses.replace(hand_slot(prev=(0, 0, 1), deadline=(0.9, 1.6, 0.4)), access=np.array([1, 1, 1]))
    assert_array_equal(heuristics.greedy_nocost(slot).assoc, [1, 0, 1])


def test_greedy_printed_ends_on_the_last_server_no_worse():
    """Three servers without migration cost; user 0 starts on the worst, 0: the maximum is 1, the last no worse is 2."""
    slot, value = hand_slot(), np.array([[0.1, 0.9, 0.5]])
    three = dataclasses.replace(
        slot, bs_xy=np.zeros((3, 2)), servers=np.arange(3), cap=np.ones(3, int), cpu=np.full(3, 1e10),
        prev=np.zeros(1, int), access=np.zeros(1, int), user_xy=np.zeros((1, 2)), prev_xy=np.zeros((1, 2)),
        rate=np.full(1, 1e8), data_bits=np.full(1, 1e7), update_bits=np.full(1, 1e6), deadline=np.ones(1),
    )  # fmt: skip
    assert_array_equal(heuristics.select(three, value, printed=True).assoc, [2])
    assert_array_equal(heuristics.select(three, value, printed=False).assoc, [1])


@pytest.mark.parametrize("rule", RULES)
def test_batch_equals_loop(rule):
    """Feasible, and the same alone as in a batch."""
    for seed in range(5):
        slots, _ = random_slots(seed, n_users=9, n_bs=6)
        together = RULES[rule](slots)
        assert MIGRATION.evaluate(slots, together).feasible.all()
        for t in range(slots.batch_shape[0]):
            assert_array_equal(RULES[rule](slots[t]).assoc, together.assoc[t])


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_beats_the_slot_optimum_in_its_state(rule):
    for seed in range(10):
        slots, _ = random_slots(seed, n_users=9, n_bs=6)
        best = MIGRATION.evaluate(slots, heuristics.myopic_opt(slots)).objective
        assert (MIGRATION.evaluate(slots, RULES[rule](slots)).objective <= best + 1e-12).all()


def test_stay_moves_only_those_who_must():
    slots, _ = random_slots(11, n_users=20, n_bs=5)
    fine = MIGRATION.evaluate(slots, MIGRATION.Decision(assoc=slots.prev)).feasible
    assert fine.all()  # the state is a feasible association here
    assert_array_equal(heuristics.stay(slots).assoc, slots.prev)


def test_infeasible_assignments_are_none():
    assert heuristics.assign(np.zeros((3, 2)), np.ones((3, 2), bool), np.array([1, 1])) is None
    assert heuristics.assign(np.zeros((2, 2)), np.array([[1, 0], [1, 0]], bool), np.array([1, 1])) is None
    assert_array_equal(heuristics.assign(np.eye(2), np.ones((2, 2), bool), np.array([5, 5])), [0, 1])


def test_order_of_the_policies():
    """At paper size random < stay < greedy < nearest, myopic < look-ahead, as in the definition's table."""
    instance = MIGRATION.generate("paper", 0)
    value = {name: heuristics.play(MIGRATION, instance, rule)[1].mean for name, rule in RULES.items()}
    assert value["stay"] < value["greedy"] < value["nearest"] < value["myopic-nocost"] < value["amortised"]
    assert value["greedy-printed"] < value["greedy"] < value["myopic-opt"]
    assert_allclose(value["stay"], instance.u_ref)
