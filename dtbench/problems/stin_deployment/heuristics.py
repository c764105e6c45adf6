"""Rules and local search for ``stin-deployment``: functions of a slot, for any leading axes.

The total latency is a sum over nodes of what their users wait. A device with transfer times e and loads w costs
``sum e + n sum w`` (even split) or ``sum e + (sum sqrt w)^2`` (optimal split); the cloud costs ``sum q(n)``.
"""

from __future__ import annotations

import operator
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dtbench import anytime
from dtbench.arrays import Array, BoolArray, IntArray, portions
from dtbench.problems.stin_deployment.generator import distances
from dtbench.problems.stin_deployment.model import StinDecision, StinSlot, cloud_table
from dtbench.problems.stin_deployment.repair import repair

DEAD = 1e12
"""Latency [s] of a dead link: finite, so that differences of costs stay numbers."""


def constant(slot: StinSlot, node: int) -> StinDecision:
    """Every user on one node."""
    return StinDecision(node=np.full((*slot.batch_shape, slot.n_users), node))


def local(slot: StinSlot) -> StinDecision:
    """Every twin on its own device: a floor that needs no network."""
    return constant(slot, 0)


def cloud(slot: StinSlot) -> StinDecision:
    """Every twin in the cloud: shows what congestion of the shared satellite link costs."""
    return constant(slot, slot.n_nodes - 1)


def nearest(slot: StinSlot) -> StinDecision:
    """The closest end-side device, whoever fits: the usual weak baseline."""
    host = distances(slot.user_xy, slot.end_xy).argmin(axis=-1)
    return repair(slot, StinDecision(node=host + 1))


@dataclass
class Nodes:
    """Users per node and the sums from which its cost follows, for placements under construction.

    ``n`` (..., J + 1) counts devices and the cloud; ``link`` and ``weight`` (..., J) sum e and w (or sqrt w) over a
    device's users; ``cloud`` (..., I + 1) is sum of q_i(n) over the users now in the cloud, for every n.
    """

    n: IntArray
    link: Array
    weight: Array
    cloud: Array

    @classmethod
    def empty(cls, slot: StinSlot) -> Nodes:
        """Nobody anywhere."""
        lead, ends = slot.batch_shape, slot.n_end
        zero = np.zeros
        return cls(zero((*lead, ends + 1), np.int64), zero((*lead, ends)), zero((*lead, ends)),
                   zero((*lead, slot.n_users + 1)))  # fmt: skip


def device_cost(split: str, link: Array, weight: Array, n: IntArray) -> Array:
    """What the users of a device wait together [s]."""
    return link + (n * weight if split == "even" else weight**2)


@dataclass(frozen=True)
class Tables:
    """A slot's costs, spread over its leading axes: u (..., I); e, v (..., I, J); q (..., I + 1, I).

    v is w for the even split and sqrt(w) for the optimal one.
    """

    split: str
    u: Array
    e: Array
    v: Array
    q: Array
    cap: IntArray

    @classmethod
    def of(cls, slot: StinSlot) -> Tables:
        """The tables of a slot."""
        slot = slot[...]
        v = slot.load if slot.params.split == "even" else np.sqrt(slot.load)
        e, q = (np.minimum(cost, DEAD) for cost in (slot.link, cloud_table(slot)))
        return cls(slot.params.split, slot.own, e, v, q, slot.cap_end)

    def map(self, change: Callable[[Any], Any]) -> Tables:
        """The same change made to every table."""
        return Tables(self.split, *map(change, (self.u, self.e, self.v, self.q, self.cap)))


def insert_costs(tables: Tables, nodes: Nodes, e: Array, v: Array, q: Array, *, selfish: bool) -> Array:
    """Cost (..., J + 2) of adding one user: to itself only, or the change of the total. inf on full devices.

    ``e``, ``v`` (..., J) and ``q`` (..., I + 1) are the user's.
    """
    n = nodes.n[..., :-1]
    if selfish:
        device = e + ((n + 1) * v if tables.split == "even" else v * (nodes.weight + v))
        cloud = _level(q, nodes.n[..., -1] + 1)
    else:
        before = device_cost(tables.split, nodes.link, nodes.weight, n)
        device = device_cost(tables.split, nodes.link + e, nodes.weight + v, n + 1) - before
        cloud = _level(nodes.cloud + q, nodes.n[..., -1] + 1) - _level(nodes.cloud, nodes.n[..., -1])
    device = np.where(n < tables.cap, device, np.inf)
    return np.concatenate([device, cloud[..., None]], axis=-1)


