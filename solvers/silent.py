"""Nobody sends; every request fails. What doing nothing costs."""

from dtbench.solver import Heuristic


class Silent(Heuristic):
    name = "silent"
