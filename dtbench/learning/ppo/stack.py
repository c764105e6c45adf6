"""Networks that are updated one copy at a time: contiguous weights per agent, gradients by hand, Adam.

A sequential update (HAPPO) steps agent after agent, a thousand times per round. Autograd over stacked parameters would
differentiate all agents for each of them; here a copy is a block: its weights, gradient and moments lie in a row, and
its activations are kept from one pass to the next.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from dtbench.learning import layers
from dtbench.learning.adam import DECAY, TINY
from dtbench.learning.networks import Floats, Network
from dtbench.learning.torch_networks import StackedNetwork


class Stack:
    """The copies of a :class:`Network` without memory, each with its own optimiser.

    Parameters
    ----------
    network
        What it is.
    generator
        Source of the first weights: orthogonal, gain sqrt 2, biases 0.
    last_gain
        Of the last layer.
    """

    def __init__(self, network: Network, generator: torch.Generator, last_gain: float = 1.0) -> None:
        if network.memory:
            raise ValueError("a network with memory is not updated in blocks.")
        self.network = network
        shapes = network.shapes
        size = sum(math.prod(shape[1:]) for shape in shapes.values())
        self.flat = torch.zeros(network.copies, size)
        self.moments = torch.zeros(2, network.copies, size)
        self.steps = [0] * network.copies
        self._gradient = torch.zeros(size)
        self.weights = self._split(self.flat)
        self.gradients = self._split(self._gradient)
        self._weights = [[v[copy : copy + 1] for v in self.weights.values()] for copy in range(network.copies)]
        start = StackedNetwork(network, generator, "orthogonal", last_gain).arrays()
        for name, value in start.items():
            self.weights[name].copy_(torch.from_numpy(value))

    def arrays(self) -> dict[str, Floats]:
        """The weights as numpy arrays that share their memory: what :class:`Network` evaluates."""
        return {name: value.numpy() for name, value in self.weights.items()}

    def forward(self, copy: int, x: Tensor) -> list[Tensor]:
        """Values after every layer, the outputs (rows, outputs) last, for inputs (rows, inputs)."""
        values = layers.forward(x[None], self._weights[copy], self.network.activation, len(self.network.hidden))
        return [value[0] for value in values]

    def backward(self, copy: int, x: Tensor, values: list[Tensor], slope: Tensor) -> None:
        """Fill :attr:`gradients` from the gradient ``slope`` (rows, outputs) of the outputs.

        ``values`` is what :meth:`forward` gave for ``x``.
        """
        network, values = self.network, [value[None] for value in values]
        _, gradients = layers.backward(
            x[None], self._weights[copy], values, slope[None], network.activation, len(network.hidden), inputs=False
        )
        for room, gradient in zip(self.gradients.values(), gradients, strict=True):
            room.copy_(gradient[0])

    def step(self, copy: int, rate: float, max_norm: float) -> None:
        """One step of Adam down :attr:`gradients`, whose norm is cut first."""
        gradient, (mean, square), weights = self._gradient, self.moments[:, copy], self.flat[copy]
        norm = float(gradient.norm())
        if norm > max_norm:
            gradient *= max_norm / norm
        self.steps[copy] += 1
        mean.lerp_(gradient, 1.0 - DECAY[0])
        square.mul_(DECAY[1]).addcmul_(gradient, gradient, value=1.0 - DECAY[1])
        bias = [1.0 - decay ** self.steps[copy] for decay in DECAY]
        weights.addcdiv_(mean, (square / bias[1]).sqrt_().add_(TINY), value=-rate / bias[0])

    def state(self) -> tuple[dict[str, Floats], list[int]]:
        """Weights and moments, and the number of steps of each copy."""
        return {"flat": self.flat.numpy(), "moments": self.moments.numpy()}, self.steps

    def load(self, arrays: Mapping[str, Floats], steps: list[int]) -> None:
        """The inverse of :meth:`state`."""
        self.flat.copy_(torch.from_numpy(arrays["flat"]))
        self.moments.copy_(torch.from_numpy(arrays["moments"]))
        self.steps = list(steps)

    def _split(self, flat: Tensor) -> dict[str, Tensor]:
        """(..., size) as the arrays of one copy each, (..., in, out); views."""
        sizes = {name: shape[1:] for name, shape in self.network.shapes.items()}
        parts, start = {}, 0
        for name, (inner, outer) in sizes.items():
            end = start + inner * outer
            parts[name] = flat[..., start:end].view(*flat.shape[:-1], inner, outer)
            start = end
        return parts
