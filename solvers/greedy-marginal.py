"""One by one, each where the total changes least, harm to others included."""

from dtbench.solver import Heuristic


class GreedyMarginal(Heuristic):
    name = "greedy-marginal"
