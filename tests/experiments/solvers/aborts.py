"""Aborts the process."""

import os

from dtbench.solver import Solver


class Aborts(Solver):
    name = "aborts"
    deterministic = True

    def decide(self, slot):
        os.abort()
