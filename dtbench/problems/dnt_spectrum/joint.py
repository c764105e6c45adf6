"""Base stations of ``dnt-spectrum`` with one value per action, as Yu et al. (2025), Sec. IV, count them: 2^(U + 1).

The encoding ``agents`` has a choice of two for each entry, the flag and the claims; here an action is their number in
binary, the flag first. What is observed and what is done are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import BoolArray, IntArray
from dtbench.encoding import Bounds, Categorical, Encoding, Group, Observation
from dtbench.problems.dnt_spectrum.agents import decode, observe
from dtbench.problems.dnt_spectrum.model import DntDecision, DntSlot

GROUP = "joint"  # the base stations
MOST_USERS = 12  # 8192 actions


def encoding(agents: Group, bounds: Mapping[str, Bounds]) -> Encoding:
    """The group of base stations ``agents``, each of whose actions is one number; ``bounds`` of what they observe."""
    width = len(agents.space.n) if isinstance(agents.space, Categorical) else 0
    stations = Group(GROUP, agents.count, Categorical((2**width,)), agents.observation)

    def decode_numbers(slot: DntSlot, x: npt.NDArray[Any]) -> DntDecision:
        entries = entries_of(np.asarray(x).astype(np.int64), width)
        return decode(slot, entries.reshape(*entries.shape[:-2], -1))

    return Encoding(
        (stations,), decode_numbers, observe=see, bounds={GROUP: bounds[agents.name], "state": bounds["state"]}
    )


def entries_of(number: IntArray, width: int) -> IntArray:
    """Entries (..., width) of 0 and 1 of numbers (...), the lowest digit first."""
    return (number[..., None] >> np.arange(width)) & 1


def see(slot: DntSlot) -> Observation:
    """As :func:`dtbench.problems.dnt_spectrum.agents.observe`, with a mask (..., M, 2^(U + 1)) of numbers."""
    seen = observe(slot)
    return Observation({GROUP: seen.agents["bs"]}, {GROUP: allowed_numbers(seen.masks["bs"])}, seen.state)


def allowed_numbers(mask: BoolArray) -> BoolArray:
    """Which numbers (..., 2^w) have allowed entries only, of a mask (..., 2 w) of entries: of 0 and of 1 each."""
    pairs = mask.reshape(*mask.shape[:-1], -1, 2)
    digit = 1 << np.arange(pairs.shape[-2])
    must, may = (np.where(part, digit, 0).sum(axis=-1)[..., None] for part in (~pairs[..., 0], pairs[..., 1]))
    number = np.arange(2 ** pairs.shape[-2])
    return np.asarray(((number & must) == must) & ((number & ~may) == 0))
