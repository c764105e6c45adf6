"""How users move: positions over a horizon, for any batch of users at once."""

from __future__ import annotations

import numpy as np

from dtbench.arrays import Array


def random_waypoint(
    rng: np.random.Generator,
    batch: tuple[int, ...],
    n_users: int,
    horizon: int,
    area: float,
    slot: float,
    speed: tuple[float, float],
) -> Array:
    """Random waypoints without pause in a square.

    A user walks straight to a uniform destination at a speed drawn per leg. Who arrives within a slot draws the next
    destination and speed, and walks the rest of the slot at the old speed.

    Parameters
    ----------
    batch, n_users, horizon
        Shape of the result.
    area
        Side of the square [m].
    slot
        Length of a slot [s].
    speed
        Least and greatest speed [m/s].

    Returns
    -------
    Array
        (\\*batch, horizon, n_users, 2) [m].
    """
    shape = (*batch, n_users)
    here = rng.uniform(0.0, area, (*shape, 2))
    goal = rng.uniform(0.0, area, (*shape, 2))
    pace = rng.uniform(*speed, shape)
    path = np.empty((*batch, horizon, n_users, 2))
    for t in range(horizon):
        path[..., t, :, :] = here
        left = pace * slot
        walking = left > 0.0
        while walking.any():
            way = goal - here
            length = np.sqrt((way**2).sum(-1))
            step = np.minimum(left, length)
            arrived = walking & (left >= length)
            share = np.where(length > 0.0, step / np.where(length > 0.0, length, 1.0), 0.0)
            here = np.where(arrived[..., None], goal, here + way * (share * walking)[..., None])
            left = np.where(walking, left - step, left)
            count = int(arrived.sum())
            goal[arrived] = rng.uniform(0.0, area, (count, 2))
            pace[arrived] = rng.uniform(*speed, count)
            walking = arrived & (left > 0.0)
    return path


def gauss_markov(
    rng: np.random.Generator,
    batch: tuple[int, ...],
    n_users: int,
    horizon: int,
    area: float,
    slot: float,
    *,
    speed: float,
    memory: float,
    noise: float,
) -> Array:
    """Gauss-Markov motion in a square with mirroring borders.

    Every user has a mean velocity v' of uniform heading and uniform speed in [0, ``speed``], and starts with it. Per
    slot ``v <- memory v + (1 - memory) v' + sqrt(1 - memory^2) noise xi`` with standard normal xi, then
    ``x <- x + slot v``. Who crosses a border is mirrored at it, as are v and v' in that axis.

    Parameters
    ----------
    batch, n_users, horizon
        Shape of the result.
    area
        Side of the square [m].
    slot
        Length of a slot [s].
    speed, noise
        Greatest mean speed and standard deviation of the velocity about its mean, per axis [m/s].
    memory
        Correlation of the velocity from slot to slot, in [0, 1].

    Returns
    -------
    Array
        (\\*batch, horizon, n_users, 2) [m].
    """
    shape = (*batch, n_users)
    here = rng.uniform(0.0, area, (*shape, 2)).ravel()  # all coordinates in a row
    heading = rng.uniform(0.0, 2.0 * np.pi, shape)
    mean = rng.uniform(0.0, speed, shape)[..., None] * np.stack([np.cos(heading), np.sin(heading)], axis=-1)
    kicks = np.sqrt(1.0 - memory**2) * noise * rng.standard_normal((horizon, here.size))
    velocity, pull = mean.ravel(), (1.0 - memory) * mean.ravel()
    path = np.empty((*batch, horizon, n_users, 2))
    for t, kick in enumerate(kicks):
        path[..., t, :, :] = here.reshape(*shape, 2)
        velocity = memory * velocity + pull + kick
        here = here + slot * velocity
        cell = np.floor(here / area)
        out = np.flatnonzero(cell)  # few have left the square
        there = here[out] % (2.0 * area)
        here[out] = np.where(there > area, 2.0 * area - there, there)
        mirror = 1.0 - 2.0 * (cell[out] % 2.0)  # -1 where an odd number of borders was crossed
        velocity[out] *= mirror
        pull[out] *= mirror
    return path
