"""The greedy rule that does not look at the cost of moving."""

from dtbench.solver import Heuristic


class GreedyNocost(Heuristic):
    name = "greedy-nocost"
