"""Puts everybody on a node that does not exist."""

import numpy as np

from dtbench.solver import Solver


class Infeasible(Solver):
    name = "infeasible"
    deterministic = True

    def decide(self, slot):
        return self.problem.Decision(node=np.full(slot.n_users, 99))
