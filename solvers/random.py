"""Random draws from the search encoding, repaired: the floor that every method must beat."""

from dtbench.core import Decision, Slot
from dtbench.solver import Solver


class Random(Solver):
    name = "random"
    batched = True

    def decide(self, slot: Slot) -> Decision:
        decision: Decision = self.problem.random_decision(self.instance, slot, self.rng)
        return decision
