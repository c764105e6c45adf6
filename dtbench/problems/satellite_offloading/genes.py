"""The encoding for search: weights of channels and shares, satellites, number of channels, use of the satellites.

Genes of N UAVs on M satellites, one block after the other: channel weights (N) in [0, 1], satellites (N) in [0, M),
share weights (N) in [0, 1], channel total (1) in [0, 1], satellite factors (M) in [0, 1].

Where to start: hardly any point of the box meets deadline and energy limit, and repair answers most of the others with
the same decisions, so uniform draws tell a search little. Near the genes of the rule ``min-delay``, which has room on
both limits, nearly all points differ, and many are better:
``encode(slot, problem.heuristics["min-delay"](slot))``.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array
from dtbench.encoding import Box, Categorical, Encoding, Group
from dtbench.problems.satellite_offloading.allocation import proportional, round_channels
from dtbench.problems.satellite_offloading.model import OffloadingDecision, OffloadingSlot, on_satellite, per_satellite
from dtbench.problems.satellite_offloading.repair import repair

LEAST = 1e-3  # weights and factors count as at least this
LEAST_WEIGHT, LEAST_FACTOR = 0.2, 0.5  # of random decisions: with less, 1 / rho has heavy tails


def search_encoding(n_uav: int, n_sat: int, n_channel: int) -> Encoding:
    """The encoding that ``random`` and the genetic algorithm draw from."""
    groups = (
        Group("channel", n_uav, Box(1, 0.0, 1.0)),
        Group("satellite", n_uav, Categorical((n_sat,))),
        Group("share", n_uav, Box(1, 0.0, 1.0)),
        Group("total", 1, Box(1, 0.0, 1.0)),
        Group("factor", n_sat, Box(1, 0.0, 1.0)),
    )
    return Encoding(groups, decode, encode, partial(random_genes, n_uav, n_sat, n_channel))


def random_genes(n_uav: int, n_sat: int, n_channel: int, rng: np.random.Generator, batch: tuple[int, ...]) -> Array:
    """The paper's random algorithm, whose distribution is ours: genes (\\*batch, 3N + 1 + M).

    Weights uniform on [0.2, 1], satellites uniform, the channel total uniform on the integers from
    floor((N + xi_total) / 2) to xi_total, satellite factors uniform on [0.5, 1].
    """
    channel = rng.uniform(LEAST_WEIGHT, 1.0, (*batch, n_uav))
    total = rng.integers((n_uav + n_channel) // 2, n_channel + 1, (*batch, 1))
    assoc = rng.integers(n_sat, size=(*batch, n_uav))
    share = rng.uniform(LEAST_WEIGHT, 1.0, (*batch, n_uav))
    factor = rng.uniform(LEAST_FACTOR, 1.0, (*batch, n_sat))
    part = (total - n_uav) / max(n_channel - n_uav, 1)
    return np.concatenate([channel, assoc, share, part, factor], axis=-1)


def decision_of(slot: OffloadingSlot, x: npt.NDArray[Any]) -> OffloadingDecision:
    """The decision of genes (..., 3N + 1 + M), before repair: everything but C6 and C7 holds."""
    n, m, n_channel = slot.n_uav, slot.n_sat, slot.params.n_channel
    weight = np.maximum(x[..., :n], LEAST)
    assoc = x[..., n : 2 * n].astype(np.int64)
    share = np.maximum(x[..., 2 * n : 3 * n], LEAST)
    total = n + x[..., 3 * n : 3 * n + 1] * (n_channel - n)
    factor = np.maximum(x[..., 3 * n + 1 : 3 * n + 1 + m], LEAST)
    channels = round_channels(weight * total / weight.sum(axis=-1, keepdims=True), n_channel)
    share = proportional(share, assoc, m) * np.take_along_axis(factor, assoc, axis=-1)
    return OffloadingDecision(channels=channels, assoc=assoc, share=share)


def decode(slot: OffloadingSlot, x: npt.NDArray[Any]) -> OffloadingDecision:
    """Genes to repaired decisions."""
    return repair(slot, decision_of(slot, x))


def encode(slot: OffloadingSlot, decision: OffloadingDecision) -> Array:
    """Genes of feasible decisions: the inverse of :func:`decode`."""
    n_channel = slot.params.n_channel
    channels, assoc = np.asarray(decision.channels, dtype=float), decision.assoc
    here = on_satellite(assoc, slot.n_sat)
    used = per_satellite(decision.share, here)
    most = np.where(here, decision.share[..., None], 0.0).max(axis=-2)
    total = channels.sum(axis=-1, keepdims=True)
    parts = [
        channels / channels.max(axis=-1, keepdims=True),
        assoc,
        decision.share / np.take_along_axis(most, assoc, axis=-1),
        (total - slot.n_uav) / max(n_channel - slot.n_uav, 1),
        np.where(here.any(axis=-2), np.minimum(used, 1.0), 1.0),
    ]
    return np.concatenate(parts, axis=-1)
