"""Where users will be if they keep their velocity, and what each server would be worth to them there."""

from __future__ import annotations

import numpy as np

from dtbench.arrays import Array, rows
from dtbench.problems.edge_association.migration.model import MigrationSlot
from dtbench.problems.edge_association.system import MIN_LINK, distances

LEAST = 1e-9  # [s], guards ratios


def ahead(slot: MigrationSlot, slots: float) -> tuple[Array, Array]:
    """Gain beta exp(tau - T) and lateness T / tau - 1 (..., N, K) after so many ``slots`` of straight motion.

    Users are mirrored at borders, as in the law of motion. Data, processors and shadowing stay as they are; the rate
    changes by path loss to the nearest base station; the deadline is its law's at the slack that it has now.
    """
    p = slot.params
    here = slot.user_xy
    there = mirrored(here + slots * (here - slot.prev_xy), p.area)
    gap = distances(there, slot.bs_xy)
    access = gap.argmin(axis=-1)
    now = np.take_along_axis(distances(here, slot.bs_xy), slot.access[..., None], axis=-1)[..., 0]
    fall = np.maximum(gap.min(axis=-1), MIN_LINK) / np.maximum(now, MIN_LINK)
    per_band = slot.rate / p.bandwidth - p.pl_exp * np.log2(fall)
    rate = p.bandwidth * np.maximum(per_band, 0.1)
    wired = p.wire * rows(distances(slot.bs_xy, slot.server_xy), access)
    compute = (p.cycles * slot.cap / slot.cpu)[..., None, :]
    bits = slot.data_bits if p.interaction == "eq10" else slot.update_bits
    latency = bits[..., None] * (1.0 / rate[..., None] + wired + compute)
    slack = slot.deadline / np.maximum(slot.latency.mean(axis=-1), LEAST)
    tau = np.maximum(slack * latency.mean(axis=-1), np.partition(latency, 1, axis=-1)[..., 1])[..., None]
    return p.beta_u * np.exp(tau - latency), latency / np.maximum(tau, LEAST) - 1.0


def mirrored(xy: Array, area: float) -> Array:
    """Positions [m] folded back into the square at its borders."""
    folded = xy % (2.0 * area)
    return np.where(folded > area, 2.0 * area - folded, folded)
