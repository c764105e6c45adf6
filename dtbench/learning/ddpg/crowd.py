"""The critic of MADDPG for groups of many like agents: one network per group, which reads the mean of the others."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from dtbench.encoding import Encoding
from dtbench.learning.ddpg.actors import Seen, observed
from dtbench.learning.ddpg.critics import Critic, deviation, many_players
from dtbench.learning.networks import Network
from dtbench.learning.torch_networks import StackedNetwork


class CrowdCritic(Critic):
    """The value of what an agent observes and does among the mean of what all others observe and do.

    Mean-field critics, Yang et al. (2018), with a learned mean. A layer embeds each agent's observation and action. The
    agents of a group share a network, which reads

    - what the agent observes and does,
    - the mean embedding of the others of its group,
    - the mean embedding of each other group.

    There is a value per agent, of that agent's reward, but only a network per group.

    Parameters
    ----------
    encoding
        Groups of agents whose actions are reals.
    units
        Of the embedding, and of the two layers after.
    """

    def __init__(self, encoding: Encoding, units: tuple[int, ...], generator: torch.Generator) -> None:
        super().__init__()
        self.groups = encoding.groups
        names = [[group.name] for group in self.groups]
        self.player_groups = many_players(encoding, names, apart=True)
        self.count = sum(group.count for group in self.groups)
        first, *hidden = units
        embeddings, heads = {}, {}
        for group in self.groups:
            length = group.observation + group.space.width
            embeddings[group.name] = StackedNetwork(Network(inputs=length, hidden=(), outputs=first), generator)
            heads[group.name] = StackedNetwork(
                Network(inputs=length + len(self.groups) * first, hidden=tuple(hidden), outputs=1), generator
            )
            self.register_buffer(f"{group.name}_mean", torch.zeros(length))
            self.register_buffer(f"{group.name}_scale", torch.ones(length))
        self.embeddings, self.heads = nn.ModuleDict(embeddings), nn.ModuleDict(heads)

    def looks(self, seen: Seen) -> Tensor:
        """Observations of all agents, one after the other (rows, sum of their lengths)."""
        return torch.cat([observed(group, seen).movedim(1, 0).flatten(1) for group in self.groups], dim=1)

    def standardise(self, state: Tensor, action: Tensor) -> None:
        for group, pairs in zip(self.groups, self._raw(state, action), strict=True):
            rows = pairs.flatten(0, 1)
            self.get_buffer(f"{group.name}_mean").copy_(rows.mean(dim=0))
            self.get_buffer(f"{group.name}_scale").copy_(deviation(rows))

    def forward(self, state: Tensor, action: Tensor) -> Tensor:
        return self.values_of_proposals(state, action, action)

    def values_of_proposals(self, state: Tensor, action: Tensor, proposal: Tensor) -> Tensor:
        stored = list(self._each(state, action))
        proposed = stored if proposal is action else list(self._each(state, proposal))
        embedded = [
            torch.relu(rows_through(self.embeddings[group.name], x))
            for group, x in zip(self.groups, stored, strict=True)
        ]
        means = [x.mean(dim=1, keepdim=True) for x in embedded]
        values = []
        for k, (group, x) in enumerate(zip(self.groups, proposed, strict=True)):
            around = [mean.expand(-1, group.count, -1) for mean in means]
            around[k] = (group.count * means[k] - embedded[k]) / max(group.count - 1, 1)
            values.append(rows_through(self.heads[group.name], torch.cat([x, *around], dim=2))[..., 0])
        return torch.cat(values, dim=1).T

    def _each(self, state: Tensor, action: Tensor) -> Iterator[Tensor]:
        """Standardised observations and actions (rows, agents, length) of every group."""
        for group, pairs in zip(self.groups, self._raw(state, action), strict=True):
            yield (pairs - self.get_buffer(f"{group.name}_mean")) / self.get_buffer(f"{group.name}_scale")

    def _raw(self, state: Tensor, action: Tensor) -> Iterator[Tensor]:
        """Observations and actions (rows, agents, length) of every group, one after the other."""
        observed = torch.split(state, [group.count * group.observation for group in self.groups], dim=1)
        for group, player_group, observations in zip(self.groups, self.player_groups, observed, strict=True):
            parts = [observations, action[:, player_group.part]]
            yield torch.cat([part.view(len(state), group.count, -1) for part in parts], dim=2)


def rows_through(network: nn.Module, x: Tensor) -> Tensor:
    """A network of every row of (rows, agents, features)."""
    outputs: Tensor = network(x.flatten(0, 1)[None])
    return outputs.view(*x.shape[:2], -1)
