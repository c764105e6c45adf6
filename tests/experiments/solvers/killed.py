"""Kills itself, as the kernel does when memory runs out."""

import os
import signal

from dtbench.solver import Solver


class Killed(Solver):
    name = "killed"
    deterministic = True

    def decide(self, slot):
        os.kill(os.getpid(), signal.SIGKILL)
