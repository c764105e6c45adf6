"""The networks of :mod:`dtbench.learning.networks` as torch modules that learn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from dtbench.learning.layers import GatedUnit, Layers, forward
from dtbench.learning.networks import Activation, Floats, Network

Start = Literal["uniform", "orthogonal"]


class StackedNetwork(nn.Module):
    """A :class:`Network` whose weights are parameters; sequences of inputs are evaluated at once.

    Parameters
    ----------
    network
        What it is.
    generator
        Source of the first weights.
    start
        ``uniform``: U(+-1/sqrt(fan in)), as torch's own layers. ``orthogonal``: gain sqrt 2 in hidden layers, and
        ``last_gain`` in the last one; biases 0.
    last_gain
        Of the last layer, if the start is orthogonal.
    """

    def __init__(
        self, network: Network, generator: torch.Generator, start: Start = "uniform", last_gain: float = 1.0
    ) -> None:
        super().__init__()
        self.network = network
        for name, shape in network.shapes.items():
            gain = last_gain if name == "output.weight" else math.sqrt(2.0)
            fan_in = network.memory if name.startswith("memory") else network.shapes[_weight_of(name)][1]
            if start == "uniform":
                value = _uniform(shape, fan_in, generator)
            else:
                value = torch.zeros(shape) if name.endswith("bias") else _orthogonal(shape, gain, generator)
            self.register_parameter(_python(name), nn.Parameter(value))
        self._by_name: dict[str, Tensor] = {name: getattr(self, _python(name)) for name in network.shapes}

    def weight(self, name: str) -> Tensor:
        """A parameter by its name in :attr:`Network.shapes`."""
        return self._by_name[name]

    @property
    def plan(self) -> tuple[list[Tensor], Activation, int]:
        """Of a network without memory: weights and biases, activation, layers that have one; see :func:`forward`."""
        return list(self._by_name.values()), self.network.activation, len(self.network.hidden)

    def arrays(self) -> dict[str, Floats]:
        """The parameters as numpy arrays that share their memory: what :class:`Network` evaluates."""
        return {name: self.weight(name).detach().numpy() for name in self.network.shapes}

    def load(self, arrays: dict[str, Floats]) -> None:
        """Copy weights in."""
        with torch.no_grad():
            for name in self.network.shapes:
                self.weight(name).copy_(torch.from_numpy(np.ascontiguousarray(arrays[name])))

    def forward(self, x: Tensor, memory: Tensor | None = None) -> Tensor:
        """Outputs (copies, rows, [time,] outputs) for inputs (copies, rows, [time,] inputs).

        With memory the axis of time is needed; ``memory`` (copies, rows, units) is zero at its start if not given.
        """
        network, copies = self.network, len(x)
        if network.memory:
            x = x.transpose(1, 2)  # slots before rows: what belongs to one slot lies together
        lead, names = x.shape[:-1], [f"hidden{number}" for number in range(len(network.hidden))]
        x = x.reshape(copies, -1, x.shape[-1])
        if not network.memory:
            return self._through(x, [*names, "output"]).reshape(*lead, -1)
        if names:
            x = self._through(x, names)
        gates = [self.weight(f"memory.{name}") for name in ("input", "state", "input_bias", "state_bias")]
        states: Tensor = GatedUnit.apply(  # type: ignore[no-untyped-call]
            x.view(*lead, -1), *gates, memory, torch.is_grad_enabled()
        )
        return self._through(states.flatten(1, 2), ["output"]).reshape(*lead, -1).transpose(1, 2)

    def _through(self, x: Tensor, names: list[str]) -> Tensor:
        """Outputs of these layers (copies, rows, outputs) for inputs (copies, rows, inputs)."""
        weights = [self.weight(f"{name}.{part}") for name in names for part in ("weight", "bias")]
        active = len(names) - ("output" in names)
        if not torch.is_grad_enabled():
            return forward(x, weights, self.network.activation, active)[-1]
        y: Tensor = Layers.apply(x, self.network.activation, active, *weights)  # type: ignore[no-untyped-call]
        return y


def fold(x: Tensor, copies: int) -> Tensor:
    """(rows, [time,] agents, features) as what a stack takes: (copies, rows, [time,] features)."""
    if copies > 1:
        return x.movedim(-2, 0)
    return x.movedim(-2, 1).flatten(0, 1)[None] if x.dim() == 4 else x.flatten(0, 1)[None]


def unfold(y: Tensor, agents: int) -> Tensor:
    """The inverse of :func:`fold`: (copies, rows, [time,] features) as (rows, [time,] agents, features)."""
    if y.shape[0] > 1:
        return y.movedim(0, -2)
    apart = y[0].reshape(-1, agents, *y.shape[2:])
    return apart.movedim(1, -2)


@torch.no_grad()
def follow(targets: Sequence[Tensor], sources: Sequence[Tensor], rate: float = 1.0) -> None:
    """Move parameters of target networks towards their sources': target += rate (source - target); 1 copies."""
    olds, news = list(targets), list(sources)
    if olds:
        torch._foreach_lerp_(olds, news, rate) if rate < 1.0 else torch._foreach_copy_(olds, news)


def _python(name: str) -> str:
    return name.replace(".", "_")


def _weight_of(name: str) -> str:
    return name.replace(".bias", ".weight")


def _uniform(shape: tuple[int, ...], fan_in: int, generator: torch.Generator) -> Tensor:
    bound = 1.0 / math.sqrt(fan_in)
    return torch.empty(shape).uniform_(-bound, bound, generator=generator)


def _orthogonal(shape: tuple[int, ...], gain: float, generator: torch.Generator) -> Tensor:
    value = torch.empty(shape)
    for copy in value:
        nn.init.orthogonal_(copy, gain, generator=generator)
    return value
