"""The optimum of the whole horizon, by a method that sees the future, with its certificate."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

from dtbench.core import AnyProblem, Decision, Instance, Limits
from dtbench.errors import Declined, DtbenchError
from dtbench.params import Options, param
from dtbench.solver import Solver


@dataclass(frozen=True, kw_only=True)
class ClairvoyantOptions(Options):
    """Options of the horizon's exact method."""

    method: str = param("", "1", "one of the problem's exact methods for horizons; empty = its first")
    prices: bool = param(False, "1", "whether the record tells dual prices, where the method has some")
    time_limit: float = param(3600.0, "s", "after which the best trajectory found so far is taken", low=0.0)


class Clairvoyant(Solver):
    name = "clairvoyant"
    deterministic = True
    sees = "future"
    coupled_only = True
    Options: ClassVar[type[Options]] = ClairvoyantOptions

    def __init__(self, problem: AnyProblem, instance: Instance, *, seed: int = 0, **options: Any) -> None:
        super().__init__(problem, instance, seed=seed, **options)
        allowed = problem.exactness.horizon_methods
        if self.options.method not in ("", *allowed):
            raise DtbenchError(f"option 'method' is '{self.options.method}'; '{problem.id}' has {', '.join(allowed)}.")

    def plan(self, instance: Instance) -> Decision:
        limits = Limits(seconds=self.options.time_limit, threads=1)
        self.certificate = self.problem.exact_horizon(instance, limits, self.options.method or None)
        if self.certificate is not None and not self.options.prices:
            self.certificate = replace(self.certificate, prices={})
        if self.certificate is None or self.certificate.decision is None:
            raise Declined(f"no trajectory of '{instance.problem}' was found in {limits.seconds:g} s")
        decision: Decision = self.certificate.decision
        return decision
