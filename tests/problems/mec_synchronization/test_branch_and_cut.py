"""Branch and cut: the LP of a node is below every set of it, and so is what a search that is cut short proves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtbench.problems.mec_synchronization import branch_and_bound, heuristics
from dtbench.problems.mec_synchronization.branch_and_cut import LEAST_RISE, Forecast, with_choice
from dtbench.problems.mec_synchronization.linear import Pool, relax
from dtbench.problems.mec_synchronization.path_cuts import Found, Point

from .test_relaxation import prices_of, seeds, sets_of, start_of


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_the_lp_of_a_node_is_below_every_set_of_it(seed):
    """Random users in and out of a tiny slot, before and after rows that the node's own point breaks."""
    prices = prices_of(seed)
    found = relax(prices.candidates, start_of(prices))
    if found is None:
        return
    linear, _root = found
    rng = np.random.default_rng(seed)
    draw = rng.random(prices.candidates.count)
    part = np.zeros(prices.candidates.count, dtype=bool)
    part[linear.on.part] = True
    member, out = part & (draw < 0.3), ~part | (draw > 0.7)
    below = [
        prices.total(s)
        for s in sets_of(prices)
        if (member <= s).all() and not (s & out).any() and np.isfinite(prices.of(s).upper)
    ]
    before = -np.inf
    for _ in range(4):
        solved = linear.solve(member, out)
        assert solved is not None
        assert solved.relaxed.bound <= min(below, default=np.inf) * (1.0 + 1e-7) + 1e-9
        assert solved.relaxed.bound >= before - 1e-6 * abs(before)  # rows are only taken back where they are slack
        if solved.point is None or not linear.cut(solved.point, quick=True):
            break
        before = solved.relaxed.bound if np.isfinite(solved.relaxed.bound) else before


@given(seeds, st.floats(0.005, 0.2))
@settings(max_examples=20, deadline=None)
def test_a_search_that_is_cut_short_proves_no_more_than_is_true(seed, seconds):
    prices = prices_of(seed)
    best = min(prices.total(s) for s in sets_of(prices) if np.isfinite(prices.of(s).upper))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(branch_and_bound, "FEW", 0)
        result = branch_and_bound.branch_and_bound(
            prices.candidates, heuristics.admitted(prices.candidates), 1e-6, seconds
        )
    assert result.bound <= best * (1.0 + 1e-7) + 1e-9
    assert result.cost >= best * (1.0 - 1e-7)


def test_more_time_proves_more(monkeypatch):
    """A small slot: from the root's bound to the optimum."""
    monkeypatch.setattr(branch_and_bound, "FEW", 0)
    prices = prices_of(21, "small")
    found = relax(prices.candidates, start_of(prices))
    assert found is not None
    result = branch_and_bound.branch_and_bound(
        prices.candidates, heuristics.admitted(prices.candidates), 1e-6, seconds=60.0
    )
    assert found[1].relaxed.bound < result.bound * (1.0 - 1e-4)
    np.testing.assert_allclose(result.bound, result.cost, rtol=2e-6)


def test_rows_of_the_pool_by_hand():
    """Of two users: ``e_0 >= 3 s_0 - 1``, ``e_1 >= s_0 + h_1``, and the first once more, which HiGHS holds."""
    pool, first, second = Pool(2), [3.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 1.0]
    ids = pool.put(Found(np.array([0, 1, 0]), np.array([first, second, first]), np.array([-1.0, 0.0, -1.0])))
    pool.held[ids[2]] = True
    at = Point(np.array([1.0, 1.0]), np.array([0.0, 0.5]), np.array([0.0, 1.0]))
    np.testing.assert_array_equal(pool.broken(at), [0, 1])
    spends = Point(at.served, at.haste, np.array([2.0, 1.0]))
    np.testing.assert_array_equal(pool.broken(spends), [1])
    np.testing.assert_array_equal(pool.forget(np.array([2])), [2])  # all are young
    assert pool.count == 3


def test_a_pool_forgets_old_rows_that_are_not_held(monkeypatch):
    monkeypatch.setattr("dtbench.problems.mec_synchronization.linear.POOL", 4)
    pool = Pool(1)
    rows = np.stack([np.arange(4.0), np.zeros(4)], axis=-1)
    ids = pool.put(Found(np.zeros(4, dtype=int), rows, np.zeros(4)))
    pool.held[ids[1]] = True
    np.testing.assert_array_equal(pool.forget(ids[1:2]), [0])
    np.testing.assert_array_equal(pool.coefficient[: pool.count, 0], [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(pool.held, [True, False, False, False])


def test_a_forecast_by_hand():
    """A user in half: out raised the bound by 2 per unit, in by 4; nothing is known of the other but the means."""
    forecast = Forecast(2)
    forecast.learn(0, 0, 1.0, 0.5)
    forecast.learn(1, 0, 2.0, 0.5)
    np.testing.assert_allclose(forecast.score(np.array([0.5, 0.25])), [1.0 * 2.0, 0.5 * 3.0])
    np.testing.assert_allclose(Forecast(1).score(np.array([0.5])), LEAST_RISE**2)


def test_a_choice_copies():
    nobody = np.zeros(2, dtype=bool)
    member, out = with_choice(nobody, nobody, 1, 1)
    np.testing.assert_array_equal(member, [False, True])
    assert not out.any()
    assert not nobody.any()
