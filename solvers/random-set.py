"""Users in random order, each tried with probability 1/2, kept if all can be in time: random, but never late."""

from typing import cast

from dtbench.core import Decision, Slot
from dtbench.problems.mec_synchronization.heuristics import random_set
from dtbench.problems.mec_synchronization.model import MecSlot
from dtbench.solver import Solver


class RandomSet(Solver):
    name = "random-set"
    problems = ("mec-synchronization",)
    batched = True

    def decide(self, slot: Slot) -> Decision:
        return random_set(cast(MecSlot, slot), self.rng)
