"""The optimum of each slot with the cost of moving spread over three slots."""

from dtbench.solver import Heuristic


class Amortised(Heuristic):
    name = "amortised"
