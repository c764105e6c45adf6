"""Ends the process as if all were well."""

import os

from dtbench.solver import Solver


class Exits(Solver):
    name = "exits"
    deterministic = True

    def decide(self, slot):
        print('{"status": "ok"}', flush=True)
        os._exit(0)
