"""The linear relaxation and its rows: below every set, exact where one set is left, and worth something."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtbench.problems.mec_synchronization import branch_and_bound, heuristics, path_cuts
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.contention import least_added, least_of_time
from dtbench.problems.mec_synchronization.linear import relax
from dtbench.problems.mec_synchronization.path_cuts import Point
from dtbench.problems.mec_synchronization.relaxation import Relaxation, Relaxed
from dtbench.problems.mec_synchronization.sets import Prices, best_flips, best_swaps

from .hand import slots_of

seeds = st.integers(0, 2**32 - 1)


def prices_of(seed, size="tiny"):
    slots = slots_of(
        size,
        seed,
        interference="physical" if seed % 2 else "printed",
        f_max=10e9 if seed % 4 < 2 else 3e9,
    )
    slot = slots[seed % slots.batch_shape[0]]
    return Prices(Candidates.of(slot, slot.host))


def sets_of(prices):
    users = np.flatnonzero(prices.candidates.valid)
    for inside in itertools.product((False, True), repeat=len(users)):
        member = np.zeros(prices.candidates.count, dtype=bool)
        member[users] = inside
        yield member


def start_of(prices):
    return best_flips(prices, heuristics.admitted(prices.candidates))


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_no_set_costs_less_than_the_relaxation_says(seed):
    """All sets of a tiny slot, with the reduced costs of who is in and who is out.

    Users who are not worth their energy alone have no column: sets without them are looked at.
    """
    prices = prices_of(seed)
    found = relax(prices.candidates, start_of(prices))
    if found is None:
        return
    relaxed = found[1].relaxed
    worth = prices.candidates.alone() < prices.value
    for member in sets_of(prices):
        if not (member & ~worth).any() and np.isfinite(prices.of(member).upper):
            assert relaxed.of(member, ~member) <= prices.total(member) * (1.0 + 1e-7) + 1e-9


@given(seeds, st.floats(0.0, 1.0))
@settings(max_examples=60, deadline=None)
def test_rows_of_paths_hold_at_every_set(seed, where):
    """Rows found at a random point, looked at with what users of every set spend at the optimum of the set."""
    prices = prices_of(seed)
    candidates = prices.candidates
    start = start_of(prices)
    users = Relaxation(candidates, start).users
    if not users.n:
        return
    rng = np.random.default_rng(seed)
    served = np.where(rng.random(users.n) < 0.5, 1.0, rng.uniform(0.3, 1.0, users.n))
    at = Point(served, where * users.most * served, np.zeros(users.n))
    rows = path_cuts.violated(users, at)
    assert len(rows)
    for member in sets_of(prices):
        priced = prices.of(member)
        if not np.isfinite(priced.upper) or not set(np.flatnonzero(member)) <= set(users.part):
            continue
        inside = member[users.part]
        time = np.where(inside, priced.time[users.part], 1.0)
        spent = priced.power[users.part] * time * inside / candidates.params.e0
        haste = np.where(inside, np.minimum(np.log(users.longest / time), users.most), 0.0)
        right = rows.least + rows.coefficient @ np.concatenate([inside, haste])
        assert (right <= spent[rows.user] * (1.0 + 1e-6) + 1e-7).all()


@pytest.mark.parametrize("seed", [1, 2, 3, 5])
def test_relaxation_is_exact_where_one_set_is_left(seed):
    """With rows at the times of a set, the LP of that set alone is its energy, within the tangents of shares."""
    prices = prices_of(seed, "small")
    start = start_of(prices)
    on = Relaxation(prices.candidates, start).users
    inside = on.favoured.astype(float)
    haste = np.where(on.favoured, np.log(on.longest / np.where(on.favoured, start.time[on.part], 1.0)), 0.0)
    core = path_cuts.core_of(on, np.flatnonzero(inside), haste[on.favoured])
    assert core is not None
    np.testing.assert_allclose(core.spends.sum(), start.upper, rtol=1e-6)


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_added_energy_in_contention_is_a_bound(seed):
    """``d_k(I)`` of every set of a tiny slot and every user outside: E(I + K) >= E(I) + sum of d over K."""
    prices = prices_of(seed)
    sets = [m for m in sets_of(prices) if np.isfinite(prices.of(m).upper)]
    for small, large in itertools.product(sets, sets):
        joins = large & ~small
        if joins.any() and not (small & ~large).any():
            least = prices.increments(small).least[joins].sum()
            assert prices.of(small).lower + least <= prices.of(large).upper * (1.0 + 1e-6) + 1e-9


def test_contention_adds_to_the_bound():
    """One of the fresh slots where processors are scarce: somewhere d_k is above what the longest times give."""
    prices = prices_of(6, "small")
    start = start_of(prices)
    inside = start.member.copy()
    inside[np.flatnonzero(inside)[-1]] = False
    others = np.flatnonzero(prices.candidates.valid & ~inside)
    longest = prices.longest[others]
    contended = least_added(prices.candidates, prices.of(inside), others, longest, longest)
    part = np.flatnonzero(inside)
    inverse = prices.inverse(inside)
    assert inverse is not None
    cross, theta = prices.candidates.cross, prices.theta
    into = inverse @ (theta[part, None] * cross[np.ix_(part, others)])
    power = inverse @ (theta[part] * prices.candidates.params.noise)
    loop = theta[others] * np.einsum("ks,sk->k", cross[np.ix_(others, part)], into)
    loud = theta[others] * (cross[np.ix_(others, part)] @ power + prices.candidates.params.noise) / (1.0 - loop)
    plain = (prices.longest[others] + prices.longest[part] @ into) * loud / prices.candidates.params.e0
    assert (contended >= plain * (1.0 - 1e-9)).any()
    assert contended.max() > plain.max() * 1.001


def test_least_of_time_by_hand():
    """min over t of 8 / (10 - t) - 1 log t: 8 t = (10 - t)^2 at t = 4.2020; at the ends where that is outside."""
    one = np.array(1.0)
    t = 14.0 - np.sqrt(96.0)
    found = least_of_time(one, np.array(8.0), one, np.array(10.0), np.array(0.1), np.array(9.0))
    np.testing.assert_allclose(found, 8.0 / (10.0 - t) - np.log(t))
    found = least_of_time(one, np.array(8.0), one, np.array(10.0), np.array(6.0), np.array(9.0))
    np.testing.assert_allclose(found, 2.0 - np.log(6.0))
    free = least_of_time(one, np.array(0.0), one, np.array(10.0), np.array(1.0), np.array(9.0))
    np.testing.assert_allclose(free, -np.log(9.0))


def test_swaps_are_no_worse_than_flips():
    for seed in range(3):
        prices = prices_of(seed, "small")
        flips = prices.total(start_of(prices).member)
        assert prices.total(best_swaps(prices, heuristics.admitted(prices.candidates)).member) <= flips


@pytest.mark.parametrize("seed", range(6))
def test_search_with_the_relaxation_equals_all_sets(monkeypatch, seed):
    """With few candidates too, if it is asked to: the same optimum, proved."""
    monkeypatch.setattr(branch_and_bound, "FEW", 0)
    prices = prices_of(20 + seed, "tiny" if seed % 2 else "small")
    result = branch_and_bound.branch_and_bound(
        prices.candidates, heuristics.admitted(prices.candidates), 1e-5, seconds=60.0
    )
    best = min(prices.total(member) for member in sets_of(prices) if np.isfinite(prices.of(member).upper))
    np.testing.assert_allclose(result.cost, best, rtol=1e-6)
    assert best * (1.0 - 2e-5) <= result.bound <= best * (1.0 + 1e-9)


def test_decided_users_by_hand():
    """Bound 10, costs to spare 3: who would cost 3 more if left out is in, who would if let in is out."""
    relaxed = Relaxed(10.0, np.array([-3.0, -2.0, 4.0, 0.0]), np.zeros(4))
    nobody = np.zeros(4, dtype=bool)
    member, out = relaxed.decided(nobody, nobody, 13.0)
    np.testing.assert_array_equal(member, [True, False, False, False])
    np.testing.assert_array_equal(out, [False, False, True, False])
    member, out = relaxed.decided(np.array([False, False, False, True]), np.array([False, True, False, False]), 13.0)
    np.testing.assert_array_equal(member, [True, False, False, True])  # 10 + 2 are spent: 1 is left
    np.testing.assert_array_equal(out, [False, True, True, False])
