"""The decision that minimises the delay of a round, energy left aside."""

from dtbench.solver import Heuristic


class MinDelay(Heuristic):
    name = "min-delay"
