"""OR-Tools CP-SAT for models of integer columns and row coefficients; real costs are floored, the bound stays valid."""

from __future__ import annotations

import math
import time
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
from ortools.sat.python import cp_model

from dtbench.arrays import Array
from dtbench.core import CertificateStatus, Limits
from dtbench.exact.linear import LinearModel, MilpResult, gaps

LARGEST = 2**52
"""Greatest magnitude of a scaled objective: below 2^53 every value is exact as a double."""

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


def solve_cpsat(model: LinearModel, limits: Limits, scale: float, start: Array | None = None) -> MilpResult:
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
        Wall seconds, gaps (of the scaled objective) and workers: one unless ``threads`` says more.
    scale
        Unit of the scaled costs, in the objective's unit.
    start
        (n,) point given as a hint.

    Raises
    ------
    ValueError
        If the model is not all-integer, or the scaled objective does not fit into the exact integers of a double.
    """
    began = time.perf_counter()
    sign = 1.0 if model.sense == "min" else -1.0
    costs = _scaled(model, sign, scale)
    cp = _build(model, costs, start)
    solver = cp_model.CpSolver()
    relative, absolute = gaps(limits)
    solver.parameters.num_workers = limits.threads
    solver.parameters.max_time_in_seconds = max(limits.seconds - (time.perf_counter() - began), 0.0)
    solver.parameters.relative_gap_limit = relative
    solver.parameters.absolute_gap_limit = absolute / scale
    solver.parameters.random_seed = 0
    native = solver.solve(cp)
    if native not in STATUS:
        raise ValueError(f"CP-SAT ended with '{solver.status_name(native)}': {cp.validate()}")
    status, proves = STATUS[native]
    x = None
    if native in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        x = np.array(solver.response_proto.solution, dtype=float)
    bound = math.nan
    if proves and math.isfinite(solver.best_objective_bound):
        cut = sign * model.cost - scale * costs
        least = np.where(cut >= 0, cut * model.lower, cut * model.upper).sum()
        bound = sign * (scale * solver.best_objective_bound + float(least)) + model.offset
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


def _scaled(model: LinearModel, sign: float, scale: float) -> npt.NDArray[np.int64]:
    """(n,) integer costs of the minimisation, after checking that the model is one for CP-SAT."""
    coefficients = model.rows.data
    if not (model.integer.all() and np.isfinite(model.lower).all() and np.isfinite(model.upper).all()):
        raise ValueError("CP-SAT takes integer columns with finite bounds only")
    if not (coefficients == np.round(coefficients)).all():
        raise ValueError("CP-SAT takes integer row coefficients only")
    scaled = np.floor(sign * model.cost / scale)
    reach = (np.abs(scaled) * np.maximum(np.abs(model.lower), np.abs(model.upper))).sum()
    if reach > LARGEST:
        raise ValueError(
            f"costs / scale add up to {reach:.3g} > 2^52; take a scale above {scale * reach / LARGEST:.3g}"
        )
    return scaled.astype(np.int64)


def _build(model: LinearModel, costs: npt.NDArray[np.int64], start: Array | None) -> cp_model.CpModel:
    cp = cp_model.CpModel()
    lower, upper = np.ceil(model.lower).astype(np.int64), np.floor(model.upper).astype(np.int64)
    columns = [cp.new_int_var(int(a), int(b), "") for a, b in zip(lower, upper, strict=True)]
    least = [math.ceil(v) if math.isfinite(v) else cp_model.INT_MIN for v in model.row_lower.tolist()]
    most = [math.floor(v) if math.isfinite(v) else cp_model.INT_MAX for v in model.row_upper.tolist()]
    indices, ends = model.rows.indices, model.rows.indptr
    coefficients = np.round(model.rows.data).astype(np.int64)
    for row in range(model.n_rows):
        entries = slice(ends[row], ends[row + 1])
        terms = [columns[i] for i in indices[entries]]
        total = cp_model.LinearExpr.weighted_sum(terms, coefficients[entries].tolist())
        cp.add_linear_constraint(total, least[row], most[row])
    cp.minimize(cp_model.LinearExpr.weighted_sum(columns, costs.tolist()))
    if start is not None:
        for column, value in zip(columns, np.round(start).astype(np.int64).tolist(), strict=True):
            cp.add_hint(column, value)
    return cp
