"""HiGHS: optima by hand, what each status proves, and models that a release of HiGHS gets wrong."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtbench.core import Limits
from dtbench.exact.highs import solve_highs

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
