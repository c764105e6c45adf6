"""Takes no instance."""

from dtbench.errors import Declined
from dtbench.solver import Solver


class Declines(Solver):
    name = "declines"
    deterministic = True

    def decide(self, slot):
        raise Declined("needs a licence that is not here")
