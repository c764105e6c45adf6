"""Selfish, in order of arrival: each takes what is best for itself, given those before."""

from dtbench.solver import Heuristic


class Greedy(Heuristic):
    name = "greedy"
