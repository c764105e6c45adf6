"""Draws from numpy's global generator."""

import numpy as np

from dtbench.solver import Solver


class Careless(Solver):
    name = "careless"

    def decide(self, slot):
        return self.problem.Decision(node=np.random.randint(0, slot.n_nodes, slot.n_users))  # noqa: NPY002
