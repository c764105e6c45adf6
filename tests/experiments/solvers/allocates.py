"""Asks for 40 GiB at once."""

import numpy as np

from dtbench.solver import Solver


class Allocates(Solver):
    name = "allocates"
    deterministic = True

    def decide(self, slot):
        return np.ones(40 * 2**27)
