"""Calls sys.exit(0)."""

import sys

from dtbench.solver import Solver


class SysExits(Solver):
    name = "sysexits"
    deterministic = True

    def decide(self, slot):
        sys.exit(0)
