"""OR-Tools CP-SAT for models of integer columns and row coefficients; real costs are floored, the bound stays valid."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
from ortools.sat.python import cp_model

from dtbench import anytime
from dtbench.anytime import Listener, Teller
from dtbench.arrays import Array
from dtbench.core import CertificateStatus, Limits
from dtbench.errors import DtbenchError
from dtbench.exact.linear import FEASIBILITY, LinearModel, MilpResult, checked_start, gaps, infeasible

LARGEST = 2**52
"""Greatest magnitude of a scaled objective and of a column: below 2^53 every value is exact as a double."""

LARGEST_SUM = 2**61
"""Greatest magnitude of what a row can reach, its coefficients and sides: sums of 64-bit integers do not overflow."""

LOOK = 5000
"""Columns or rows that are written between two looks at the clock: some hundredths of a second."""

# What each status proves: (status, whether the bound counts).
STATUS: dict[Any, tuple[CertificateStatus, bool]] = {
    cp_model.OPTIMAL: ("optimal", True),
    cp_model.FEASIBLE: ("feasible", True),
    cp_model.INFEASIBLE: ("infeasible", False),
    cp_model.UNKNOWN: ("unknown", False),  # stopped before anything was known, its bound may be a default
}


def backend() -> str:
    """Name and version, ``"CP-SAT 9.15.6755"``."""
    return f"CP-SAT {version('ortools')}"


def solve_cpsat(
    model: LinearModel, limits: Limits, scale: float, start: Array | None = None, *, teller: Teller | None = None
) -> MilpResult:
    """Solve an all-integer model with CP-SAT.

    Each cost c is replaced by ``scale floor(c / scale)`` (in the sense of minimisation). What is cut off, d = c minus
    that, lies in [0, scale), so the true objective exceeds the scaled one by ``sum d x >= sum d lower``: that constant
    is added to CP-SAT's bound, which so stays a bound of the true objective. What flooring loses is at most ``scale``
    times the sum of ``x - lower`` over the columns that cost: ``scale`` times the number of ones for a 0-1 model.

    Parameters
    ----------
    model
        All columns integer with finite bounds, all coefficients of rows integers.
    limits
        Wall seconds (writing the model down counts), gaps (of the scaled objective) and workers: one unless ``threads``
        says more.
    scale
        Unit of the scaled costs, in the objective's unit.
    start
        (n,) point given as a hint.
    teller
        What points and bounds (of ``model``) mean, if whoever listens is to be told of them (:mod:`dtbench.anytime`).

    Raises
    ------
    DtbenchError
        If a coefficient, a bound or a row's sum does not fit into the integers of CP-SAT.
    ValueError
        If the model is not all-integer, the start is no point, or the scaled objective does not fit into the exact
        integers of a double.
    """
    began = time.perf_counter()
    if model.contradictory:
        return infeasible(time.perf_counter() - began, backend())
    sign = 1.0 if model.sense == "min" else -1.0
    costs = _scaled(model, sign, scale)
    cp = _build(model, costs, start, began + limits.seconds)
    if cp is None:
        return _nothing(began, "no time to write the model down")
    solver = cp_model.CpSolver()
    relative, absolute = gaps(limits)
    solver.parameters.num_workers = limits.threads
    solver.parameters.max_time_in_seconds = max(limits.seconds - (time.perf_counter() - began), 0.0)
    solver.parameters.relative_gap_limit = relative
    solver.parameters.absolute_gap_limit = absolute / scale
    solver.parameters.random_seed = 0
    bound_of = _bound_of(model, sign, scale, costs)
    told = _tell(solver, model, teller, bound_of)
    native = solver.solve(cp, told)
    if native not in STATUS:
        raise ValueError(f"CP-SAT ended with '{solver.status_name(native)}': {cp.validate()}")
    status, proves = STATUS[native]
    x = None
    if native in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        x = np.array(solver.response_proto.solution, dtype=float)
    bound = math.nan
    if proves and math.isfinite(solver.best_objective_bound):
        bound = bound_of(solver.best_objective_bound)
    return MilpResult(
        status=status,
        x=x,
        objective=model.value(x) if x is not None else math.nan,
        bound=bound,
        seconds=time.perf_counter() - began,
        backend=backend(),
        native=solver.status_name(native),
        details={"scale": scale, "columns": model.n_columns, "rows": model.n_rows},
    )


def _bound_of(model: LinearModel, sign: float, scale: float, costs: npt.NDArray[np.int64]) -> Callable[[float], float]:
    """From CP-SAT's bound of the scaled objective to one of the true objective."""
    cut = sign * model.cost - scale * costs
    constant = float(np.where(cut >= 0, cut * model.lower, cut * model.upper).sum())
    return lambda scaled: sign * (scale * scaled + constant) + model.offset


def _tell(
    solver: cp_model.CpSolver, model: LinearModel, teller: Teller | None, bound_of: Callable[[float], float]
) -> _Points | None:
    """Have CP-SAT tell whoever listens of bounds; and what tells of points, None if nobody is to be told."""
    to = anytime.listener()
    if teller is None or to is None:
        return None
    solver.best_bound_callback = lambda scaled: teller.tell(to, bound=bound_of(scaled))
    return None if teller.decision is None else _Points(teller, to, model.n_columns)


