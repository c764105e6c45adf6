"""Pyomo models through HiGHS: the same result as from arrays."""

import math

import pyomo.environ as pyo
import pytest

from dtbench.core import Limits
from dtbench.exact.pyomo_backend import solve_pyomo


def facility(demand: float = 2.5) -> pyo.ConcreteModel:
    """Open sites of size 2 at cost 3, serve ``demand``, 1 for each unit that is not served: open one, 3 + 0.5."""
    m = pyo.ConcreteModel()
    m.sites = pyo.RangeSet(2)
    m.open = pyo.Var(m.sites, domain=pyo.Binary)
    m.lost = pyo.Var(bounds=(0, 0.6))
    m.serve = pyo.Constraint(expr=2 * sum(m.open[s] for s in m.sites) + m.lost >= demand)
    m.cost = pyo.Objective(expr=3 * sum(m.open[s] for s in m.sites) + m.lost)
    return m


def test_mixed_model_by_hand():
    m = facility()
    result = solve_pyomo(m, Limits())
    assert result.status == "optimal"
    assert result.objective == pytest.approx(3.5)
    assert result.bound == pytest.approx(3.5)
    assert sorted(result.x.round(6).tolist()) == [0.0, 0.5, 1.0]
    assert m.lost.value == pytest.approx(0.5)
    assert "HiGHS" in result.backend
    assert "Pyomo" in result.backend


def test_infeasible_proves_no_bound():
    result = solve_pyomo(facility(9.0), Limits())
    assert (result.status, result.x) == ("infeasible", None)
    assert math.isnan(result.bound)


def test_no_time_proves_nothing():
    result = solve_pyomo(facility(), Limits(seconds=0.0))
    assert result.status == "unknown"
    assert math.isnan(result.bound)


def test_unbounded_is_an_error():
    m = pyo.ConcreteModel()
    m.x = pyo.Var(domain=pyo.NonNegativeReals)
    m.cost = pyo.Objective(expr=-m.x)
    with pytest.raises(ValueError, match="unbounded"):
        solve_pyomo(m, Limits())
