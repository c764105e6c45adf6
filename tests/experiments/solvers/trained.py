"""Says what the option ``account`` holds of its training, as a Python literal."""

import ast
from dataclasses import dataclass

from dtbench.params import Options, param
from dtbench.solver import Solver


@dataclass(frozen=True, kw_only=True)
class TrainedOptions(Options):
    account: str = param("None", "1", "what it says")


class Trained(Solver):
    name = "trained"
    problems = ("stin-deployment",)
    trains = True
    Options = TrainedOptions

    def train(self):
        self.training = ast.literal_eval(self.options.account)

    def decide(self, slot):
        return self.problem.repair(slot, self.problem.Decision(node=slot.prev_node))
