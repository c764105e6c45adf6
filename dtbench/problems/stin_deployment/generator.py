"""Draws instances of ``stin-deployment``: network, mobility, demands, channels, satellite pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbench.arrays import Array
from dtbench.physics.mobility import random_waypoint
from dtbench.physics.orbit import EARTH_RADIUS, angular_speed, half_pass, slant_range
from dtbench.physics.radio import free_space_loss_db, from_db, log_distance_gain, rician_power, shannon_rate
from dtbench.problems.stin_deployment.instance import BITS_PER_MB, StinInstance, StinParams


def draw(params: StinParams, rng: np.random.Generator, batch: tuple[int, ...], **header: Any) -> StinInstance:
    """Draw instances (\\*batch) from the laws of the card: network, mobility, demands, channels, satellite pass."""
    p = params
    n, m, horizon = p.n_users, p.n_end, p.horizon
    f_local = rng.uniform(p.f_local_min, p.f_local_max, (*batch, n))
    cycles = rng.uniform(p.cycles_min, p.cycles_max, (*batch, n))
    f_end = rng.uniform(p.f_end_min, p.f_end_max, (*batch, m))
    cap_end = rng.integers(p.cap_min, p.cap_max + 1, (*batch, m))
    end_xy = rng.uniform(0.0, p.area, (*batch, m, 2))
    user_xy = random_waypoint(rng, batch, n, horizon, p.area, p.slot, (p.speed_min, p.speed_max))

    data_mb = rng.uniform(p.data_mb_min, p.data_mb_max, (*batch, horizon, n))
    if p.data_mb_fixed > 0.0:
        data_mb = np.full_like(data_mb, p.data_mb_fixed)

    fading = rician_power(rng, p.rice_end, (*batch, horizon, n, m), p.fade_floor)
    reach = np.maximum(distances(user_xy, end_xy[..., None, :, :]), 1.0)
    g_end = log_distance_gain(reach, p.pl0_db, p.pl_exp) * fading

    half = half_pass(p.altitude, p.el_min)
    phase = rng.uniform(0.0, 2.0 * half, batch)
    moved = np.asarray(phase)[..., None] + angular_speed(p.altitude) * p.slot * np.arange(horizon)
    angle = -half + moved % (2.0 * half)  # the wrap is the hand-over to the next satellite
    d_us = slant_range(angle, p.altitude)
    d_sc = slant_range(angle - p.gw_offset / EARTH_RADIUS, p.altitude)
    up_db = p.g_user_dbi + p.g_sat_dbi - p.loss_db - free_space_loss_db(d_us, p.fc_up)
    g_us = from_db(up_db)[..., None] * rician_power(rng, p.rice_sat, (*batch, horizon, n), p.fade_floor)
    g_sc = from_db(p.g_sat_dbi + p.g_gw_dbi - p.loss_db - free_space_loss_db(d_sc, p.fc_feed))

    return StinInstance(
        problem="stin-deployment", params=p, **header,
        cycles_per_bit=cycles, f_local=f_local, f_end=f_end, cap_end=cap_end, end_xy=end_xy, user_xy=user_xy,
        data_bits=data_mb * BITS_PER_MB,
        r_end=shannon_rate(p.w_end, p.p_user, g_end, p.n0),  # Eq. (2)
        g_us=g_us,
        r_sc=shannon_rate(p.w_feed, p.p_sat, g_sc, p.n0),  # Eq. (7)
        d_us=d_us, d_sc=d_sc,
    )  # fmt: skip


def distances(user_xy: Array, end_xy: Array) -> Array:
    """Distances [m] (..., I, J) between users (..., I, 2) and end-side devices (..., J, 2)."""
    east, north = (user_xy[..., :, None, axis] - end_xy[..., None, :, axis] for axis in (0, 1))
    return np.sqrt(east**2 + north**2)


def fresh(instance: StinInstance, rng: np.random.Generator, batch: tuple[int, ...]) -> StinInstance:
    """Fresh instances of the same parameters: this paper's networks differ by instance, users and devices included."""
    return draw(instance.params, rng, batch, size=instance.size, seed=-1)
