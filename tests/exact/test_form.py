"""Points of solutions, and starts of decisions; the decision here is the set of things in a knapsack."""

import numpy as np
import pyomo.environ as pyo
import pytest

from dtbench.core import Limits
from dtbench.errors import DtbenchError
from dtbench.exact.form import Form, form_of, in_unit, point_of, pyomo_form, start_of
from dtbench.exact.highs import solve_highs

from .models import knapsack
from .test_pyomo_backend import facility


def form(**more) -> Form:
    return Form(
        model=knapsack(names=["ant", "bee", "cat"], row_names=["weight"]), legend=("",),
        decision=lambda x: {i for i in range(3) if x[i] > 0.5},
        chosen=lambda things: {i: float(i in things) for i in range(3)}, **more,
    )  # fmt: skip


def read(complete=True, **values):
    return point_of(form(), values, complete=complete, where="'a.sol'")


def test_a_solution_is_rounded_and_what_is_left_out_is_zero():
    assert read(ant=1e-7, bee=0.9999999, cat=1.0, objective_constant=1.0).tolist() == [0.0, 1.0, 1.0]
    assert read(complete=False, bee=1.0).tolist() == [0.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"ant": 1.0, "dog": 1.0}, "column 'dog' is not in the model"),
        ({"ant": 1.0}, "2 of 3 columns are missing, such as 'bee'"),
        ({"ant": np.nan, "bee": 0.0, "cat": 0.0}, "column 'ant' is nan, expected a finite number"),
        ({"ant": 0.5, "bee": 0.0, "cat": 0.0}, "column 'ant' is 0.5, expected an integer"),
        ({"ant": 2.0, "bee": 0.0, "cat": 0.0}, "column 'ant' is 2, expected 0 to 1"),
        ({"ant": 1.0, "bee": 1.0, "cat": 0.0}, "row 'weight' of the model is broken by 1"),
    ],
)
def test_what_is_no_solution(values, words):
    with pytest.raises(DtbenchError, match=f"^'a.sol': {words}"):
        read(**values)


def test_starts_are_points_with_the_decision():
    assert start_of(form(), {0, 2}).tolist() == [1.0, 0.0, 1.0]
    with pytest.raises(DtbenchError, match=r"cannot express the start \(Infeasible\)"):
        start_of(form(), {0, 1})
    silent = Form(model=knapsack(), legend=())
    with pytest.raises(DtbenchError, match="does not say which columns a decision fixes"):
        start_of(silent, {0})


def test_columns_of_a_pyomo_model_are_its_variables():
    """One of two sites opens, the other stays shut; what is lost is left to the solver."""
    m = facility()
    m.idle = pyo.Var()  # in no row
    made = pyomo_form(
        m, ("open_S = 1",), lambda: {s for s in m.sites if m.open[s].value > 0.5},
        lambda sites: ((m.open[s], float(s in sites)) for s in m.sites),
    )  # fmt: skip
    result = solve_highs(made.model, Limits())
    assert result.objective == pytest.approx(3.5)
    assert len(made.decision(result.x)) == 1
    x = start_of(made, {2})
    assert made.decision(x) == {2}
    assert made.model.value(x) == pytest.approx(3.5)


def test_another_unit_changes_no_value():
    """f of facility in thousandths: the same optimum, and rows that hold at the same points."""
    made = pyomo_form(facility(), ("",)).model
    small = in_unit(made, ~made.integer, 1000.0)
    one, other = (solve_highs(model, Limits()) for model in (made, small))
    assert other.objective == pytest.approx(one.objective)
    assert np.where(made.integer, other.x, other.x / 1000.0) == pytest.approx(one.x)


def test_formulations_are_two():
    with pytest.raises(ValueError, match="formulation is 'stron'; expected one of reference, strong"):
        form_of(None, None, "stron", None)


def test_what_is_said_of_a_model():
    assert form().kind == "exact"
    assert form(gap=0.049).kind == (
        "a relaxation: its optimum is an upper bound of the objective, up to 4.9 % above the optimum"
    )
    assert form(gap=float("nan")).kind == "a relaxation: its optimum is an upper bound of the objective"
    header = "\n".join(form(note="Of things.").header("ants", "g"))
    assert "minimise MINUS the objective [g]" in header
    assert "Of things." in header
