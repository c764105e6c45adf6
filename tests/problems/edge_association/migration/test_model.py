"""Equations by hand, then laws."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.problems.edge_association.migration.heuristics import myopic_opt
from dtbench.problems.edge_association.migration.model import MigrationDecision

from .hand import MIGRATION, all_associations, hand_slot, random_slots

seeds = st.integers(0, 2**32 - 1)


def outcome(slot, assoc):
    return MIGRATION.evaluate(slot, MigrationDecision(assoc=np.asarray(assoc)))


def optimum(slots):
    return MIGRATION.evaluate(slots, myopic_opt(slots)).objective


def test_tables_by_hand():
    """T_00 = 1e7 (1/1e8 + 0 + 30 * 2 / 1e10) = 0.16 s; X_0 = 5e-11 * 1e7 * 600 = 0.3 s; E_0 = 0.2 * 0.1 = 0.02 J."""
    slot = hand_slot()
    assert_allclose(slot.latency, [[0.16, 0.4375], [0.52, 1.075], [0.205, 0.04375]])
    assert_allclose(slot.migration, [[0.3, 0.0], [0.0, 0.6], [0.0, 0.15]])
    assert_allclose(slot.energy, [[0.02, 0.02], [0.08, 0.08], [0.005, 0.005]])
    assert slot.admissible.all()


@pytest.mark.parametrize(
    ("assoc", "utility", "mean", "moved"),
    [
        ((1, 0, 0), (0.578224, 1.432340, 0.605155), 0.871906, 0),
        ((0, 0, 1), (0.565137, 1.432340, 0.612030), 0.869836, 2),
        ((0, 1, 1), None, 0.533680, 3),
        ((1, 0, 1), None, 0.874198, 1),
    ],
)
def test_utilities_by_hand(assoc, utility, mean, moved):
    """(1, 0, 0): U_0 = 0.5 exp(0.6 - 0.4375) - 0.5 * 0.02 = 0.578224; nobody moves."""
    verdict = outcome(hand_slot(), assoc)
    assert_allclose(verdict.objective, mean, atol=5e-7)
    assert verdict.feasible
    assert verdict.metrics["moved"] == moved
    if utility is not None:
        assert_allclose(verdict.metrics["utility"], utility, atol=5e-7)


def test_optimum_by_hand():
    """(1, 0, 1) is the best of the six associations that respect the capacities; one user moves."""
    assert_array_equal(myopic_opt(hand_slot()).assoc, [1, 0, 1])
    verdict = outcome(hand_slot(), all_associations(3, 2))
    assert verdict.feasible.sum() == 6
    assert_allclose(verdict.objective[verdict.feasible].max(), 0.874198, atol=5e-7)


def test_options_by_hand():
    """Update: 1e6 bit in place of 1e7. Total: 0.2 W on the wire of 600 m for 0.3 s = 0.06 J. Twin of twice the data."""
    assert_allclose(hand_slot(interaction="update").latency[0], [0.016, 0.04375])
    assert_allclose(hand_slot(energy_term="total").energy[0], [0.02, 0.08])
    assert_allclose(hand_slot(mig_size=2.0).migration[0], [0.6, 0.0])
    assert_allclose(hand_slot(mig=0.0).migration, 0.0)
    assert_allclose(
        outcome(hand_slot(mig=0.0), [0, 0, 1]).objective * 3, 0.5 * (np.exp([0.44, 1.08, 0.35625]).sum() - 0.105)
    )


def test_violations_by_hand():
    """Three twins on two places; user 1 is late by 1.075 - 0.6 = 0.475 s; entries out of range count as the nearest."""
    verdict = outcome(hand_slot(deadline=(0.6, 0.6, 0.4)), [[1, 1, 1], [0, 0, 1], [1, 0, 7], [-1, 0, 1]])
    assert_array_equal(verdict.feasible, [False, True, False, False])
    assert_array_equal(verdict.violations["capacity"], [1, 0, 0, 0])
    assert_allclose(verdict.violations["delay"], [0.475, 0, 0, 0])
    assert_array_equal(verdict.violations["assigned"], [0, 0, 1, 1])
    assert_allclose(
        verdict.objective[2], outcome(hand_slot(), [1, 0, 1]).objective - 0.5 * (np.exp(1.08) - np.exp(0.08)) / 3
    )


def test_deadline_tolerance():
    """A millionth of the deadline is forgiven, two are not."""
    assert outcome(hand_slot(deadline=(0.4375 / (1 + 0.9e-6), 1.6, 0.4)), [1, 0, 1]).feasible
    assert not outcome(hand_slot(deadline=(0.4375 / (1 + 2e-6), 1.6, 0.4)), [1, 0, 1]).feasible


def test_reward_and_advance():
    slot = hand_slot()
    assert_allclose(MIGRATION.reward(slot, outcome(slot, [1, 0, 1])), 0.874198 / 0.5, atol=2e-6)
    state = MIGRATION.advance(slot, MigrationDecision(assoc=np.array([1, 0, 1])))
    assert_array_equal(state.prev, [1, 0, 1])
    assert_array_equal(state.prev_xy, slot.user_xy)


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_batch_equals_loop(seed):
    slots, wish = random_slots(seed, n_users=6, n_bs=5)
    together, repaired, after = (f(slots, wish) for f in (MIGRATION.evaluate, MIGRATION.repair, MIGRATION.advance))
    for t in range(slots.batch_shape[0]):
        alone = MIGRATION.evaluate(slots[t], wish[t])
        assert alone.objective == together.objective[t]
        assert alone.feasible == together.feasible[t]
        for name, value in alone.violations.items():
            assert value == together.violations[name][t]
        assert_array_equal(MIGRATION.repair(slots[t], wish[t]).assoc, repaired.assoc[t])
        assert_array_equal(MIGRATION.advance(slots[t], wish[t]).prev, after.prev[t])


def test_one_slot_takes_a_population():
    """(5, 7) decisions of one slot score as in a loop."""
    slots, _ = random_slots(3)
    slot = slots[2]
    assoc = np.random.default_rng(0).integers(0, slot.n_servers, (5, 7, slot.n_users))
    verdict, repaired = outcome(slot, assoc), MIGRATION.repair(slot, MigrationDecision(assoc=assoc)).assoc
    assert verdict.objective.shape == verdict.feasible.shape == (5, 7)
    for index in np.ndindex(5, 7):
        assert verdict.objective[index] == outcome(slot, assoc[index]).objective
        assert_array_equal(repaired[index], MIGRATION.repair(slot, MigrationDecision(assoc=assoc[index])).assoc)


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_optimum_falls_with_every_cost(seed):
    """Not higher with dearer moves, wires and work; not lower with more places of the same share."""
    slots, _ = random_slots(seed)
    base = optimum(slots)
    for name in ("mig", "wire", "cycles"):
        cheaper = dataclasses.replace(slots, params=slots.params.replace({name: 0.8 * getattr(slots.params, name)}))
        assert (optimum(cheaper) >= base - 1e-12).all()
    roomier = dataclasses.replace(slots, cap=slots.cap + 1, cpu=slots.cpu * (slots.cap + 1) / slots.cap)
    assert_allclose(roomier.latency, slots.latency)
    assert (optimum(roomier) >= base - 1e-12).all()


def test_uplink_energy_shifts_the_utility():
    """Twice the power: every decision of a slot loses the same."""
    slots, wish = random_slots(5)
    louder = dataclasses.replace(slots, params=slots.params.replace({"tx_power": 0.4}))
    shift = MIGRATION.evaluate(slots, wish).objective - MIGRATION.evaluate(louder, wish).objective
    assert_allclose(shift, 0.5 * 0.2 * (slots.data_bits / slots.rate).mean(axis=-1))
