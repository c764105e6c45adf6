"""Pyomo models: solved with HiGHS under explicit gaps, and the same result as every other back end."""

from __future__ import annotations

import math
import time

import highspy
import numpy as np
import pyomo
import pyomo.environ as pyo
from pyomo.contrib.solver.common.results import SolutionStatus, TerminationCondition
from pyomo.contrib.solver.solvers.highs import Highs

from dtbench.core import CertificateStatus, Limits
from dtbench.exact import highs
from dtbench.exact.linear import MilpResult, gaps

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


def backend() -> str:
    """Names and versions, ``"Pyomo 6.10.1, HiGHS 1.14.0"``."""
    return f"Pyomo {pyomo.__version__}, {highs.backend()}"


def solve_pyomo(model: pyo.ConcreteModel, limits: Limits) -> MilpResult:
    """Solve a linear Pyomo model with HiGHS; its variables then hold the incumbent, if there is one.

    Parameters
    ----------
    model
        With one active objective.
    limits
        Wall seconds (translating the model counts, but is not cut short), gaps (no relative gap means 0), threads.

    Returns
    -------
    MilpResult
        ``x`` holds the values of all variables in the order of the model.

    Raises
    ------
    ValueError
        If the model is unbounded or HiGHS fails.
    """
    began = time.perf_counter()
    relative, absolute = gaps(limits)
    solver = Highs()
    config = solver.config
    config.load_solutions = False
    config.raise_exception_on_nonoptimal_result = False
    config.threads, config.rel_gap, config.abs_gap = limits.threads, relative, absolute
    config.solver_options = {
        "mip_feasibility_tolerance": highs.FEASIBILITY,
        "primal_feasibility_tolerance": highs.FEASIBILITY,
        "dual_feasibility_tolerance": highs.FEASIBILITY,
        "parallel": "on" if limits.threads > 1 else "off",
        "random_seed": 0,
    }
    highspy.Highs.resetGlobalScheduler(True)  # else the thread count of the first solve in this process stays
    solver.set_instance(model)
    for check in UPDATES:
        setattr(config.auto_updates, check, False)
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
