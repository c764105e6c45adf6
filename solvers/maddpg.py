"""MADDPG: a deterministic actor per agent, critics that see all in training; acts on observations only.

Lowe et al. (2017). The order of an update is in :mod:`dtbench.learning.ddpg.learner`. An agent's gradient flows through
its own action only.

- ``edge-placement``: the multi-agent actor-critic of Lu et al. (2021), Algorithm 1, Eqs. (28)-(31). Each base station
  sees the whole state. It gives a logit of opening and a score per user.
- ``mec-synchronization``: a baseline of Liu et al. (2025). Users choose powers, base stations choose shares, the
  control centre chooses hosts. ``env=host_action=real`` turns hosts into reals. One critic is of the reward of users
  and stations, one of the control centre's.

In an encoding of one controller, such as ``opened`` and ``served``, it is DDPG; give ``alike=false``.

The preset ``paper`` has the papers' settings. On ``edge-placement`` Algorithm 1 updates once per episode, 5000 times,
and base stations observe Eq. (22), ``encoding=printed``. On ``mec-synchronization`` every agent has a critic, and
episodes have 5000 slots, in the closed loop with the control centre, as in :file:`happo.py`.

The preset ``tuned`` is ours. Its deviations, each with its reason:

both problems
    - ``gamma=0``: decisions hardly change what a later slot is worth.
    - ``parallel``: several copies are played.
    - ``standardise``: the critic's inputs are brought to mean 0 and deviation 1.

``edge-placement``
    - ``alike``: the critic judges base stations alike, because every episode has another trace.
    - ``residual=true``: scores are added to the negative transport cost. Through an argmax, 1000 scores learn nothing
      in this time.
    - ``noise=0.1``: more noise would drown the transport cost.
    - ``restraint``: without it scores end at the flat ends of tanh.

``mec-synchronization``
    - ``power_action=margin``, ``observation=cell``: see :file:`happo.py`.
    - ``reward=difference``: agents are paid what they add to the team's reward.
    - ``alike``: like agents share a critic, :class:`~dtbench.learning.ddpg.crowd.CrowdCritic`. Layers over the whole
      state and the joint action of 360 reals learned nothing of the team's reward.
    - ``restraint``: without it all users fall silent for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from dtbench.core import Instance
from dtbench.errors import DtbenchError
from dtbench.learning.ddpg.options import ActorCriticOptions
from dtbench.learning.ddpg.policy import DeterministicPolicy
from dtbench.learning.options import Presets
from dtbench.learning.solver import LearnedSolver
from dtbench.params import param
from dtbench.problems.edge_association.placement.agents import station_entries

if TYPE_CHECKING:
    import torch

    from dtbench.learning.ddpg.actors import Actor
    from dtbench.learning.ddpg.critics import Critic
    from dtbench.learning.training import Learner

STREAMS = (("bs", "mu"), ("cc",))  # groups that are paid alike

PRESETS: Presets = {
    "paper": {
        "edge-placement": {
            "encoding": "printed", "episodes": 5000, "validate_every": 250, "every": 0, "actor": "256,128",
            "critic": "256,128", "gamma": 0.7, "batch": 32, "actor_rate": 1e-3, "capacity": 20_000, "warmup": 256,
            "target_rate": 0.01, "clip": 1.0, "noise": 0.4, "exploring": 0.7,
        },
        "mec-synchronization": {
            "env": "y0=zero,n_frames=50,observation=paper,reward=xi,host_action=real",
            "episodes": 150, "validate_every": 10, "traces": 5, "actor": "128,64", "critic": "128,64", "gamma": 0.9,
            "batch": 256, "every": 10, "actor_rate": 1e-4, "critic_rate": 1e-4, "clip": 0.5, "noise": 0.7071,
            "last_noise": 0.1, "noise_fall": 0.9995,
        },
    },
    "tuned": {
        "edge-placement": {
            "episodes": 1200, "parallel": 8, "validate_every": 5, "env": "residual=true", "apart": False,
            "actor": "16", "critic": "128,128,128", "alike": True, "standardise": True, "gamma": 0.0, "batch": 64,
            "actor_rate": 1e-3, "last_rate": 0.1, "capacity": 20_000, "clip": 1.0, "noise": 0.1, "exploring": 0.7,
            "restraint": 0.1,
        },
        "mec-synchronization": {
            "episodes": 480, "parallel": 8, "validate_every": 4, "scope": "size",
            "env": "host_action=real,power_action=margin,reward=difference,observation=cell",
            "actor": "64,32", "critic": "32,64,64", "alike": True, "standardise": True, "gamma": 0.0, "batch": 64,
            "capacity": 20_000, "actor_rate": 1e-3, "last_rate": 0.05, "noise": 0.1, "restraint": 0.1,
        },
    },
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class MaddpgOptions(ActorCriticOptions):
    """Those of an actor-critic, and what agents observe."""

    FIXED_BY_POLICY: ClassVar[tuple[str, ...]] = ("env", "encoding")

    encoding: str = param("agents", "1", "the problem's encoding that agents act in: what they observe")


class Maddpg(LearnedSolver):
    name = "maddpg"
    problems = ("edge-placement", "mec-synchronization")
    trains = True
    Options = MaddpgOptions
    policy_class = DeterministicPolicy
    presets = PRESETS
    sampled: ClassVar[float] = 0.05

    def learner(self, instance: Instance) -> Learner:
        from dtbench.learning.ddpg.actors import DeterministicActor
        from dtbench.learning.ddpg.critics import ItemCritic, JointCritic, many_players
        from dtbench.learning.ddpg.crowd import CrowdCritic
        from dtbench.learning.ddpg.learner import ActorCritic

        o = self.options
        env = self.play_in(o.parallel)
        length, size = env.observation.state.shape[-1], env.encoding.size
        names = tuple(group.name for group in env.encoding.groups)
        known = any(name in stream for stream in STREAMS for name in names)
        player_groups = many_players(env.encoding, STREAMS if known else (names,), apart=o.apart)

        def make(generator: torch.Generator) -> tuple[Actor, Critic]:
            actor = DeterministicActor(env.encoding, o.layers("actor"), generator)
            if o.alike and not known:
                raise DtbenchError(
                    f"option 'encoding' is '{o.encoding}', in which '{names[0]}' acts alone: there are no agents "
                    "that a critic could judge alike; expected alike=false."
                )
            if o.alike and instance.problem == "mec-synchronization":
                return actor, CrowdCritic(env.encoding, o.layers("critic"), generator)
            if o.alike and o.encoding != "agents":
                raise DtbenchError(
                    f"option 'encoding' is '{o.encoding}'; a critic that judges base stations alike (alike=true) knows "
                    "where they stand in what 'agents' observes only."
                )
            if o.alike:
                like = station_entries(instance.params.n_users, instance.params.n_bs)
                return actor, ItemCritic(length, size, like, player_groups, o.layers("critic"), generator)
            return actor, JointCritic(length, size, player_groups, o.layers("critic"), generator)

        return ActorCritic(env, o, self.seed, make)
