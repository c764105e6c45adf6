"""Draws nodes, slowly."""

import time

from dtbench.solver import Solver


class Slow(Solver):
    name = "slow"

    def decide(self, slot):
        time.sleep(0.02)
        node = self.rng.integers(0, slot.n_nodes, slot.n_users)
        return self.problem.repair(slot, self.problem.Decision(node=node))
