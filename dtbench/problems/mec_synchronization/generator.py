"""The generator of ``mec-synchronization``: Gauss-Markov walks in speed and heading, Rician gains, reference states."""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbench.arrays import Array, IntArray
from dtbench.physics.radio import rician_power
from dtbench.problems.mec_synchronization.instance import MecInstance, MecParams

STREAM = 2025  # keeps the random stream of a seed apart from that of other problems
GRID, LLOYD = 60, 100  # points per axis and steps by which other numbers of base stations than 5 are spread
DIE = ((0.25, 0.25), (0.25, 0.75), (0.75, 0.25), (0.75, 0.75), (0.5, 0.5))


def draw(params: MecParams, seed: int, size: str) -> MecInstance:
    """Draw an instance from the laws of the card."""
    rng = np.random.default_rng([seed, STREAM])
    cycles = rng.uniform(params.cycles_min, params.cycles_max, params.n_users)
    speed = rng.uniform(params.speed_min, params.speed_max, params.n_users)
    return trace(params, rng, (), station_positions(params), cycles, speed, size=size, seed=seed)


def fresh(instance: MecInstance, rng: np.random.Generator, batch: tuple[int, ...]) -> MecInstance:
    """Fresh traces (\\*batch): base stations, cycles per bit and mean speeds stay, all else is drawn again."""
    i = instance
    bs_xy, cycles, speed = (np.broadcast_to(v, batch + v.shape) for v in (i.bs_xy, i.cycles, i.speed_mean))
    return trace(i.params, rng, batch, bs_xy, cycles, speed, size=i.size, seed=-1)


def trace(
    params: MecParams,
    rng: np.random.Generator,
    batch: tuple[int, ...],
    bs_xy: Array,
    cycles: Array,
    speed: Array,
    **header: Any,
) -> MecInstance:
    """Positions, requests, gains and reference states (\\*batch) of given users.

    Positions, deadlines, gains and queues are rounded to single precision and data to whole bits: files are half as
    large, and nobody measures better.
    """
    p = params
    shape = (*batch, p.horizon, p.n_users)
    user_xy = single(walk(p, rng, batch, speed))
    request = rng.random(shape) < p.arrival
    data_bits = np.rint(rng.uniform(p.data_min, p.data_max, shape))
    deadline = single(rng.uniform(*p.deadlines, shape))
    between = distances(user_xy, bs_xy[..., None, :, :])
    fading = rician_power(rng, p.rician, (*shape, p.n_bs), floor=1e-12)
    gain = single(p.rho0 * np.maximum(between, p.d_min) ** -p.path_loss * fading)  # Eq. (5), squared

    frames = (*batch, p.n_frames, p.n_users)
    y_ref = single(rng.uniform(0.0, p.y_max, frames))
    near = between[..., :: p.frame_slots, :, :].argmin(axis=-1)
    host_ref = np.where(rng.random(frames) < p.p_local, near, rng.integers(0, p.n_bs, frames))
    return MecInstance(
        problem="mec-synchronization", params=params, **header,
        bs_xy=bs_xy, cycles=cycles, speed_mean=speed, user_xy=user_xy, request=request, data_bits=data_bits,
        deadline=deadline, gain=gain, y_ref=y_ref, host_ref=host_ref,
    )  # fmt: skip


def walk(params: MecParams, rng: np.random.Generator, batch: tuple[int, ...], speed: Array) -> Array:
    """Positions (\\*batch, time, K, 2) [m] of users with mean ``speed`` (\\*batch, K), Eqs. (1)-(4).

    A user moves with the last speed and heading, then both are drawn; no speed is negative. A wall mirrors position,
    heading and mean heading. The root of Eq. (2) does not cover the noise, as it does in print.
    """
    p, shape = params, (*batch, params.n_users)
    mean = rng.uniform(0.0, 2.0 * np.pi, shape)
    here = rng.uniform(0.0, p.area, (*shape, 2))
    noise = rng.standard_normal((*batch, p.horizon, 2, p.n_users))
    spread = np.sqrt(1.0 - p.speed_memory**2) * p.speed_noise, np.sqrt(1.0 - p.heading_memory**2) * p.heading_noise
    pace, heading = speed.copy(), mean.copy()
    path = np.empty((*batch, p.horizon, p.n_users, 2))
    for t in range(p.horizon):
        path[..., t, :, :] = here
        here = here + p.slot * pace[..., None] * np.stack([np.cos(heading), np.sin(heading)], axis=-1)  # Eqs. (3), (4)
        turned = np.floor(here / p.area) % 2.0 == 1.0  # an odd number of walls was crossed
        here = p.area - np.abs(here % (2.0 * p.area) - p.area)
        for axis, straight in ((0, np.pi), (1, 0.0)):
            heading = np.where(turned[..., axis], straight - heading, heading)
            mean = np.where(turned[..., axis], straight - mean, mean)
        kick = noise[..., t, :, :]
        pace = p.speed_memory * pace + (1.0 - p.speed_memory) * speed + spread[0] * kick[..., 0, :]  # Eq. (1)
        pace = np.maximum(pace, 0.0)
        heading = p.heading_memory * heading + (1.0 - p.heading_memory) * mean + spread[1] * kick[..., 1, :]  # Eq. (2)
    return path


def station_positions(params: MecParams) -> Array:
    """(M, 2) [m]: the five of a die, or points spread by Lloyd's algorithm from Halton's; nothing is random."""
    count = params.n_bs
    if count == len(DIE):
        return np.array(DIE) * params.area
    place = np.array([[radical_inverse(i, base) for base in (2, 3)] for i in range(1, count + 1)])
    axis = (np.arange(GRID) + 0.5) / GRID
    cells = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    for _ in range(LLOYD):
        owner = distances(cells, place).argmin(axis=-1)
        held = np.bincount(owner, minlength=count)
        centre = np.stack([np.bincount(owner, weights=cells[:, a], minlength=count) for a in (0, 1)], axis=-1)
        place = np.where(held[:, None] > 0, centre / np.maximum(held, 1)[:, None], place)
    return np.asarray(place * params.area)


def radical_inverse(number: int, base: int) -> float:
    """Halton's number: the digits of ``number`` behind the point."""
    value, weight = 0.0, 1.0
    while number:
        number, digit = divmod(number, base)
        weight /= base
        value += weight * digit
    return value


def distances(one: Array, other: Array) -> Array:
    """(..., I, J) between positions (..., I, 2) and (..., J, 2)."""
    gap = one[..., :, None, :] - other[..., None, :, :]
    return np.asarray(np.sqrt((gap**2).sum(axis=-1)))


def nearest(user_xy: Array, bs_xy: Array) -> IntArray:
    """m(k), the nearest base station (..., K); ties to the lowest index."""
    return np.asarray(distances(user_xy, bs_xy).argmin(axis=-1))


def single(value: Array) -> Array:
    """Rounded to single precision."""
    return value.astype(np.float32).astype(np.float64)
