"""HiGHS: optima by hand, what each status proves, and models that a release of HiGHS gets wrong."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtbench.core import Limits
from dtbench.errors import DtbenchError
from dtbench.exact.highs import LARGEST, LARGEST_SIDE, solve_highs

from .models import best_by_enumeration, knapsack, model, random_model


def test_knapsack_by_hand():
    result = solve_highs(knapsack(), Limits())
    assert (result.status, result.objective, result.bound) == ("optimal", 21.0, 21.0)
    assert np.round(result.x).tolist() == [0, 1, 1]
    assert result.backend.startswith("HiGHS 1.")


def test_relaxation_by_hand():
    """By value per weight: c (3.5), a (3.33), then a quarter of b: 7 + 10 + 13 / 4 + 1."""
    result = solve_highs(knapsack(integer=False), Limits())
    assert result.status == "optimal"
    assert result.bound == pytest.approx(21.25, abs=1e-9)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["min", "max"]))
@settings(max_examples=20, deadline=None)
def test_random_models_agree_with_enumeration(seed, sense):
    m = random_model(seed, sense)
    result = solve_highs(m, Limits())
    assert result.objective == pytest.approx(best_by_enumeration(m), abs=1e-7)
    assert result.bound == pytest.approx(result.objective, abs=1e-7)
    assert m.violation(result.x) < 1e-7


def test_infeasible_proves_no_bound():
    result = solve_highs(model([1.0], [1.0], 2.0, 3.0), Limits())
    assert (result.status, result.x) == ("infeasible", None)
    assert math.isnan(result.bound)
    assert math.isnan(result.objective)


def test_unbounded_is_an_error():
    with pytest.raises(ValueError, match="unbounded"):
        solve_highs(model([-1.0], [0.0], -np.inf, 1.0, upper=np.inf, integer=False), Limits())


def test_no_time_proves_nothing():
    result = solve_highs(random_model(0, "min"), Limits(seconds=0.0))
    assert result.status == "unknown"
    assert result.x is None
    assert math.isnan(result.bound)


def test_a_model_that_cannot_be_set_up_in_time_is_not_begun():
    """HiGHS looks at no clock while it sets up: one of 90 000 nonzeros would go on long after 0.1 s."""
    one = np.ones((300, 300))
    large = model(np.ones(300), one, 1.0, np.inf)
    result = solve_highs(large, Limits(seconds=0.1))
    assert (result.status, result.x, result.native) == ("unknown", None, "no time to set up 90000 nonzeros")
    assert solve_highs(large, Limits(seconds=5.0)).objective == 1.0


def test_a_start_survives_without_time():
    start = np.array([0.0, 0.0, 1.0])
    result = solve_highs(knapsack(), Limits(seconds=0.0), start)
    assert result.status != "optimal"
    assert result.x is None or result.objective == 8.0


def test_model_without_columns():
    assert solve_highs(model([], np.zeros((1, 0)), 0.0, 1.0, offset=4.0), Limits()).objective == 4.0
    assert solve_highs(model([], np.zeros((1, 0)), 1.0, 1.0), Limits()).status == "infeasible"


def test_threads_may_change_within_one_process():
    values = [solve_highs(knapsack(), Limits(threads=n)).objective for n in (1, 2, 1)]
    assert values == [21.0, 21.0, 21.0]


def test_presolve_keeps_the_optimum_of_mixed_models():
    """10 d0 + 8 d1 with z <= 1000 x, z + d = 1000, x0 + x1 <= 1: serve 0, lose 8 * 1000 (ERGO-Code/HiGHS#3094)."""
    columns = np.eye(6)  # x0 x1 z0 z1 d0 d1
    rows = [columns[2] - 1000 * columns[0], columns[3] - 1000 * columns[1], columns[2] + columns[4],
            columns[3] + columns[5], columns[0] + columns[1]]  # fmt: skip
    m = model(
        [0, 0, 0, 0, 10, 8], rows, np.array([-np.inf, -np.inf, 1000, 1000, -np.inf]), np.array([0, 0, 1000, 1000, 1]),
        upper=[1, 1, 1000, 1000, 1000, 1000], integer=[True, True, False, False, False, False],
    )  # fmt: skip
    assert solve_highs(m, Limits()).objective == pytest.approx(8000.0)


def test_numbers_that_make_highs_prove_what_is_false_are_refused():
    """x = y = 0 is feasible; HiGHS 1.13 calls this model infeasible."""
    m = model([1.0, 1.0], [[258.7725, 1e8], [258.7725, -1e8]], -np.inf, [1e8, 0.0], names=["x", "y"])
    with pytest.raises(DtbenchError, match=r"row 0 has column 1 \('y'\) with the coefficient 1e\+08"):
        solve_highs(m, Limits())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rows": [1.0, -1.1e6]}, "row 0 has column 1 with the coefficient -1.1e"),
        ({"cost": [2e6, 1.0], "names": ["x", "y"]}, r"column 0 \('x'\) has the cost 2e\+06"),
        ({"lower": -1e18}, r"column 0 has the lower bound -1e\+18"),
        ({"upper": 1e7}, r"column 0 has the upper bound 1e\+07"),
        ({"row_upper": 1e18, "row_names": ["room"]}, r"row 0 \('room'\) has the upper side 1e\+18"),
        ({"row_lower": -1e10}, r"row 0 has the lower side -1e\+10"),
        ({"rows": [1.0, 1e5], "upper": [1.0, 1e4]}, r"row 0 has column 1 with the coefficient times bound 1e\+09"),
    ],
)
def test_large_numbers_are_named(change, words):
    given = {"cost": [1.0, 1.0], "rows": [1.0, 1.0], "row_lower": 0.0, "row_upper": 1.0} | change
    with pytest.raises(DtbenchError, match=words):
        solve_highs(model(**given), Limits())


