"""Gymnasium's spaces for an encoding, and the ways between their elements and joint actions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from dtbench.arrays import BoolArray
from dtbench.encoding import Categorical, Encoding, Observation, Space


def entries_space(space: Space, count: int = 1) -> spaces.MultiDiscrete | spaces.Box:
    """The actions of ``count`` like agents in a row."""
    if isinstance(space, Categorical):
        return spaces.MultiDiscrete(np.tile(np.array(space.n, dtype=np.int64), count))
    return spaces.Box(space.low, space.high, (count * space.width,), np.float32)


def agent_space(space: Space) -> spaces.Discrete | spaces.MultiDiscrete | spaces.Box:
    """One agent's actions: Discrete for a single choice, MultiDiscrete for several, Box for reals."""
    if isinstance(space, Categorical) and space.width == 1:
        return spaces.Discrete(space.n[0])
    return entries_space(space)


def joint_space(encoding: Encoding) -> spaces.MultiDiscrete | spaces.Box | spaces.Dict:
    """The actions of one agent that chooses for all.

    MultiDiscrete where all entries are categorical, Box where all are reals; where both occur, a Dict that holds one of
    these per group.
    """
    if encoding.categorical:
        return spaces.MultiDiscrete(encoding.high + 1)
    if not encoding.discrete.any():
        return spaces.Box(encoding.low.astype(np.float32), encoding.high.astype(np.float32), dtype=np.float32)
    return spaces.Dict({g.name: entries_space(g.space, g.count) for g in encoding.groups})


def joint_action(encoding: Encoding, action: Any) -> npt.NDArray[Any]:
    """The joint action (..., size) of an element (or a batch of elements) of :func:`joint_space`."""
    if isinstance(action, Mapping):
        return np.concatenate([np.asarray(action[g.name], dtype=np.float64) for g in encoding.groups], axis=-1)
    return np.asarray(action)


def joint_mask(masks: Mapping[str, BoolArray]) -> npt.NDArray[np.int8]:
    """All agents' masks in a row (..., W) int8, 1 = allowed, in the order of the joint action's categorical entries.

    :func:`choices` turns one into what ``sample`` of the space takes.
    """
    rows = [mask.reshape(*mask.shape[:-2], mask.shape[-2] * mask.shape[-1]) for mask in masks.values()]
    return np.concatenate(rows, axis=-1).astype(np.int8)


def mask_info(observation: Observation) -> dict[str, Any]:
    """``action_mask`` (B, W), see :func:`joint_mask`, where there are categorical entries."""
    return {"action_mask": joint_mask(observation.masks)} if observation.masks else {}


def choices(space: spaces.MultiDiscrete, mask: npt.NDArray[np.int8]) -> tuple[npt.NDArray[np.int8], ...]:
    """A mask (W,) of categorical entries split into one per entry: ``space.sample(mask=choices(space, mask))``."""
    return tuple(np.split(mask, np.cumsum(space.nvec.ravel())[:-1]))


def observation_space(*shape: int) -> spaces.Box:
    """Observations: float32 without declared bounds."""
    return spaces.Box(-np.inf, np.inf, shape, np.float32)
