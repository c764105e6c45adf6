"""The network of sets as a torch module that learns."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from dtbench.layout import Layout
from dtbench.learning.imitation.network import LIMIT, Axes, SetNetwork, pool_name
from dtbench.learning.networks import Floats

LEAST_SCALE = 1e-6  # of a feature: one that does not vary is 0


class TorchSetNetwork(nn.Module):
    """A :class:`SetNetwork` whose weights are parameters, but for the scales of features and outputs.

    Heads begin at 0: an untrained network leaves the decoder to what it knows by itself.
    """

    def __init__(self, network: SetNetwork, generator: torch.Generator) -> None:
        super().__init__()
        self.network = network
        fan_in = {"layer0": sum(length for _, _, length in network.parts)}
        fan_in |= {f"layer{n}": network.hidden * (1 + len(network.pools)) for n in range(1, network.layers)}
        for name, shape in network.shapes.items():
            key = _python(name)
            if name.startswith(("shift", "scale")) or name.endswith(".scale"):
                self.register_buffer(key, torch.zeros(shape) if name.startswith("shift") else torch.ones(shape))
            elif name.startswith("head"):
                self.register_parameter(key, nn.Parameter(torch.zeros(shape)))
            else:
                bound = math.sqrt(3.0 / fan_in[name.partition(".")[0]])
                value = torch.empty(shape).uniform_(-bound, bound, generator=generator)
                self.register_parameter(key, nn.Parameter(value if not name.endswith("bias") else torch.zeros(shape)))

    def weight(self, name: str) -> Tensor:
        """A parameter, or a scale, by its name in :attr:`SetNetwork.shapes`."""
        value: Tensor = getattr(self, _python(name))
        return value

    def arrays(self) -> dict[str, Floats]:
        """All weights as numpy arrays that share their memory: what :class:`SetNetwork` evaluates."""
        return {name: self.weight(name).detach().numpy() for name in self.network.shapes}

    def load(self, arrays: Mapping[str, Floats]) -> None:
        """Copy weights in."""
        with torch.no_grad():
            for name in self.network.shapes:
                self.weight(name).copy_(torch.from_numpy(np.ascontiguousarray(arrays[name])))

    def forward(self, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Outputs ``{head: (rows, *axes, outputs)}`` of features ``{part: (rows, *axes, length)}``."""
        net, limit = self.network, float(LIMIT)
        seen = {}
        for name, own, _ in net.parts:
            value = (inputs[name] - self.weight(f"shift.{name}")) * self.weight(f"scale.{name}")
            seen[name] = value.clamp(-limit, limit).reshape(net.spread(tuple(value.shape), own))
        x = self.weight("layer0.bias")
        for name, _, _ in sorted(net.parts, key=lambda part: len(part[1])):
            x = x + seen[name] @ self.weight(f"layer0.{name}")
        lengths = [max(value.shape[1 + i] for value in seen.values()) for i in range(len(net.axes))]
        state = torch.relu(x).expand(x.shape[0], *lengths, net.hidden)
        for number in range(1, net.layers):
            x = self.weight(f"layer{number}.bias")
            for left, mean in reversed(self._means(state).items()):
                x = x + mean @ self.weight(f"layer{number}.{pool_name(left)}")
            state = state + torch.relu(state @ self.weight(f"layer{number}.here") + x)
        states = {net.axes: state} | self._means(state)
        return {name: self._head(states[axes], seen, name, axes) for name, axes, _ in net.heads}

    def _means(self, state: Tensor) -> dict[Axes, Tensor]:
        axes = self.network.axes
        if len(axes) == 1:
            return {(): state.mean(dim=1, keepdim=True)}
        rows = state.mean(dim=2, keepdim=True)
        return {axes[:1]: rows, axes[1:]: state.mean(dim=1, keepdim=True), (): rows.mean(dim=1, keepdim=True)}

    def _head(self, state: Tensor, seen: Mapping[str, Tensor], name: str, axes: Axes) -> Tensor:
        net = self.network
        y = state @ self.weight(f"head.{name}.state") + self.weight(f"head.{name}.bias")
        for part, own, _ in net.parts:
            if own == axes:
                y = y + seen[part] @ self.weight(f"head.{name}.{part}")
        y = y * self.weight(f"head.{name}.scale")
        kept = [1 + i for i, axis in enumerate(net.axes) if axis in axes]
        return y.reshape(y.shape[0], *(y.shape[i] for i in kept), y.shape[-1])


def _python(name: str) -> str:
    return name.replace(".", "__")


def set_input_scales(network: TorchSetNetwork, layout: Layout, states: Floats) -> None:
    """Let features have mean 0 and deviation 1 over states (rows, S)."""
    inputs = layout.split_state(states)
    with torch.no_grad():
        for part in layout.parts:
            rows = inputs[part.name].reshape(-1, part.length).astype(np.float64)
            spread = rows.std(axis=0)
            scale = np.where(spread > LEAST_SCALE, 1.0 / np.maximum(spread, LEAST_SCALE), 0.0)
            network.weight(f"shift.{part.name}").copy_(torch.from_numpy(rows.mean(axis=0)))
            network.weight(f"scale.{part.name}").copy_(torch.from_numpy(scale))
