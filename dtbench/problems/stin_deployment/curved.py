"""The optimal split f_ij = F_j sqrt(c_i) / S_j: two ways to put a device's processing time S^2 into the strong model.

S is the sum of s_i = sqrt(w_ij) over the device's users. *Tangents* approximate it from below by ``S^2 >= 2 sigma S -
sigma^2``, exact where sigma = S: a few rows, and one more wherever an incumbent lies until bound and value meet.
*Pairs* are exact in one model, ``S^2 = sum_i w_i + sum_{i<m} 2 s_i s_m``, with a column for every pair of users of a
level, tied to x by ``sum_m pair_im = (n - 1) x_i``.
"""

from __future__ import annotations

import numpy as np

from dtbench.arrays import Array, IntArray
from dtbench.exact.linear import LinearModel
from dtbench.problems.stin_deployment.formulation import Layout, level_model, matrix
from dtbench.problems.stin_deployment.model import StinDecision

TANGENTS = 9
"""Tangents per level to start with, between the sums of the n least and of the n greatest roots."""


def tangent_model(layout: Layout) -> LinearModel:
    """Relaxation with the first tangents. One more column t per curved level: S^2 less what the costs of x contain."""
    model = level_model(layout)
    curved = layout.table.curved
    model = model.with_columns(np.ones(curved.size), np.inf, integer=False)
    root, keep, n = layout.table.root[:, curved], layout.table.keep[:, curved], layout.table.n[curved]
    column = np.arange(curved.size)
    low = np.cumsum(np.sort(np.where(keep, root, np.inf), axis=0), axis=0)[n - 1, column]
    high = np.cumsum(-np.sort(np.where(keep, -root, 0.0), axis=0), axis=0)[n - 1, column]
    sigma = np.linspace(low, high, TANGENTS)
    return with_tangents(model, layout, np.tile(curved, TANGENTS), sigma.ravel())


def with_tangents(model: LinearModel, layout: Layout, level: IntArray, sigma: Array) -> LinearModel:
    """Add rows ``t + sum least x >= 2 sigma sum s x - sigma^2 z`` for curved levels (R,) and points sigma (R,)."""
    table = layout.table
    t_of = np.full(table.n.shape, -1)
    t_of[table.curved] = layout.n_columns + np.arange(table.curved.size)
    user, row = np.nonzero(table.keep[:, level])
    at = level[row]
    every = np.arange(level.size)
    entries = [
        (every, t_of[level], 1.0),
        (row, layout.x_of[user, at], table.least[user, at] - 2.0 * sigma[row] * table.root[user, at]),
        (every, layout.z_of[level], sigma**2),
    ]
    rows = matrix(entries, level.size, model.n_columns)
    return model.with_rows(rows, np.zeros(level.size), np.full(level.size, np.inf))


def roots_at(layout: Layout, decision: StinDecision) -> tuple[IntArray, Array, Array]:
    """Curved levels of a placement, their S, and the S^2 that the costs of x leave out."""
    table = layout.table
    level = table.curved[table.holds(decision)[table.curved]]
    here = decision.node[:, None] == table.node[level]
    total = np.where(here, table.root[:, level], 0.0).sum(axis=0)
    contained = np.where(here, table.least[:, level], 0.0).sum(axis=0)
    return level, total, np.maximum(total**2 - contained, 0.0)


def tangent_point(layout: Layout, decision: StinDecision) -> Array:
    """All columns of :func:`tangent_model` for a placement."""
    curved = layout.table.curved
    level, _, excess = roots_at(layout, decision)
    t = np.zeros(curved.size)
    t[np.searchsorted(curved, level)] = excess
    return np.concatenate([layout.point(decision), t])


def pair_model(layout: Layout) -> LinearModel:
    """The exact model with products of pairs; every column is binary, every coefficient an integer."""
    table = layout.table
    model = level_model(layout)
    flat = table.root**2 - table.least  # what x costs beside its pairs: w instead of the least share
    cost = model.cost.copy()
    cost[layout.x_of[layout.user, layout.level]] += flat[layout.user, layout.level]

    first, second, level = _pairs(layout)
    model = LinearModel(**{**vars(model), "cost": cost})
    model = model.with_columns(2.0 * table.root[first, level] * table.root[second, level], 1.0, integer=True)

    user, at = np.nonzero(table.keep[:, table.curved])
    at = table.curved[at]
    row_of = np.full(table.keep.shape, -1)
    row_of[user, at] = np.arange(user.size)
    column = layout.n_columns + np.arange(first.size)
    entries = [
        (row_of[first, level], column, 1.0),
        (row_of[second, level], column, 1.0),
        (np.arange(user.size), layout.x_of[user, at], 1.0 - table.n[at]),
    ]
    rows = matrix(entries, user.size, model.n_columns)
    return model.with_rows(rows, np.zeros(user.size), np.zeros(user.size))


def pair_point(layout: Layout, decision: StinDecision) -> Array:
    """All columns of :func:`pair_model` for a placement."""
    first, second, level = _pairs(layout)
    node, table = decision.node, layout.table
    both = (node[first] == table.node[level]) & (node[second] == table.node[level]) & table.holds(decision)[level]
    return np.concatenate([layout.point(decision), both])


def pair_names(layout: Layout) -> list[str]:
    """Names of the columns of :func:`pair_model` for export."""
    node, n = layout.table.node.tolist(), layout.table.n.tolist()
    pairs = zip(*(part.tolist() for part in _pairs(layout)), strict=True)
    return layout.names() + [f"both_{i}_{m}_{node[v]}_{n[v]}" for i, m, v in pairs]


def _pairs(layout: Layout) -> tuple[IntArray, IntArray, IntArray]:
    """(P,) each: first user, second user, curved level, for all pairs that may meet there."""
    table = layout.table
    first, second = np.triu_indices(len(table.own), 1)
    keep = table.keep[:, table.curved]
    pair, level = np.nonzero(keep[first] & keep[second])
    return first[pair], second[pair], table.curved[level]
