"""CP-SAT: optima by hand, bounds that stay valid however coarse the scale, and models it does not take."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtbench.core import Limits
from dtbench.errors import DtbenchError
from dtbench.exact import cpsat
from dtbench.exact.cpsat import solve_cpsat

from .models import best_by_enumeration, knapsack, model, random_model


def test_knapsack_by_hand():
    result = solve_cpsat(knapsack(), Limits(), scale=1.0, start=np.array([0.0, 0.0, 1.0]))
    assert (result.status, result.objective, result.bound) == ("optimal", 21.0, 21.0)
    assert result.x.tolist() == [0, 1, 1]
    assert result.backend.startswith("CP-SAT 9.")


@given(st.integers(0, 2**32 - 1), st.sampled_from(["min", "max"]), st.sampled_from([1e-9, 1e-3, 0.3]))
@settings(max_examples=30, deadline=None)
def test_bound_holds_at_any_scale(seed, sense, scale):
    """Six columns with x - lower <= 4: flooring loses at most 24 scale, on both sides of the optimum."""
    m = random_model(seed, sense)
    best = best_by_enumeration(m)
    result = solve_cpsat(m, Limits(), scale)
    sign = 1 if sense == "min" else -1
    assert result.status == "optimal"
    assert sign * result.bound <= sign * best + 1e-9
    assert sign * best <= sign * result.objective + 1e-9
    assert sign * (result.objective - result.bound) <= 24 * scale + 1e-8
    assert m.violation(result.x) == 0.0


def test_infeasible_proves_no_bound():
    result = solve_cpsat(model([1.0], [1.0], 2.0, 3.0), Limits(), 1.0)
    assert (result.status, result.x) == ("infeasible", None)
    assert math.isnan(result.bound)


@pytest.mark.parametrize(
    ("change", "scale", "message"),
    [
        ({"integer": False}, 1.0, "integer columns"),
        ({"upper": np.inf}, 1.0, "finite bounds"),
        ({"rows": [0.5, 1.0]}, 1.0, "integer row coefficients"),
        ({}, 1e-17, "take a scale above"),
        ({}, 0.0, "take a scale above"),
        ({}, math.nan, "take a scale above"),
    ],
)
def test_models_it_does_not_take(change, scale, message):
    given = {"cost": [1.0, 1.0], "rows": [1.0, 1.0], "row_lower": 0.0, "row_upper": 1.0} | change
    with pytest.raises(ValueError, match=message):
        solve_cpsat(model(**given), Limits(), scale)


@pytest.mark.parametrize("bounds", [(0.4, 0.6), (1.2, 1.9), (2.0, 1.0), (1e19, 1e30)])
def test_a_column_without_a_value_is_infeasible(bounds):
    low, high = bounds
    result = solve_cpsat(model([1.0], [1.0], -np.inf, 5.0, lower=low, upper=high), Limits(), 1.0)
    assert (result.status, result.x) == ("infeasible", None)
    assert math.isnan(result.bound)


@pytest.mark.parametrize(
    ("low", "high", "best"),
    [(-np.inf, 1e19, 3.0), (-1e30, 2.0, 2.0), (-1e19, 1e300, 3.0), (-np.inf, 1e18, 3.0), (0.5, 1.5, 1.0)],
)
def test_rows_with_a_free_side(low, high, best):
    """max x in [0, 3] with low <= x <= high; 1e19 and more is no side."""
    result = solve_cpsat(model([1.0], [1.0], low, high, upper=3.0, sense="max"), Limits(), 1.0)
    assert (result.status, result.objective) == ("optimal", best)


@pytest.mark.parametrize(("low", "high"), [(1e19, np.inf), (-np.inf, -1e30), (0.4, 0.6), (2.0, 1.0)])
def test_rows_that_nothing_satisfies(low, high):
    assert solve_cpsat(model([1.0], [1.0], low, high), Limits(), 1.0).status == "infeasible"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rows": [1.0, 1e19]}, r"row 0 has column 1 with the coefficient 1e\+19, which does not fit"),
        ({"rows": [1e18, -2e18]}, r"row 0 can reach 3e\+18, which does not fit"),
        ({"row_upper": 9.3e18}, r"row 0 has the upper side 9.3e\+18"),
        ({"row_lower": -9.3e18}, r"row 0 has the lower side -9.3e\+18"),
        ({"upper": [1.0, 1e16], "names": ["x", "y"]}, r"column 1 \('y'\) has the upper bound 1e\+16"),
        ({"lower": [-1e18, 0.0]}, r"column 0 has the lower bound -1e\+18"),
    ],
)
def test_numbers_that_do_not_fit_are_named(change, words):
    given = {"cost": [1.0, 1.0], "rows": [1.0, 1.0], "row_lower": 0.0, "row_upper": 1.0} | change
    with pytest.raises(DtbenchError, match=words):
        solve_cpsat(model(**given), Limits(), 1.0)


@pytest.mark.parametrize("start", [[math.nan, 0.0], [0.0], [math.inf, 0.0]])
def test_a_start_is_a_point(start):
    with pytest.raises(ValueError, match="expected"):
        solve_cpsat(model([1.0, 1.0], [1.0, 1.0], 0.0, 1.0), Limits(), 1.0, np.array(start))


def test_a_model_that_takes_longer_to_write_than_there_is_time_is_left(monkeypatch):
    monkeypatch.setattr(cpsat, "LOOK", 1)
    result = solve_cpsat(knapsack(), Limits(seconds=0.0), 1e-6)
    assert result.status == "unknown"
    assert result.x is None
    assert math.isnan(result.bound)
    assert result.native == "no time to write the model down"
