"""Occupancy levels and the strong model on them, as arrays.

A *level* (k, n) says that shared node k holds exactly n twins. Once the level is known, every user's latency there is
a number, so the congestion that makes the problem quadratic becomes a choice between levels:

    min  sum_i u_i y_i + sum_{i,k,n} cost_i(k, n) x_ikn
    (one)    y_i + sum_{k,n} x_ikn = 1      for all users i
    (level)  sum_n z_kn <= 1                for all shared nodes k
    (count)  sum_i x_ikn = n z_kn           for all levels
    (link)   x_ikn <= z_kn                  for all i and levels with n >= 2

Under the optimal split a device's processing time is ``(sum_i s_i)^2`` with s = sqrt(w): at a level with n >= 2 the
cost of x is a lower bound of the user's latency, and ``curved`` adds what is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.exact.linear import LinearModel
from dtbench.problems.stin_deployment.model import StinDecision, StinSlot, cloud_table, counts

ROUNDING = 1e-9
"""A level is dropped only if its bound passes the known value by more than this, relative to max(1, value)."""


@dataclass(frozen=True)
class Levels:
    """The levels of a slot.

    ``node`` (L,) in [1, J+2), ``n`` (L,) twins there; ``counted`` (L,) is False for the cloud under ``sat_share =
    "all"``, whose price does not depend on n: it has one level that takes any number. ``cost`` (I, L) [s] is the
    latency of user i at that level. Under the optimal split and n >= 2 it is a lower bound; there ``root`` (I, L) is
    s_i = sqrt(w_ij) [s^0.5] and ``least`` (I, L) [s] the processing time that the cost contains, elsewhere both are 0.
    ``keep`` (I, L): the choice is in the model.
    """

    own: Array
    node: IntArray
    n: IntArray
    counted: BoolArray
    cost: Array
    root: Array
    least: Array
    keep: BoolArray

    @property
    def floor(self) -> Array:
        """m_i (I,) [s]: what user i waits at least, whatever the others do."""
        return np.minimum(self.own, np.where(self.keep, self.cost, np.inf).min(axis=1, initial=np.inf))

    @property
    def used(self) -> BoolArray:
        """(L,): levels that somebody may choose."""
        return np.logical_or.reduce(self.keep, axis=0)

    @property
    def curved(self) -> IntArray:
        """(C,): numbers of the levels in use whose cost is a lower bound only."""
        return np.flatnonzero((self.root > 0).any(axis=0) & self.used)

    def holds(self, decision: StinDecision) -> BoolArray:
        """(L,): whether a placement has the node at this level; always for levels that are not counted."""
        n = counts(decision.node, int(self.node.max(initial=0)) + 1)
        return np.where(self.counted, n[self.node] == self.n, True)


def levels(slot: StinSlot, upper: float = np.inf) -> Levels:
    """The levels of a slot (no leading axes) that a placement of value ``upper`` [s] or less can use."""
    users, ends = slot.n_users, slot.n_end
    rooms = np.minimum(slot.cap_end, users)
    host = np.repeat(np.arange(ends), rooms)
    n_end = np.arange(host.size) - np.repeat(np.cumsum(rooms) - rooms, rooms) + 1
    end_cost, root, least = _device_costs(slot, host, n_end)

    shared_band = slot.params.sat_share == "active"
    n_cloud = np.arange(1, users + 1) if shared_band else np.ones(1, dtype=np.int64)
    cost = np.concatenate([end_cost, cloud_table(slot)[n_cloud].T], axis=1)
    table = Levels(
        own=slot.own,
        node=np.concatenate([host + 1, np.full(n_cloud.size, ends + 1)]),
        n=np.concatenate([n_end, n_cloud]),
        counted=np.concatenate([np.ones(host.size, bool), np.full(n_cloud.size, shared_band)]),
        cost=cost,
        root=np.pad(root, ((0, 0), (0, n_cloud.size))),
        least=np.pad(least, ((0, 0), (0, n_cloud.size))),
        keep=np.isfinite(cost),
    )
    return prune(table, min(upper, float(slot.own.sum())))


def _device_costs(slot: StinSlot, host: IntArray, n: IntArray) -> tuple[Array, Array, Array]:
    """``cost``, ``root`` and ``least`` (I, L) of devices ``host`` (L,) with ``n`` (L,) twins, Eqs. (3)-(5).

    Even split: e + n w. Optimal split: e + s_i S, where S is at least s_i plus the n - 1 least roots of others.
    """
    link, load = slot.link[:, host], slot.load[:, host]
    if slot.params.split == "even":
        return link + n * load, np.zeros_like(load), np.zeros_like(load)
    root = np.sqrt(load)
    least = root * _with_least_others(root, n)
    return link + least, np.where(n > 1, root, 0.0), np.where(n > 1, least, 0.0)


def _with_least_others(value: Array, n: IntArray) -> Array:
    """(I, L): user i's value plus the n - 1 least values of other users; inf where there are fewer."""
    ranked = np.sort(value, axis=0)
    column = np.arange(value.shape[1])
    before = np.concatenate([np.zeros((1, value.shape[1])), np.cumsum(ranked, axis=0)])[n - 1, column]
    # If i is itself among the n least, the sum is that of the n least; otherwise i comes on top of the n - 1 least.
    return before + np.maximum(value, ranked[n - 1, column])


