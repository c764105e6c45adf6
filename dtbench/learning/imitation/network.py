"""A network of sets: its outputs follow users and stations wherever they stand in the list, and it takes any number.

Every pair (user, station) has a state of ``hidden`` units. A layer adds its means over users, over stations and over
all pairs (Zaheer et al. 2017; Hartford et al. 2018, Sec. 3), so the weights know no number of users. This is the
forward pass in numpy; a test holds it to the numbers of the module that learns,
:class:`dtbench.learning.imitation.torch_network.TorchSetNetwork`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dtbench.layout import Layout
from dtbench.learning.networks import Floats, Weights, check_weights

Axes = tuple[str, ...]
LIMIT = np.float32(8.0)  # standardised features are cut at it


@dataclass(frozen=True, kw_only=True)
class SetNetwork:
    """Features - ``layers`` layers of ``hidden`` units - outputs of each head; an activation (ReLU) after each layer.

    Later layers add to the state before them. A head reads the state, its mean over the axes that it does not have, and
    the features on its own axes.

    Attributes
    ----------
    axes
        Names of the axes, one or two.
    parts
        Name, axes and length of each part of the state.
    heads
        Name, axes and outputs of each head.
    """

    axes: Axes
    parts: tuple[tuple[str, Axes, int], ...]
    heads: tuple[tuple[str, Axes, int], ...]
    hidden: int
    layers: int

    def __post_init__(self) -> None:
        for name in ("parts", "heads"):  # lists when they come from JSON
            pieces = tuple((str(n), tuple(a), int(k)) for n, a, k in getattr(self, name))
            object.__setattr__(self, name, pieces)
        object.__setattr__(self, "axes", tuple(self.axes))
        if self.hidden < 1 or self.layers < 1:
            raise ValueError(f"{self.layers} layers of {self.hidden} units: expected positive numbers.")

    @classmethod
    def of(cls, layout: Layout, hidden: int, layers: int) -> SetNetwork:
        """The network for a layout."""
        return cls(
            axes=tuple(layout.axes),
            parts=tuple((p.name, p.axes, p.length) for p in layout.parts),
            heads=tuple((h.name, h.axes, h.outputs) for h in layout.heads),
            hidden=hidden,
            layers=layers,
        )

    @property
    def facts(self) -> dict[str, Any]:
        """The fields, as JSON takes them; ``SetNetwork(**facts)`` is the inverse."""
        pieces = {name: [[n, list(a), k] for n, a, k in getattr(self, name)] for name in ("parts", "heads")}
        return {"axes": list(self.axes), **pieces, "hidden": self.hidden, "layers": self.layers}

    @property
    def pools(self) -> tuple[Axes, ...]:
        """The axes that are left by each mean: all proper subsets, the empty one last."""
        return ((self.axes[:1], self.axes[1:]) if len(self.axes) == 2 else ()) + ((),)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every array of weights, by name."""
        shapes: dict[str, tuple[int, ...]] = {}
        for name, _, length in self.parts:
            shapes[f"shift.{name}"] = shapes[f"scale.{name}"] = (length,)
            shapes[f"layer0.{name}"] = (length, self.hidden)
        shapes["layer0.bias"] = (self.hidden,)
        for number in range(1, self.layers):
            shapes[f"layer{number}.here"] = (self.hidden, self.hidden)
            for left in self.pools:
                shapes[f"layer{number}.{pool_name(left)}"] = (self.hidden, self.hidden)
            shapes[f"layer{number}.bias"] = (self.hidden,)
        for name, axes, outputs in self.heads:
            shapes[f"head.{name}.state"] = (self.hidden, outputs)
            shapes |= {f"head.{name}.{part}": (length, outputs) for part, own, length in self.parts if own == axes}
            shapes[f"head.{name}.bias"] = shapes[f"head.{name}.scale"] = (outputs,)
        return shapes

    def check(self, weights: Weights, where: str) -> None:
        """Whether the weights are those of this network.

        Raises
        ------
        DtbenchError
            If an array is missing, has another shape or type, or holds NaN; ``where`` begins the message.
        """
        check_weights(self.shapes, weights, where)

    def spread(self, shape: tuple[int, ...], own: Axes) -> tuple[int, ...]:
        """The shape (rows, ...axes, features) of an array (rows, *own, features), with 1 on the axes it lacks."""
        lengths = dict(zip(own, shape[1:-1], strict=True))
        return (shape[0], *(lengths.get(axis, 1) for axis in self.axes), shape[-1])

    def __call__(self, weights: Weights, inputs: Mapping[str, Floats]) -> dict[str, Floats]:
        """Outputs ``{head: (rows, *axes, outputs)}`` of features ``{part: (rows, *axes, length)}``."""
        seen = {}
        for name, own, _ in self.parts:
            value = (inputs[name] - weights[f"shift.{name}"]) * weights[f"scale.{name}"]
            value = np.minimum(np.maximum(value, -LIMIT), LIMIT)  # quicker than np.clip
            seen[name] = value.reshape(self.spread(value.shape, own))
        x = weights["layer0.bias"]
        for name, _, _ in sorted(self.parts, key=lambda part: len(part[1])):  # small ones first
            x = x + seen[name] @ weights[f"layer0.{name}"]
        lengths = [max(value.shape[1 + i] for value in seen.values()) for i in range(len(self.axes))]
        state = np.array(np.broadcast_to(np.maximum(x, 0.0), (x.shape[0], *lengths, self.hidden)))
        for number in range(1, self.layers):
            x = weights[f"layer{number}.bias"]
            for left, mean in reversed(self._means(state).items()):  # small ones first
                x = x + mean @ weights[f"layer{number}.{pool_name(left)}"]
            x = state @ weights[f"layer{number}.here"] + x
            state += np.maximum(x, 0.0, out=x)
        states = {self.axes: state} | self._means(state)
        return {name: self._head(weights, states[axes], seen, name, axes) for name, axes, _ in self.heads}

    def _means(self, state: Floats) -> dict[Axes, Floats]:
        """Means over all axes but those of :attr:`pools`; the others have length 1."""
        if len(self.axes) == 1:
            return {(): mean(state, 1)}
        rows = mean(state, 2)
        return {self.axes[:1]: rows, self.axes[1:]: mean(state, 1), (): mean(rows, 1)}

    def _head(self, weights: Weights, state: Floats, seen: Mapping[str, Floats], name: str, axes: Axes) -> Floats:
        y = state @ weights[f"head.{name}.state"] + weights[f"head.{name}.bias"]
        for part, own, _ in self.parts:
            if own == axes:
                y += seen[part] @ weights[f"head.{name}.{part}"]
        y *= weights[f"head.{name}.scale"]
        kept = [1 + i for i, axis in enumerate(self.axes) if axis in axes]
        return y.reshape(y.shape[0], *(y.shape[i] for i in kept), y.shape[-1])


def mean(values: Floats, axis: int) -> Floats:
    """The mean over an axis, which is kept: as ``values.mean``, but quicker where there are few values."""
    total: Floats = np.add.reduce(values, axis=axis, keepdims=True)
    total /= np.float32(values.shape[axis])
    return total


def pool_name(left: Axes) -> str:
    """The name of a mean in names of arrays: ``by_user``, ``of_all``."""
    return "_".join(("by", *left)) if left else "of_all"
