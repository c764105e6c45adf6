"""A model for other solvers, and the way between its columns and decisions, both ways.

Each problem says in one place, its ``forms.py``, how the columns of a model make up a decision (:attr:`Form.decision`)
and which columns a decision fixes (:attr:`Form.chosen`). Files, solutions and MIP starts are made from that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from dtbench.arrays import Array, BoolArray
from dtbench.core import AnyProblem, Decision, Limits, Slot
from dtbench.errors import DtbenchError, shown
from dtbench.exact.export import CONSTANT, column_names
from dtbench.exact.linear import LinearModel

FORMULATIONS = ("reference", "strong")

EXACT_GAP = 1e-6
"""A model is called exact if its optimum is that of the problem within this, relative."""

WORK_GAP = 5e-7
"""What tangents are added for, where a model needs some."""

BROKEN = 1e-4
"""By how much a solution may break a row or a bound, relative to max(1, the row's side): solvers are allowed 1e-6."""

FRACTION = 1e-4
"""How far from an integer an integer column may be."""

START_SECONDS = 20.0
"""Time for the columns of a MIP start that a decision leaves open."""

Chosen = Mapping[int, float]


@dataclass(frozen=True, kw_only=True, eq=False)
class Form:
    """A model and what its columns say.

    Attributes
    ----------
    model
        With names, in the objective's unit and the problem's sense.
    legend
        One line per family of columns: what it says of a decision.
    decision
        Decision of a point (n,) whose integer columns are whole; leading time axis for a whole horizon. None where the
        problem does not say.
    chosen
        Columns that a decision fixes, with their values; a ``ValueError`` gives the reason if the model cannot express
        the decision.
    gap
        Relative distance between the model's optimum and the problem's; NaN where it is not known.
    note
        Why the model is a relaxation, or what else its value leaves out; or nothing.
    """

    model: LinearModel
    legend: tuple[str, ...]
    decision: Callable[[Array], Any] | None = None
    chosen: Callable[[Any], Chosen] | None = None
    gap: float = 0.0
    note: str = ""

    @property
    def exact(self) -> bool:
        """Whether the model's optimum is the problem's."""
        return self.gap <= EXACT_GAP

    @property
    def kind(self) -> str:
        """What the model's optimum is of the objective, in words."""
        if self.exact:
            return "exact"
        side, away = ("a lower", "below") if self.model.sense == "min" else ("an upper", "above")
        by = f", up to {100 * self.gap:.2g} % {away} the optimum" if math.isfinite(self.gap) else ""
        return f"a relaxation: its optimum is {side} bound of the objective{by}"

    def header(self, what: str, unit: str) -> list[str]:
        """Lines of comment for the top of a file; ``what`` names problem, instance and slot."""
        shown = f"the objective [{unit}]" if unit != "1" else "the objective"
        value = f"minimise {shown}" if self.model.sense == "min" else f"minimise MINUS {shown}, which is maximised"
        lines = [f"{what}: {value}", f"The model is {self.kind}."]
        if self.note:
            lines.append(self.note)
        lines.append(f"{CONSTANT} is fixed at 1 and bears the constant of the objective.")
        return [*lines, "Columns and decision fields (indices count from 0):", *(f"  {line}" for line in self.legend)]


def form_of(problem: AnyProblem, slot: Slot, formulation: str, limits: Limits | None) -> Form:
    """The model of one slot.

    Parameters
    ----------
    formulation
        ``"reference"``, the paper's own model, or ``"strong"``.
    limits
        What may be spent on tangents, where the model needs some; None if only the columns matter.

    Raises
    ------
    DtbenchError
        If the problem has no such model of this slot.
    ValueError
        On an unknown formulation.
    """
    if formulation not in FORMULATIONS:
        raise ValueError(f"formulation is '{formulation}'; expected one of {', '.join(FORMULATIONS)}")
    form: Form | None = problem.form(slot, formulation, limits)
    if form is not None:
        return form
    if formulation == "reference":
        return pyomo_form(problem.reference_model(slot), ("as its model in Pyomo names them",))
    model = problem.linear_model(slot)
    if model is None:
        raise DtbenchError(f"'{problem.id}' has no linear strong model; use --formulation reference.")
    return Form(model=model, legend=("as its linear model names them",))


def pyomo_form(
    model: Any,
    legend: Iterable[str],
    decision: Callable[[], Any] | None = None,
    chosen: Callable[[Any], Iterable[tuple[Any, float]]] | None = None,
    gap: float = 0.0,
    note: str = "",
) -> Form:
    """The form of a linear Pyomo model.

    Parameters
    ----------
    decision
        Reads the decision from the model's variables, once they hold the values of a point.
    chosen
        Variables that a decision fixes, with their values.
    """
    linear, variables = arrays_of(model)
    place = {id(variable): j for j, variable in enumerate(variables)}

    def read(x: Array) -> Any:
        for variable in model.component_data_objects(ctype=_variable()):
            variable.set_value(0.0, skip_validation=True)  # columns in no row
        for variable, value in zip(variables, x.tolist(), strict=True):
            variable.set_value(value, skip_validation=True)
        return None if decision is None else decision()

    def columns(given: Any) -> Chosen:
        pairs = () if chosen is None else chosen(given)
        return {place[id(variable)]: float(value) for variable, value in pairs if id(variable) in place}

    return Form(
        model=linear, legend=tuple(legend), decision=None if decision is None else read,
        chosen=None if chosen is None else columns, gap=gap, note=note,
    )  # fmt: skip


def _variable() -> Any:
    import pyomo.environ as pyo

    return pyo.Var


def arrays_of(model: Any) -> tuple[LinearModel, list[Any]]:
    """A linear Pyomo model as arrays, and the variable of each column."""
    import pyomo.environ as pyo
    from pyomo.repn.plugins.standard_form import LinearStandardFormCompiler

    given = LinearStandardFormCompiler().write(model, mixed_form=True, set_sense=None)
    kind = np.array([entry.bound_type for entry in given.rows])
    side = np.asarray(given.rhs, dtype=float)

    def bound(value: float | None, missing: float) -> float:
        return missing if value is None else float(value)

    linear = LinearModel(
        cost=given.c.toarray()[0], offset=float(given.c_offset[0]),
        lower=np.array([bound(v.lb, -np.inf) for v in given.columns]),
        upper=np.array([bound(v.ub, np.inf) for v in given.columns]),
        integer=np.array([v.is_integer() or v.is_binary() for v in given.columns], dtype=bool),
        rows=sparse.csr_array(given.A), row_lower=np.where(kind <= 0, side, -np.inf),
        row_upper=np.where(kind >= 0, side, np.inf),
        sense="min" if given.objectives[0].sense == pyo.minimize else "max",
        names=[v.name for v in given.columns], row_names=[entry.constraint.name for entry in given.rows],
    )  # fmt: skip
    return linear, list(given.columns)


def in_unit(model: LinearModel, columns: BoolArray, factor: float) -> LinearModel:
    """The model with columns (n,) in a unit that is ``factor`` times smaller, and their rows multiplied by it.

    GLPK's presolve takes bounds and rows of continuous columns that are broken by less than 1e-3 for kept, so columns
    that count in the objective should not be much smaller than 1.
    """
    ratio = np.where(columns, factor, 1.0)
    touched = abs(model.rows) @ columns.astype(float) > 0.0
    scale = np.where(touched, factor, 1.0)
    return replace(
        model, cost=model.cost / ratio, lower=model.lower * ratio, upper=model.upper * ratio,
        rows=sparse.csr_array(sparse.diags_array(scale) @ model.rows @ sparse.diags_array(1.0 / ratio)),
        row_lower=model.row_lower * scale, row_upper=model.row_upper * scale,
    )  # fmt: skip


# From a solution to a point, from a decision to a start


def point_of(form: Form, values: Mapping[str, float], *, complete: bool, where: str) -> Array:
    """The point (n,) that a solution file says, integer columns rounded.

    Parameters
    ----------
    values
        Of columns by name, as in the file.
    complete
        Whether the file's format lists all columns. Otherwise those that are missing are 0.
    where
        What errors call the file.

    Raises
    ------
    DtbenchError
        If a name is unknown, a column is missing, a number is none, an integer column is a fraction, or a bound or row
        of the model is broken.
    """
    names = column_names(form.model)
    known = {name: j for j, name in enumerate(names)}
    unknown = [name for name in values if name not in known and name != CONSTANT]
    if unknown:
        more = f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""
        raise DtbenchError(
            f"{where}: column {shown(unknown[0])}{more} is not in the model; it is of another slot, instance or "
            "formulation, or its names were changed."
        )
    missing = [name for name in names if name not in values]
    if complete and missing:
        raise DtbenchError(
            f"{where}: {len(missing)} of {len(names)} columns are missing, such as '{missing[0]}'; the file is cut "
            "off, or of another formulation."
        )
    x = np.array([values.get(name, 0.0) for name in names])
    _require_whole(form, names, x, where)
    x = np.where(form.model.integer, np.round(x), x)
    _require_kept(form, names, x, where)
    return x


def _require_whole(form: Form, names: list[str], x: Array, where: str) -> None:
    none = np.flatnonzero(~np.isfinite(x))
    if none.size:
        raise DtbenchError(f"{where}: column '{names[none[0]]}' is {x[none[0]]}, expected a finite number.")
    off = np.where(form.model.integer, np.abs(x - np.round(x)), 0.0)
    if off.max(initial=0.0) > FRACTION:
        j = int(off.argmax())
        raise DtbenchError(
            f"{where}: column '{names[j]}' is {x[j]:.6g}, expected an integer; it is a solution of the relaxation, or "
            "the solver's tolerance of integrality is too wide."
        )


def _require_kept(form: Form, names: list[str], x: Array, where: str) -> None:
    model = form.model
    reach = np.maximum(1.0, np.abs(x))
    over = np.maximum(model.lower - x, x - model.upper) / reach
    if over.max(initial=0.0) > BROKEN:
        j = int(over.argmax())
        raise DtbenchError(
            f"{where}: column '{names[j]}' is {x[j]:.6g}, expected {model.lower[j]:.6g} to {model.upper[j]:.6g}."
        )
    activity = model.rows @ x
    size = np.maximum(1.0, abs(model.rows) @ np.abs(x))
    over = np.maximum(model.row_lower - activity, activity - model.row_upper) / size
    if over.max(initial=0.0) > BROKEN:
        i = int(over.argmax())
        name = model.row_names[i] if model.row_names else f"r{i}"
        raise DtbenchError(
            f"{where}: row '{name}' of the model is broken by {over[i] * size[i]:.3g}; the file is no solution of this "
            "model, or columns are missing."
        )


def start_of(form: Form, decision: Decision, limits: Limits | None = None) -> Array:
    """The model's best point (n,) with a decision: what the decision fixes, the rest by HiGHS.

    Raises
    ------
    DtbenchError
        If the model cannot express the decision.
    """
    from dtbench.exact.highs import solve_highs

    if form.chosen is None:
        raise DtbenchError("the problem does not say which columns a decision fixes; no start can be written.")
    try:
        chosen = form.chosen(decision)
    except ValueError as error:
        raise DtbenchError(f"the model cannot express the start: {error}.") from None
    lower, upper = form.model.lower.copy(), form.model.upper.copy()
    for column, value in chosen.items():
        lower[column] = upper[column] = value
    inside = (lower >= form.model.lower) & (upper <= form.model.upper)
    if not inside.all():
        name = column_names(form.model)[int(np.flatnonzero(~inside)[0])]
        raise DtbenchError(f"the model cannot express the start: column '{name}' would be out of its bounds.")
    limits = limits or Limits(seconds=START_SECONDS, gap=1e-6)
    result = solve_highs(replace(form.model, lower=lower, upper=upper), limits)
    if result.x is None:
        raise DtbenchError(
            f"the model cannot express the start ({result.native}): the decision is infeasible, or worse than a "
            "decision that the model is pruned by."
        )
    return result.x
