"""Tells, while it decides, what nobody should believe."""

import math

import numpy as np

from dtbench import anytime
from dtbench.solver import Solver


class Rubbish(Solver):
    name = "rubbish"

    def decide(self, slot):
        nowhere = self.problem.Decision(node=np.full(slot.n_users, 10**6))
        for told in (7, "best", [], object(), float("nan"), nowhere, lambda: 1 / 0, lambda: None, self.decide):
            anytime.report(told, bound=math.nan)
        anytime.report(self.problem.Decision(node=np.full(slot.n_users, np.nan)), bound=-1e300)
        anytime.report(self.problem.Decision(node=np.zeros(3, dtype=int)), bound=1e300)
        anytime.report(bound="high")
        return self.problem.Decision(node=np.zeros(slot.n_users, dtype=int))
