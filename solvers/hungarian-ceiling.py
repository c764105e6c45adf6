"""The clairvoyant best of the paper's action space: free uploads and associations, resource blocks by Algorithm 1."""

from typing import cast

from dtbench.core import Decision, Instance
from dtbench.errors import Declined
from dtbench.problems.dnt_spectrum.horizon import ceiling
from dtbench.problems.dnt_spectrum.instance import DntInstance
from dtbench.solver import Solver


class HungarianCeiling(Solver):
    name = "hungarian-ceiling"
    problems = ("dnt-spectrum",)
    deterministic = True
    sees = "future"

    def plan(self, instance: Instance) -> Decision:
        try:
            certificate = ceiling(self.problem, cast(DntInstance, instance))
        except ValueError as error:
            raise Declined(str(error)) from error
        decision: Decision = certificate.decision
        return decision
