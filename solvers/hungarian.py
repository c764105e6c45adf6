"""Nearest base station, the paper's Algorithm 1 for resource blocks, and a rule that says who uploads when."""

from dataclasses import dataclass
from typing import ClassVar

from dtbench.core import Decision, Slot
from dtbench.params import Options, param
from dtbench.solver import Solver

RULES = ("always", "never", "round-robin", "every-5", "threshold")


@dataclass(frozen=True, kw_only=True)
class HungarianOptions(Options):
    """When base stations upload."""

    rule: str = param("threshold", "1", "upload rule; 'threshold' looks at the twin's error", choices=RULES)


class Hungarian(Solver):
    name = "hungarian"
    problems = ("dnt-spectrum",)
    deterministic = True
    batched = True
    Options: ClassVar[type[Options]] = HungarianOptions

    def decide(self, slot: Slot) -> Decision:
        decision: Decision = self.problem.heuristics[f"hungarian-{self.options.rule}"](slot)
        return decision
