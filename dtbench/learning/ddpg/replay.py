"""A flat replay buffer of transitions, filled from parallel environments and sampled uniformly.

What is seen is stored once: slot t's next observation is the observation that was stored for slot t + 1. An episode of
T slots takes T + 1 places, the last of which holds what was seen in the end and is no transition.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import IntArray
from dtbench.learning.networks import Floats

Rows = tuple[IntArray, IntArray]  # places and environments of transitions, both (n,)


class Transitions:
    """A ring of places, each with one slot of B parallel environments that step together.

    Parameters
    ----------
    capacity
        Transitions kept, over all environments.
    n_envs
        B.
    seen
        Shapes of what is seen, by name: ``{"state": (S,), ...}``.
    action, reward
        Lengths of a joint action and of the rewards of a slot.

    Attributes
    ----------
    seen, action, reward
        ``{name: (P, B, ...)}``, (P, B, A) and (P, B, R) float32 of P places.
    last
        (P,) whether the transition ended its episode.
    valid
        (P,) whether the place holds a transition.
    stamp
        (P,) number of the slot that the place holds: a place is used again and again.
    at
        The place of the present slot.
    added
        Slots added so far.
    """

    def __init__(
        self, capacity: int, n_envs: int, seen: Mapping[str, tuple[int, ...]], action: int, reward: int
    ) -> None:
        places = max(capacity // n_envs, 1) + 2  # the present slot's place, and the end of an episode
        self.n_envs = n_envs
        self.seen = {name: np.zeros((places, n_envs, *shape), dtype=np.float32) for name, shape in seen.items()}
        self.action = np.zeros((places, n_envs, action), dtype=np.float32)
        self.reward = np.zeros((places, n_envs, reward), dtype=np.float32)
        self.last = np.zeros(places, dtype=bool)
        self.valid = np.zeros(places, dtype=bool)
        self.stamp = np.zeros(places, dtype=np.int64)
        self.at = 0
        self.added = 0

    def __len__(self) -> int:
        return int(np.count_nonzero(self.valid)) * self.n_envs

    def begin(self, seen: Mapping[str, Floats]) -> None:
        """Start an episode with what is seen first, ``{name: (B, ...)}``."""
        self._move(seen)

    def add(self, action: Floats, reward: Floats, seen: Mapping[str, Floats], *, last: bool) -> None:
        """Store what was done in the present slot (B, A), its rewards (B, R) and what was seen after it."""
        self.action[self.at], self.reward[self.at], self.last[self.at] = action, reward, last
        self.valid[self.at], self.stamp[self.at] = True, self.added
        self.added += 1
        self._move(seen)

    def _move(self, seen: Mapping[str, Floats]) -> None:
        """Go to the next place: what it held is lost; the transition before it was lost when its own place was."""
        self.at = (self.at + 1) % len(self.valid)
        self.valid[self.at] = False
        for name, values in self.seen.items():
            values[self.at] = seen[name]

    def sample(self, rng: np.random.Generator, rows: int) -> Rows:
        """Transitions at random, each with the same probability, with replacement.

        Raises
        ------
        ValueError
            If there are none.
        """
        places = np.flatnonzero(self.valid)
        if not places.size:
            raise ValueError("there are no transitions to sample.")
        number = rng.integers(places.size * self.n_envs, size=rows)
        return places[number // self.n_envs], number % self.n_envs

    def newest(self, slots: int) -> IntArray:
        """Places of the newest transitions, newest first; fewer where there are fewer."""
        places = (self.at - 1 - np.arange(len(self.valid) - 1)) % len(self.valid)
        return places[self.valid[places]][:slots]

    def look(self, rows: Rows) -> dict[str, Floats]:
        """What was seen in transitions: ``{name: (n, ...)}``."""
        return {name: values[rows] for name, values in self.seen.items()}

    def look_after(self, rows: Rows) -> dict[str, Floats]:
        """What was seen after them."""
        after = (rows[0] + 1) % len(self.valid)
        return {name: values[after, rows[1]] for name, values in self.seen.items()}

    def state(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, int]]:
        """Arrays and facts to go on from; places never used are left out."""
        used = max(int(np.flatnonzero(self.valid).max(initial=0)), self.at) + 2  # what is seen after the last one too
        arrays: dict[str, npt.NDArray[Any]] = {f"seen/{name}": values[:used] for name, values in self.seen.items()}
        arrays |= {"action": self.action[:used], "reward": self.reward[:used]}
        arrays |= {"last": self.last[:used], "valid": self.valid[:used], "stamp": self.stamp[:used]}
        return arrays, {"at": self.at, "added": self.added}

    def load(self, arrays: Mapping[str, npt.NDArray[Any]], facts: Mapping[str, int]) -> None:
        """The inverse of :meth:`state`."""
        buffers: dict[str, npt.NDArray[Any]] = {f"seen/{name}": values for name, values in self.seen.items()}
        buffers |= {"action": self.action, "reward": self.reward}
        buffers |= {"last": self.last, "valid": self.valid, "stamp": self.stamp}
        for name, values in buffers.items():
            values[: len(arrays[name])] = arrays[name]
        self.at, self.added = facts["at"], facts["added"]
