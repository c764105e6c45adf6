"""Mixers: from the values of the agents' own actions to one value of the joint action."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from dtbench.learning.networks import Network
from dtbench.learning.torch_networks import StackedNetwork


class SumMixer(nn.Module):
    """Q_tot = sum_i Q_i: value decomposition, Sunehag et al. (2018)."""

    def forward(self, values: Tensor, state: Tensor | None) -> Tensor:
        """Joint values (...) of the agents' (..., agents)."""
        return values.sum(dim=-1)


class QmixMixer(nn.Module):
    """Q_tot = w2(s)^T ELU(W1(s) q + b1(s)) + b2(s), W1 and w2 not negative: Rashid et al. (2018), Sec. 4.

    Q_tot does not fall in any Q_i, so each agent's own best action is part of the best joint action. The weights come
    from the global state s through hypernetworks: W1 and w2 are absolute values of Linear-ReLU-Linear, b1 is Linear, b2
    is Linear-ReLU-Linear.

    Parameters
    ----------
    agents, state
        Numbers of agents, and of entries of the global state.
    generator
        Source of the first weights.
    embedding
        Units of the mixing layer; also hidden ones of b2.
    hidden
        Hidden units of the hypernetworks of W1 and w2; 0 = they are linear in the state.
    """

    def __init__(
        self, agents: int, state: int, generator: torch.Generator, *, embedding: int = 32, hidden: int = 64
    ) -> None:
        super().__init__()
        self.agents, self.embedding = agents, embedding

        def layers(hidden: tuple[int, ...], outputs: int) -> StackedNetwork:
            return StackedNetwork(Network(inputs=state, hidden=hidden, outputs=outputs), generator)

        self.first_weight = layers((hidden,) * (hidden > 0), embedding * agents)
        self.last_weight = layers((hidden,) * (hidden > 0), embedding)
        self.first_bias = layers((), embedding)
        self.last_bias = layers((embedding,), 1)

    def forward(self, values: Tensor, state: Tensor | None) -> Tensor:
        """Joint values (...) of the agents' (..., agents) in global states (..., length of the state)."""
        if state is None:
            raise ValueError("QMIX mixes by the global state, which was not stored.")
        rows = state.reshape(1, -1, state.shape[-1])
        first = self.first_weight(rows)[0].abs().view(-1, self.agents, self.embedding)
        mixed = torch.baddbmm(self.first_bias(rows)[0][:, None], values.reshape(-1, 1, self.agents), first)
        last = self.last_weight(rows)[0].abs()
        total = (functional.elu(mixed)[:, 0] * last).sum(dim=-1) + self.last_bias(rows)[0, :, 0]
        return total.view(values.shape[:-1])
