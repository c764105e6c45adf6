"""Critics of deterministic actors: the value of what is seen and done together, and of one player's own proposal.

A *player* is who chooses entries of the joint action. A single agent chooses all of them; of several agents each
chooses some. Like players, who choose equally many entries each, are a *player group*.

:meth:`Critic.values_of_proposals` is Q(s, a_1, .., mu_k(s), .., a_n) of Lowe et al. (2017), Eq. (6). Player k proposes
its entries, and the other entries come from the replay buffer. So gradients reach a player through its entries only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from dtbench.arrays import IntArray
from dtbench.encoding import Encoding
from dtbench.learning import layers
from dtbench.learning.networks import Network
from dtbench.learning.torch_networks import StackedNetwork


@dataclass(frozen=True)
class PlayerGroup:
    """Like players: ``count`` of them choose ``width`` entries each, one after the other from ``start``.

    ``critics`` (count,): the number of the critic that judges each.
    """

    start: int
    count: int
    width: int
    critics: tuple[int, ...]

    @property
    def part(self) -> slice:
        """Their part of a joint action."""
        return slice(self.start, self.start + self.count * self.width)


def one_player(encoding: Encoding) -> tuple[PlayerGroup, ...]:
    """A single player for everything."""
    return (PlayerGroup(0, 1, encoding.size, (0,)),)


def many_players(encoding: Encoding, streams: Sequence[Sequence[str]], *, apart: bool) -> tuple[PlayerGroup, ...]:
    """A player per agent. Groups of one stream share a critic; with ``apart`` every agent has its own.

    Raises
    ------
    ValueError
        If a group is in no stream.
    """
    player_groups, agents = [], 0
    for group, part in encoding.parts():
        stream = next((k for k, names in enumerate(streams) if group.name in names), None)
        if stream is None:
            raise ValueError(f"agents '{group.name}' are in no stream of {streams}.")
        critics = range(agents, agents + group.count) if apart else (stream,) * group.count
        player_groups.append(PlayerGroup(part.start, group.count, group.space.width, tuple(critics)))
        agents += group.count
    return tuple(player_groups)


class Critic(nn.Module, ABC):
    """Several critics side by side, and who is judged by which."""

    count: int  # critics
    player_groups: tuple[PlayerGroup, ...]  # in the order of their entries

    def looks(self, seen: Mapping[str, Tensor]) -> Tensor:
        """What it looks at (rows, S) of what is seen; passed on as ``state``."""
        return seen["state"]

    @abstractmethod
    def forward(self, state: Tensor, action: Tensor) -> Tensor:
        """Values (critics, rows) of states (rows, S) and proposals (rows, size)."""

    def descent(self, state: Tensor, action: Tensor, target: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        """Sum over critics of mean (Q(s, a) - y)^2, and its gradients in the order of :meth:`parameters`.

        ``target`` are the y (critics, rows) of states (rows, S) and proposals (rows, size).
        """
        loss = (self(state, action) - target).square().mean(dim=1).sum()
        return loss.detach(), torch.autograd.grad(loss, list(self.parameters()))

    @abstractmethod
    def standardise(self, state: Tensor, action: Tensor) -> None:
        """From now on, shift and scale what the networks are given to mean 0 and deviation 1 in these rows."""

    @abstractmethod
    def values_of_proposals(self, state: Tensor, action: Tensor, proposal: Tensor) -> Tensor:
        """Values (players, rows) by each player's critic: its entries of ``proposal``, the others' of ``action``.

        ``state`` is (rows, S), ``action`` and ``proposal`` are (rows, size).
        """


class JointCritic(Critic):
    """A network of the state and the joint action, as many copies as there are critics; gradients are by hand.

    Parameters
    ----------
    state
        Length of the state.
    size
        Length of a joint action.
    player_groups
        In the order of their entries.
    hidden
        Units of the hidden layers, ReLU.
    """

    def __init__(
        self, state: int, size: int, player_groups: tuple[PlayerGroup, ...], hidden: tuple[int, ...],
        generator: torch.Generator,
    ) -> None:  # fmt: skip
        super().__init__()
        self.player_groups, self.length = player_groups, state
        self.count = 1 + max(number for group in player_groups for number in group.critics)
        self.network = StackedNetwork(
            Network(inputs=state + size, hidden=hidden, outputs=1, copies=self.count), generator
        )
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.zeros(state + size))
        self.register_buffer("scale", torch.ones(state + size))

    def standardise(self, state: Tensor, action: Tensor) -> None:
        x = torch.cat([state, action], dim=1)
        self.mean.copy_(x.mean(dim=0))
        self.scale.copy_(deviation(x))

    def inputs(self, state: Tensor, action: Tensor) -> Tensor:
        """What the networks are given (critics, rows, S + size)."""
        return torch.cat([state, action], dim=1).sub_(self.mean).div_(self.scale).expand(self.count, -1, -1)

    def forward(self, state: Tensor, action: Tensor) -> Tensor:
        values: Tensor = self.network(self.inputs(state, action))[..., 0]
        return values

    @torch.no_grad()
    def descent(self, state: Tensor, action: Tensor, target: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        x, how = self.inputs(state, action), self.network.plan
        values = layers.forward(x, *how)
        off = values[-1][..., 0] - target
        slope = (off * (2.0 / off.shape[1]))[..., None]
        return off.square().mean(dim=1).sum(), layers.backward(x, how[0], values, slope, *how[1:], inputs=False)[1]

    def values_of_proposals(self, state: Tensor, action: Tensor, proposal: Tensor) -> Tensor:
        """As in the base class; the first layer is linear, so only a player's entries are multiplied anew."""
        if len(self.player_groups) == 1 and self.player_groups[0].count == 1:
            values_of_one: Tensor = _Judged.apply(proposal, state, self)  # type: ignore[no-untyped-call]
            return values_of_one
        base = self._first(state, action)
        weight = self.network.weight("hidden0.weight")[:, self.length :]  # (critics, size, units)
        values = []
        for group in self.player_groups:
            critics = torch.tensor(group.critics)
            change = (
                ((proposal - action) / self.scale[self.length :])[:, group.part]
                .view(-1, group.count, group.width)
                .movedim(1, 0)
            )
            parts = weight[:, group.part].view(self.count, group.count, group.width, -1)
            entries = parts[critics, torch.arange(group.count)]  # (count, width, units), each player's
            values.append(self._after(torch.baddbmm(base[critics], change, entries), critics))
        return torch.cat(values)

    def _first(self, state: Tensor, action: Tensor) -> Tensor:
        """The first layer before its activation (critics, rows, units)."""
        x = (torch.cat([state, action], dim=1) - self.mean) / self.scale
        x = x.expand(self.count, -1, -1)
        return torch.baddbmm(self.network.weight("hidden0.bias"), x, self.network.weight("hidden0.weight"))

    def _after(self, x: Tensor, critics: Tensor) -> Tensor:
        """Values (n, rows) from first layers (n, rows, units), each judged by one of the critics (n,)."""
        last = len(self.network.network.hidden)
        names = [f"hidden{k}" for k in range(1, last)] + ["output"]
        for name in names:
            weight, bias = self.network.weight(f"{name}.weight"), self.network.weight(f"{name}.bias")
            if self.count > 1:
                weight, bias = weight[critics], bias[critics]
            x = torch.relu(x)
            x = _shared(x, weight, bias) if self.count == 1 else torch.baddbmm(bias, x, weight)
        return x[..., 0]


