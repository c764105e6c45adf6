"""Pyomo models: solved with HiGHS under explicit gaps, and the same result as every other back end."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import highspy
import numpy as np
import numpy.typing as npt
import pyomo
import pyomo.environ as pyo
from pyomo.contrib.solver.common.results import SolutionStatus, TerminationCondition
from pyomo.contrib.solver.solvers.highs import Highs
from pyomo.repn import generate_standard_repn

from dtbench.anytime import Teller
from dtbench.core import CertificateStatus, Limits
from dtbench.exact import highs
from dtbench.exact.linear import FEASIBILITY, INFINITE, MilpResult, gaps

T = TerminationCondition

# What each termination proves: (status with an incumbent, status without one, whether the bound counts).
STATUS: dict[TerminationCondition, tuple[CertificateStatus, CertificateStatus, bool]] = {
    T.convergenceCriteriaSatisfied: ("optimal", "unknown", True),
    T.provenInfeasible: ("infeasible", "infeasible", False),
    T.maxTimeLimit: ("feasible", "unknown", True),
    T.iterationLimit: ("feasible", "unknown", True),
    T.objectiveLimit: ("feasible", "unknown", True),
    T.infeasibleOrUnbounded: ("unknown", "unknown", False),
    T.unknown: ("unknown", "unknown", False),
}

UPDATES = (
    "check_for_new_or_removed_constraints",
    "check_for_new_or_removed_vars",
    "check_for_new_or_removed_params",
    "check_for_new_objective",
    "update_constraints",
    "update_vars",
    "update_parameters",
    "update_named_expressions",
    "update_objective",
)
"""What Pyomo would look for in a model that it translated a moment ago; on a large model that takes seconds."""


TERMS_PER_SECOND, MOST_TERMS = 300_000, 3_000_000
"""Terms of sums that Pyomo writes in a second, at best, and those that fit into a few GiB."""


def backend() -> str:
    """Names and versions, ``"Pyomo 6.10.1, HiGHS 1.14.0"``."""
    return f"Pyomo {pyomo.__version__}, {highs.backend()}"


def _nothing(began: float, native: str) -> MilpResult:
    """The result of a solve that did not begin."""
    return MilpResult("unknown", None, math.nan, math.nan, time.perf_counter() - began, backend(), native=native)


def too_long(terms: float, seconds: float) -> MilpResult | None:
    """The result of a model that is not written, as that takes longer than the seconds left; None if it is in reach.

    Who builds a Pyomo model of ``terms`` terms (columns in rows and costs) asks this first: nothing can stop Pyomo on
    the way.
    """
    if terms <= min(TERMS_PER_SECOND * seconds, MOST_TERMS):
        return None
    return _nothing(time.perf_counter(), f"no time to write {terms:.3g} terms down")


def _refuse_large(model: pyo.ConcreteModel, lp: highspy.HighsLp) -> None:
    """Refuse numbers with which HiGHS proves what is false, by the names that the model gives them."""
    sides = np.concatenate([lp.row_lower_, lp.row_upper_])
    numbers = np.concatenate([lp.a_matrix_.value_, lp.col_cost_, lp.col_lower_, lp.col_upper_])
    if not (_over(numbers, highs.LARGEST) or _over(sides, highs.LARGEST_SIDE)):
        return
    for variable in model.component_data_objects(pyo.Var):
        for bound in (variable.lb, variable.ub):
            if bound is not None and _over(bound, highs.LARGEST):
                raise highs.too_large(f"variable '{variable.name}' has the bound {bound:.6g}", highs.LARGEST)
    for part in (*model.component_data_objects(pyo.Objective, active=True), *_constraints(model)):
        repn = generate_standard_repn(part.expr if part.ctype is pyo.Objective else part.body)
        for variable, coefficient in zip(repn.linear_vars, repn.linear_coefs, strict=True):
            if _over(coefficient, highs.LARGEST):
                what = f"'{part.name}' has '{variable.name}' with the coefficient {coefficient:.6g}"
                raise highs.too_large(what, highs.LARGEST)
        for side in () if part.ctype is pyo.Objective else (part.lower, part.upper):
            if side is not None and _over(pyo.value(side) - repn.constant, highs.LARGEST_SIDE):
                what = f"'{part.name}' has the right-hand side {pyo.value(side) - repn.constant:.6g}"
                raise highs.too_large(what, highs.LARGEST_SIDE)
    raise highs.too_large(f"Pyomo model '{model.name}' holds a larger number", highs.LARGEST)


def _constraints(model: pyo.ConcreteModel) -> Iterator[Any]:
    yield from model.component_data_objects(pyo.Constraint, active=True)


def _over(values: npt.ArrayLike, largest: float) -> bool:
    """Whether a number is above ``largest`` and not infinite."""
    size = np.abs(np.asarray(values, dtype=float))
    return bool(((size > largest) & (size < INFINITE)).any())


def solve_pyomo(
    model: pyo.ConcreteModel, limits: Limits, *, decision: Callable[[], Any] | None = None,
    bound: Callable[[float], float] = float,
) -> MilpResult:  # fmt: skip
    """Solve a linear Pyomo model with HiGHS; its variables then hold the incumbent, if there is one.

    Parameters
    ----------
    model
        With one active objective.
    limits
        Wall seconds (translating the model counts, but is not cut short), gaps (no relative gap means 0), threads.
    decision, bound
        If whoever listens is to be told (:mod:`dtbench.anytime`): the decision that the model's variables hold, and a
        bound in the unit of the objective. Points are put into the variables for that when the method has ended.

    Returns
    -------
    MilpResult
        ``x`` holds the values of all variables in the order of the model.

    Raises
    ------
    DtbenchError
        If a number is too large for HiGHS to be trusted (:data:`dtbench.exact.highs.LARGEST`).
    ValueError
        If the model is unbounded or HiGHS fails.

    Notes
    -----
    One thread at a time: Pyomo redirects standard output and pauses the garbage collector, HiGHS has one scheduler, all
    of the whole process. Waiting for another thread counts as time.
    """
    began = time.perf_counter()
    if not highs.LOCK.acquire(timeout=min(max(limits.seconds, 0.0), threading.TIMEOUT_MAX)):
        return _nothing(began, "waited for another thread")
    try:
        return _solve(model, limits, began, (decision, bound))
    finally:
        highs.LOCK.release()


def _teller(model: pyo.ConcreteModel, solver: Highs, decision: Callable[[], Any], bound: Any) -> Teller:
    """Points of HiGHS as decisions, by the model's variables."""
    columns = [
        (variable, solver._pyomo_var_to_solver_var_map[id(variable)])
        for variable in model.component_data_objects(pyo.Var)
        if id(variable) in solver._pyomo_var_to_solver_var_map
    ]

    def of(point: npt.NDArray[Any]) -> Any:
        for variable, column in columns:
            variable.set_value(float(point[column]), skip_validation=True)
        return decision()

    return Teller(of, bound)


