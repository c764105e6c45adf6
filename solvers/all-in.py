"""Everybody is served if that is possible at all, else nobody: no admission control; for audits."""

from dtbench.solver import Heuristic


class AllIn(Heuristic):
    name = "all-in"
