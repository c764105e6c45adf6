"""Networks of many agents as one stack of weights: what they are, and their forward pass in numpy.

``copies`` agents have a network each; their weights are stacked along the first axis, so that all of them are evaluated
by one matrix product. Agents that share a network are one copy with more rows. The forward pass in torch, which learns,
is :class:`dtbench.learning.torch_networks.StackedNetwork`; a test holds both to the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from dtbench.errors import DtbenchError

Floats = npt.NDArray[np.float32]
Weights = Mapping[str, Floats]
Activation = Literal["relu", "tanh"]
ACTIVATIONS: tuple[Activation, ...] = ("relu", "tanh")


@dataclass(frozen=True, kw_only=True)
class Network:
    """Layers ``inputs - hidden... - [GRU memory] - outputs``, ``copies`` times.

    An activation follows each hidden layer; the GRU, if ``memory`` > 0, comes after them; the last layer is linear.
    Weights are named ``hidden0.weight`` (copies, in, out), ``hidden0.bias`` (copies, 1, out), ..., ``memory.input``
    (copies, in, 3 units), ``memory.state`` (copies, units, 3 units), ``memory.input_bias``, ``memory.state_bias``
    (copies, 1, 3 units), ``output.weight``, ``output.bias``.
    """

    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    memory: int = 0
    copies: int = 1
    activation: Activation = "relu"

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))  # a list when it comes from JSON
        sizes = (self.inputs, *self.hidden, self.outputs, self.copies)
        if min(sizes) < 1 or self.memory < 0:
            raise ValueError(f"layers {sizes} and memory {self.memory}: expected positive sizes.")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation is '{self.activation}', expected one of {', '.join(ACTIVATIONS)}.")

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every array of weights, by name."""
        shapes: dict[str, tuple[int, ...]] = {}
        width = self.inputs
        for number, units in enumerate(self.hidden):
            shapes[f"hidden{number}.weight"] = (self.copies, width, units)
            shapes[f"hidden{number}.bias"] = (self.copies, 1, units)
            width = units
        if self.memory:
            gates = 3 * self.memory
            shapes["memory.input"] = (self.copies, width, gates)
            shapes["memory.state"] = (self.copies, self.memory, gates)
            shapes["memory.input_bias"] = shapes["memory.state_bias"] = (self.copies, 1, gates)
            width = self.memory
        shapes["output.weight"] = (self.copies, width, self.outputs)
        shapes["output.bias"] = (self.copies, 1, self.outputs)
        return shapes

    @property
    def facts(self) -> dict[str, Any]:
        """The fields, as JSON takes them; ``Network(**facts)`` is the inverse."""
        return asdict(self) | {"hidden": list(self.hidden)}

    def check(self, weights: Weights, where: str) -> None:
        """Whether the weights are those of this network.

        Raises
        ------
        DtbenchError
            If an array is missing, has another shape or type, or holds NaN; ``where`` begins the message.
        """
        check_weights(self.shapes, weights, where)

    def start(self, rows: int) -> Floats:
        """Memory before the first slot: zeros (copies, rows, units)."""
        return np.zeros((self.copies, rows, self.memory), dtype=np.float32)

    def __call__(self, weights: Weights, x: Floats, memory: Floats) -> tuple[Floats, Floats]:
        """Outputs (copies, rows, outputs) and the next memory, for inputs (copies, rows, inputs) of one slot."""
        for number in range(len(self.hidden)):
            x = x @ weights[f"hidden{number}.weight"]  # a new array, so it may change in place
            x += weights[f"hidden{number}.bias"]
            x = np.maximum(x, 0.0, out=x) if self.activation == "relu" else np.tanh(x, out=x)
        if self.memory:
            x = memory = gated(weights, x, memory)
        x = x @ weights["output.weight"]
        x += weights["output.bias"]
        return x, memory


def check_weights(shapes: Mapping[str, tuple[int, ...]], weights: Weights, where: str) -> None:
    """Whether weights are arrays of these names and shapes.

    Raises
    ------
    DtbenchError
        If an array is missing, has another shape or type, or holds NaN; ``where`` begins the message.
    """
    for name, shape in shapes.items():
        if name not in weights:
            raise DtbenchError(f"{where}: array '{name}' is missing.")
        value = weights[name]
        if value.shape != shape or value.dtype != np.float32:
            raise DtbenchError(f"{where}: array '{name}' is {value.dtype} {value.shape}, expected float32 {shape}.")
        if not np.isfinite(value).all():
            raise DtbenchError(f"{where}: array '{name}' holds NaN or inf.")


def gated(weights: Weights, x: Floats, memory: Floats) -> Floats:
    """One step of a gated recurrent unit, Cho et al. (2014), in the form of cuDNN: the reset gate after the product."""
    given = x @ weights["memory.input"] + weights["memory.input_bias"]
    kept = memory @ weights["memory.state"] + weights["memory.state_bias"]
    units = memory.shape[-1]
    gates = sigmoid(given[..., : 2 * units] + kept[..., : 2 * units])
    reset, update = gates[..., :units], gates[..., units:]
    fresh = np.tanh(given[..., 2 * units :] + reset * kept[..., 2 * units :])
    mixed: Floats = fresh + update * (memory - fresh)
    return mixed


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    return 0.5 * (np.tanh(0.5 * x) + 1.0)


def fold(x: npt.NDArray[Any], copies: int) -> npt.NDArray[Any]:
    """(..., agents, features) as what a stack takes: (copies, rows, features), one row per agent if it is shared."""
    if copies == 1:
        return x.reshape(1, -1, x.shape[-1])
    return np.ascontiguousarray(x.reshape(-1, *x.shape[-2:]).swapaxes(0, 1))


def unfold(y: npt.NDArray[Any], lead: tuple[int, ...], agents: int) -> npt.NDArray[Any]:
    """The inverse of :func:`fold`: (copies, rows, features) as (\\*lead, agents, features)."""
    if y.shape[0] == 1:
        return y.reshape(*lead, agents, y.shape[-1])
    return y.swapaxes(0, 1).reshape(*lead, agents, y.shape[-1])
