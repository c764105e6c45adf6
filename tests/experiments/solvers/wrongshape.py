"""Returns one entry too many."""

import numpy as np

from dtbench.solver import Solver


class WrongShape(Solver):
    name = "wrongshape"
    deterministic = True

    def decide(self, slot):
        return self.problem.Decision(node=np.zeros(slot.n_users + 1, dtype=int))
