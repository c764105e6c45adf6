"""Where users will be if they keep their velocity, and what each server would be worth to them there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dtbench.arrays import Array, rows, take
from dtbench.problems.edge_association.migration.model import MigrationSlot
from dtbench.problems.edge_association.system import MIN_LINK, distances

LEAST = 1e-9  # [s], guards ratios
LEAST_EFFICIENCY = 0.1  # [bit/s/Hz], of a link


def ahead(slot: MigrationSlot, steps: Sequence[float]) -> tuple[Array, Array]:
    """Gain beta exp(tau - T), lateness T / tau - 1 (..., S, N, K) after each of S ``steps`` [slot] of straight motion.

    Users are mirrored at borders, as in the law of motion. Data, processors and shadowing stay as they are; the rate
    changes by path loss to the nearest base station; the deadline is its law's at the slack that it has now.
    """
    p, here = slot.params, slot.user_xy[..., None, :, :]
    moved = here - slot.prev_xy[..., None, :, :]
    there = mirrored(here + np.asarray(steps)[:, None, None] * moved, p.area)
    gap = distances(there, slot.bs_xy[..., None, :, :])
    access = gap.argmin(axis=-1)
    now = take(distances(slot.user_xy, slot.bs_xy), slot.access[..., None])[..., 0]
    fall = np.maximum(gap.min(axis=-1), MIN_LINK) / np.maximum(now, MIN_LINK)[..., None, :]
    per_band = (slot.rate / p.bandwidth)[..., None, :] - p.pl_exp * np.log2(fall)
    upload = 1.0 / (p.bandwidth * np.maximum(per_band, LEAST_EFFICIENCY))
    wired = p.wire * rows(distances(slot.bs_xy, slot.server_xy)[..., None, :, :], access)
    compute = (p.cycles * slot.cap / slot.cpu)[..., None, None, :]
    bits = slot.data_bits if p.interaction == "eq10" else slot.update_bits
    latency = bits[..., None, :, None] * (upload[..., None] + wired + compute)
    slack = slot.deadline / np.maximum(slot.latency.mean(axis=-1), LEAST)
    second = np.partition(latency, 1, axis=-1)[..., 1]
    tau = np.maximum(slack[..., None, :] * latency.mean(axis=-1), second)[..., None]
    return p.beta_u * np.exp(tau - latency), latency / np.maximum(tau, LEAST) - 1.0


def mirrored(xy: Array, area: float) -> Array:
    """Positions [m] folded back into the square at its borders."""
    folded = xy % (2.0 * area)
    return np.where(folded > area, 2.0 * area - folded, folded)
