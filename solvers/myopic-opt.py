"""The optimum of each slot in the state that this policy itself has made."""

from dtbench.solver import Heuristic


class MyopicOpt(Heuristic):
    name = "myopic-opt"
