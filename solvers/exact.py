"""The optimum of each slot by one of the problem's exact methods, with a certificate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dtbench import params
from dtbench.core import AnyProblem, Decision, Instance, Limits, Slot
from dtbench.errors import DtbenchError
from dtbench.params import param
from dtbench.plugins.start import start_of
from dtbench.solver import Solver


@dataclass(frozen=True, kw_only=True)
class ExactOptions(params.Options):
    """What to solve with and when to stop."""

    method: str = param("", "1", "one of the problem's exact methods; empty = its first")
    time_limit: float = param(3600.0, "s", "wall time per slot; then the incumbent and its bound are kept", low=0.0)
    gap: float = param(0.0, "1", "relative gap to prove; 0 = the problem's own target", low=0.0)
    threads: int = param(1, "1", "threads of the back end", low=1, high=1024)
    start: str = param("", "1", "rule or learned agent that it begins with; empty = the method's own local search")
    checkpoint: str = param("", "1", "file of the policy that a learned start plays; empty = the shipped one")


class Exact(Solver):
    """One call of ``problem.exact`` per slot.

    Raises
    ------
    DtbenchError
        If the problem has no such method.
    """

    name = "exact"
    deterministic = True
    Options = ExactOptions

    def __init__(self, problem: AnyProblem, instance: Instance, *, seed: int = 0, **options: Any) -> None:
        super().__init__(problem, instance, seed=seed, **options)
        allowed = (*problem.exactness.methods, *problem.exactness.bracket_methods)
        if self.options.method not in ("", *allowed):
            raise DtbenchError(f"option 'method' is '{self.options.method}'; '{problem.id}' has {', '.join(allowed)}.")
        name, chosen = self.options.start, self.options.method or problem.exactness.methods[0]
        if name and chosen not in problem.exactness.start_methods:
            known = ", ".join(problem.exactness.start_methods) or "none"
            raise DtbenchError(f"option 'start' is '{name}'; of '{problem.id}' these methods take one: {known}.")
        self.start = start_of(problem, instance, name, self.options.checkpoint) if name else None
        self.limits = Limits(
            seconds=self.options.time_limit, gap=self.options.gap or None, threads=self.options.threads
        )

    def decide(self, slot: Slot) -> Decision:
        method = self.options.method or None
        if self.start is None:
            self.certificate = self.problem.exact(slot, self.limits, method)
        else:
            self.certificate = self.problem.exact_from(self.start(slot), slot, self.limits, method)
        if self.certificate.decision is None:  # none found, or none feasible: any one, for the referee to mark
            encoding = self.problem.encodings(self.instance)["search"]
            fallback: Decision = encoding.decode(slot, np.asarray(encoding.low, dtype=encoding.dtype))
            return fallback
        decision: Decision = self.certificate.decision
        return decision
