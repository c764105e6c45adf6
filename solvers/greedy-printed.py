"""The target-server selection as the paper prints it: ends on the last server that is no worse."""

from dtbench.solver import Heuristic


class GreedyPrinted(Heuristic):
    name = "greedy-printed"
