"""MAPPO, Yu et al. (2022): clipped policy gradients of all agents at once, a critic on the global state; any problem.

Reals have Beta distributions. The algorithm is :mod:`dtbench.learning.onpolicy`.

Presets and their reasons are those of ``happo.py``.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dtbench.core import Instance
from dtbench.learning.onpolicy_options import OnPolicyOptions
from dtbench.learning.options import Presets
from dtbench.learning.policy import Policy
from dtbench.learning.solver import LearnedSolver
from dtbench.learning.stochastic import BetaPolicy
from dtbench.params import Options, param

if TYPE_CHECKING:
    from dtbench.learning.training import Learner

PRESETS: Presets = {
    "paper": {
        "*": {"episodes": 1000, "parallel": 20},
        "mec-synchronization": {"episodes": 3750, "parallel": 25, "apart": "cc"},  # 150 rounds of 5000 slots
        "dnt-spectrum": {"gamma": 0.2},
        "edge-placement": {"gamma": 0.7},
        "edge-migration": {"gamma": 0.7},
    },
    "tuned": {
        "*": {
            "episodes": 2000, "parallel": 20, "gamma": 0.0, "epochs": 5, "entropy": 0.003, "actor_rate": 2e-3,
            "critic_rate": 2e-3, "anneal": True,
        },
        "mec-synchronization": {
            "episodes": 2500, "parallel": 25, "entropy": 0.0, "actor_rate": 3e-3, "apart": "cc", "scope": "size",
            "env": "power_action=log",
        },
        "dnt-spectrum": {"episodes": 8000, "parallel": 40, "gamma": 0.2, "epochs": 8, "entropy": 0.001, "share": False},
        "satellite-offloading": {
            "episodes": 40000, "parallel": 100, "minibatches": 4, "entropy": 0.0, "actor_rate": 1e-3,
            "critic_rate": 1e-3, "mean": 0.7, "deviation": 0.1, "scope": "size", "validate_every": 20,
        },
        "edge-placement": {
            "episodes": 2400, "parallel": 40, "entropy": 0.0, "actor_rate": 3e-3, "hidden": "64,64", "deviation": 0.1,
            "validate_every": 5, "env": "residual=true", "share": False,
        },
        "edge-migration": {
            "episodes": 1600, "gamma": 0.7, "entropy": 0.0, "actor_rate": 5e-3, "critic_rate": 1e-3,
            "hidden": "64,32", "deviation": 0.15, "by_entry": True, "validate_every": 5, "scope": "size",
        },
    },
}  # fmt: skip


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
        from dtbench.learning.onpolicy import PolicyLearner

        env = self.play_in(self.options.parallel)
        return PolicyLearner(env, BetaPolicy, self.options, seed=self.seed, shared=self.options.share)
