"""The optimum of each slot with twin errors blown up by one factor, which guesses what an upload is worth later."""

from dataclasses import dataclass
from typing import ClassVar

from dtbench.core import Decision, Slot
from dtbench.params import Options, param
from dtbench.problems.dnt_spectrum.heuristics import KAPPA, exact_kappa
from dtbench.problems.dnt_spectrum.model import DntSlot
from dtbench.solver import Solver


@dataclass(frozen=True, kw_only=True)
class ExactKappaOptions(Options):
    """The one number to tune: about 1.5 at rate weight 0.25, 3 to 5 at 0.8."""

    kappa: float = param(KAPPA, "1", "factor on the squared errors", low=0.0)


class ExactKappa(Solver):
    name = "exact-kappa"
    problems = ("dnt-spectrum",)
    deterministic = True
    Options: ClassVar[type[Options]] = ExactKappaOptions

    def decide(self, slot: Slot) -> Decision:
        if not isinstance(slot, DntSlot):
            raise TypeError(f"slot of '{self.problem.id}' is {type(slot).__name__}, expected DntSlot")
        return exact_kappa(slot, self.options.kappa)
