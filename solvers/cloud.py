"""Every twin in the cloud. Shows what congestion of the shared satellite link costs."""

from dtbench.solver import Heuristic


class Cloud(Heuristic):
    name = "cloud"
