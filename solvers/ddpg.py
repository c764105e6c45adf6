"""DDPG: one deterministic actor for all, broken limits cost reward; learns and acts on observations only.

Lillicrap et al. (2016), as an ablation of :file:`cc-ddpg.py` on the problem of Li and Han (2025). The controller sees
the global state. The order of an update and its equations are in :mod:`dtbench.learning.ddpg.learner`.

The option ``mode`` says what the actions mean:

- ``penalty``: the controller chooses channels and shares without coordination. It is paid for what it asks, less what
  that violates. Its decision is repaired for the score only.
- ``raw``: the environment brings the controller's features into the limits C2 to C5. It pays for the repaired decision.

In both modes repair replaces a hopeless decision by the reference round, and that is what is scored. So look at the
share of repaired slots before you praise the score.

The paper has no such baseline, and gives no settings. The preset ``paper`` is our ablation of its method: the data are
observed, Eq. (18), for 1500 episodes, with discount 0.9. The preset ``tuned`` deviates as in :file:`cc-ddpg.py`, where
the reasons are:

- ``gamma=0``: no decision changes a later slot.
- ``parallel``: several copies are played.
- ``alike``, ``standardise``: the critic judges UAVs alike and standardises its inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dtbench.core import Instance
from dtbench.learning.ddpg.options import ActorCriticOptions
from dtbench.learning.ddpg.policy import DeterministicPolicy
from dtbench.learning.options import Presets
from dtbench.learning.solver import LearnedSolver
from dtbench.params import param
from dtbench.problems.satellite_offloading.agents import uav_entries

if TYPE_CHECKING:
    import torch

    from dtbench.learning.ddpg.actors import Actor
    from dtbench.learning.ddpg.critics import Critic
    from dtbench.learning.training import Learner

PRESETS: Presets = {
    "paper": {"*": {"env": "obs=paper", "episodes": 1500, "validate_every": 50, "bootstrap": False}},
    "tuned": {
        "*": {
            "scope": "size", "validate_every": 3, "traces": 40,
            "episodes": 9600, "parallel": 32, "gamma": 0.0, "batch": 128, "updates": 2,
            "warmup": 5000, "critic": "128,128,128", "alike": True, "standardise": True, "actor_rate": 1e-3,
            "last_rate": 0.05, "noise": 0.2,
        }
    },
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class DdpgOptions(ActorCriticOptions):
    """Those of an actor-critic, and what the actions mean."""

    FIXED_BY_POLICY: ClassVar[tuple[str, ...]] = ("env", "mode")

    mode: str = param("penalty", "1", "actions without coordination, or coordinated after", choices=("penalty", "raw"))


class Ddpg(LearnedSolver):
    name = "ddpg"
    problems = ("satellite-offloading",)
    trains = True
    Options = DdpgOptions
    policy_class = DeterministicPolicy
    presets = PRESETS
    sampled: ClassVar[float] = 0.05

    @property
    def encoding(self) -> str:
        return "penalty" if self.options.mode == "penalty" else "agents"

    def learner(self, instance: Instance) -> Learner:
        from dtbench.learning.ddpg.actors import DeterministicActor
        from dtbench.learning.ddpg.critics import ItemCritic, JointCritic, one_player
        from dtbench.learning.ddpg.learner import ActorCritic

        o = self.options
        env = self.play_in(o.parallel)
        length, size, player = env.observation.state.shape[-1], env.encoding.size, one_player(env.encoding)
        like = uav_entries(instance.params.n_uav, instance.params.n_sat, length)

        def make(generator: torch.Generator) -> tuple[Actor, Critic]:
            actor = DeterministicActor(env.encoding, o.layers("actor"), generator)
            if o.alike:
                return actor, ItemCritic(length, size, like, player, o.layers("critic"), generator)
            return actor, JointCritic(length, size, player, o.layers("critic"), generator)

        return ActorCritic(env, o, self.seed, make)