def _level(table: Array, n: IntArray) -> Array:
    n = np.minimum(n, table.shape[-1] - 1)
    return np.take_along_axis(table, n[..., None], axis=-1)[..., 0]


def insert(slot: StinSlot, order: IntArray, *, selfish: bool) -> StinDecision:
    """Place users one by one in ``order`` (..., I), each on the node with the least cost, ties to the lowest index."""
    tables, nodes = Tables.of(slot), Nodes.empty(slot)
    node = np.zeros((*slot.batch_shape, slot.n_users), dtype=np.int64)
    for rank in range(slot.n_users):
        user = order[..., rank : rank + 1]
        u = np.take_along_axis(tables.u, user, axis=-1)
        e = np.take_along_axis(tables.e, user[..., None], axis=-2)[..., 0, :]
        v = np.take_along_axis(tables.v, user[..., None], axis=-2)[..., 0, :]
        q = np.take_along_axis(tables.q, user[..., None], axis=-1)[..., 0]
        costs = np.concatenate([u, insert_costs(tables, nodes, e, v, q, selfish=selfish)], axis=-1)
        best = costs.argmin(axis=-1)[..., None]
        np.put_along_axis(node, user, best, axis=-1)
        chosen = best == np.arange(1, slot.n_nodes)
        nodes.n += chosen
        nodes.link += np.where(chosen[..., :-1], e, 0.0)
        nodes.weight += np.where(chosen[..., :-1], v, 0.0)
        nodes.cloud += np.where(chosen[..., -1:], q, 0.0)
    return StinDecision(node=node)


def greedy(slot: StinSlot) -> StinDecision:
    """Selfish, in order of arrival: each user takes the node with the least own latency given those before."""
    order = np.broadcast_to(np.arange(slot.n_users), (*slot.batch_shape, slot.n_users))
    return insert(slot, order, selfish=True)


def greedy_marginal(slot: StinSlot) -> StinDecision:
    """One by one in decreasing u_i, each to the node that changes the total least, harm to others included."""
    order = np.argsort(-slot[...].own, axis=-1, kind="stable")
    return insert(slot, order, selfish=False)


def local_search(
    slot: StinSlot, start: StinDecision | None = None, tolerance: float = 1e-12, until: float = np.inf
) -> StinDecision:
    """Best improvement over all moves of one user and all swaps of two users' nodes, from ``greedy`` by default.

    All members of a batch step together until none gains more than ``tolerance`` [s], or the clock says ``until`` [s,
    of ``time.perf_counter``].
    """
    lead = slot.batch_shape
    tables = Tables.of(slot)
    node = (greedy(slot) if start is None else start).node.reshape(-1, slot.n_users).copy()
    flat = tables.map(lambda a: a.reshape(-1, *a.shape[len(lead) :]))
    active = np.arange(len(node))

    def tell() -> None:
        if anytime.heard():
            anytime.report(StinDecision(node=node.reshape(*lead, slot.n_users).copy()))

    tell()
    while active.size and time.perf_counter() < until:
        steps = [
            _best_step(flat.map(operator.itemgetter(active[some])), node[active[some]])
            for some in portions(active.size, slot.n_users**2)
        ]
        gain, after = (np.concatenate(part) for part in zip(*steps, strict=True))
        active = active[gain > tolerance]
        node[active] = after[gain > tolerance]
        tell()
    return StinDecision(node=node.reshape(*lead, slot.n_users))


