"""The state of a proof of one slot: what an outer approximation or an enumeration knows so far."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import Any

from dtbench import anytime
from dtbench.core import AnyProblem, Certificate, Decision, Limits, is_better, relative_gap
from dtbench.exact.certificate import certify


@dataclass
class Proof:
    """The best decision so far, the best bound, the clock. What gets better is told (:mod:`dtbench.anytime`).

    Attributes
    ----------
    limits
        With a relative gap.
    aim
        Relative gap to work for, not above that of the limits.
    began
        ``time.perf_counter()`` at the start.
    infeasible
        Whether it is proved that no decision is feasible.
    """

    problem: AnyProblem
    slot: Any
    limits: Limits
    aim: float
    began: float
    incumbent: Any = None
    objective: float = field(init=False)  # infinitely bad without an incumbent
    bound: float = field(init=False)  # infinitely good before anything is proved
    infeasible: bool = False
    backend: str = ""
    details: dict[str, int | str | float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.objective = math.inf if self.problem.sense == "min" else -math.inf
        self.bound = -self.objective

    @property
    def seconds(self) -> float:
        """Wall seconds that are left."""
        return max(self.limits.seconds - (time.perf_counter() - self.began), 0.0)

    @property
    def closed(self) -> bool:
        """Whether the gap to work for is proved."""
        close = abs(self.objective - self.bound) <= self.limits.gap_abs
        return close or relative_gap(self.objective, self.bound) <= self.aim

    def consider(self, decision: Decision) -> None:
        """Keep a decision if the referee finds it feasible and better."""
        outcome = self.problem.evaluate(self.slot, decision)
        value = float(outcome.objective)
        if outcome.feasible and is_better(self.problem.sense, value, self.objective):
            self.incumbent, self.objective = decision, value
            anytime.report(decision)

    def prove(self, bound: float) -> None:
        """Keep a bound if it is better; one that is not finite proves nothing."""
        if math.isfinite(bound) and is_better(self.problem.sense, self.bound, bound):
            self.bound = bound
            anytime.report(bound=bound)

    def certificate(self, method: str) -> Certificate:
        """What was found and proved."""
        bound = self.bound if math.isfinite(self.bound) else math.nan
        return certify(
            self.problem, self.slot, self.incumbent, bound, self.limits,
            seconds=time.perf_counter() - self.began, method=method, backend=self.backend,
            infeasible=self.infeasible, details=self.details,
        )  # fmt: skip
