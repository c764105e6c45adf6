"""Returns NaN."""

import numpy as np

from dtbench.solver import Solver


class Nan(Solver):
    name = "nan"
    deterministic = True

    def decide(self, slot):
        return self.problem.Decision(node=np.full(slot.n_users, np.nan))
