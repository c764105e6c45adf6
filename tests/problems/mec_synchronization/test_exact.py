"""Exact slots: equal to brute force, bounds on their side, monotone in every parameter."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from dtbench.core import Limits
from dtbench.problems.mec_synchronization import exact, heuristics
from dtbench.problems.mec_synchronization import sets as flips
from dtbench.problems.mec_synchronization.branch_and_bound import branch_and_bound
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.convex import price
from dtbench.problems.mec_synchronization.sets import Prices

from .hand import MEC, hand_slot, random_decision, slots_of

seeds = st.integers(0, 2**32 - 1)
TIGHT = Limits(gap=1e-6)


def brute_force(slot):
    """J of the best of all success sets, each priced by its convex program, scored by nothing else."""
    found = Candidates.of(slot, slot.host)
    users = np.flatnonzero(found.valid)
    best = np.inf
    for inside in itertools.product((False, True), repeat=len(users)):
        member = np.zeros(found.count, dtype=bool)
        member[users] = inside
        best = min(best, price(found, member).upper + found.value[found.valid & ~member].sum())
    return (best + float(found.lost)) / slot.n_users


def optimum(slot):
    return MEC.exact(slot, TIGHT).objective


@pytest.mark.parametrize("method", ["search", "enumeration"])
def test_hand_example(method):
    certificate = MEC.exact(hand_slot(), method=method)
    assert_allclose(certificate.objective, 0.983619, atol=5e-7)
    assert certificate.status == "optimal"
    assert_allclose(MEC.exact(hand_slot(queue=(0.0, 0.0)), method=method).objective, 0.0)
    assert_allclose(MEC.exact(hand_slot(request=(False, False)), method=method).objective, 0.0)


def test_dear_users_are_left_out_by_hand():
    """E_1 = 0.7720 and E_2 = 1.1952 together; worth 10 and 0.5: user 2 is silent, J = (E({1}) + 0.5) / 2."""
    certificate = MEC.exact(hand_slot(queue=(10.0, 0.5)))
    found = Candidates.of(hand_slot(), np.array([0, 1]))
    assert_allclose(certificate.objective, (found.alone()[0] + 0.5) / 2, rtol=1e-6)
    assert certificate.decision.power[1] == 0.0


@pytest.mark.parametrize("seed", range(12))
def test_search_equals_brute_force_on_random_tiny_slots(seed):
    """Ten slots each, 120 in all; half with the printed interference, half with scarce processors."""
    slots = slots_of(
        "tiny",
        100 + seed,
        interference="physical" if seed % 2 else "printed",
        f_max=10e9 if seed % 4 < 2 else 3e9,
        y_max=30.0 if seed % 3 else 3.0,
    )
    for t in range(10):
        certificate = MEC.exact(slots[t])
        assert_allclose(certificate.objective, brute_force(slots[t]), rtol=1e-4)
        assert certificate.status == "optimal"
        assert certificate.gap <= 1e-4


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_bound_optimum_and_decisions_in_order(seed):
    slots = slots_of("small", seed, interference="physical" if seed % 2 else "printed")
    slot = slots[seed % 40]
    certificate = MEC.exact(slot)
    outcome = MEC.evaluate(slot, certificate.decision)
    assert outcome.feasible
    assert outcome.objective == certificate.objective
    assert certificate.bound <= certificate.objective
    assert certificate.status == "optimal"
    decisions = MEC.repair(slot, random_decision(slots, seed))
    assert (MEC.evaluate(slot, decisions).objective >= certificate.bound * (1 - 1e-9)).all()
    for rule in MEC.heuristics.values():
        assert MEC.evaluate(slot, rule(slot)).objective >= certificate.bound * (1 - 1e-9)
    silent = float(np.where(slot.request, slot.weight, 0.0).mean())
    assert certificate.objective <= silent * (1 + 1e-9)


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_every_node_bounds_every_set_below_it(seed):
    """d_k(I): E(S) >= E(I) + sum of d_k over S - I, for random I within S."""
    slots = slots_of("small", seed)
    slot = slots[seed % 40]
    found, rng = Candidates.of(slot, slot.host), np.random.default_rng(seed)
    prices = Prices(found)
    large = found.valid & (rng.random(found.count) < 0.7)
    small = large & (rng.random(found.count) < 0.6)
    whole, part = prices.of(large), prices.of(small)
    if np.isfinite(whole.upper) and np.isfinite(part.lower):
        least = prices.increments(small).least
        assert part.lower + least[large & ~small].sum() <= whole.upper * (1 + 1e-7)


@pytest.mark.parametrize("seed", range(4))
def test_monotone_in_every_parameter(seed):
    """Optimum: not higher with more time, capacity, power or band; not lower with more work, data, noise or weight."""
    slot = slots_of("tiny", 40 + seed)[seed]
    base = optimum(slot)
    for name, factor in (
        ("f_max", 1.2),
        ("w_link", 1.2),
        ("p_max", 1.2),
        ("bandwidth", 1.2),
        ("noise", 0.8),
        ("eta", 0.8),
    ):
        easier = dataclasses.replace(slot, params=slot.params.replace({name: factor * getattr(slot.params, name)}))
        assert optimum(easier) <= base * (1 + 1e-6), name
    for name, factor in (("deadline", 1.1), ("data_bits", 0.9), ("cycles", 0.9), ("queue", 0.7)):
        value = factor * getattr(slot, name)
        easier = dataclasses.replace(slot, **{name: value} | ({"queue_frame": value} if name == "queue" else {}))
        assert optimum(easier) <= base * (1 + 1e-6), name


def test_one_user_and_one_station():
    """K = 1: p = gamma sigma^2 / g at t = tau - D C / F. M = 1: nobody is remote."""
    slot = slots_of("tiny", 1, n_users=1, n_bs=1, arrival=1.0)[0]
    time = slot.deadline[0] - slot.data_bits[0] * slot.cycles[0] / 10e9
    power = (2.0 ** (slot.data_bits[0] / (10e6 * time)) - 1.0) * 1e-9 / slot.gain[0, 0]
    certificate = MEC.exact(slot)
    assert_allclose(certificate.decision.power, [power], rtol=1e-6)
    crowd = slots_of("tiny", 1, n_bs=1)[0]
    assert not Candidates.of(crowd, crowd.host).remote.any()
    assert MEC.exact(crowd).status == "optimal"


def test_cluster_bound_is_below_the_optimum():
    """Two clusters of a small slot, and one whole: superadditive."""
    for t in range(5):
        slot = slots_of("paper", 3)[t]
        found = Candidates.of(slot, slot.host)
        best = branch_and_bound(found, heuristics.admitted(found), 1e-4, np.inf)
        parts = exact.clusters(slot.bs_xy, found.link // found.n_bs, found.valid)
        assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(5))
        bound = exact.cluster_bound(slot, found, 1e-4, 10.0)
        assert bound <= best.cost * (1 + 1e-9)


def test_out_of_time_the_bracket_still_holds():
    slot = slots_of("paper", 2)[3]
    hasty, best = MEC.exact(slot, Limits(seconds=0.0)), MEC.exact(slot)
    assert hasty.bound <= best.bound * (1 + 1e-6)
    assert hasty.objective >= best.bound
    assert hasty.status in ("feasible", "optimal")


def test_moving_twins_cost_their_weight():
    """One of two moves: J = (E({2}) + 10) / 2."""
    slot = hand_slot(protocol="closed", start=False, moving=(2, 0))
    found = Candidates.of(hand_slot(), np.array([0, 1]))
    assert_allclose(MEC.exact(slot).objective, (found.alone()[1] + 10.0) / 2, rtol=1e-6)


def test_a_frame_start_keeps_hosts_unless_moves_are_free():
    kept = MEC.exact(hand_slot(protocol="closed", host=(1, 0)))
    assert kept.status == "optimal"
    free = MEC.exact(hand_slot(protocol="closed", host=(1, 0), mig_slots=0))
    assert free.bound <= MEC.exact(hand_slot(protocol="closed", mig_slots=0)).objective
    assert_allclose(free.objective, kept.objective, rtol=1e-6)


def test_misuse_is_refused():
    with pytest.raises(ValueError, match="leading axes"):
        MEC.exact(slots_of("tiny", 0))
    with pytest.raises(ValueError, match="no-such-method"):
        MEC.exact(hand_slot(), method="no-such-method")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("work", [2**27, 1])
def test_flips_end_where_no_flip_helps(seed, work, monkeypatch):
    """All flips are compared at once; or one after the other, as where there are many candidates."""
    monkeypatch.setattr(flips, "WORK", work)
    instance = MEC.generate("small", seed)
    slot = MEC.slot(instance, 0, MEC.start(instance))
    candidates = Candidates.of(slot, slot.host)
    prices, begin = Prices(candidates), heuristics.admitted(candidates)
    found = flips.best_flips(prices, begin)
    cost = prices.total(found.member)
    assert cost <= prices.total(begin)
    for k in np.flatnonzero(candidates.valid):
        other = found.member.copy()
        other[k] ^= True
        assert prices.total(other) >= cost * (1 - 1e-8)


def test_clusters_have_a_bound_without_time():
    instance = MEC.generate("paper", 0)
    slot = MEC.slot(instance, 0, MEC.start(instance))
    candidates = Candidates.of(slot, slot.host)
    early, late = (exact.cluster_bound(slot, candidates, 1e-3, seconds) for seconds in (0.0, 5.0))
    assert 0.0 < early <= late * (1 + 1e-9)
    assert late <= MEC.exact(slot, Limits(seconds=5.0)).objective * slot.n_users * (1 + 1e-9)
