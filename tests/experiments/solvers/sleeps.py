"""Sleeps past every limit, after a line of output."""

import time

from dtbench.solver import Solver


class Sleeps(Solver):
    name = "sleeps"
    deterministic = True

    def decide(self, slot):
        print("going to sleep")
        time.sleep(600)
