"""Every twin on its own device. A floor that needs no network."""

from dtbench.solver import Heuristic


class Local(Heuristic):
    name = "local"
