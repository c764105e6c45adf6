"""Transfer learning between edge servers: an actor-critic per server that takes over what others have learned.

Lu et al. (2021), Sec. V.B, Algorithm 2, Eqs. (32)-(34). Each server sees the features of all its pairs with users, and
scores every user. A twin goes to the admissible server of the highest score. Base training is that of
:file:`maddpg.py`. What is transferred, and when, is in :mod:`dtbench.learning.ddpg.transfer`.

The option ``transfer`` chooses what is done:

- ``online``: a transfer step after every slot, as in the paper.
- ``init``: servers start from the mean of the servers of another network's policy, whose file is ``source``.
- ``none``: training from scratch.

Deviations from the paper, each with its reason:

- A critic per server: one per user and server would have 80 million weights. Actors are per user and server in the
  preset ``paper`` (``models=user``).
- All models start from the same weights: (32) would otherwise average networks that mean different things.
- (34) is divided by 1 + rho: weights would otherwise grow without bound (``normalise=false`` is as printed).
- Experience is taken over by reference: a transition of another server is looked at from that server's place.

The preset ``tuned`` is ours. Its deviations, each with its reason:

- ``models=server``: a server's users share its actor, because instances redraw users.
- ``parallel``: several copies are played.
- ``apart=false``, ``alike``: servers share a critic, because their rewards are equal. The critic sees a user with all
  its servers and scores at once, because whether a score is high enough depends on the others.
- ``restraint``: keeps scores off the flat ends of tanh. There all users are scored alike, and learning stops.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from dtbench.core import Instance
from dtbench.errors import DtbenchError
from dtbench.learning import checkpoint
from dtbench.learning.ddpg.options import TransferOptions
from dtbench.learning.ddpg.policy import PairPolicy
from dtbench.learning.options import Presets
from dtbench.learning.solver import LearnedSolver
from dtbench.problems.edge_association.migration.agents import previous_hosts, user_entries

if TYPE_CHECKING:
    from dtbench.learning.training import Learner

PRESETS: Presets = {
    "paper": {
        "*": {
            "models": "user", "episodes": 200, "validate_every": 10, "actor": "64,64", "critic": "64,128", "gamma": 0.7,
            "batch": 32, "actor_rate": 1e-3, "capacity": 20_000, "warmup": 256, "target_rate": 0.01, "clip": 1.0,
            "exploring": 0.7,
        }
    },
    "tuned": {
        "*": {
            "scope": "size",
            "episodes": 600, "parallel": 8, "validate_every": 5, "actor": "64,64", "critic": "64,64,128",
            "apart": False, "alike": True, "standardise": True, "gamma": 0.7, "batch": 32, "actor_rate": 1e-3,
            "last_rate": 0.1, "capacity": 20_000, "target_rate": 0.01, "clip": 1.0, "step_updates": 1, "exploring": 0.7,
            "restraint": 0.03,
        }
    },
}  # fmt: skip


class Transfer(LearnedSolver):
    name = "transfer"
    problems = ("edge-migration",)
    trains = True
    Options = TransferOptions
    policy_class = PairPolicy
    presets = PRESETS
    sampled: ClassVar[float] = 0.05

    def learner(self, instance: Instance) -> Learner:
        from dtbench.learning.ddpg.transfer import TransferLearner, actor_critic

        env = self.play_in(self.options.parallel)
        start = self._source().arrays if self.options.transfer == "init" else None
        make = actor_critic(env, self.options, user_entries)
        return TransferLearner(env, self.options, self.seed, make, previous_hosts, start)

    def _source(self) -> checkpoint.Checkpoint:
        """The policy to start from.

        Raises
        ------
        DtbenchError
            If the option ``source`` names no file of this solver.
        """
        file = self.options.source
        if not file:
            raise DtbenchError(
                "option 'transfer' is 'init', but 'source' names no file; train a policy on another network with "
                "`dtbench train transfer`, and give its file."
            )
        source = checkpoint.read(Path(file))
        if source.header.identity.solver != self.name:
            raise DtbenchError(f"'{file}': solver is '{source.header.identity.solver}', expected '{self.name}'.")
        return source