def prune(table: Levels, upper: float) -> Levels:
    """Drop the choices (i, k, n) that no placement of value ``upper`` [s] or less contains.

    A placement with user i at level (k, n) has n users there: it costs at least ``sum_m m_m`` plus the excess
    ``cost - m`` of i and of the n - 1 others with the least excess. Levels nobody can use disappear as a whole. An own
    device that alone costs more than ``upper`` keeps a cost above it, but not one that drowns all others in rounding.
    """
    floor = table.floor
    excess = np.where(table.keep, table.cost - floor[:, None], np.inf)
    bound = floor.sum() + _with_least_others(excess, np.minimum(table.n, len(floor)))
    keep = table.keep & (bound <= upper + ROUNDING * max(1.0, upper))
    return replace(table, keep=keep, own=np.minimum(table.own, 2.0 * upper))


@dataclass(frozen=True)
class Layout:
    """Which column is what: y (I), then x, then z, then the columns of a curved split.

    ``user``, ``level`` (X,) of each x; ``level_z`` (Z,) of each z; ``x_of`` (I, L) and ``z_of`` (L,): columns or -1.
    """

    table: Levels
    user: IntArray
    level: IntArray
    level_z: IntArray
    x_of: IntArray
    z_of: IntArray

    @classmethod
    def of(cls, table: Levels) -> Layout:
        """Columns in the order users, then levels."""
        users = len(table.own)
        user, level = np.nonzero(table.keep)
        level_z = np.flatnonzero(table.counted & table.used)
        x_of, z_of = np.full(table.keep.shape, -1), np.full(table.n.shape, -1)
        x_of[user, level] = users + np.arange(user.size)
        z_of[level_z] = users + user.size + np.arange(level_z.size)
        return cls(table, user, level, level_z, x_of, z_of)

    @property
    def n_columns(self) -> int:
        """Columns y, x and z."""
        return len(self.table.own) + self.user.size + self.level_z.size

    def decision(self, x: Array) -> StinDecision:
        """The placement that a point says."""
        users = len(self.table.own)
        taken = x[users : users + self.user.size] > 0.5
        node = np.zeros(users, dtype=np.int64)
        node[self.user[taken]] = self.table.node[self.level[taken]]
        return StinDecision(node=node)

    def point(self, decision: StinDecision) -> Array:
        """The columns y, x, z of a feasible placement whose choices are all kept."""
        table, node, here = self.table, decision.node, self.table.holds(decision)
        point = np.zeros(self.n_columns)
        point[: len(node)] = node == 0
        at_level = (node[self.user] == table.node[self.level]) & here[self.level]
        point[len(node) + np.flatnonzero(at_level)] = 1.0
        point[self.z_of[self.level_z]] = here[self.level_z]
        return point

    def names(self) -> list[str]:
        """Names of the columns for export: own_i, at_i_k_n, level_k_n."""
        node, n = self.table.node.tolist(), self.table.n.tolist()
        local = [f"own_{i}" for i in range(len(self.table.own))]
        at = [f"at_{i}_{node[v]}_{n[v]}" for i, v in zip(self.user.tolist(), self.level.tolist(), strict=True)]
        return local + at + [f"level_{node[v]}_{n[v]}" for v in self.level_z.tolist()]


def level_model(layout: Layout) -> LinearModel:
    """The strong model on the kept choices: exact for the even split, a lower bound where levels are curved."""
    table, users = layout.table, len(layout.table.own)
    x = users + np.arange(layout.user.size)
    z = layout.z_of[layout.level_z]
    row_of_level = np.full(table.n.shape, -1)
    row_of_level[layout.level_z] = np.arange(layout.level_z.size)
    counted = table.counted[layout.level]
    linked = counted & (table.n[layout.level] > 1)
    nodes, n_levels, n_links = int(table.node.max(initial=0)), layout.level_z.size, int(linked.sum())
    first_count, first_link = users + nodes, users + nodes + n_levels

    entries = [
        (np.arange(users), np.arange(users), 1.0),  # (one)
        (layout.user, x, 1.0),
        (users + table.node[layout.level_z] - 1, z, 1.0),  # (level)
        (first_count + row_of_level[layout.level[counted]], x[counted], 1.0),  # (count)
        (first_count + np.arange(n_levels), z, -table.n[layout.level_z]),
        (first_link + np.arange(n_links), x[linked], 1.0),  # (link)
        (first_link + np.arange(n_links), layout.z_of[layout.level[linked]], -1.0),
    ]
    lower = np.concatenate([np.ones(users), np.full(nodes, -np.inf), np.zeros(n_levels), np.full(n_links, -np.inf)])
    upper = np.concatenate([np.ones(users + nodes), np.zeros(n_levels + n_links)])
    columns = layout.n_columns
    return LinearModel(
        cost=np.concatenate([table.own, table.cost[layout.user, layout.level], np.zeros(n_levels)]),
        lower=np.zeros(columns),
        upper=np.ones(columns),
        integer=np.ones(columns, dtype=bool),
        rows=matrix(entries, len(lower), columns),
        row_lower=lower,
        row_upper=upper,
    )


def matrix(entries: list[tuple[IntArray, IntArray, object]], n_rows: int, n_columns: int) -> sparse.csr_array:
    """Sparse rows from blocks (row, column, value), where a value may be one for all."""
    row = np.concatenate([r for r, _, _ in entries])
    column = np.concatenate([c for _, c, _ in entries])
    value = np.concatenate([np.broadcast_to(np.asarray(v, dtype=float), r.shape) for r, _, v in entries])
    return sparse.csr_array((value, (row, column)), shape=(n_rows, n_columns))
