"""CC-DDPG with a gradient of which satellite a UAV goes to."""

from __future__ import annotations

import torch
from torch import Tensor

from dtbench.learning.actorcritic import ActorCritic, Batch
from dtbench.learning.actors import CoordinatedActor


class CoordinatedLearner(ActorCritic):
    """DDPG of a coordinated actor whose columns are also judged as choices among satellites.

    In the paper the mask of the largest entries is a constant in back-propagation. Here a column's entries also follow
    what the critic says of the UAV at each satellite, all else as proposed: the gradient of the expected value if it
    were drawn by the softmax of its column. One UAV of each row, drawn at random, stands for all.
    """

    actor: CoordinatedActor

    def actor_value(self, batch: Batch) -> tuple[Tensor, Tensor]:
        value, proposal = super().actor_value(batch)
        rows, n_uav = len(proposal), self.actor.n_uav
        uav = torch.from_numpy(self.replay_rng.integers(n_uav, size=rows))
        chance, moved = self.actor.moves(batch.seen, uav)
        with torch.no_grad():
            state = self.critic.looks(batch.seen).repeat(len(moved), 1)
            judged = self.critic(state, moved.flatten(0, 1)).view(len(moved), rows)
        return value + n_uav * (chance * (judged - judged.mean(dim=0))).sum(dim=0), proposal
