"""The problems' local searches, from their own start or from what another rule or a learned agent decides.

Learned starts play a policy that is there already, the shipped one of seed 0 by default; what it costs counts as time
of the decision.
"""

import inspect
from dataclasses import dataclass
from typing import Any, ClassVar

from dtbench.core import AnyProblem, Decision, Instance, Slot
from dtbench.errors import Declined, DtbenchError
from dtbench.params import Options, param
from dtbench.plugins.start import start_of
from dtbench.solver import Heuristic


@dataclass(frozen=True, kw_only=True)
class LocalSearchOptions(Options):
    """Where to begin."""

    start: str = param("", "1", "rule or learned agent whose decision is improved; empty = the search's own start")
    checkpoint: str = param("", "1", "file of the policy that a learned start plays; empty = the shipped one")


class LocalSearch(Heuristic):
    name = "local-search"
    Options: ClassVar[type[Options]] = LocalSearchOptions

    def __init__(self, problem: AnyProblem, instance: Instance, *, seed: int = 0, **options: Any) -> None:
        super().__init__(problem, instance, seed=seed, **options)
        name, checkpoint = self.options.start, self.options.checkpoint
        if checkpoint and not name:
            raise DtbenchError("option 'checkpoint' is of learned starts; name the agent with the option start.")
        if name and "start" not in inspect.signature(problem.heuristics[self.name]).parameters:
            raise Declined(f"the local search of '{problem.id}' begins where it does and takes no option start")
        self.start = start_of(problem, instance, name, checkpoint) if name else None

    def decide(self, slot: Slot) -> Decision:
        """Search from the start."""
        if self.start is None:
            return super().decide(slot)
        search: Any = self.problem.heuristics[self.name]
        decision: Decision = search(slot, start=self.start(slot))
        return decision
