"""Deterministic actors that learn: the networks of :mod:`dtbench.learning.deterministic` in torch.

An actor gives *proposals* (rows, size): joint actions in units of the greatest value of each entry, which is what
replay buffers hold and critics see. Entries of boxes [-1, 1] and [0, 1] are the actions themselves.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from dtbench.encoding import Box, Encoding, Group
from dtbench.learning.deterministic import (
    LEAST,
    ActorPolicy,
    CoordinatedPolicy,
    DeterministicPolicy,
    PairPolicy,
    box,
    least,
    of_each,
)
from dtbench.learning.modules import StackedNetwork, Start, unfold
from dtbench.learning.networks import Floats, Network

SCALARS_RATE = 10.0  # learning rate of a coordinated actor's scalars relative to that of its networks

Rounding = Callable[[Floats], npt.NDArray[np.integer[Any]]]
Seen = Mapping[str, Tensor]  # "state" (rows, S), and by group (rows, agents, length) what the state does not hold


def unit(encoding: Encoding) -> Floats:
    """(size,) the greatest absolute value of each entry of a joint action: what proposals are relative to."""
    return np.maximum(np.abs(encoding.low), np.abs(encoding.high)).astype(np.float32)


class Actor(nn.Module, ABC):
    """Networks of all groups, and the policy that plays with their weights."""

    def __init__(self, encoding: Encoding, networks: Mapping[str, StackedNetwork]) -> None:
        super().__init__()
        self.encoding = encoding
        self.networks = nn.ModuleDict(networks)

    @abstractmethod
    def forward(self, seen: Seen) -> Tensor:
        """Proposals (rows, size)."""

    def counted(self, proposals: Floats) -> Floats:
        """Proposals (rows, size) as critics are to see them: as they are."""
        return proposals

    @property
    @abstractmethod
    def policy(self) -> ActorPolicy:
        """A policy that shares the weights: it changes as the actor learns."""

    def network(self, group: str) -> StackedNetwork:
        """The network of a group."""
        return cast(StackedNetwork, self.networks[group])

    def arrays(self) -> dict[str, Floats]:
        """All weights as policies name them, without a copy."""
        return {f"{g}/{key}": value for g in self.networks for key, value in self.network(g).arrays().items()}

    def groups(self, rate: float) -> list[dict[str, Any]]:
        """Parameters with their learning rates, as an optimizer takes them."""
        return [{"params": list(self.parameters()), "lr": rate}]

    def specs(self) -> dict[str, Network]:
        """What the networks are."""
        return {group: self.network(group).network for group in self.networks}


def squash(group: Group, outputs: Tensor) -> Tensor:
    """Proposals of a network's outputs: tanh or sigmoid, see :func:`dtbench.learning.deterministic.squash`."""
    space: Box = box(group)
    start, top = least(group), max(abs(space.low), abs(space.high))
    features = torch.tanh(outputs) if start < 0.0 else torch.sigmoid(outputs)
    return (space.low + (features - start) * ((space.high - space.low) / (1.0 - start))) / top


class DeterministicActor(Actor):
    """A network per agent, which maps what it observes to an output per entry of its action.

    Parameters
    ----------
    encoding
        Groups of agents whose actions are reals.
    hidden
        Units of the hidden layers, ReLU.
    generator, start, last_gain
        Of the first weights, see :class:`dtbench.learning.modules.StackedNetwork`.
    """

    def __init__(
        self, encoding: Encoding, hidden: tuple[int, ...], generator: torch.Generator, start: Start = "uniform",
        last_gain: float = 1.0,
    ) -> None:  # fmt: skip
        networks = {
            g.name: StackedNetwork(
                Network(inputs=g.observation, hidden=hidden, outputs=box(g).width, copies=g.count),
                generator, start, last_gain,
            )
            for g in encoding.groups
        }  # fmt: skip
        super().__init__(encoding, networks)

    def forward(self, seen: Seen) -> Tensor:
        parts = []
        for group in self.encoding.groups:
            own = observed(group, seen)  # (agents, rows, length)
            proposals = squash(group, unfold(self.network(group.name)(own), group.count))
            parts.append(proposals.flatten(1))
        return torch.cat(parts, dim=1)

    @property
    def policy(self) -> DeterministicPolicy:
        return DeterministicPolicy(self.encoding, self.specs(), self.arrays())


