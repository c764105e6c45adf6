"""HiGHS through ``highspy``: a :class:`LinearModel` is handed over as arrays, with every tolerance set."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import Any

import highspy
import numpy as np

from dtbench import anytime
from dtbench.anytime import Listener, Teller
from dtbench.arrays import Array
from dtbench.core import CertificateStatus, Limits
from dtbench.errors import DtbenchError
from dtbench.exact.linear import FEASIBILITY, INFINITE, LinearModel, MilpResult, checked_start, gaps, infeasible

LARGEST, LARGEST_SIDE = 1e6, 1e8
"""Greatest magnitudes of coefficients, costs and bounds, and of rows' sides and terms (coefficient times bound).

With tolerances of 1e-9 HiGHS calls feasible models infeasible and gives false bounds from coefficients of 1e7 on.
Models of shipped instances stay under 1e5, sides of their rows under 1e7.
"""

INTERVAL = 0.05
"""Seconds between two bounds that HiGHS tells while it searches."""

NONZEROS_PER_SECOND, ALWAYS_IN_TIME = 100_000, 50_000
"""Nonzeros of a MILP that HiGHS sets up in a second, without a look at its time limit; how many are tried at any."""

LOCK = threading.RLock()
"""HiGHS has one scheduler per process, which must not be reset while another thread solves."""

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
    model: LinearModel,
    limits: Limits,
    start: Array | None = None,
    *,
    presolved: bool = True,
    teller: Teller | None = None,
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
    teller
        What points and bounds mean, if whoever listens is to be told of them (:mod:`dtbench.anytime`).

    Returns
    -------
    MilpResult
        The bound of an LP counts only at optimality, that of a MILP from any status that proves it. Nothing is found
        and nothing proved where the limit is too short for HiGHS to set the model up.

    Raises
    ------
    DtbenchError
        If a number is too large for HiGHS to be trusted (:func:`refuse_large`).
    ValueError
        If the model is unbounded, HiGHS refuses it, or the start is no point.
    """
    began = time.perf_counter()
    if model.contradictory:
        return infeasible(time.perf_counter() - began, backend())
    if model.n_columns == 0:
        return _empty(model, time.perf_counter() - began)
    if _too_long(model, limits.seconds):
        native = f"no time to set up {model.rows.nnz} nonzeros"
        return MilpResult("unknown", None, math.nan, math.nan, time.perf_counter() - began, backend(), native)
    highs = load(model)
    if start is not None:
        columns = np.arange(model.n_columns, dtype=np.int32)
        highs.setSolution(model.n_columns, columns, checked_start(model, start))
    with LOCK:
        _set_options(highs, limits, presolved=presolved)
        if model.integer.any():
            tell(highs, teller)
        highs.run()
        return _result(highs, model, time.perf_counter() - began)


def _too_long(model: LinearModel, seconds: float) -> bool:
    """Whether HiGHS would go on after the limit before it has begun: it looks at no clock while it sets up a MILP."""
    return bool(model.integer.any()) and model.rows.nnz > max(NONZEROS_PER_SECOND * seconds, ALWAYS_IN_TIME)


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


def tell(highs: highspy.Highs, teller: Teller | None) -> None:
    """Have HiGHS tell whoever listens of each better point, and of bounds every :data:`INTERVAL`."""
    to = anytime.listener()
    if teller is None or to is None:
        return
    for name, value in {"output_flag": True, "log_to_console": False, "mip_min_logging_interval": INTERVAL}.items():
        highs.setOptionValue(name, value)  # bounds are told with the lines of a log, which goes nowhere
    if teller.decision is not None:
        highs.cbMipImprovingSolution += lambda event: _point(event, teller, to)
    if teller.bound is not None:
        highs.cbMipLogging += lambda event: teller.tell(to, bound=event.data_out.mip_dual_bound)


def _point(event: Any, teller: Teller, to: Listener) -> None:
    teller.tell(to, np.array(event.data_out.mip_solution, dtype=float))


def refuse_large(model: LinearModel) -> None:
    """Refuse numbers with which HiGHS proves what is false.

    Raises
    ------
    DtbenchError
        It names the row or column, the number, and what to do.
    """
    rows = model.rows.tocoo()
    reach = np.maximum(*(np.where(np.isfinite(side), np.abs(side), 0.0) for side in (model.lower, model.upper)))

    def of_entry(entry: int) -> str:
        return f"{model.row(int(rows.row[entry]))} has {model.column(int(rows.col[entry]))} with the"

    checks: list[tuple[str, Array, float, Callable[[int], str]]] = [
        ("coefficient", rows.data, LARGEST, of_entry),
        ("cost", model.cost, LARGEST, lambda j: f"{model.column(j)} has the"),
        ("bound", model.lower, LARGEST, lambda j: f"{model.column(j)} has the lower"),
        ("bound", model.upper, LARGEST, lambda j: f"{model.column(j)} has the upper"),
        ("side", model.row_lower, LARGEST_SIDE, lambda i: f"{model.row(i)} has the lower"),
        ("side", model.row_upper, LARGEST_SIDE, lambda i: f"{model.row(i)} has the upper"),
        ("coefficient times bound", rows.data * reach[rows.col], LARGEST_SIDE, of_entry),
    ]
    for what, values, largest, where in checks:
        over = np.flatnonzero((np.abs(values) > largest) & (np.abs(values) < np.inf))
        if over.size:
            raise too_large(f"{where(int(over[0]))} {what} {float(values[over[0]]):.6g}", largest)


def too_large(what: str, largest: float) -> DtbenchError:
    """The error of a number that HiGHS must not be given."""
    return DtbenchError(
        f"{what}; what HiGHS proves cannot be trusted above {largest:.0e}. Change the unit (Mbit for bit, say), or "
        f"take a smaller constant; no bound is written as inf, or as {INFINITE:.0e} or more."
    )


def load(model: LinearModel) -> highspy.Highs:
    """HiGHS holding the model for solving, silent, with default options.

    Raises
    ------
    DtbenchError
        If a number is too large (:func:`refuse_large`).
    ValueError
        If HiGHS refuses the model.
    """
    refuse_large(model)
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
