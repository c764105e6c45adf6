"""Joint episodes in preallocated arrays, and the replay buffer that sub-sequences of them are drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import BoolArray, IntArray
from dtbench.encoding import Categorical
from dtbench.envs import BatchEnv
from dtbench.learning.networks import Floats


@dataclass(frozen=True)
class SequenceBatch:
    """Sub-sequences of joint episodes: b rows of L slots, the same slots for all agents.

    What is observed (``observations``, ``masks``, ``state``) has S = L + 1 slots where what follows the last one was
    asked for, else S = L. ``observations`` ``{group: (b, S, agents, length)}``, ``masks``
    ``{group: (b, S, agents, mask width)}``, ``state`` (b, S, length of the state); ``actions`` (b, L, size), ``reward``
    (b, L), ``agent_rewards`` (b, L, agents). None: not stored.
    """

    observations: dict[str, Floats]
    masks: dict[str, BoolArray]
    actions: IntArray
    reward: Floats
    agent_rewards: Floats | None
    state: Floats | None


class Replay:
    """The last ``capacity`` episodes of an environment, each of its T slots, all agents together.

    What is observed has T + 1 slots: episodes are cut off at the horizon, and the state that is reached there is worth
    what would follow.

    The episodes of a round are played side by side; :meth:`claim` gives their rows, and :meth:`write`
    writes what was seen, done and earned, slot by slot.

    Parameters
    ----------
    env
        Whose episodes: it says how many agents, entries and slots there are.
    capacity
        Episodes that are kept; the oldest are overwritten.
    state
        Whether the global state is stored.
    agent_rewards
        Whether the agents' own rewards are stored.
    """

    def __init__(self, env: BatchEnv, capacity: int, *, state: bool = False, agent_rewards: bool = False) -> None:
        self.capacity, self.horizon = capacity, env.horizon
        self.size = 0  # rows that hold an episode
        self.head = 0  # row of the next one
        lead, seen = (capacity, env.horizon), (capacity, env.horizon + 1)
        self.arrays: dict[str, npt.NDArray[Any]] = {
            "actions": np.zeros((*lead, env.encoding.size), dtype=np.int64),
            "reward": np.zeros(lead, dtype=np.float32),
        }
        self.groups = tuple(group.name for group in env.encoding.groups)
        for group in env.encoding.groups:
            shape = (*seen, group.count)
            self.arrays[f"observations/{group.name}"] = np.zeros((*shape, group.observation), dtype=np.float32)
            if isinstance(group.space, Categorical):
                self.arrays[f"masks/{group.name}"] = np.zeros((*shape, group.space.mask_width), dtype=bool)
        if agent_rewards:
            self.arrays["agent_rewards"] = np.zeros((*lead, env.n_agents), dtype=np.float32)
        if state:
            self.arrays["state"] = np.zeros((*seen, env.observation.state.shape[-1]), dtype=np.float32)

    def claim(self, episodes: int) -> IntArray:
        """Rows for the next episodes: free ones, then those of the oldest.

        Raises
        ------
        ValueError
            If more are asked for than there are rows.
        """
        if episodes > self.capacity:
            raise ValueError(f"{episodes} episodes do not fit into a replay buffer of {self.capacity}.")
        rows = (self.head + np.arange(episodes)) % self.capacity
        self.head = int((self.head + episodes) % self.capacity)
        self.size = min(self.size + episodes, self.capacity)
        return rows

    def write(self, name: str, rows: IntArray, t: int, value: npt.NDArray[Any]) -> None:
        """Store slot ``t`` of the episodes in ``rows``, T is what is seen in the end; what is not kept is left out."""
        if name in self.arrays:
            self.arrays[name][rows, t] = value

    def sample(self, rng: np.random.Generator, batch: int, length: int, *, following: bool = True) -> SequenceBatch:
        """Sub-sequences of ``length`` slots, each from a random episode and start, all with the same probability.

        Parameters
        ----------
        following
            Whether what is observed after the last slot is wanted.

        Raises
        ------
        ValueError
            If nothing is stored, or episodes are shorter.
        """
        if not (self.size and 1 <= length <= self.horizon):
            raise ValueError(f"cannot draw {length} slots from {self.size} episodes of {self.horizon}.")
        episode = rng.integers(self.size, size=batch)
        start = rng.integers(self.horizon - length + 1, size=batch)
        acted = (episode * self.horizon + start)[:, None] + np.arange(length)
        seen = (episode * (self.horizon + 1) + start)[:, None] + np.arange(length + following)
        return SequenceBatch(
            observations={name: self._take(f"observations/{name}", seen) for name in self.groups},
            masks={name: self._take(f"masks/{name}", seen) for name in self.groups if f"masks/{name}" in self.arrays},
            actions=self._take("actions", acted),
            reward=self._take("reward", acted),
            agent_rewards=self._take("agent_rewards", acted) if "agent_rewards" in self.arrays else None,
            state=self._take("state", seen) if "state" in self.arrays else None,
        )

    def _take(self, name: str, slots: IntArray) -> npt.NDArray[Any]:
        """Slots (b, L) of an array; in memory those of one time lie together, as networks with memory read them."""
        array = self.arrays[name]
        return np.take(array.reshape(-1, *array.shape[2:]), slots.T, axis=0).swapaxes(0, 1)

    def state(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        """What is stored, and the numbers that say where; for a resumed training."""
        return {name: array[: self.size].copy() for name, array in self.arrays.items()}, {
            "size": self.size, "head": self.head,
        }  # fmt: skip

    def load(self, arrays: dict[str, npt.NDArray[Any]], facts: dict[str, Any]) -> None:
        """The inverse of :meth:`state`."""
        self.size, self.head = int(facts["size"]), int(facts["head"])
        for name, array in self.arrays.items():
            array[: self.size] = arrays[name]
