"""HiGHS through ``highspy``: a :class:`LinearModel` is handed over as arrays, with every tolerance set."""

from __future__ import annotations

import math
import time

import highspy
import numpy as np

from dtbench.arrays import Array
from dtbench.core import CertificateStatus, Limits
from dtbench.exact.linear import LinearModel, MilpResult, gaps

FEASIBILITY = 1e-9
"""Primal, dual and integer feasibility tolerance: the defaults (1e-7, 1e-7, 1e-6) are too coarse for a 1e-7 gap."""

S = highspy.HighsModelStatus

# What each status proves: (status with an incumbent, status without one, whether the bound counts).
STATUS: dict[highspy.HighsModelStatus, tuple[CertificateStatus, CertificateStatus, bool]] = {
    S.kOptimal: ("optimal", "unknown", True),
    S.kModelEmpty: ("optimal", "optimal", True),
    S.kInfeasible: ("infeasible", "infeasible", False),
    S.kTimeLimit: ("feasible", "unknown", True),
    S.kIterationLimit: ("feasible", "unknown", True),
    S.kSolutionLimit: ("feasible", "unknown", True),
    S.kObjectiveBound: ("feasible", "unknown", True),
    S.kObjectiveTarget: ("feasible", "unknown", True),
    S.kInterrupt: ("feasible", "unknown", True),
    S.kHighsInterrupt: ("feasible", "unknown", True),
    S.kMemoryLimit: ("feasible", "unknown", True),
    S.kUnboundedOrInfeasible: ("unknown", "unknown", False),
    S.kUnknown: ("unknown", "unknown", False),
}


def backend() -> str:
    """Name and version, ``"HiGHS 1.14.0"``."""
    return f"HiGHS {highspy.Highs().version()}"


def solve_highs(
    model: LinearModel, limits: Limits, start: Array | None = None, *, presolved: bool = True
) -> MilpResult:
    """Solve a model with HiGHS.

    Parameters
    ----------
    model
        LP or MILP.
    limits
        Wall seconds, gaps (no relative gap means 0) and threads.
    start
        (n,) feasible point given as MIP start; ignored by HiGHS where it is not feasible.
    presolved
        Whether HiGHS may presolve; without it is quicker where the first relaxation is nearly integral.

    Returns
    -------
    MilpResult
        The bound of an LP counts only at optimality, that of a MILP from any status that proves it.

    Raises
    ------
    ValueError
        If the model is unbounded or HiGHS refuses it.
    """
    began = time.perf_counter()
    if model.n_columns == 0:
        return _empty(model, time.perf_counter() - began)
    highs = load(model)
    _set_options(highs, limits, presolved=presolved)
    if start is not None:
        columns = np.arange(model.n_columns, dtype=np.int32)
        highs.setSolution(model.n_columns, columns, np.asarray(start, dtype=float))
    highs.run()
    return _result(highs, model, time.perf_counter() - began)


def _set_options(highs: highspy.Highs, limits: Limits, *, presolved: bool) -> None:
    relative, absolute = gaps(limits)
    options = {
        "mip_rel_gap": relative,
        "mip_abs_gap": absolute,
        "mip_feasibility_tolerance": FEASIBILITY,
        "primal_feasibility_tolerance": FEASIBILITY,
        "dual_feasibility_tolerance": FEASIBILITY,
        "threads": limits.threads,
        "presolve": "choose" if presolved else "off",
        "parallel": "on" if limits.threads > 1 else "off",
        "time_limit": max(limits.seconds, 0.0),
        "random_seed": 0,
    }
    for name, value in options.items():
        if highs.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            raise ValueError(f"HiGHS refuses {name} = {value!r}")
    highspy.Highs.resetGlobalScheduler(True)  # else the thread count of the first solve in this process stays


def load(model: LinearModel) -> highspy.Highs:
    """HiGHS holding the model, silent, with default options."""
    highs = highspy.Highs()
    highs.silent()
    sense = highspy.ObjSense.kMinimize if model.sense == "min" else highspy.ObjSense.kMaximize
    rows = model.rows
    passed = highs.passModel(
        model.n_columns,
        model.n_rows,
        rows.nnz,
        int(highspy.MatrixFormat.kRowwise),
        int(sense),
        model.offset,
        model.cost,
        model.lower,
        model.upper,
        model.row_lower,
        model.row_upper,
        rows.indptr.astype(np.int32),
        rows.indices.astype(np.int32),
        rows.data.astype(np.float64),
        model.integer.astype(np.int32),
    )
    if passed == highspy.HighsStatus.kError:
        raise ValueError("HiGHS refuses the model")
    return highs


def _result(highs: highspy.Highs, model: LinearModel, seconds: float) -> MilpResult:
    native, info = highs.getModelStatus(), highs.getInfo()
    words = highs.modelStatusToString(native)
    if native == S.kUnbounded:
        raise ValueError("the model is unbounded: bound the columns that its objective drives to infinity")
    if native not in STATUS:
        raise ValueError(f"HiGHS ended with '{words}'")
    with_point, without, proves = STATUS[native]
    is_mip = bool(model.integer.any())
    has_point = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    x = np.array(highs.getSolution().col_value, dtype=float) if has_point else None
    bound = math.nan
    if proves and is_mip and math.isfinite(info.mip_dual_bound):
        bound = float(info.mip_dual_bound)
    elif proves and not is_mip and native == S.kOptimal:
        bound = float(info.objective_function_value)
    return MilpResult(
        status=with_point if has_point else without,
        x=x,
        objective=model.value(x) if x is not None else math.nan,
        bound=bound,
        seconds=seconds,
        backend=backend(),
        native=words,
        details={"nodes": int(info.mip_node_count), "columns": model.n_columns, "rows": model.n_rows},
    )


def _empty(model: LinearModel, seconds: float) -> MilpResult:
    """A model without columns: its rows hold at 0 or never."""
    x = np.zeros(0)
    if model.violation(x) > FEASIBILITY:
        return MilpResult("infeasible", None, math.nan, math.nan, seconds, backend())
    return MilpResult("optimal", x, model.offset, model.offset, seconds, backend())
