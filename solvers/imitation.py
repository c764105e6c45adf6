"""Imitation: a network learns what the exact method decides, and plays without it.

One network sees the whole slot, so it is ``global``: features of users, stations and pairs of them. Its weights know no
number of users (:mod:`dtbench.learning.imitation.network`). What it says is made a decision by the problem, in an
encoding that keeps to all constraints. Training is DAgger, :mod:`dtbench.learning.imitation.learner`: fresh traces are
played, the exact method is asked what it would do there, and the network learns from all answers so far.

The preset ``tuned`` is ours, by hand (:file:`tuning/trials.md`); there is no paper. One policy is trained for all
networks of a size.
"""

from typing import TYPE_CHECKING, ClassVar

from dtbench.core import Instance
from dtbench.learning.imitation.options import ImitationOptions
from dtbench.learning.imitation.policy import SetPolicy
from dtbench.learning.options import Presets
from dtbench.learning.policy import Policy
from dtbench.learning.solver import LearnedSolver
from dtbench.params import Options

if TYPE_CHECKING:
    from dtbench.learning.training import Learner

PRESETS: Presets = {
    "tuned": {
        "stin-deployment": {
            "method": "enumeration", "episodes": 120, "parallel": 12, "slots": 12, "updates": 15, "batch": 32,
            "hidden": 48, "layers": 3, "validate_every": 2, "traces": 10,
        },
        "edge-migration": {
            "episodes": 80, "parallel": 16, "updates": 10, "batch": 16, "hidden": 32, "layers": 2, "validate_every": 1,
            "traces": 10,
        },
        "mec-synchronization": {
            "encoding": "served", "episodes": 30, "parallel": 10, "slots": 20, "updates": 20, "hidden": 32,
            "validate_every": 3, "traces": 4,
        },
        "satellite-offloading": {
            "encoding": "association", "episodes": 60, "updates": 12, "hidden": 32, "validate_every": 1,
        },
        "dnt-spectrum": {
            "encoding": "uploads", "episodes": 80, "parallel": 20, "updates": 6, "hidden": 32, "validate_every": 4,
            "traces": 10,
        },
        "edge-placement": {
            "encoding": "opened", "episodes": 36, "parallel": 12, "slots": 10, "updates": 10, "hidden": 32,
            "finishing": 1, "validate_every": 4, "traces": 4,
        },
    },
}  # fmt: skip


class Imitation(LearnedSolver):
    name = "imitation"
    problems = (
        "stin-deployment", "edge-migration", "mec-synchronization", "satellite-offloading", "dnt-spectrum",
        "edge-placement",
    )  # fmt: skip
    trains = True
    sees = "global"
    Options: ClassVar[type[Options]] = ImitationOptions
    policy_class: ClassVar[type[Policy]] = SetPolicy
    presets: ClassVar[Presets] = PRESETS
    sampled: ClassVar[float] = 0.1

    def learner(self, instance: Instance) -> "Learner":
        from dtbench.learning.imitation.learner import ImitationLearner

        return ImitationLearner(self.play_in(self.options.copies), self.options, self.seed)
