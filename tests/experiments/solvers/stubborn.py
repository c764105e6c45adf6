"""Ignores SIGTERM and computes on."""

import signal

from dtbench.solver import Solver


class Stubborn(Solver):
    name = "stubborn"
    deterministic = True

    def decide(self, slot):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            pass
