"""Longest processing time first, then the best continuous part for that assignment."""

from dtbench.solver import Heuristic


class LptConvex(Heuristic):
    name = "lpt-convex"
