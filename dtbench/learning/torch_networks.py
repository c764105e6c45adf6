"""The networks of :mod:`dtbench.learning.networks` as torch modules that learn."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from dtbench.learning.networks import Floats, Network

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

    def weight(self, name: str) -> Tensor:
        """A parameter by its name in :attr:`Network.shapes`."""
        parameter: Tensor = getattr(self, _python(name))
        return parameter

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
        slots = x.shape[2] if self.network.memory else 0
        if slots:
            x = x.transpose(1, 2)  # slots before rows: what belongs to one slot lies together
        lead, x = x.shape[:-1], x.reshape(x.shape[0], -1, x.shape[-1])
        for number in range(len(self.network.hidden)):
            x = torch.baddbmm(self.weight(f"hidden{number}.bias"), x, self.weight(f"hidden{number}.weight"))
            x = torch.relu(x) if self.network.activation == "relu" else torch.tanh(x)
        if slots:
            x = self._remember(x, slots, memory)
        x = torch.baddbmm(self.weight("output.bias"), x, self.weight("output.weight")).reshape(*lead, -1)
        return x.transpose(1, 2) if slots else x

    def _remember(self, x: Tensor, slots: int, memory: Tensor | None) -> Tensor:
        """The GRU's states (copies, slots * rows, units): inputs of all slots in one product, then slot by slot."""
        copies, units = x.shape[0], self.network.memory
        given = torch.baddbmm(self.weight("memory.input_bias"), x, self.weight("memory.input"))
        given = given.reshape(copies, slots, -1, 3 * units)
        state = x.new_zeros(copies, given.shape[2], units) if memory is None else memory
        states = []
        for now in given.unbind(1):  # views without a gradient of full size each, which slices would have
            kept = torch.baddbmm(self.weight("memory.state_bias"), state, self.weight("memory.state"))
            gates_in, fresh_in = torch.split(now, [2 * units, units], dim=-1)
            gates_state, fresh_state = torch.split(kept, [2 * units, units], dim=-1)
            reset, update = torch.sigmoid(gates_in + gates_state).chunk(2, dim=-1)
            state = torch.lerp(torch.tanh(torch.addcmul(fresh_in, reset, fresh_state)), state, update)
            states.append(state)
        return torch.stack(states, dim=1).reshape(copies, -1, units)


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


def follow(target: nn.Module, source: nn.Module, rate: float = 1.0) -> None:
    """Move a target network towards its source: target += rate (source - target); 1 copies."""
    with torch.no_grad():
        for old, new in zip(target.parameters(), source.parameters(), strict=True):
            old.lerp_(new, rate) if rate < 1.0 else old.copy_(new)


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