@pytest.mark.parametrize(("low", "high"), [(-np.inf, 1e19), (-1e30, 2.5), (-1e20, 1e300)])
def test_from_1e19_on_a_side_is_none(low, high):
    """max x in [0, 2]."""
    result = solve_highs(model([1.0], [1.0], low, high, upper=2.0, sense="max"), Limits())
    assert (result.status, result.objective) == ("optimal", 2.0)


@pytest.mark.parametrize(
    "change",
    [
        {"lower": 0.4, "upper": 0.6},
        {"lower": 2.0, "upper": 1.0},
        {"row_lower": 1e19, "row_upper": np.inf},
        {"row_lower": 2.0, "row_upper": 1.0},
    ],
)
def test_bounds_that_contradict_each_other_are_infeasible(change):
    result = solve_highs(model(**{"cost": [1.0], "rows": [1.0], "row_lower": 0.0, "row_upper": 5.0} | change), Limits())
    assert (result.status, result.x) == ("infeasible", None)
    assert math.isnan(result.bound)


@pytest.mark.parametrize("start", [[math.nan, 0.0], [0.0], [math.inf, 0.0]])
def test_a_start_is_a_point(start):
    with pytest.raises(ValueError, match="expected"):
        solve_highs(model([1.0, 1.0], [1.0, 1.0], 0.0, 1.0), Limits(), np.array(start))


def exact_best(m):
    """Least cost of a 0-1 model in exact arithmetic; None if no point is feasible."""
    best, rows = None, m.rows.toarray().tolist()
    for x in itertools.product((0, 1), repeat=m.n_columns):
        sums = [sum(Fraction(a) * v for a, v in zip(row, x, strict=True)) for row in rows]
        if all(low <= s <= high for low, s, high in zip(m.row_lower.tolist(), sums, m.row_upper.tolist(), strict=True)):
            value = float(sum(Fraction(c) * v for c, v in zip(m.cost.tolist(), x, strict=True)))
            best = value if best is None else min(best, value)
    return best


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.booleans())
@settings(max_examples=150, deadline=None)
def test_what_is_proved_holds_up_to_the_largest_numbers(seed, coefficient, cost, side, presolved):
    """Tiny 0-1 models whose numbers spread over all magnitudes that are taken; all points in exact arithmetic."""
    rng = np.random.default_rng(seed)
    n, rows = rng.integers(1, 5), rng.integers(1, 4)

    def spread(size, exponent, largest):
        return rng.uniform(-1.0, 1.0, size) * largest ** (exponent * rng.random(size))

    matrix = spread((rows, n), coefficient, LARGEST)
    high = np.where(rng.random(rows) < 0.5, matrix @ rng.integers(0, 2, n), spread(rows, side, LARGEST_SIDE))
    low = np.where(rng.random(rows) < 0.3, high - rng.uniform(0, 100, rows), -np.inf)
    m = model(spread(n, cost, LARGEST), matrix, np.maximum(low, -LARGEST_SIDE), high)
    best, result = exact_best(m), solve_highs(m, Limits(), presolved=presolved)
    if best is not None:
        assert result.status == "optimal"
        assert result.bound <= best + 1e-6 * max(1.0, abs(best))
