"""The optimum of each slot as if moving were free: where the users are, the twins go."""

from dtbench.solver import Heuristic


class MyopicNocost(Heuristic):
    name = "myopic-nocost"
