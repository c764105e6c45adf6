"""A critic of who goes to which of several like machines with how much of it: ``satellite-offloading``."""

from __future__ import annotations

import torch
from torch import Tensor

from dtbench.learning.critics import Critic, Players, deviation
from dtbench.learning.modules import StackedNetwork
from dtbench.learning.networks import Network


class LoadCritic(Critic):
    """Judges machines alike and items alike: numbering either anew changes nothing.

    Features of every pair of an item and a machine are added up over the machine's items, which makes its load; means
    and maxima over machines, and those over items alone, go through a last network with what belongs to neither. So
    the slowest machine, whose delay adds up over its items, and the slowest upload are learned from all at once.

    Parameters
    ----------
    state
        Length of the state: what is seen of each item, one quantity after the other, then what belongs to none.
    items, machines
        N and M. A joint action holds an entry per item, then a row of N shares for each machine.
    units
        Of the first layers, of the loads, and of the last network.
    """

    def __init__(
        self, state: int, items: int, machines: int, units: tuple[int, ...], generator: torch.Generator
    ) -> None:
        super().__init__()
        self.items, self.machines, self.seen = items, machines, state // items
        self.rest = state - self.seen * items
        self.players, self.count = (Players(0, 1, items * (1 + machines), (0,)),), 1
        first, load, last = units
        self.item = StackedNetwork(Network(inputs=self.seen + 1, hidden=(first,), outputs=load), generator)
        self.pair = StackedNetwork(Network(inputs=self.seen + 1, hidden=(first,), outputs=load), generator)
        self.load = StackedNetwork(Network(inputs=load, hidden=(), outputs=load), generator)
        self.head = StackedNetwork(Network(inputs=4 * load + self.rest, hidden=(last,), outputs=1), generator)
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.zeros(state + items * (1 + machines)))
        self.register_buffer("scale", torch.ones(state + items * (1 + machines)))

    def standardise(self, state: Tensor, action: Tensor) -> None:
        x = torch.cat([state, action], dim=1)
        groups = [self.items] * self.seen + [1] * self.rest + [self.items, self.items * self.machines]
        alike = torch.repeat_interleave(torch.arange(len(groups)), torch.tensor(groups))
        parts = [x[:, alike == k] for k in range(len(groups))]
        self.mean.copy_(torch.stack([part.mean() for part in parts])[alike])
        self.scale.copy_(torch.cat([deviation(part.reshape(-1, 1)) for part in parts])[alike])

    def forward(self, state: Tensor, action: Tensor) -> Tensor:
        rows, n, m = len(state), self.items, self.machines
        x = (torch.cat([state, action], dim=1) - self.mean) / self.scale
        seen = x[:, : self.seen * n].view(rows, self.seen, n).transpose(1, 2)  # (rows, N, seen)
        rest = x[:, self.seen * n : state.shape[1]]
        own, shares = torch.split(x[:, state.shape[1] :], [n, m * n], dim=1)
        items = torch.relu(self._each(self.item, torch.cat([seen, own[..., None]], dim=2)))
        pairs = torch.cat([seen[:, None].expand(-1, m, -1, -1), shares.view(rows, m, n, 1)], dim=3)
        loads = torch.relu(self._each(self.load, torch.relu(self._each(self.pair, pairs)).mean(dim=2)))
        told = [items.mean(dim=1), items.amax(dim=1), loads.mean(dim=1), loads.amax(dim=1), rest]
        return self.head(torch.cat(told, dim=1)[None])[..., 0]

    def own(self, state: Tensor, action: Tensor, proposal: Tensor) -> Tensor:
        return self.forward(state, proposal)

    @staticmethod
    def _each(network: StackedNetwork, x: Tensor) -> Tensor:
        """A network of every row of (..., features)."""
        return network(x.reshape(1, -1, x.shape[-1])).view(*x.shape[:-1], -1)
