"""What only CC-DDPG needs: its actor, its critic of loads, and a gradient of which satellite a UAV goes to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from dtbench.encoding import Encoding
from dtbench.learning.ddpg.actors import Actor, Seen
from dtbench.learning.ddpg.critics import Critic, PlayerGroup, deviation
from dtbench.learning.ddpg.learner import ActorCritic, TransitionBatch
from dtbench.learning.ddpg.policy import LEAST, CoordinatedPolicy, box, of_each
from dtbench.learning.networks import Floats, Network
from dtbench.learning.torch_networks import StackedNetwork

SCALARS_RATE = 10.0  # learning rate of a coordinated actor's scalars relative to that of its networks

Rounding = Callable[[Floats], npt.NDArray[np.integer[Any]]]


class CoordinatedActor(Actor):
    """The constraint-coordinated actor, see :class:`dtbench.learning.ddpg.policy.CoordinatedPolicy`.

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
    kind
        The policy's class: it knows how long the part of a state is that is no UAV's.
    """

    def __init__(
        self, encoding: Encoding, inputs: int, hidden: tuple[int, ...], generator: torch.Generator, *,
        softness: float = 0.0, offset: float = 0.0, theta: float = 2.0, by_uav: bool = False,
        rounding: Rounding | None = None, kind: type[CoordinatedPolicy] = CoordinatedPolicy,
    ) -> None:  # fmt: skip
        shapes = {g.name: (inputs, box(g).width) for g in encoding.groups}
        if by_uav:
            shapes["channels"] = (
                of_each(np.zeros((1, inputs), np.float32), shapes["channels"][1], kind.common).shape[1],
                1,
            )
        networks = {
            name: StackedNetwork(Network(inputs=seen, hidden=hidden, outputs=width, activation="tanh"), generator)
            for name, (seen, width) in shapes.items()
        }
        super().__init__(encoding, networks)
        channels, shares = encoding.groups
        self.n_uav, self.total = channels.space.width, box(channels).high
        self.softness, self.rounding, self.kind = softness, rounding, kind
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
            each = torch.from_numpy(of_each(each.numpy(), self.n_uav, self.kind.common))
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
        matrix = torch.tanh(self.network("shares")(seen["state"][None]))[0]
        return matrix.abs().view(-1, len(self.theta_row), self.n_uav)

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
        return self.kind(self.encoding, self.specs(), self.arrays())


class CoordinatedLearner(ActorCritic):
    """DDPG of a coordinated actor whose columns are also judged as choices among satellites.

    In the paper the mask of the largest entries is a constant in back-propagation. Here a column's entries also follow
    what the critic says of the UAV at each satellite, all else as proposed: the gradient of the expected value if it
    were drawn by the softmax of its column. One UAV of each row, drawn at random, stands for all.
    """

    actor: CoordinatedActor

    def actor_value(self, batch: TransitionBatch) -> tuple[Tensor, Tensor]:
        value, proposal = super().actor_value(batch)
        rows, n_uav = len(proposal), self.actor.n_uav
        uav = torch.from_numpy(self.replay_rng.integers(n_uav, size=rows))
        chance, moved = self.actor.moves(batch.seen, uav)
        with torch.no_grad():
            state = self.critic.looks(batch.seen).repeat(len(moved), 1)
            judged = self.critic(state, moved.flatten(0, 1)).view(len(moved), rows)
        return value + n_uav * (chance * (judged - judged.mean(dim=0))).sum(dim=0), proposal


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
        self.player_groups, self.count = (PlayerGroup(0, 1, items * (1 + machines), (0,)),), 1
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
        of_items, shares = torch.split(x[:, state.shape[1] :], [n, m * n], dim=1)
        items = torch.relu(self._each(self.item, torch.cat([seen, of_items[..., None]], dim=2)))
        pairs = torch.cat([seen[:, None].expand(-1, m, -1, -1), shares.view(rows, m, n, 1)], dim=3)
        loads = torch.relu(self._each(self.load, torch.relu(self._each(self.pair, pairs)).mean(dim=2)))
        pooled = [items.mean(dim=1), items.amax(dim=1), loads.mean(dim=1), loads.amax(dim=1), rest]
        return self.head(torch.cat(pooled, dim=1)[None])[..., 0]

    def values_of_proposals(self, state: Tensor, action: Tensor, proposal: Tensor) -> Tensor:
        return self.forward(state, proposal)

    @staticmethod
    def _each(network: StackedNetwork, x: Tensor) -> Tensor:
        """A network of every row of (..., features)."""
        return network(x.reshape(1, -1, x.shape[-1])).view(*x.shape[:-1], -1)
