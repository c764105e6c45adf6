"""Gymnasium's spaces for an encoding, and the ways between their elements and joint actions."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from dtbench.arrays import BoolArray
from dtbench.encoding import Categorical, Encoding, Group, Observation, Space

if TYPE_CHECKING:
    from dtbench.envs.batch import BatchEnv

AgentMask = npt.NDArray[np.int8] | tuple[npt.NDArray[np.int8], ...]  # of one entry, or one of each


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


def joint_element(encoding: Encoding, x: npt.NDArray[Any]) -> Any:
    """The element of :func:`joint_space` (or a batch of elements) of a joint action (..., size)."""
    if encoding.categorical:
        return np.asarray(x, dtype=np.int64)
    if not encoding.discrete.any():
        return np.asarray(x, dtype=np.float32)
    kinds = {True: np.int64, False: np.float32}
    return {g.name: x[..., part].astype(kinds[isinstance(g.space, Categorical)]) for g, part in encoding.parts()}


def joint_mask(encoding: Encoding, observation: Observation) -> BoolArray:
    """All agents' masks in a row (B, W), True = allowed, in the order of the joint action's categorical entries.

    Raises
    ------
    ValueError
        If no entry is categorical.
    """
    if not encoding.discrete.any():
        raise ValueError("actions of this environment are real numbers, which have no mask.")
    batch = len(observation.state)
    rows = [_row(group, observation.masks, batch) for group in encoding.groups if isinstance(group.space, Categorical)]
    return np.concatenate(rows, axis=-1)


def _row(group: Group, masks: Mapping[str, BoolArray], batch: int) -> BoolArray:
    """A group's masks in a row (B, W); everything is allowed where none is given."""
    if group.name in masks:
        return masks[group.name].reshape(batch, -1)
    width: int = group.count * group.space.mask_width  # type: ignore[union-attr]
    return np.ones((batch, width), dtype=np.bool_)


def mask_info(encoding: Encoding, observation: Observation) -> list[dict[str, Any]]:
    """``action_mask`` of each copy in Gymnasium's form, as ``sample(mask=...)`` of the joint space takes it.

    Of a MultiDiscrete space: a tuple of int8 arrays, one per entry, 1 = allowed. Of a Dict space: such a tuple per
    group, None for reals. Empty where there are no masks.
    """
    if not observation.masks:
        return [{} for _ in observation.state]
    flat = joint_mask(encoding, observation).astype(np.int8)
    if encoding.categorical:
        cuts = _slices(encoding.choices)
        return [{"action_mask": tuple([row[cut] for cut in cuts])} for row in flat]
    return [{"action_mask": dict(_by_group(encoding, row))} for row in flat]


def _by_group(encoding: Encoding, row: npt.NDArray[np.int8]) -> Iterator[tuple[str, tuple[Any, ...] | None]]:
    start = 0
    for group in encoding.groups:
        if isinstance(group.space, Categorical):
            width = group.count * group.space.mask_width
            part = row[start : start + width]
            yield group.name, tuple(part[cut] for cut in _cuts(group.space.n * group.count))
            start += width
        else:
            yield group.name, None


def _cuts(lengths: Iterable[int]) -> tuple[slice, ...]:
    """Slices of these lengths, one after the other."""
    return _slices(tuple(lengths))


@cache
def _slices(lengths: tuple[int, ...]) -> tuple[slice, ...]:
    ends = itertools.accumulate(lengths, initial=0)
    return tuple(slice(a, b) for a, b in itertools.pairwise(ends))


def agent_mask(space: Space, row: BoolArray) -> AgentMask:
    """One agent's mask (W,) as ``sample(mask=...)`` of its space takes it: one array, or one per entry in a tuple."""
    mask = row.astype(np.int8)
    if isinstance(space, Categorical) and space.width > 1:
        return tuple(mask[cut] for cut in _cuts(space.n))
    return mask


def flat_info(info: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """An ``info`` without dicts in it: ``{"metrics": {"used": ...}}`` is ``{"metrics/used": ...}``."""
    flat: dict[str, Any] = {}
    for name, value in info.items():
        if isinstance(value, np.ndarray) or not isinstance(value, Mapping):  # the former is quickly found out
            flat[prefix + name] = value
        else:
            flat |= flat_info(value, f"{prefix}{name}/")
    return flat


def observation_space(core: BatchEnv, name: str, length: int) -> spaces.Box:
    """What a group's agents see, or the ``"state"``: float32, bounded as far as the problem knows."""
    low, high = core.bounds(name, length)
    return spaces.Box(low, high, (length,), np.float32)
