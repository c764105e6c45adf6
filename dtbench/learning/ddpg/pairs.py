"""Agents that score pairs: one small network per server for all its users, and a critic of all scores together.

For ``edge-migration``; the transfer between such servers is :mod:`dtbench.learning.ddpg.transfer`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from dtbench.encoding import Encoding
from dtbench.learning.ddpg.actors import Actor, Seen, squash
from dtbench.learning.ddpg.critics import Critic, PlayerGroup, deviation
from dtbench.learning.ddpg.policy import PairPolicy
from dtbench.learning.networks import Network
from dtbench.learning.torch_networks import StackedNetwork


class PairActor(Actor):
    """One small network per agent that scores each of its users from the features of the pair.

    Parameters
    ----------
    encoding
        One group.
    features
        Length of a pair's features.
    alike
        Whether all agents start from the same weights.
    per_user
        Whether an agent has a network for each of its users: copy ``agent * users + user``.
    """

    def __init__(
        self, encoding: Encoding, features: int, hidden: tuple[int, ...], generator: torch.Generator, *,
        alike: bool = False, per_user: bool = False,
    ) -> None:  # fmt: skip
        (group,) = encoding.groups
        copies = group.count * (group.space.width if per_user else 1)
        network = StackedNetwork(Network(inputs=features, hidden=hidden, outputs=1, copies=copies), generator)
        if alike:
            align(network)
        super().__init__(encoding, {group.name: network})
        self.features, self.per_user = features, per_user

    def pairs(self, state: Tensor) -> Tensor:
        """Features (rows, agents, users, features) of a global state that holds all of them."""
        (group,) = self.encoding.groups
        return state.view(len(state), group.count, group.space.width, self.features)

    def forward(self, seen: Seen) -> Tensor:
        (group,) = self.encoding.groups
        pairs = self.pairs(seen["state"])
        return squash(group, self.scores(pairs.movedim(1, 0)).movedim(0, 1)).flatten(1)

    def scores(self, pairs: Tensor) -> Tensor:
        """Outputs (agents, rows, users) for the pairs (agents, rows, users, features) that each agent looks at."""
        (group,) = self.encoding.groups
        if not self.per_user:
            return self.network(group.name)(pairs.flatten(1, 2)).view(pairs.shape[:3])
        agents, rows, users, _ = pairs.shape
        y = self.network(group.name)(pairs.movedim(2, 1).flatten(0, 1))  # (agents users, rows, 1)
        return y.view(agents, users, rows).movedim(2, 1)

    @property
    def policy(self) -> PairPolicy:
        return PairPolicy(self.encoding, self.specs(), self.arrays())


def align(network: nn.Module) -> None:
    """Give all copies of a stack the weights of the first."""
    with torch.no_grad():
        for value in network.parameters():
            value.copy_(value[:1].expand_as(value).clone())


class DeepSetCritic(Critic):
    """A critic of scores that agents give to users: permuting the users changes nothing.

    Every pair of agent and user becomes relu(W [features, score] + b). The mean over users is taken for each agent. The
    agents' means, one after the other, go through a hidden layer. A critic that belongs to one agent is given that
    agent's mean first, then the others' in order, so that weights mean the same whosever they are.

    A player is an agent. Where each row is valued for a player of its own, rows come in *lots* (lots, rows): a lot per
    critic if every agent has one, else any number of lots for the one critic.

    Parameters
    ----------
    agents, users, features
        K, N and the length of a pair's features; the state holds all pairs, agent by agent.
    units
        Of the pairs' layer, and of the layer after the means.
    apart
        Whether every agent has a critic of its own, or all share one.
    """

    def __init__(
        self, agents: int, users: int, features: int, units: tuple[int, int], generator: torch.Generator, *, apart: bool
    ) -> None:
        super().__init__()
        self.shape = (agents, users, features)
        self.apart, self.count = apart, agents if apart else 1
        critics = tuple(range(agents)) if apart else (0,) * agents
        self.player_groups = (PlayerGroup(0, agents, users, critics),)
        self.pair = StackedNetwork(
            Network(inputs=features + 1, hidden=(), outputs=units[0], copies=self.count), generator
        )
        self.head = StackedNetwork(
            Network(inputs=agents * units[0], hidden=(units[1],), outputs=1, copies=self.count), generator
        )
        self.order = torch.tensor([[k, *(j for j in range(agents) if j != k)] for k in range(agents)])
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.zeros(features + 1))
        self.register_buffer("scale", torch.ones(features + 1))

    def standardise(self, state: Tensor, action: Tensor) -> None:
        x = self._pairs(state, action).flatten(0, 2) * self.scale + self.mean
        self.mean.copy_(x.mean(dim=0))
        self.scale.copy_(deviation(x))

    def forward(self, state: Tensor, action: Tensor) -> Tensor:
        player = torch.arange(self.count)[:, None].expand(-1, len(state))
        return self.values_by_player(state.expand(self.count, -1, -1), action.expand(self.count, -1, -1), player)

    def values_of_proposals(self, state: Tensor, action: Tensor, proposal: Tensor) -> Tensor:
        agents, rows = self.shape[0], len(state)
        player = torch.arange(agents)[:, None].expand(-1, rows)  # a lot for each
        scores = proposal.view(rows, agents, -1).movedim(1, 0)  # (K, rows, N)
        states, actions = state.expand(agents, -1, -1), action.expand(agents, -1, -1)
        if self.apart:
            return self.values_by_player(states, actions, player, scores)
        with torch.no_grad():
            means = self._means(self._pairs(state, action)[None]).expand(agents, -1, -1, -1)
        return self._value(means, player, self._means_of_player(states, player, scores))

    def values_by_player(self, state: Tensor, action: Tensor, player: Tensor, scores: Tensor | None = None) -> Tensor:
        """Values (lots, rows) of states (lots, rows, S) and proposals (lots, rows, K N), each row's for a player.

        Parameters
        ----------
        player
            (lots, rows) number of the agent that the critic looks at first.
        scores
            (lots, rows, N) of that agent, in the place of those in ``action``. Gradients pass through them only.
        """
        if scores is None:
            return self._value(self._means(self._pairs(state, action)), player, None)
        with torch.no_grad():
            means = self._means(self._pairs(state, action))
        return self._value(means, player, self._means_of_player(state, player, scores))

    def _pairs(self, state: Tensor, action: Tensor) -> Tensor:
        """Standardised pairs (..., K, N, features + 1)."""
        agents, users, features = self.shape
        pairs = state.reshape(*state.shape[:-1], agents, users, features)
        x = torch.cat([pairs, action.reshape(*action.shape[:-1], agents, users, 1)], dim=-1)
        return (x - self.mean) / self.scale

    def _means(self, pairs: Tensor) -> Tensor:
        """Means over users (lots, rows, ..., units) of pairs (lots, rows, ..., N, features + 1)."""
        y = torch.relu(self.pair(pairs.flatten(1, -2)))
        return y.view(*pairs.shape[:-1], -1).mean(dim=-2)

    def _means_of_player(self, state: Tensor, player: Tensor, scores: Tensor) -> Tensor:
        """Means (lots, rows, units) over the pairs of each row's player, with scores (lots, rows, N)."""
        agents, users, features = self.shape
        pairs = state.reshape(*state.shape[:-1], agents, users, features)
        index = player[..., None, None, None].expand(*player.shape, 1, users, features)
        x = torch.cat([pairs.gather(2, index)[:, :, 0], scores[..., None]], dim=-1)
        x = (x - self.mean) / self.scale
        if self.apart:
            return self._means(x)
        return self._means(x.flatten(0, 1)[None]).view(*player.shape, -1)

    def _value(self, means: Tensor, player: Tensor, of_player: Tensor | None) -> Tensor:
        """Values (lots, rows) of means (lots, rows, K, units), the player's replaced by ``of_player``, if given."""
        if of_player is not None:
            replaced = nn.functional.one_hot(player, self.shape[0]).bool()[..., None]
            means = torch.where(replaced, of_player[:, :, None], means)
        if self.apart:
            means = means.gather(2, self.order[player][..., None].expand_as(means))
            return self.head(means.flatten(2))[..., 0]
        return self.head(means.flatten(2).flatten(0, 1)[None])[0, :, 0].view(player.shape)
