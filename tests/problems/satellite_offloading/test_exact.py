"""Exact methods against brute force, a general convex solver, and each other."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dtbench.core import Limits
from dtbench.problems.satellite_offloading import exact
from dtbench.problems.satellite_offloading.model import evaluate
from dtbench.problems.satellite_offloading.terms import Terms

from .hand import OFFLOADING, TINY, brute_force, hand_slot, slots_of
from .test_completion import slsqp

METHODS = ["strong", "enumeration", "reference"]


@pytest.mark.parametrize("method", METHODS)
def test_hand_example(method):
    found = OFFLOADING.exact(hand_slot(), None, method)
    assert found.status == "optimal"
    assert_allclose(found.objective, 0.304051, atol=5e-7)
    assert found.decision.channels.tolist() == [1, 1, 2]
    one, two, three = found.decision.assoc
    assert one == two != three
    assert_allclose(found.decision.share, 0.344866, atol=5e-7)


def test_reference_value_of_paper_seed_0():
    slot = slots_of("paper", 0)[0]
    for method in ("strong", "enumeration"):
        found = OFFLOADING.exact(slot, None, method)
        assert_allclose(found.objective, 0.463896, atol=5e-7)
        assert found.status == "optimal"
        assert found.gap <= 1e-4


@pytest.mark.parametrize("seed", range(10))
def test_equals_brute_force_and_a_general_solver_on_tiny_slots(seed):
    """120 slots, at weights where C6 or C7 is active in some."""
    slots = slots_of("tiny", seed, mu=0.5 if seed % 2 else 0.9)
    for t in range(12):
        terms = Terms.of(slots[t])
        value = brute_force(slots[t])
        assert_allclose(value, min(slsqp(terms, assoc) for assoc in TINY[:8]), rtol=2e-7)
        for method in ("strong", "enumeration"):
            found = OFFLOADING.exact(slots[t], None, method)
            assert found.status == "optimal"
            assert_allclose(found.objective, value, rtol=1e-6)
            assert value * (1 - 2e-5) <= found.bound <= value


def test_limits_are_active_in_some_of_these():
    active = 0
    for seed in range(0, 10, 2):
        slots = slots_of("tiny", seed, mu=0.9)
        for t in range(12):
            found = OFFLOADING.exact(slots[t], None, "enumeration")
            metrics = evaluate(slots[t], found.decision).metrics
            late = metrics["t_total"] > slots[t].deadline * (1 - 1e-6)
            active += bool(late or metrics["e_uav"] > slots[t].energy_limit * (1 - 1e-6))
    assert active >= 3


@pytest.mark.parametrize(
    "overrides", [{}, {"kappa_th": 0.5}, {"mu": 0.0}, {"mu": 1.0}, {"f_rel": "1,0.7,1.3"}], ids=str
)
def test_methods_agree_on_small_slots(overrides):
    slots = slots_of("small", 1, **overrides)
    for t in (0, 9):
        strong, every = (OFFLOADING.exact(slots[t], None, method) for method in ("strong", "enumeration"))
        assert strong.status == every.status == "optimal"
        assert_allclose(strong.objective, every.objective, rtol=2e-6)
        assert max(strong.bound, every.bound) <= min(strong.objective, every.objective)


def test_the_best_association_is_found_though_local_search_misses_it():
    """Slot 2 of paper seed 0: local search ends 0.3 % above."""
    slot = slots_of("paper", 0)[2]
    start = evaluate(slot, OFFLOADING.heuristics["local-search"](slot)).objective
    found = OFFLOADING.exact(slot)
    assert found.objective < start * (1 - 1e-3)
    assert_allclose(found.objective, OFFLOADING.exact(slot, None, "enumeration").objective, rtol=1e-4)


@pytest.mark.parametrize("method", METHODS)
def test_an_impossible_slot_is_proved_infeasible(method):
    found = OFFLOADING.exact(hand_slot(deadline=470.0), None, method)
    assert found.status == "infeasible"
    assert found.decision is None
    assert np.isnan(found.bound)


@pytest.mark.parametrize("method", METHODS)
def test_a_limit_that_one_association_meets(method):
    """T_up + T_const + 6.4 = 438.82 s; sqrt shares take 36.427 s on {1, 2}, 18.75 s on {3}; others take longer."""
    slot = hand_slot(deadline=476.0, mu=1.0)
    found = OFFLOADING.exact(slot, None, method)
    assert found.status == "optimal"
    assert found.decision.assoc[0] == found.decision.assoc[1] != found.decision.assoc[2]
    assert_allclose(evaluate(slot, found.decision).metrics["t_total"], 476.0, rtol=1e-6)


def test_without_time_the_incumbent_is_kept():
    slot = slots_of("paper", 1)[0]
    found = OFFLOADING.exact(slot, Limits(seconds=0.0))
    assert found.status == "feasible"
    assert evaluate(slot, found.decision).feasible


def test_wider_gaps_are_respected():
    slot = slots_of("paper", 0)[2]
    found = OFFLOADING.exact(slot, Limits(gap=0.01))
    assert found.status == "optimal"
    assert found.gap <= 0.01


def test_large_slots_need_a_wider_gap_only(monkeypatch):
    slot = slots_of("paper", 0)[0]
    monkeypatch.setattr(exact, "LARGE", 10)
    monkeypatch.setattr(exact, "LARGE_GAP", 0.02)
    found = OFFLOADING.exact(slot)
    assert found.status == "optimal"
    assert found.gap <= 0.02
    assert OFFLOADING.exact(slot, Limits(gap=1e-3)).gap <= 1e-3


def test_unknown_methods_are_refused():
    with pytest.raises(ValueError, match="'magic'"):
        OFFLOADING.exact(hand_slot(), None, "magic")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_large_slots_are_certified(seed):
    """Bound and local search to 1e-3; the O(N) bound is below both."""
    slot = slots_of("large", seed)[0]
    found = OFFLOADING.exact(slot, Limits(seconds=120.0))
    assert found.gap <= 1e-3
    assert Terms.of(slot).bound() <= found.objective
