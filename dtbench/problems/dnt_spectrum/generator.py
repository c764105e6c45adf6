"""The generator of ``dnt-spectrum``: worlds that stay, and walks that are drawn anew for every episode."""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbench.arrays import Array, BoolArray
from dtbench.problems.dnt_spectrum.instance import DntInstance, DntParams

WORLD_STREAM, WALK_STREAM = 1001, 2002  # keep the random streams of worlds and walks apart
WORLDS = 5  # of seeds that name no world
STAY = (0.1, 0.6)  # range of the chance to stay
MOVES = np.array([[0.0, 0.0], [0.0, 1.0], [0.0, -1.0], [-1.0, 0.0], [1.0, 0.0]])  # columns of p_u, Eq. (1)


def draw(params: DntParams, seed: int, size: str) -> DntInstance:
    """World and walk of a seed: world ``seed % 5`` and walk ``seed // 5``, or walk ``seed`` of the world that is named.

    The instance's parameters name both, so that they give the same instance again.
    """
    world, walk = params.world, params.walk
    if walk < 0:
        walk = seed if world >= 0 else seed // WORLDS
    world = world if world >= 0 else seed % WORLDS
    params = params.replace({"world": world, "walk": walk})
    p_move, fading = draw_world(params)
    rng = np.random.default_rng([WALK_STREAM, world, walk])
    start = np.array([first_admissible(params, rng) for _ in range(params.n_users)])
    return complete(params, rng, start, p_move, fading, size=size, seed=seed)


def fresh(instance: DntInstance, rng: np.random.Generator, batch: tuple[int, ...]) -> DntInstance:
    """Fresh walks (\\*batch) of the instance's world: moves and fading of the users stay."""
    p = instance.params
    start = rng.uniform(*_corners(p), (*batch, p.n_users, 2))
    outside = ~admissible(p, start)
    while outside.any():
        start[outside] = rng.uniform(*_corners(p), (int(outside.sum()), 2))
        outside = ~admissible(p, start)
    return complete(p, rng, start, instance.p_move, draw_world(p)[1], size=instance.size, seed=-1)


def draw_world(params: DntParams) -> tuple[Array, Array]:
    """Chances of the five moves (U, 5) and power gains of fading (U,) of a world.

    Staying is uniform in [0.1, 0.6], the rest is split by Dirichlet(1, 1, 1, 1); fading is exponential with mean 1,
    not below its floor.
    """
    rng = np.random.default_rng([WORLD_STREAM, params.world])
    stay = rng.uniform(*STAY, params.n_users)
    split = rng.dirichlet(np.ones(4), params.n_users)
    fading = np.maximum(rng.exponential(1.0, params.n_users), params.min_fading)
    p_move = np.concatenate([stay[:, None], (1.0 - stay)[:, None] * split], axis=1)
    return p_move, fading if params.fading == "user" else np.ones(params.n_users)


def _corners(params: DntParams) -> tuple[Array, Array]:
    corner = np.array([params.half_length, params.half_height])
    return -corner, corner


def first_admissible(params: DntParams, rng: np.random.Generator) -> Array:
    """A position (2,) uniform in the rectangle, drawn until it is admissible."""
    while True:
        here = rng.uniform(*_corners(params))
        if admissible(params, here):
            return here


def distances(here: Array, there: Array) -> Array:
    """Euclidean distances (..., I, J) [m] between points (..., I, 2) and (J, 2)."""
    east, north = (here[..., :, None, axis] - there[..., axis] for axis in (0, 1))
    return np.asarray(np.sqrt(east**2 + north**2))


def admissible(params: DntParams, here: Array) -> BoolArray:
    """Whether points (..., 2) lie in the rectangle and, where users are confined, in a coverage disc."""
    inside = (np.abs(here) <= np.array([params.half_length, params.half_height])).all(axis=-1)
    if params.confine:
        inside &= (distances(here[..., None, :], params.bs_xy)[..., 0, :] <= params.radius).any(axis=-1)
    return np.asarray(inside)


def walks(params: DntParams, rng: np.random.Generator, start: Array, p_move: Array, steps: int) -> Array:
    """Random walks (..., steps, U, 2) [m] from ``start`` (..., U, 2), Eq. (1); ``p_move`` (U, 5).

    A step that would leave the admissible region is not taken.
    """
    upto = np.cumsum(p_move, axis=-1)[:, :-1]
    path = np.empty((*start.shape[:-2], steps, *start.shape[-2:]))
    path[..., 0, :, :] = here = start
    for t in range(1, steps):
        chance = rng.random(start.shape[:-1])
        there = here + params.step * MOVES[(chance[..., None] > upto).sum(axis=-1)]
        here = np.where(admissible(params, there)[..., None], there, here)
        path[..., t, :, :] = here
    return path


def complete(
    params: DntParams, rng: np.random.Generator, start: Array, p_move: Array, fading: Array, **header: Any
) -> DntInstance:
    """Walk from ``start`` (..., U, 2) through K warm-up slots and the horizon, then add gains and coverage."""
    k, horizon = params.history, params.horizon
    path = walks(params, rng, start, p_move, k + horizon)
    position = path[..., k:, :, :]
    power = np.broadcast_to(fading, position.shape[:-1])
    if params.fading == "slot":
        power = np.maximum(rng.exponential(1.0, position.shape[:-1]), params.min_fading)
    length = distances(position, params.bs_xy)
    to_cloud = distances(params.bs_xy, params.cloud_xy[None])[:, 0]
    return DntInstance(
        problem="dnt-spectrum", params=params, **header, p_move=p_move, drift=params.step * p_move @ MOVES,
        gain_cloud=np.maximum(to_cloud, params.min_distance) ** -params.path_loss_exp,
        warm=path[..., :k, :, :], fading=power, position=position,
        gain=power[..., None] * np.maximum(length, params.min_distance) ** -params.path_loss_exp,
        cover=length <= params.radius,
    )  # fmt: skip