def _solve(
    model: pyo.ConcreteModel, limits: Limits, began: float, told: tuple[Callable[[], Any] | None, Any]
) -> MilpResult:
    if time.perf_counter() - began > limits.seconds:
        return _nothing(began, "no time to translate the model")
    relative, absolute = gaps(limits)
    solver = Highs()
    config = solver.config
    config.load_solutions = False
    config.raise_exception_on_nonoptimal_result = False
    config.threads, config.rel_gap, config.abs_gap = limits.threads, relative, absolute
    config.solver_options = {
        "mip_feasibility_tolerance": FEASIBILITY,
        "primal_feasibility_tolerance": FEASIBILITY,
        "dual_feasibility_tolerance": FEASIBILITY,
        "parallel": "on" if limits.threads > 1 else "off",
        "random_seed": 0,
    }
    highspy.Highs.resetGlobalScheduler(True)  # else the thread count of the first solve in this process stays
    solver.set_instance(model)
    _refuse_large(model, solver._solver_model.getLp())
    for check in UPDATES:
        setattr(config.auto_updates, check, False)
    if told[0] is not None:
        highs.tell(solver._solver_model, _teller(model, solver, told[0], told[1]))
    config.time_limit = max(limits.seconds - (time.perf_counter() - began), 0.0)
    results = solver.solve(model)
    ended = results.termination_condition
    if ended not in STATUS:
        raise ValueError(f"HiGHS ended with '{ended.name}' on Pyomo model '{model.name}'")
    with_point, without, proves = STATUS[ended]
    has_point = results.solution_status in (SolutionStatus.optimal, SolutionStatus.feasible)
    x, objective = None, math.nan
    if has_point:
        results.solution_loader.load_vars()
        values = [variable.value for variable in model.component_data_objects(pyo.Var)]
        x = np.array([math.nan if value is None else value for value in values], dtype=float)
        objective = float(results.incumbent_objective)
    bound = results.objective_bound
    return MilpResult(
        status=with_point if has_point else without,
        x=x,
        objective=objective,
        bound=float(bound) if proves and bound is not None and math.isfinite(bound) else math.nan,
        seconds=time.perf_counter() - began,
        backend=backend(),
        native=ended.name,
    )