def observed(group: Group, seen: Seen) -> Tensor:
    """What each agent of a group observes (agents, rows, length); all see the state where nothing else is stored."""
    if group.name in seen:
        return seen[group.name].movedim(1, 0)
    state = seen["state"]
    if state.shape[1] == group.observation:
        return state.expand(group.count, *state.shape)
    return state.reshape(len(state), group.count, -1).movedim(1, 0)


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
    """

    def __init__(
        self, encoding: Encoding, features: int, hidden: tuple[int, ...], generator: torch.Generator, *,
        alike: bool = False,
    ) -> None:  # fmt: skip
        (group,) = encoding.groups
        own = StackedNetwork(Network(inputs=features, hidden=hidden, outputs=1, copies=group.count), generator)
        if alike:
            align(own)
        super().__init__(encoding, {group.name: own})
        self.features = features

    def pairs(self, state: Tensor) -> Tensor:
        """Features (rows, agents, users, features) of a global state that holds all of them."""
        (group,) = self.encoding.groups
        return state.view(len(state), group.count, group.space.width, self.features)

    def forward(self, seen: Seen) -> Tensor:
        (group,) = self.encoding.groups
        pairs = self.pairs(seen["state"])
        x = pairs.movedim(1, 0).flatten(1, 2)
        scores = self.network(group.name)(x).view(group.count, len(pairs), -1)
        return squash(group, scores.movedim(0, 1)).flatten(1)

    @property
    def policy(self) -> PairPolicy:
        return PairPolicy(self.encoding, self.specs(), self.arrays())


def align(network: nn.Module) -> None:
    """Give all copies of a stack the weights of the first."""
    with torch.no_grad():
        for value in network.parameters():
            value.copy_(value[:1].expand_as(value).clone())


class CoordinatedActor(Actor):
    """The constraint-coordinated actor, see :class:`dtbench.learning.deterministic.CoordinatedPolicy`.

    The mask of the largest entries is a constant in back-propagation, as in the paper: gradients reach the kept entries
    only, and which satellite a UAV goes to is found by exploration alone. :meth:`moves` is what another way needs.

    Parameters
    ----------
    encoding
        ``structured``: groups ``channels`` (N in [0, xi_total]) and ``shares`` (M N in [0, 1]).
    inputs
        Length of the state.
    softness
        Temperature of the softmax in :meth:`moves`.
    offset
        Where outputs begin, those of shares within 1/2 of it; 0: as any network's, around 0, where |tanh| has a kink
        and the least noise changes satellites.
    theta
        The scalars' first value.
    by_uav
        Whether one network gives each UAV its channels from what the state says of it.
    rounding
        What the environment makes of channels (rows, N), if critics are to judge those that are played. Gradients pass
        it unchanged (the straight-through estimator, Bengio et al. 2013).
    """

    def __init__(
        self, encoding: Encoding, inputs: int, hidden: tuple[int, ...], generator: torch.Generator, *,
        softness: float = 0.0, offset: float = 0.0, theta: float = 2.0, by_uav: bool = False,
        rounding: Rounding | None = None,
    ) -> None:  # fmt: skip
        shapes = {g.name: (inputs, box(g).width) for g in encoding.groups}
        if by_uav:
            shapes["channels"] = of_each(np.zeros((1, inputs), np.float32), shapes["channels"][1]).shape[1], 1
        networks = {
            name: StackedNetwork(Network(inputs=seen, hidden=hidden, outputs=width, activation="tanh"), generator)
            for name, (seen, width) in shapes.items()
        }
        super().__init__(encoding, networks)
        channels, shares = encoding.groups
        self.n_uav, self.total = channels.space.width, box(channels).high
        self.softness, self.rounding = softness, rounding
        if offset > 0.0:
            with torch.no_grad():
                self.network("channels").weight("output.bias").fill_(offset)
                bias = self.network("shares").weight("output.bias")
                bias.uniform_(offset - 0.5, offset + 0.5, generator=generator)
        self.theta_total = nn.Parameter(torch.full((1,), theta))
        self.theta_row = nn.Parameter(torch.full((shares.space.width // self.n_uav,), theta))

    def forward(self, seen: Seen) -> Tensor:
        matrix = self._matrix(seen)
        return torch.cat([self._channels(seen), self._shares(matrix, matrix.argmax(dim=1))], dim=1)

    def moves(self, seen: Seen, uav: Tensor) -> tuple[Tensor, Tensor]:
        """What would be proposed if one UAV per row (rows,) went to each satellite, (M, rows, size), and how likely.

        The probabilities (M, rows), a softmax of the UAV's column, have gradients; the proposals have none.
        """
        matrix = self._matrix(seen)
        n_sat = matrix.shape[1]
        column = matrix.gather(2, uav.view(-1, 1, 1).expand(-1, n_sat, 1))[..., 0]
        with torch.no_grad():
            channels, first = self._channels(seen), matrix.argmax(dim=1)
            proposals = []
            for satellite in range(n_sat):
                moved = first.scatter(1, uav[:, None], satellite)
                proposals.append(torch.cat([channels, self._shares(matrix, moved)], dim=1))
        return torch.softmax(column / self.softness, dim=1).T, torch.stack(proposals)

    def _channels(self, seen: Seen) -> Tensor:
        """Channels (rows, N) as parts of all there are, Eqs. (22), (23)."""
        each = seen["state"]
        if self.network("channels").network.outputs < self.n_uav:
            each = torch.from_numpy(of_each(each.numpy(), self.n_uav))
        size = torch.tanh(self.network("channels")(each[None])).view(-1, self.n_uav).abs()
        alpha = self.n_uav + (self.total - self.n_uav) * torch.sigmoid(self.theta_total)
        part = alpha * size / (size.sum(dim=-1, keepdim=True) + float(LEAST)) / self.total
        return part + (torch.from_numpy(self._rounded(part.detach().numpy())) - part.detach())

    def counted(self, proposals: Floats) -> Floats:
        channels, shares = np.split(proposals, [self.n_uav], axis=1)
        return np.concatenate([self._rounded(channels), shares], axis=1)

    def _rounded(self, part: Floats) -> Floats:
        """Channels (rows, N) as critics see them, as parts of all there are."""
        return part if self.rounding is None else (self.rounding(part * self.total) / self.total).astype(np.float32)

    def _matrix(self, seen: Seen) -> Tensor:
        """(rows, M, N) the largest of a column says which satellite, Eq. (25)."""
        found = torch.tanh(self.network("shares")(seen["state"][None]))[0]
        return found.abs().view(-1, len(self.theta_row), self.n_uav)

    def _shares(self, matrix: Tensor, assoc: Tensor) -> Tensor:
        """Shares (rows, M N) if UAVs go to ``assoc`` (rows, N), Eqs. (26)-(29)."""
        kept = matrix * torch.zeros_like(matrix).scatter_(1, assoc[:, None], 1.0)
        share = kept / (kept.sum(dim=-1, keepdim=True) + float(LEAST)) * torch.sigmoid(self.theta_row)[:, None]
        return share.flatten(1)

    def groups(self, rate: float) -> list[dict[str, Any]]:
        scalars = [self.theta_total, self.theta_row]
        return [
            {"params": list(self.networks.parameters()), "lr": rate},
            {"params": scalars, "lr": SCALARS_RATE * rate},
        ]

    def arrays(self) -> dict[str, Floats]:
        scalars = {"channels/theta": self.theta_total, "shares/theta": self.theta_row}
        return super().arrays() | {name: value.detach().numpy() for name, value in scalars.items()}

    @property
    def policy(self) -> CoordinatedPolicy:
        return CoordinatedPolicy(self.encoding, self.specs(), self.arrays())
