"""Opens the host that helps most, one after the other, assigning everybody anew each time."""

from dtbench.solver import Heuristic


class GreedyAdd(Heuristic):
    name = "greedy-add"
