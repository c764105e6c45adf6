"""Nearest base station, the paper's Algorithm 1 for resource blocks, and a rule that says who uploads when."""

from dataclasses import dataclass
from typing import Any, ClassVar

from dtbench.core import Decision
from dtbench.params import Options, param
from dtbench.problems.dnt_spectrum.heuristics import THRESHOLD, UPLOADS, due, hungarian
from dtbench.solver import Solver


@dataclass(frozen=True, kw_only=True)
class HungarianOptions(Options):
    """When base stations upload."""

    rule: str = param("threshold", "1", "upload rule; 'threshold' looks at the twin's error", choices=tuple(UPLOADS))
    threshold: float = param(THRESHOLD, "1", "of that rule: weighted error, in units of epsilon B", low=0.0)


class Hungarian(Solver):
    name = "hungarian"
    problems = ("dnt-spectrum",)
    deterministic = True
    batched = True
    Options: ClassVar[type[Options]] = HungarianOptions

    def decide(self, slot: Any) -> Decision:
        if self.options.rule == "threshold":
            return hungarian(slot, due(slot, self.options.threshold))
        return UPLOADS[self.options.rule](slot)