class _Judged(torch.autograd.Function):
    """Values (1, rows) of one player's proposals by a :class:`JointCritic`; gradients reach the proposals only."""

    @staticmethod
    def forward(ctx: Any, proposal: Tensor, state: Tensor, critic: JointCritic) -> Tensor:
        x, how = critic.inputs(state, proposal), critic.network.plan
        values = layers.forward(x, *how)
        ctx.critic = critic
        ctx.save_for_backward(x, *values[:-1])
        return values[-1][..., 0]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:
        critic, (x, *values) = ctx.critic, ctx.saved_tensors
        weights, *how = critic.network.plan
        by_x, _ = layers.backward(x, weights, values, slope[..., None], *how, inputs=True, parameters=False)
        assert by_x is not None  # noqa: S101  it was asked for
        return by_x[0, :, critic.length :] / critic.scale[critic.length :], None, None


def deviation(x: Tensor) -> Tensor:
    """Standard deviation of each column of (rows, n); 1 where a column does not vary."""
    spread = x.std(dim=0, correction=0)
    return torch.where(spread > 1e-6, spread, 1.0)


def _shared(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """One copy's layer for all (n, rows, in)."""
    return torch.addmm(bias[0, 0], x.reshape(-1, x.shape[-1]), weight[0]).view(*x.shape[:-1], -1)


class ItemCritic(Critic):
    """A critic that judges like items alike: permuting them, with their data, changes nothing.

    What belongs to an item goes through a network that all items share; means and maxima over items, with what belongs
    to none, through another. A maximum over items, such as the slowest upload, is then learned from every item at once.

    Parameters
    ----------
    state, size
        Lengths of the state and of a joint action.
    items
        (items, n) positions, in state and action one after the other, of what belongs to each item.
    player_groups
        One: a player for everything, or several like players. It is faster where each chooses just one item's entries.
    units
        Of the two layers of the items' network and of the layer after.
    """

    def __init__(
        self, state: int, size: int, items: IntArray, player_groups: tuple[PlayerGroup, ...], units: tuple[int, ...],
        generator: torch.Generator,
    ) -> None:  # fmt: skip
        super().__init__()
        (group,) = player_groups
        self.count, self.player_groups, self.size = 1, player_groups, size
        of_items = [sorted(entry - state for entry in item if entry >= state) for item in items.tolist()]
        of_players = [list(range(k * group.width, (k + 1) * group.width)) for k in range(group.count)]
        self.item_each = of_items == of_players  # player k chooses the entries of item k
        self.items = torch.from_numpy(items)
        self.rest = torch.tensor(
            [k for k in range(state + size) if k not in set(items.ravel().tolist())], dtype=torch.long
        )
        self.item = StackedNetwork(Network(inputs=items.shape[1], hidden=(units[0],), outputs=units[1]), generator)
        self.head = StackedNetwork(
            Network(inputs=2 * units[1] + len(self.rest), hidden=(units[2],), outputs=1), generator
        )
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.zeros(state + size))
        self.register_buffer("scale", torch.ones(state + size))

    def standardise(self, state: Tensor, action: Tensor) -> None:
        x = torch.cat([state, action], dim=1)
        mean, spread = x.mean(dim=0), deviation(x)
        mean[self.items], spread[self.items] = mean[self.items].mean(dim=0), spread[self.items].mean(dim=0)
        self.mean.copy_(mean)
        self.scale.copy_(spread)

    def forward(self, state: Tensor, action: Tensor) -> Tensor:
        items, rest = self._items(state, action)
        return self._value(items[None], rest)

    def values_of_proposals(self, state: Tensor, action: Tensor, proposal: Tensor) -> Tensor:
        (group,) = self.player_groups
        if group.count > 1 and not self.item_each:
            return self._values_of_mixtures(state, action, proposal)
        proposed, rest = self._items(state, proposal)
        if group.count == 1:
            return self._value(proposed[None], rest)
        with torch.no_grad():
            stored, _ = self._items(state, action)
        proposes = torch.eye(len(self.items), dtype=torch.bool)[:, None, :, None]  # player k, of item k
        return self._value(torch.where(proposes, proposed, stored), rest)

    def _values_of_mixtures(self, state: Tensor, action: Tensor, proposal: Tensor) -> Tensor:
        """As :meth:`values_of_proposals`, by a pass over the joint action of each player's proposal."""
        (group,), rows = self.player_groups, len(state)
        proposes = torch.eye(group.count, dtype=torch.bool).repeat_interleave(group.width, dim=1)[:, None]
        mixed = torch.where(proposes, proposal, action).flatten(0, 1)
        return self.forward(state.repeat(group.count, 1), mixed).view(group.count, rows)

    def values_by_player(self, state: Tensor, action: Tensor, player: Tensor, scores: Tensor | None = None) -> Tensor:
        """As :meth:`dtbench.learning.ddpg.pairs.DeepSetCritic.values_by_player`, of one lot (1, rows)."""
        if scores is not None:
            (group,) = self.player_groups
            replaced = nn.functional.one_hot(player, group.count).bool().repeat_interleave(group.width, dim=-1)
            action = torch.where(replaced, scores.repeat(1, 1, group.count), action)
        return self.forward(state[0], action[0])

    def _items(self, state: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """The items' features (rows, items, units), and what belongs to none (rows, n)."""
        x = (torch.cat([state, action], dim=1) - self.mean) / self.scale
        features = torch.relu(self.item(x[:, self.items].flatten(0, 1)[None])).view(len(x), len(self.items), -1)
        return features, x[:, self.rest]

    def _value(self, items: Tensor, rest: Tensor) -> Tensor:
        """Values (n, rows) of items' features (n, rows, items, units)."""
        x = torch.cat([items.mean(dim=2), items.amax(dim=2), rest.expand(len(items), -1, -1)], dim=2)
        return self.head(x.flatten(0, 1)[None]).view(len(items), -1)
