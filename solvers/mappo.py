"""MAPPO, Yu et al. (2022): clipped policy gradients of all agents at once, a critic on the global state; any problem.

Reals have Beta distributions. The algorithm is :mod:`dtbench.learning.ppo.learner`.

Presets and their reasons are those of :file:`happo.py`, but for ``share``: like agents share a network.

- ``mec-synchronization``: sharing takes fewer episodes and bears larger steps. In the preset ``paper`` every agent has
  its own network, as Liu et al. (2025) write.
- ``dnt-spectrum``: base stations do not share, because each has its own place.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dtbench.core import Instance
from dtbench.learning.options import Presets
from dtbench.learning.policy import Policy
from dtbench.learning.ppo.options import OnPolicyOptions
from dtbench.learning.ppo.policy import BetaPolicy
from dtbench.learning.ppo.presets import PAPER, PAPER_MEC, TUNED, TUNED_DNT, TUNED_MEC, TUNED_PLACEMENT
from dtbench.learning.solver import LearnedSolver
from dtbench.params import Options, param

if TYPE_CHECKING:
    from dtbench.learning.training import Learner

PRESETS: Presets = {
    "paper": {**PAPER, "mec-synchronization": {**PAPER_MEC, "share": False}},
    "tuned": {
        **TUNED,
        "dnt-spectrum": {**TUNED_DNT, "share": False},
        "mec-synchronization": TUNED_MEC,
        "edge-placement": TUNED_PLACEMENT,
    },
}


@dataclass(frozen=True, kw_only=True)
class MappoOptions(OnPolicyOptions):
    share: bool = param(True, "1", "whether like agents share a network")


class Mappo(LearnedSolver):
    name = "mappo"
    trains = True
    Options: ClassVar[type[Options]] = MappoOptions
    policy_class: ClassVar[type[Policy]] = BetaPolicy
    presets: ClassVar[Presets] = PRESETS

    def learner(self, instance: Instance) -> "Learner":
        from dtbench.learning.ppo.learner import PolicyLearner

        env = self.play_in(self.options.parallel)
        return PolicyLearner(env, BetaPolicy, self.options, seed=self.seed, shared=self.options.share)
