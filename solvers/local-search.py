"""Best improvement over single changes and swaps: what a minute of programming buys over a rule."""

from dtbench.solver import Heuristic


class LocalSearch(Heuristic):
    name = "local-search"
