"""Exact methods against brute force, each other, and the laws of the optimum."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dtbench import referee
from dtbench.core import Limits
from dtbench.problems import problem
from dtbench.problems.edge_association.placement import exact
from dtbench.problems.edge_association.placement.formulation import Formulation
from dtbench.problems.edge_association.placement.model import PlacementDecision, evaluate, of_assoc

from .hand import every_association, hand_slot

PLACEMENT = problem("edge-placement")


def brute_force(slots):
    """Least objective of every slot (T,) over all associations."""
    outcome = evaluate(slots, of_assoc(every_association(slots)[:, None], slots.n_bs))
    return np.where(outcome.feasible, outcome.objective, np.inf).min(axis=0)


def slots_of(size, seed, **overrides):
    return referee.slots(PLACEMENT, PLACEMENT.generate(size, seed, **overrides))


@pytest.mark.parametrize("method", ["strong", "cpsat", "reference"])
@pytest.mark.parametrize(("deadline", "best"), [((1, 2, 0.5), 0.629939), ((1, 0.49, 0.5), 0.632083)])
def test_hand_example(method, deadline, best):
    found = PLACEMENT.exact(hand_slot(deadline), None, method)
    assert found.status == "optimal"
    assert_allclose(found.objective, best, rtol=1e-6)
    assert found.decision.assoc.tolist() == [0, 0, 1]


def test_cut_by_hand():
    """u = 2e5 on server 0 with an active floor: 0.4728 - 0.25 = 0.2228 s, the split's cost is 0.225 s."""
    form = Formulation(hand_slot((1.0, 0.49, 0.5)))
    cuts = form.cuts(np.array([0]), np.array([2e5]))
    assert_allclose(cuts.phi[0], [0.193649, 0.279167, 0.134164], rtol=1e-5)
    assert_allclose(cuts.constant, [0.25], rtol=1e-6)
    tight = form.cuts_of(np.array([0, 0, 1]))
    assert_allclose(tight.phi[0, :2].sum() - tight.constant[0], 0.225, rtol=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_equals_brute_force_on_tiny_slots(seed):
    """120 slots with 729 associations each."""
    slots = slots_of("tiny", seed)
    best = brute_force(slots)
    for t, value in enumerate(best):
        found = PLACEMENT.exact(slots[t])
        assert found.status == "optimal"
        assert_allclose(found.objective, value, rtol=1e-9)
        assert found.bound <= value * (1 + 1e-9)
        assert found.gap <= 1e-6


@pytest.mark.parametrize(
    "overrides",
    [{"objective": "latency"}, {"latency_norm": "MN"}, {"wired_factor": 2}, {"bandwidth_mode": "shared"}],
    ids=lambda o: next(iter(o)),
)
def test_options_equal_brute_force(overrides):
    slots = slots_of("tiny", 5, **overrides)
    best = brute_force(slots)
    for t in range(4):
        assert_allclose(PLACEMENT.exact(slots[t]).objective, best[t], rtol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_formulations_agree_on_small_slots(seed):
    slots = slots_of("small", seed)
    for t in (0, 7):
        strong, cpsat, reference = (PLACEMENT.exact(slots[t], None, m) for m in ("strong", "cpsat", "reference"))
        assert strong.status == cpsat.status == reference.status == "optimal"
        assert_allclose([cpsat.objective, reference.objective], strong.objective, rtol=1e-6)
        for found in (strong, cpsat, reference):
            assert found.bound <= strong.objective * (1 + 1e-9)


def test_tight_deadlines_equal_brute_force():
    """Deadlines at which a twentieth of all associations are feasible: floors decide."""
    slots = slots_of("tiny", 3)
    checked = 0
    for t in range(10):
        for shrink in (0.9, 0.8, 0.7, 0.6):
            slot = dataclasses.replace(slots[t], deadline=slots[t].deadline * shrink)
            value = brute_force(slot[None])[0]
            found = PLACEMENT.exact(slot)
            assert (found.status == "infeasible") == np.isinf(value)
            if np.isfinite(value):
                assert_allclose(found.objective, value, rtol=1e-6)
                checked += 1
    assert checked >= 15


@pytest.mark.parametrize("method", ["strong", "cpsat", "reference"])
def test_an_impossible_slot_is_proved_infeasible(method):
    slot = dataclasses.replace(hand_slot(), deadline=np.array([1.0, 0.3, 0.5]))  # the radio alone takes 0.4 s
    found = PLACEMENT.exact(slot, None, method)
    assert found.status == "infeasible"
    assert found.decision is None
    assert np.isnan(found.bound)


def test_no_time_leaves_the_start_and_no_claim():
    slot = slots_of("paper", 0)[0]
    found = PLACEMENT.exact(slot, Limits(seconds=0.0))
    assert found.status == "feasible"
    assert evaluate(slot, found.decision).feasible
    assert np.isnan(found.bound) or found.bound <= found.objective


def test_optimum_is_monotone_in_resources_and_prices():
    slots = slots_of("tiny", 6)
    base = brute_force(slots)
    params = slots.params
    better = [
        dataclasses.replace(slots, cpu=slots.cpu * np.array([1.0, 1.3, 1.0])),
        dataclasses.replace(slots, cap=slots.cap + np.array([0, 0, 1])),
        dataclasses.replace(slots, deadline=slots.deadline * 1.2),
    ]
    worse = [
        dataclasses.replace(slots, params=params.replace({name: getattr(params, name) * 1.3}))
        for name in ("wire", "cycles", "open_cost")
    ]
    for t in range(3):
        assert_allclose(PLACEMENT.exact(slots[t]).objective, base[t], rtol=1e-9)
    assert all((brute_force(s) <= base * (1 + 1e-12)).all() for s in better)
    assert all((brute_force(s) >= base * (1 - 1e-12)).all() for s in worse)


def test_only_ratios_matter():
    """D, Delta D, tau and the fee times 3: the optimum times 3."""
    slot = slots_of("small", 4)[2]
    scaled = dataclasses.replace(
        slot,
        data_bits=3 * slot.data_bits,
        update_bits=3 * slot.update_bits,
        deadline=3 * slot.deadline,
        params=slot.params.replace({"open_cost": 0.45}),
    )
    assert_allclose(PLACEMENT.exact(scaled).objective, 3 * PLACEMENT.exact(slot).objective, rtol=2e-6)


def test_names_of_users_and_base_stations_do_not_matter():
    slot = slots_of("small", 4)[3]
    rng = np.random.default_rng(0)
    users, stations = rng.permutation(20), rng.permutation(5)
    where = np.argsort(stations)
    moved = {n: getattr(slot, n)[users] for n in ("user_xy", "rate", "data_bits", "update_bits", "deadline")}
    moved |= {n: getattr(slot, n)[stations] for n in ("bs_xy", "cap", "cpu")}
    moved |= {n: where[getattr(slot, n)[users]] for n in ("access", "safe")}
    other = dataclasses.replace(slot, gain=slot.gain[users][:, stations], **moved)
    assert_allclose(PLACEMENT.exact(other).objective, PLACEMENT.exact(slot).objective, rtol=2e-6)


def test_without_fees_opening_everything_costs_nothing():
    slot = slots_of("tiny", 1, cost_weight=0.0)[0]
    found = PLACEMENT.exact(slot)
    everything = PlacementDecision(open=np.ones(3, dtype=bool), assoc=found.decision.assoc)
    assert_allclose(evaluate(slot, everything).objective, found.objective, rtol=1e-12)


def test_even_split_is_bounded_by_the_optimum_of_the_best_split():
    slot = slots_of("small", 0)[0]
    even = dataclasses.replace(slot, params=slot.params.replace({"cpu_split": "even"}))
    best = PLACEMENT.exact(slot)
    found = PLACEMENT.exact(even, Limits(seconds=20.0))
    assert found.status in ("feasible", "unknown")
    assert found.bound <= best.objective * (1 + 1e-9)
    assert not found.objective < best.objective


def test_large_slots_need_a_wider_gap_only(monkeypatch):
    slot = slots_of("paper", 0, horizon=1)[0]
    monkeypatch.setattr(exact, "LARGE", 999)
    monkeypatch.setattr(exact, "LARGE_GAP", 0.05)
    found = PLACEMENT.exact(slot)
    assert found.status == "optimal"
    assert PLACEMENT.exactness.target_gap < found.gap <= 0.05
    assert PLACEMENT.exact(slot, Limits(gap=1e-3)).gap <= 1e-3


def test_unknown_methods_are_refused():
    with pytest.raises(ValueError, match="'magic'"):
        PLACEMENT.exact(hand_slot(), None, "magic")
