"""Sets in flat arrays: which users, stations and pairs of them the entries of a state and of a joint action are of.

A problem says it of an encoding, and a network whose weights know no number of users or stations can then act in it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Loss = Literal["choice", "matching", "yes", "value"]


@dataclass(frozen=True)
class Part:
    """A part of a state: ``length`` features of every position along ``axes``; no axes: of the whole."""

    name: str
    axes: tuple[str, ...]
    length: int


@dataclass(frozen=True)
class Head:
    """A part of a joint action: ``outputs`` reals of every position along ``axes``, and how they are learned.

    Attributes
    ----------
    loss
        ``choice``: scores on two axes, each position along the first takes one along the second; cross-entropy of a
        softmax over the second axis, a target's greatest entry is the one taken. ``matching``: the same where a
        position along the second axis has room for so many; the softmax is scaled until they fit (Sinkhorn).
        ``yes``: log-odds; a target above 0 is a yes. ``value``: squared error. Targets that are NaN teach nothing.
    allowed
        Of choices and matchings: the part of the state, of the same axes and length 1, that is above 0 where a pair is
        allowed. Empty: all are.
    room
        Of a matching: the part of the state, of the second axis and length 1, with the room.
    weight
        Of its loss in the sum over heads.
    """

    name: str
    axes: tuple[str, ...]
    loss: Loss
    outputs: int = 1
    allowed: str = ""
    room: str = ""
    weight: float = 1.0


@dataclass(frozen=True)
class Clock:
    """What a slot does not say, and who plays knows by counting: how many of ``horizon`` slots come after it.

    ``part`` of the state, without axes and of length 1, is ``min(left, near) / near``; encodings leave it at 0.
    """

    part: str
    horizon: int
    near: int


@dataclass(frozen=True)
class Layout:
    """Axes with their lengths, one or two; parts of a flat state (..., S), heads of a joint action (..., size).

    Parts and heads follow each other in their order; within one, entries are in the order of its axes, features last.

    Raises
    ------
    ValueError
        If a part or head names an axis or part that there is not, axes are in another order, or a name comes twice.
    """

    axes: Mapping[str, int]
    parts: tuple[Part, ...]
    heads: tuple[Head, ...]
    clock: Clock | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.axes) <= 2:
            raise ValueError(f"a layout has one or two axes, not {', '.join(self.axes) or 'none'}.")
        for name, axes in (*((p.name, p.axes) for p in self.parts), *((h.name, h.axes) for h in self.heads)):
            if tuple(axis for axis in self.axes if axis in axes) != axes:
                raise ValueError(f"'{name}' has axes {axes}, expected some of {tuple(self.axes)} in order.")
        for names in ([p.name for p in self.parts], [h.name for h in self.heads]):
            if len({*names}) != len(names):
                raise ValueError(f"a name comes twice: {', '.join(names)}.")
        for head in self.heads:
            self._check(head)
        if self.clock is not None and Part(self.clock.part, (), 1) not in self.parts:
            raise ValueError(f"the clock: there is no part '{self.clock.part}' without axes and of length 1.")

    def _check(self, head: Head) -> None:
        parts = {p.name: p for p in self.parts}
        if head.loss in ("choice", "matching") and (len(head.axes) != 2 or head.outputs != 1):
            raise ValueError(f"head '{head.name}' is a {head.loss}: expected two axes and one output.")
        if (head.loss == "matching") != bool(head.room):
            raise ValueError(f"head '{head.name}': a matching, and nothing else, names the part with the room.")
        for name, axes in ((head.allowed, head.axes), (head.room, head.axes[-1:])):
            if name and (name not in parts or parts[name].axes != axes or parts[name].length != 1):
                raise ValueError(f"head '{head.name}': there is no part '{name}' of axes {axes} and length 1.")

    @property
    def state_size(self) -> int:
        """S."""
        return sum(self._entries(p.axes, p.length) for p in self.parts)

    def start_of(self, name: str) -> int:
        """Where a part begins in a state."""
        before = [p.name for p in self.parts].index(name)
        return sum(self._entries(p.axes, p.length) for p in self.parts[:before])

    @property
    def action_size(self) -> int:
        """Entries of a joint action."""
        return sum(self._entries(h.axes, h.outputs) for h in self.heads)

    def split_state(self, state: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        """(..., S) as ``{part: (..., *axes, length)}``."""
        return self._split(state, [(p.name, p.axes, p.length) for p in self.parts])

    def join_state(self, parts: Mapping[str, npt.ArrayLike], lead: tuple[int, ...] = ()) -> npt.NDArray[np.float32]:
        """The inverse of :meth:`split_state`; values broadcast to leading axes ``lead``. Features may lack where 1."""
        return self._join(parts, [(p.name, p.axes, p.length) for p in self.parts], lead).astype(np.float32)

    def split_action(self, x: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        """(..., size) as ``{head: (..., *axes, outputs)}``."""
        return self._split(x, [(h.name, h.axes, h.outputs) for h in self.heads])

    def join_action(self, heads: Mapping[str, npt.ArrayLike], lead: tuple[int, ...] = ()) -> npt.NDArray[np.float64]:
        """The inverse of :meth:`split_action`, as :meth:`join_state`."""
        return self._join(heads, [(h.name, h.axes, h.outputs) for h in self.heads], lead).astype(np.float64)

    def _entries(self, axes: tuple[str, ...], length: int) -> int:
        return length * math.prod([self.axes[a] for a in axes])

    def _split(
        self, flat: npt.NDArray[Any], pieces: Sequence[tuple[str, tuple[str, ...], int]]
    ) -> dict[str, npt.NDArray[Any]]:
        made, start = {}, 0
        for name, axes, length in pieces:
            stop = start + self._entries(axes, length)
            made[name] = flat[..., start:stop].reshape(*flat.shape[:-1], *(self.axes[a] for a in axes), length)
            start = stop
        return made

    def _join(
        self,
        values: Mapping[str, npt.ArrayLike],
        pieces: Sequence[tuple[str, tuple[str, ...], int]],
        lead: tuple[int, ...],
    ) -> npt.NDArray[Any]:
        flat = []
        for name, axes, length in pieces:
            value, own = np.asarray(values[name]), tuple(self.axes[a] for a in axes)
            if (length == 1 and value.shape[-1:] != (1,)) or value.ndim == len(own):
                value = value[..., None]
            shape = (*(lead or value.shape[: value.ndim - len(own) - 1]), *own, length)
            whole = value if value.shape == shape else np.broadcast_to(value, shape)
            flat.append(whole.reshape(*shape[: len(shape) - len(own) - 1], -1))
        return np.concatenate(flat, axis=-1)
