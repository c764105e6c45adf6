"""The encoding of ``edge-placement`` for search: the server of every twin; those in use are open."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import IntArray
from dtbench.encoding import Categorical, Encoding, Group
from dtbench.problems.edge_association.placement.model import PlacementDecision, PlacementSlot, of_assoc
from dtbench.problems.edge_association.placement.repair import repair
from dtbench.problems.edge_association.system import one_hot


def search_encoding(n_users: int, n_bs: int) -> Encoding:
    """A categorical server in [0, M) per twin."""
    twins = Group("twin", n_users, Categorical((n_bs,)))
    return Encoding((twins,), decode_assoc, lambda slot, decision: decision.assoc, partial(draw, n_users, n_bs))


def decode_assoc(slot: PlacementSlot, x: npt.NDArray[Any]) -> PlacementDecision:
    """From the servers of all twins (..., N) to a repaired placement that opens exactly the servers in use."""
    repaired = repair(slot, of_assoc(np.asarray(x, dtype=np.int64), slot.n_bs))
    return of_assoc(repaired.assoc, slot.n_bs)


def draw(n_users: int, n_bs: int, rng: np.random.Generator, batch: tuple[int, ...]) -> IntArray:
    """Random servers (\\*batch, N): each base station open with probability 1/2 (one if none), twins uniform on them.

    Uniform servers alone would open nearly all of them in every draw.
    """
    opened = rng.random((*batch, n_bs)) < 0.5
    spare = one_hot(rng.integers(n_bs, size=batch), n_bs)
    opened = np.where(opened.any(axis=-1, keepdims=True), opened, spare)
    return np.where(opened[..., None, :], rng.random((*batch, n_users, n_bs)), -1.0).argmax(axis=-1)
