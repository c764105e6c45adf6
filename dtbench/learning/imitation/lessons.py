"""What has been asked and answered so far: states and targets, one row per slot."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import IntArray
from dtbench.learning.networks import Floats


class Lessons:
    """Rows of states (n, S) and targets (n, size); all of them are kept."""

    def __init__(self, state_size: int, action_size: int) -> None:
        self._states = np.empty((0, state_size), dtype=np.float32)
        self._targets = np.empty((0, action_size), dtype=np.float32)
        self.size = 0

    @property
    def states(self) -> Floats:
        """(n, S)."""
        return self._states[: self.size]

    @property
    def targets(self) -> Floats:
        """(n, size)."""
        return self._targets[: self.size]

    def add(self, states: npt.NDArray[Any], targets: npt.NDArray[Any]) -> None:
        """Take rows; rows whose targets are all NaN teach nothing and are left out."""
        taught = ~np.isnan(targets).all(axis=-1)
        states, targets = states[taught], targets[taught]
        size = self.size + len(states)
        if size > len(self._states):
            room = max(size, 2 * len(self._states)) - self.size
            self._states = np.concatenate([self.states, np.empty((room, states.shape[-1]), np.float32)])
            self._targets = np.concatenate([self.targets, np.empty((room, targets.shape[-1]), np.float32)])
        self._states[self.size : size], self._targets[self.size : size] = states, targets
        self.size = size

    def sample(self, rng: np.random.Generator, rows: int) -> IntArray:
        """Numbers of ``rows`` rows at random."""
        return rng.integers(self.size, size=rows)