class _Points(cp_model.CpSolverSolutionCallback):
    """Tells of each better point."""

    def __init__(self, teller: Teller, to: Listener, n_columns: int) -> None:
        super().__init__()
        self.teller, self.to, self.n_columns = teller, to, n_columns

    def on_solution_callback(self) -> None:
        """Called by CP-SAT."""
        point = np.fromiter(self.response_proto.solution, dtype=float, count=self.n_columns)
        self.teller.tell(self.to, point)


def _scaled(model: LinearModel, sign: float, scale: float) -> npt.NDArray[np.int64]:
    """(n,) integer costs of the minimisation, after checking that the model is one for CP-SAT."""
    coefficients = model.rows.data
    if not (model.integer.all() and np.isfinite(model.lower).all() and np.isfinite(model.upper).all()):
        raise ValueError("CP-SAT takes integer columns with finite bounds only")
    if not (coefficients == np.round(coefficients)).all():
        raise ValueError("CP-SAT takes integer row coefficients only")
    _refuse_large(model)
    reach = np.abs(model.cost) * np.maximum(np.abs(model.lower), np.abs(model.upper))
    if not (0.0 < scale < math.inf and reach.sum() / scale <= LARGEST):
        raise ValueError(
            f"costs add up to {reach.sum():.3g}, which in units of the scale {scale!r} must be at most 2^52; "
            f"take a scale above {reach.sum() / LARGEST:.3g}"
        )
    scaled = np.floor(sign * model.cost / scale)
    if (np.abs(scaled) > LARGEST).any():  # of columns that are always 0
        scaled = np.where(reach > 0.0, scaled, 0.0)
    return scaled.astype(np.int64)


def _refuse_large(model: LinearModel) -> None:
    """Refuse numbers that do not fit into the integers of CP-SAT.

    Raises
    ------
    DtbenchError
        It names the row or column and the number.
    """

    def refuse(where: str, value: float, largest: int) -> None:
        raise DtbenchError(
            f"{where} {value:.6g}, which does not fit into the integers of CP-SAT (at most {largest:.3g}). "
            "Change the unit, or write inf for no bound."
        )

    for what, bound in (("lower", model.lower), ("upper", model.upper)):
        for number in np.flatnonzero(np.abs(bound) > LARGEST)[:1].tolist():
            refuse(f"{model.column(number)} has the {what} bound", float(bound[number]), LARGEST)
    rows = model.rows.tocoo()
    for entry in np.flatnonzero(np.abs(rows.data) > LARGEST_SUM)[:1].tolist():
        where = f"{model.row(int(rows.row[entry]))} has {model.column(int(rows.col[entry]))} with the coefficient"
        refuse(where, float(rows.data[entry]), LARGEST_SUM)
    for what, side in (("lower", model.row_lower), ("upper", model.row_upper)):
        for number in np.flatnonzero((np.abs(side) > LARGEST_SUM) & np.isfinite(side))[:1].tolist():
            refuse(f"{model.row(number)} has the {what} side", float(side[number]), LARGEST_SUM)
    most = abs(model.rows) @ np.maximum(np.abs(model.lower), np.abs(model.upper))
    for number in np.flatnonzero(most > LARGEST_SUM)[:1].tolist():
        refuse(f"{model.row(number)} can reach", float(most[number]), LARGEST_SUM)


def _nothing(began: float, native: str) -> MilpResult:
    """The result of a solve that did not begin."""
    return MilpResult("unknown", None, math.nan, math.nan, time.perf_counter() - began, backend(), native=native)


def _build(
    model: LinearModel, costs: npt.NDArray[np.int64], start: Array | None, until: float
) -> cp_model.CpModel | None:
    """The model in CP-SAT; None if the clock (``time.perf_counter``) says ``until`` [s] before its rows are written."""
    cp = cp_model.CpModel()
    lower = np.ceil(model.lower - FEASIBILITY).astype(np.int64)
    upper = np.floor(model.upper + FEASIBILITY).astype(np.int64)
    columns = []
    for number, (a, b) in enumerate(zip(lower.tolist(), upper.tolist(), strict=True)):
        if number % LOOK == LOOK - 1 and time.perf_counter() > until:
            return None
        columns.append(cp.new_int_var(a, b, ""))
    least = [math.ceil(v) if math.isfinite(v) else cp_model.INT_MIN for v in model.row_lower.tolist()]
    most = [math.floor(v) if math.isfinite(v) else cp_model.INT_MAX for v in model.row_upper.tolist()]
    indices, ends = model.rows.indices, model.rows.indptr
    coefficients = np.round(model.rows.data).astype(np.int64)
    for row in range(model.n_rows):
        if row % LOOK == LOOK - 1 and time.perf_counter() > until:
            return None
        entries = slice(ends[row], ends[row + 1])
        terms = [columns[i] for i in indices[entries]]
        total = cp_model.LinearExpr.weighted_sum(terms, coefficients[entries].tolist())
        cp.add_linear_constraint(total, least[row], most[row])
    cp.minimize(cp_model.LinearExpr.weighted_sum(columns, costs.tolist()))
    if start is not None:
        for column, value in zip(columns, np.round(checked_start(model, start)).astype(np.int64).tolist(), strict=True):
            cp.add_hint(column, value)
    return cp
