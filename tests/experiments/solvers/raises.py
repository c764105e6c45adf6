"""Raises in the third slot."""

from dtbench.solver import Solver


class Raises(Solver):
    name = "raises"
    deterministic = True
    slots = 0

    def decide(self, slot):
        self.slots += 1
        if self.slots == 3:
            raise RuntimeError("no idea what to do in /home/somebody/work/file.txt")
        return self.problem.repair(slot, self.problem.Decision(node=slot.prev_node))
