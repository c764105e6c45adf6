"""Uniform draws from the search encoding, repaired: the floor that every method must beat."""

from dtbench.core import Decision, Slot
from dtbench.solver import Solver


class Random(Solver):
    name = "random"
    batched = True

    def decide(self, slot: Slot) -> Decision:
        encoding = self.problem.encodings(self.instance)["search"]
        decision: Decision = encoding.decode(slot, encoding.sample(self.rng, slot.batch_shape))
        return decision
