"""From what a back end proved to a certificate: the referee scores the incumbent, the gap decides the status."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dtbench.core import AnyProblem, Certificate, CertificateStatus, Decision, Limits, Slot, relative_gap

ROUNDING = 1e-9
"""A bound may pass the objective by this much, relative to max(1, |objective|): rounding noise, which is cut off."""

MARGIN = 0.9
"""Back ends stop at this part of the wanted gap: the referee's objective differs from theirs by rounding."""


def with_target(problem: AnyProblem, limits: Limits) -> Limits:
    """Limits whose relative gap is the problem's own where none was given."""
    return replace(limits, gap=problem.exactness.target_gap) if limits.gap is None else limits


def left(limits: Limits, began: float) -> Limits:
    """:func:`tightened`, with the seconds that are left of limits since ``began`` [s, of ``time.perf_counter``]."""
    return tightened(limits, limits.seconds - (time.perf_counter() - began))


def tightened(limits: Limits, seconds: float) -> Limits:
    """Limits for a back end: gaps a little smaller than wanted, and the seconds that are left."""
    gap = None if limits.gap is None else MARGIN * limits.gap
    return replace(limits, seconds=max(seconds, 0.0), gap=gap, gap_abs=MARGIN * limits.gap_abs)


def certify(
    problem: AnyProblem,
    slot: Slot,
    decision: Decision | None,
    bound: float,
    limits: Limits,
    *,
    seconds: float,
    method: str,
    backend: str,
    infeasible: bool = False,
    details: Mapping[str, Any] | None = None,
) -> Certificate:
    """Certificate of one slot: the objective is evaluated here, ``optimal`` is said only when the gap proves it.

    Parameters
    ----------
    decision
        The incumbent, or None.
    bound
        What the method proved, NaN where it proved nothing.
    limits
        With a relative gap (:func:`with_target`); either gap reached is enough.
    infeasible
        Whether the method proved that no decision is feasible.

    Raises
    ------
    ValueError
        If the incumbent is infeasible, or the bound passes the objective by more than rounding: model and referee
        disagree, and nothing that they say can be trusted.
    """
    objective = math.nan
    status: CertificateStatus = "infeasible" if infeasible else "unknown"
    if decision is not None:
        outcome = problem.evaluate(slot, decision)
        if not outcome.feasible:
            broken = {name: float(value) for name, value in outcome.violations.items() if value > 0}
            raise ValueError(f"method '{method}' of '{problem.id}' gave an infeasible decision: {broken}")
        objective = float(outcome.objective)
        bound = _clipped(problem, method, objective, bound)
        close = abs(objective - bound) <= limits.gap_abs or relative_gap(objective, bound) <= (limits.gap or 0.0)
        status = "optimal" if close else "feasible"
    return Certificate(objective, bound, status, seconds, method, backend, decision, details or {})


def _clipped(problem: AnyProblem, method: str, objective: float, bound: float) -> float:
    """The bound, cut at the objective where it passes it by rounding only."""
    sign = 1.0 if problem.sense == "min" else -1.0
    excess = sign * (bound - objective)
    if excess > ROUNDING * max(1.0, abs(objective)):
        raise ValueError(
            f"method '{method}' of '{problem.id}' claims bound {bound!r} beyond the objective {objective!r} "
            "of a feasible decision: model and referee disagree"
        )
    return objective if excess > 0 else bound
