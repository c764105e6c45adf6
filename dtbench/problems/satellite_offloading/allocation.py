"""Allocations that rules, repair and the generator share: rounded channels, bottleneck channels, LPT, sqrt shares.

All for any leading axes; loops run over channels or UAVs, never over a batch.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, IntArray, spread, take
from dtbench.problems.satellite_offloading.model import OffloadingDecision, OffloadingSlot, on_satellite, per_satellite

HUGE = 1e12  # what an infinite number of channels counts as before rounding


def round_channels(x: npt.ArrayLike, n_channel: int) -> IntArray:
    """Integer channels (..., N), at least one each and at most ``n_channel`` in all, in proportion to reals (..., N).

    As many as the reals add up to (floor). Each UAV gets the floor of its part, at least one; while these are too many
    the one furthest above its part gives one back; what is left goes to the largest remainders. Ties: lowest index.
    Negative numbers and NaN count as 0, all 0 as all 1. Feasible integers come back unchanged.
    """
    given = np.asarray(x)
    if given.dtype.kind == "i" and (given >= 1).all() and (given.sum(axis=-1) <= n_channel).all():
        return given.astype(np.int64)
    positive, x = given > 0.0, given.astype(np.float64)  # NaN is not
    x = np.where(positive, np.where(x == np.inf, HUGE, x), 0.0)
    x = np.where(positive.any(axis=-1, keepdims=True), x, 1.0)
    n_uav, total = x.shape[-1], x.sum(axis=-1, keepdims=True)
    wanted = np.minimum(np.maximum(np.floor(total + 1e-9), n_uav), n_channel)
    part = (x * wanted / total).reshape(-1, n_uav)
    base = np.maximum(np.floor(part + 1e-9), 1.0)
    wanted = wanted.reshape(-1)
    over = np.flatnonzero(base.sum(axis=-1) > wanted)
    while over.size:
        excess = np.where(base[over] > 1.0, base[over] - part[over], -np.inf)
        base[over, excess.argmax(axis=-1)] -= 1.0
        over = over[base[over].sum(axis=-1) > wanted[over]]
    left = wanted - base.sum(axis=-1)
    order = np.argsort(base - part, axis=-1, kind="stable")
    rank = np.argsort(order, axis=-1)
    return (base + (rank < left[:, None])).astype(np.int64).reshape(x.shape)


def bottleneck_channels(slot: OffloadingSlot) -> IntArray:
    """Channels (..., N) that minimise T_up: one each, then each to the UAV with the longest upload (lowest index)."""
    alone = slot.data_bits / slot.rate
    each = alone.reshape(-1, alone.shape[-1])
    channels, rows = np.ones(each.shape, dtype=np.int64), np.arange(len(each))
    if len(each) == 1:
        channels[0] = _to_the_longest(each[0].tolist(), slot.params.n_channel)
        return channels.reshape(alone.shape)
    for _ in range(slot.params.n_channel - slot.n_uav):
        channels[rows, (each / channels).argmax(axis=-1)] += 1
    return channels.reshape(alone.shape)


def _to_the_longest(alone: list[float], n_channel: int) -> list[int]:
    """:func:`bottleneck_channels` of one row in plain numbers, to the bit: quicker than arrays of length one."""
    channels, now = [1] * len(alone), alone.copy()
    for _ in range(n_channel - len(alone)):
        uav = now.index(max(now))
        channels[uav] += 1
        now[uav] = alone[uav] / channels[uav]
    return channels


def speeds(slot: OffloadingSlot) -> Array:
    """f_j / f_max (..., M)."""
    f_sat = np.asarray(slot.f_sat)
    return np.asarray(f_sat / f_sat.max(axis=-1, keepdims=True))


def longest_first(weight: Array, speed: Array) -> IntArray:
    """LPT: satellites (..., N) of UAVs with ``weight`` (..., N), by falling weight, each where it ends first.

    ``speed`` (..., M). Ties: lowest index of UAV and of satellite.
    """
    lead = np.broadcast_shapes(weight.shape[:-1], speed.shape[:-1])
    weight = spread(weight, (*lead, weight.shape[-1])).reshape(-1, weight.shape[-1])
    speed = spread(speed, (*lead, speed.shape[-1])).reshape(-1, speed.shape[-1])
    order = np.argsort(-weight, axis=-1, kind="stable")
    assoc = np.empty(weight.shape, dtype=np.int64)
    if len(weight) == 1:
        assoc[0] = _one_by_one(weight[0].tolist(), speed[0].tolist(), order[0].tolist())
        return assoc.reshape(*lead, weight.shape[-1])
    load, rows = np.zeros(speed.shape), np.arange(len(weight))
    for uav in order.T:
        added = weight[rows, uav]
        sat = ((load + added[:, None]) / speed).argmin(axis=-1)
        assoc[rows, uav] = sat
        load[rows, sat] += added
    return assoc.reshape(*lead, weight.shape[-1])


def _one_by_one(weight: list[float], speed: list[float], order: list[int]) -> list[int]:
    """:func:`longest_first` of one row in plain numbers, to the bit: quicker than arrays of length one."""
    load, assoc, sats = [0.0] * len(speed), [0] * len(weight), range(len(speed))
    for uav in order:
        ends = [(load[j] + weight[uav]) / speed[j] for j in sats]
        assoc[uav] = sat = ends.index(min(ends))
        load[sat] += weight[uav]
    return assoc


def proportional(weight: Array, assoc: IntArray, n_sat: int) -> Array:
    """Shares (..., N) in proportion to positive ``weight`` (..., N) that use every satellite up; ``assoc`` in range."""
    total = per_satellite(weight, on_satellite(assoc, n_sat))
    return np.asarray(weight / take(total, assoc))


def sqrt_shares(slot: OffloadingSlot, assoc: IntArray) -> Array:
    """Shares (..., N) proportional to sqrt(D_i), full capacity: they minimise (7) for a given association in range."""
    return proportional(spread(np.sqrt(slot.data_bits), assoc.shape), assoc, slot.n_sat)


def min_delay(slot: OffloadingSlot) -> OffloadingDecision:
    """The reference round REF, which minimises the delay, energy left aside.

    Bottleneck channels, LPT by sqrt(D) at speeds sqrt(f_j / f_max), shares in proportion to sqrt(D).

    The limits of an instance are multiples of what this needs, so it is feasible there. It is defined like this for
    every reading of (7), though its shares minimise the printed one only.
    """
    slot = slot[...]
    assoc = longest_first(np.sqrt(slot.data_bits), np.sqrt(speeds(slot)))
    return OffloadingDecision(channels=bottleneck_channels(slot), assoc=assoc, share=sqrt_shares(slot, assoc))
