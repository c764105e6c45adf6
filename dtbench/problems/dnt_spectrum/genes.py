"""The encoding of ``dnt-spectrum`` for search: a link per user and an RB per upload."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import IntArray
from dtbench.encoding import Categorical, Encoding, Group
from dtbench.problems.dnt_spectrum.instance import DntParams
from dtbench.problems.dnt_spectrum.model import DntDecision, DntSlot
from dtbench.problems.dnt_spectrum.repair import repair


def search_encoding(params: DntParams) -> Encoding:
    """Per user a link, per base station the RB of its upload; see :func:`decode_links`."""
    p, choices = params, choices_of(params)
    links = Group("user", p.n_users, Categorical((1 + choices * p.n_rb,)))
    uploads = Group("upload", p.n_bs, Categorical((1 + p.n_rb,)))

    def draw(rng: np.random.Generator, batch: tuple[int, ...]) -> IntArray:
        """Every user on a uniform RB of a uniform base station; every base station uploads with probability 1/2."""
        link = rng.integers(1, 1 + choices * p.n_rb, (*batch, p.n_users))
        block = rng.integers(1, 1 + p.n_rb, (*batch, p.n_bs))
        return np.concatenate([link, np.where(rng.random(block.shape) < 0.5, block, 0)], axis=-1)

    return Encoding((links, uploads), decode_links, encode_links, draw)


def choices_of(params: DntParams) -> int:
    """Values of a user's gene per RB: a multiple of every number of discs that can overlap on the line."""
    most = min(params.n_bs, int(2.0 * params.radius / params.spacing) + 1)
    return math.lcm(*range(1, most + 1))


def decode_links(slot: DntSlot, x: npt.NDArray[Any]) -> DntDecision:
    """From genes (..., U + M) to a repaired decision.

    A user's gene is 0, no link, or 1 + k N + n: RB n of the k-th base station that covers the user, counted cyclically
    from the lowest index. A base station's gene is 0, no upload, or 1 + n.
    """
    x = np.asarray(x, dtype=np.int64)
    link, upload = x[..., : slot.n_users], x[..., slot.n_users :]
    rank, block = np.divmod(link - 1, slot.n_rb)
    covers = slot.covering
    order = np.argsort(~slot.cover, axis=-1, kind="stable")
    rank = np.where(link > 0, rank, 0) % np.maximum(covers, 1)
    order = np.broadcast_to(order, (*rank.shape, slot.n_bs))
    station = np.take_along_axis(order, rank[..., None], axis=-1)[..., 0]
    linked = (link > 0) & (covers > 0)
    bs, rb = np.where(linked, station, -1), np.where(linked, block, -1)
    repaired = repair(slot, DntDecision.of(bs, rb, upload - 1))
    return DntDecision.of(repaired.bs, repaired.rb, repaired.up)


def encode_links(slot: DntSlot, decision: DntDecision) -> npt.NDArray[Any]:
    """Genes (..., U + M) of a feasible decision."""
    before: IntArray = np.cumsum(slot.cover, axis=-1) - slot.cover  # covering base stations of lower index
    at = np.maximum(decision.bs, 0)[..., None]
    rank: IntArray = np.take_along_axis(np.broadcast_to(before, (*decision.bs.shape, slot.n_bs)), at, axis=-1)[..., 0]
    link = np.where(decision.bs >= 0, 1 + rank * slot.n_rb + decision.rb, 0)
    return np.concatenate([link, np.broadcast_to(decision.up, (*link.shape[:-1], slot.n_bs)) + 1], axis=-1)
