"""Nothing moves unless it must: what migration is worth is the distance to this."""

from dtbench.solver import Heuristic


class Stay(Heuristic):
    name = "stay"
