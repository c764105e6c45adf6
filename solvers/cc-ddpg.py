"""CC-DDPG: DDPG whose actor coordinates channels and shares within their limits; acts on observations only.

Li and Han (2025), Eqs. (18)-(29). The controller sees the data, the rates and the limits of a slot. It asks for
channels and a matrix of shares, in the encoding ``structured``.

- The actor, :class:`dtbench.learning.ddpg.policy.CoordinatedPolicy`, keeps C2 to C5 whatever its networks say.
- The environment rounds channels, and repairs what breaks C6 or C7.
- The critic of the paper sees the actor's output as it is, before rounding.
- The order of an update is in :mod:`dtbench.learning.ddpg.learner`.

The preset ``paper`` observes the data only, Eq. (18). Beyond that the paper gives no settings. Those of the preset are
ours, in its spirit: one environment, an update per slot, discount 0.9. The preset ``tuned`` gives the reason of each
deviation beside its line.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from dtbench.arrays import Array
from dtbench.core import Instance
from dtbench.envs import Step
from dtbench.learning.ddpg.options import ActorCriticOptions
from dtbench.learning.ddpg.policy import CoordinatedPolicy
from dtbench.learning.options import Presets
from dtbench.learning.solver import LearnedSolver
from dtbench.params import param
from dtbench.problems.satellite_offloading.agents import COMMON
from dtbench.problems.satellite_offloading.allocation import round_channels

if TYPE_CHECKING:
    import torch

    from dtbench.learning.ddpg.actors import Actor
    from dtbench.learning.ddpg.critics import Critic
    from dtbench.learning.training import Learner

PRESETS: Presets = {
    "paper": {
        "*": {"env": "obs=paper", "episodes": 1500, "validate_every": 50, "bootstrap": False, "actor": "128"}
    },
    "tuned": {
        "*": {
            "episodes": 12800, "parallel": 32, "validate_every": 3, "traces": 40,
            "gamma": 0.0,  # no decision changes a later slot
            "scope": "size",  # one policy for all networks of the size: rates and limits are observed
            # UAVs by falling data. Their numbers mean nothing. The same satellites for the same ranks are nearly as
            # good as any rule that looks at the data.
            "env": "obs=ordered",
            "by_uav": True,  # one network gives each UAV its channels: they should follow its own data over its rate
            "whole": True,  # the critic sees the channels played: the best before rounding are not the best after it
            "batch": 128, "updates": 4, "warmup": 5000, "actor": "128", "critic": "64,64,64",
            # The critic must learn the slowest of N uploads and of M satellites, whose delay adds up over their UAVs.
            # So it judges UAVs alike and satellites alike, and standardises its inputs.
            "alike": True, "standardise": True,
            "actor_rate": 1e-3, "last_rate": 0.05, "noise": 0.2,
            # Which satellite a UAV goes to gets a gradient. In the paper only exploration can find it. The temperature
            # is small: the same entries say how shares are split, and would end at 1 if they were pushed for long.
            "softness": 0.03,
            "offset": 0.7,  # off 0, where networks begin: there |tanh| has a kink, and noise picks the largest entry
            # Repair turns hopeless decisions into the reference round, which beats what an actor finds for long.
            # Without a penalty the best policy asks for nonsense, and never learns what its own decision is worth.
            "limit_penalty": 0.5,
        }
    },
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class CcDdpgOptions(ActorCriticOptions):
    """Those of an actor-critic, and of what the paper leaves to exploration and to repair."""

    softness: float = param(0.0, "1", "temperature of the gradient of which satellite; 0 = none, the paper", low=0.0)
    by_uav: bool = param(False, "1", "whether one network gives each UAV its channels from its own data and rate")
    whole: bool = param(False, "1", "whether the critic sees channels as rounded, and gradients pass the rounding")
    offset: float = param(0.0, "1", "where the actor's outputs begin, before tanh; those of shares spread about it")
    limit_penalty: float = param(
        0.0, "1", "learned reward lost per unit by which C6 and C7 are broken before repair, each at most 1", low=0.0
    )


class UavPolicy(CoordinatedPolicy):
    """The coordinated policy on states that end with the limits of the slot."""

    common = COMMON


class CcDdpg(LearnedSolver):
    name = "cc-ddpg"
    problems = ("satellite-offloading",)
    trains = True
    Options = CcDdpgOptions
    policy_class = UavPolicy
    presets = PRESETS
    sampled: ClassVar[float] = 0.05

    @property
    def encoding(self) -> str:
        return "structured"

    def learner(self, instance: Instance) -> Learner:
        from dtbench.learning.ddpg.coordinated import CoordinatedActor, CoordinatedLearner, LoadCritic
        from dtbench.learning.ddpg.critics import JointCritic, one_player
        from dtbench.learning.ddpg.learner import ActorCritic

        o = self.options
        env = self.play_in(o.parallel)
        length, size, player = env.observation.state.shape[-1], env.encoding.size, one_player(env.encoding)

        def make(generator: torch.Generator) -> tuple[Actor, Critic]:
            actor = CoordinatedActor(
                env.encoding,
                length,
                o.layers("actor"),
                generator,
                softness=o.softness,
                offset=o.offset,
                by_uav=o.by_uav,
                kind=UavPolicy,
                rounding=partial(round_channels, n_channel=instance.params.n_channel) if o.whole else None,
            )
            if o.alike:
                return actor, LoadCritic(
                    length, instance.params.n_uav, instance.params.n_sat, o.layers("critic"), generator
                )
            return actor, JointCritic(length, size, player, o.layers("critic"), generator)

        kind = CoordinatedLearner if o.softness else ActorCritic
        return kind(env, o, self.seed, make, self._penalty if o.limit_penalty else None)

    def _penalty(self, step: Step) -> Array:
        """(B,): what the decision asked for lacks in C6 and C7."""
        broken = step.info["raw_violations"]
        total: Array = sum(np.minimum(broken[name], 1.0) for name in ("deadline", "uav_energy"))
        return self.options.limit_penalty * total
