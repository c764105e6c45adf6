"""Critics of rollouts: what a state, or an observation, is worth, in units that follow the returns; running moments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dtbench.arrays import Array
from dtbench.learning.networks import Floats, Network
from dtbench.learning.ppo.policy import scale
from dtbench.learning.ppo.stack import Stack

LEAST = 1e-6  # deviations count as at least this
MEMORY = 10.0  # rounds that the moments of returns look back on
Real = npt.NDArray[np.float64]


class Moments:
    """Mean and deviation (length,) of all rows seen, Chan et al. (1983); 0 and 1 before the first.

    ``memory`` is how many updates of equal size they look back on at most: old rows lose weight beyond.
    """

    def __init__(self, length: int, memory: float = np.inf) -> None:
        self.count, self.memory = 0.0, memory
        self.mean, self.variance = np.zeros(length), np.ones(length)

    @property
    def deviation(self) -> Real:
        """(length,), at least 1e-6."""
        return np.maximum(np.sqrt(self.variance), LEAST)

    def update(self, rows: npt.NDArray[Any]) -> None:
        """Take rows (n, length) in."""
        new, mean, variance = float(len(rows)), rows.mean(axis=0, dtype=float), rows.var(axis=0, dtype=float)
        old = min(self.count, self.memory * new)
        share, away = new / (old + new), mean - self.mean
        kept = self.variance if old else 0.0
        self.mean = self.mean + share * away
        self.variance = (1.0 - share) * kept + share * variance + share * (1.0 - share) * away**2 * bool(old)
        self.count = old + new

    def arrays(self) -> dict[str, Real]:
        """What :meth:`load` takes."""
        return {"mean": self.mean, "variance": self.variance, "count": np.array(self.count)}

    def load(self, arrays: Mapping[str, Real]) -> None:
        """The inverse of :meth:`arrays`."""
        self.mean, self.variance = np.array(arrays["mean"]), np.array(arrays["variance"])
        self.count = float(arrays["count"])


class StateValues:
    """Critics V(state), one per copy of a network; each learns targets in units of their mean and deviation.

    When these move, the last layer is changed so that no value does (van Hasselt et al., 2016, "Pop-Art"): the same
    step size then serves every problem's unit of reward.

    Parameters
    ----------
    network
        From the global state to one number; one copy per critic.
    generator
        Source of the first weights.
    scaled
        Whether states are scaled by their running moments.
    """

    def __init__(self, network: Network, generator: torch.Generator, *, scaled: bool) -> None:
        self.stack = Stack(network, generator)
        self.moments = Moments(network.copies, MEMORY)
        self.states = Moments(network.inputs) if scaled else None

    def inputs(self, states: Floats) -> Tensor:
        """States (..., S) as the network takes them (rows, S)."""
        flat = states.reshape(-1, states.shape[-1])
        if self.states is not None:
            flat = scale(flat, self.states.mean.astype(np.float32), self.states.deviation.astype(np.float32))
        return torch.from_numpy(np.ascontiguousarray(flat, dtype=np.float32))

    def __call__(self, x: Tensor) -> Array:
        """Values (critics, rows) in the unit of the returns."""
        raw = [self.stack.forward(copy, x)[-1][:, 0].double().numpy() for copy in range(self.stack.network.copies)]
        return np.stack(raw) * self.moments.deviation[:, None] + self.moments.mean[:, None]

    def rescale(self, targets: Array) -> Tensor:
        """Take targets (critics, rows) into the moments; give them in the new unit."""
        mean, deviation = self.moments.mean, self.moments.deviation
        self.moments.update(targets.T)
        ratio = torch.from_numpy(deviation / self.moments.deviation).float()[:, None, None]
        moved = torch.from_numpy((mean - self.moments.mean) / self.moments.deviation).float()[:, None, None]
        self.stack.weights["output.weight"].mul_(ratio)
        self.stack.weights["output.bias"].mul_(ratio).add_(moved)
        scaled = (targets - self.moments.mean[:, None]) / self.moments.deviation[:, None]
        return torch.from_numpy(scaled).float()

    def improve(self, x: Tensor, target: Tensor, rate: float, max_norm: float) -> float:
        """One step of every critic down half the mean squared error to ``target`` (critics, rows); that error."""
        loss = 0.0
        for copy in range(self.stack.network.copies):
            layers = self.stack.forward(copy, x)
            wrong = layers[-1] - target[copy, :, None]
            loss += float(wrong.square().mean()) / self.stack.network.copies
            self.stack.backward(copy, x, layers, wrong / len(wrong))
            self.stack.step(copy, rate, max_norm)
        return loss


@dataclass
class Lesson:
    """What a critic learns from in a round.

    Attributes
    ----------
    critic
        C copies.
    x
        (agents, R, inputs): what it judges by; one agent where that is the global state.
    target
        (C, agents, R), in the critic's unit.
    """

    critic: StateValues
    x: Tensor
    target: Tensor

    def learn(self, rows: Tensor | None, rate: float, max_norm: float) -> float:
        """One step of every copy on some rows of the rollout, or on all; the mean squared error."""
        x, target = (self.x, self.target) if rows is None else (self.x[:, rows], self.target[..., rows])
        return self.critic.improve(x.flatten(0, 1), target.flatten(1), rate, max_norm)
