"""Deterministic actors that learn: the networks of :mod:`dtbench.learning.ddpg.policy` in torch.

An actor gives *proposals* (rows, size): joint actions in units of the greatest value of each entry, which is what
replay buffers hold and critics see. Entries of boxes [-1, 1] and [0, 1] are the actions themselves.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from dtbench.encoding import Box, Encoding, Group
from dtbench.learning.ddpg.policy import (
    ActorPolicy,
    DeterministicPolicy,
    box,
    least,
)
from dtbench.learning.networks import Floats, Network
from dtbench.learning.torch_networks import StackedNetwork, Start, unfold

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
    """Proposals of a network's outputs: tanh or sigmoid, see :func:`dtbench.learning.ddpg.policy.squash`."""
    space: Box = box(group)
    start, top = least(group), max(abs(space.low), abs(space.high))
    features = torch.tanh(outputs) if start < 0.0 else torch.sigmoid(outputs)
    rise = (space.high - space.low) / (1.0 - start)
    if (space.low, rise, top) == (start, 1.0, 1.0):
        return features  # features are what is proposed
    return (space.low + (features - start) * rise) / top


class DeterministicActor(Actor):
    """A network per agent, which maps what it observes to an output per entry of its action.

    Parameters
    ----------
    encoding
        Groups of agents whose actions are reals.
    hidden
        Units of the hidden layers, ReLU.
    generator, start, last_gain
        Of the first weights, see :class:`dtbench.learning.torch_networks.StackedNetwork`.
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
            observations = observed(group, seen)  # (agents, rows, length)
            proposals = squash(group, unfold(self.network(group.name)(observations), group.count))
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
