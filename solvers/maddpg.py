"""MADDPG: a deterministic actor per agent, critics that see all in training; acts on observations only.

Lowe et al. (2017). On ``edge-placement`` the multi-agent actor-critic of Lu et al. (2021), Algorithm 1: each base
station sees the whole state and gives a logit of opening and a score per user; Eqs. (28)-(31). On
``mec-synchronization`` a baseline of Liu et al. (2025): users choose powers, base stations shares, the control centre
hosts (as reals, which ``env=host_action=real`` makes of them); one critic for the reward of users and stations, one for
the centre's. See :mod:`dtbench.learning.ddpg.learner` for the order of an update; an agent's gradient flows through its
own action only.

The cards' settings are ``paper``. Deviations of ``tuned``, each with its reason: discount 0, as decisions hardly change
what a later slot is worth; several copies; the critic's inputs are standardised. On ``edge-placement`` a critic that
judges base stations alike, as every episode has another trace; scores are added to the negative transport cost
(``residual``), as nothing is learned of 1000 scores through an argmax in this time; little noise, which would drown
that cost; and ``restraint``, or scores end at the flat ends of tanh. On ``mec-synchronization`` users choose a margin
over the least power and are told their place in the cell, as in :file:`happo.py`; agents are paid what they add to the
team's reward, and judged by a critic that like agents share, :class:`~dtbench.learning.ddpg.crowd.CrowdCritic`: of the
team's reward, by layers over the whole state and the joint action of 360 reals, nothing was learned; ``restraint``, or
all users fall silent for good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from dtbench.core import Instance
from dtbench.learning.ddpg.options import ActorCriticOptions
from dtbench.learning.ddpg.policy import DeterministicPolicy
from dtbench.learning.options import Presets
from dtbench.learning.solver import LearnedSolver
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
            "episodes": 200, "validate_every": 10, "actor": "256,128", "critic": "256,128", "gamma": 0.7, "batch": 32,
            "actor_rate": 1e-3, "capacity": 20_000, "warmup": 256, "target_rate": 0.01, "clip": 1.0, "noise": 0.4,
            "exploring": 0.7,
        },
        "mec-synchronization": {
            "episodes": 3750, "validate_every": 75, "env": "host_action=real",
            "actor": "128,64", "critic": "128,64", "apart": False, "gamma": 0.9, "batch": 256, "every": 10,
            "actor_rate": 1e-4, "critic_rate": 1e-4, "clip": 0.5, "noise": 0.7071, "last_noise": 0.1,
            "noise_fall": 0.9995,
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


class Maddpg(LearnedSolver):
    name = "maddpg"
    problems = ("edge-placement", "mec-synchronization")
    trains = True
    Options = ActorCriticOptions
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
        players = many_players(env.encoding, STREAMS, apart=o.apart)

        def make(generator: torch.Generator) -> tuple[Actor, Critic]:
            actor = DeterministicActor(env.encoding, o.layers("actor"), generator)
            if o.alike and instance.problem == "mec-synchronization":
                return actor, CrowdCritic(env.encoding, o.layers("critic"), generator)
            if o.alike:
                like = station_entries(instance.params.n_users, instance.params.n_bs)
                return actor, ItemCritic(length, size, like, players, o.layers("critic"), generator)
            return actor, JointCritic(length, size, players, o.layers("critic"), generator)

        return ActorCritic(env, o, self.seed, make)