def _best_step(t: Tables, node: IntArray) -> tuple[Array, IntArray]:
    """Best move or swap of each member (B, I): its gain (B,) and the placement after it."""
    members, users = node.shape
    ends = t.cap.shape[-1]
    shared = node[..., None] == np.arange(1, ends + 2)  # (B, I, J + 1)
    n = shared.sum(axis=-2)
    on_end = shared[..., :-1]
    link = np.where(on_end, t.e, 0.0).sum(axis=-2)
    weight = np.where(on_end, t.v, 0.0).sum(axis=-2)
    cloud = np.where(shared[:, None, :, -1], t.q, 0.0).sum(axis=-1)  # (B, I + 1)
    q = np.swapaxes(t.q, -1, -2)  # (B, I, I + 1)

    # Change of each node's cost when user i leaves it or joins it, (B, I, J + 2); node 0 is the own device.
    base = device_cost(t.split, link, weight, n[..., :-1])[:, None]
    size, cloud_size = n[:, None, :-1], n[:, -1]
    join_end = device_cost(t.split, link[:, None] + t.e, weight[:, None] + t.v, size + 1) - base
    leave_end = device_cost(t.split, link[:, None] - t.e, weight[:, None] - t.v, size - 1) - base
    cloud_now = _level(cloud, cloud_size)[:, None]
    fewer, more = np.maximum(cloud_size - 1, 0)[:, None], np.minimum(cloud_size + 1, users)[:, None]
    join_cloud = np.take_along_axis(cloud, more, 1) + np.take_along_axis(q, more[..., None], 2)[..., 0] - cloud_now
    leave_cloud = np.take_along_axis(cloud, fewer, 1) - np.take_along_axis(q, fewer[..., None], 2)[..., 0] - cloud_now
    join_end = np.where(size < t.cap[:, None], join_end, np.inf)
    join = np.concatenate([t.u[..., None], join_end, join_cloud[..., None]], axis=-1)
    leave = np.concatenate([-t.u[..., None], leave_end, leave_cloud[..., None]], axis=-1)
    out = np.take_along_axis(leave, node[..., None], axis=-1)[..., 0]  # (B, I)
    move = join + out[..., None]
    np.put_along_axis(move, node[..., None], 0.0, axis=-1)

    # Cost of user m in place of user i: i's node keeps its size.
    replace = _replace_costs(t, node, on_end, link, weight, n, q)  # (B, I, I): node of i, newcomer m
    swap = replace + np.swapaxes(replace, 1, 2)
    swap = np.where(node[:, :, None] == node[:, None, :], 0.0, swap)

    best_move, best_swap = move.reshape(members, -1).argmin(-1), swap.reshape(members, -1).argmin(-1)
    rows = np.arange(members)
    gain_move = -move.reshape(members, -1)[rows, best_move]
    gain_swap = -swap.reshape(members, -1)[rows, best_swap]
    after = node.copy()
    moves = rows[gain_move >= gain_swap]
    after[moves, best_move[moves] // (ends + 2)] = best_move[moves] % (ends + 2)
    swaps = rows[gain_move < gain_swap]
    first, second = np.divmod(best_swap[swaps], users)
    after[swaps, first], after[swaps, second] = node[swaps, second], node[swaps, first]
    return np.maximum(gain_move, gain_swap), after


def _replace_costs(
    t: Tables, node: IntArray, on_end: BoolArray, link: Array, weight: Array, n: IntArray, q: Array
) -> Array:
    """Change (B, I, I) of the cost of user i's node when user m takes i's place there."""
    host = np.clip(node - 1, 0, t.cap.shape[-1] - 1)
    e_here = np.swapaxes(np.take_along_axis(t.e, host[:, None, :], axis=2), 1, 2)  # (B, i, m): e of m on node of i
    v_here = np.swapaxes(np.take_along_axis(t.v, host[:, None, :], axis=2), 1, 2)
    de = e_here - np.diagonal(e_here, axis1=1, axis2=2)[..., None]
    dv = v_here - np.diagonal(v_here, axis1=1, axis2=2)[..., None]
    link_i, weight_i = (np.take_along_axis(a, host, axis=1)[..., None] for a in (link, weight))
    n_i = np.take_along_axis(n[:, :-1], host, axis=1)[..., None]
    device = device_cost(t.split, link_i + de, weight_i + dv, n_i) - device_cost(t.split, link_i, weight_i, n_i)
    level = np.take_along_axis(q, n[:, None, -1:], axis=2)[..., 0]  # q_m at the present number in the cloud
    cloud = level[:, None, :] - level[:, :, None]
    local = t.u[:, None, :] - t.u[:, :, None]
    return np.where(on_end.any(axis=-1, keepdims=True), device, np.where(node[..., None] > 0, cloud, local))
