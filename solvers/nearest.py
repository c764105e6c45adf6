"""The closest host, whoever fits: the usual weak baseline of the papers."""

from dtbench.solver import Heuristic


class Nearest(Heuristic):
    name = "nearest"
