"""Best improvement from the greedy decision: move, insert, drop or exchange one link at a time."""

from __future__ import annotations

import numpy as np

from dtbench import anytime
from dtbench.arrays import Array, BoolArray, IntArray, portions
from dtbench.problems.dnt_spectrum.allocation import DIGITS
from dtbench.problems.dnt_spectrum.board import flattened
from dtbench.problems.dnt_spectrum.heuristics import greedy
from dtbench.problems.dnt_spectrum.model import DntDecision, DntSlot, evaluate

STEPS = 1000  # bound on the number of improvements


def local_search(slot: DntSlot, start: DntDecision | None = None) -> DntDecision:
    """From ``greedy``, or a feasible ``start``, take the best feasible neighbour while one is better.

    Neighbours put a user or an upload on an RB of a base station, or drop it. Where the RB is taken by another link of
    the same base station, the two exchange RBs if both were that base station's, else the other link is dropped.
    """
    lead = slot.batch_shape
    flat = flattened(slot)
    start = greedy(flat) if start is None else flat_start(start, lead)
    bs, rb, up = start.bs.copy(), start.rb.copy(), start.up.copy()
    value = evaluate(flat, start).objective
    if anytime.heard():
        anytime.report(DntDecision.of(*(v.reshape(*lead, v.shape[-1]).copy() for v in (bs, rb, up))))
    left = np.arange(len(bs))
    for _ in range(STEPS):
        members = flat[left]
        near = neighbours(members, bs[left], rb[left], up[left])
        objective, feasible = scored(members, near)
        worth = np.where(feasible, objective, -np.inf).round(DIGITS)
        best = worth.argmax(axis=1)
        best_worth = np.take_along_axis(worth, best[:, None], axis=1)[:, 0]
        better = best_worth > value[left].round(DIGITS)
        left, best, rows = left[better], best[better], np.flatnonzero(better)
        if not left.size:
            break
        bs[left], rb[left], up[left] = near.bs[rows, best], near.rb[rows, best], near.up[rows, best]
        value[left] = objective[rows, best]
        if anytime.heard():
            anytime.report(DntDecision.of(*(v.reshape(*lead, v.shape[-1]).copy() for v in (bs, rb, up))))
    return DntDecision.of(*(v.reshape(*lead, v.shape[-1]) for v in (bs, rb, up)))


def scored(slot: DntSlot, near: DntDecision) -> tuple[Array, BoolArray]:
    """Objectives (B, K) of neighbours (B, K), and whether they are feasible; as many at a time as memory holds."""
    size, count = near.bs.shape[:2]
    each = size * max(slot.n_users, slot.n_rb) * slot.n_bs
    found = [evaluate(slot[:, None], near[:, some]) for some in portions(count, each)]
    return (
        np.concatenate([outcome.objective for outcome in found], axis=1),
        np.concatenate([outcome.feasible for outcome in found], axis=1),
    )


def flat_start(decision: DntDecision, lead: tuple[int, ...]) -> DntDecision:
    """A decision for all members of a batch ``lead``, with one leading axis (B,)."""
    fields = (decision.bs, decision.rb, decision.up)
    return DntDecision.of(*(np.broadcast_to(v, (*lead, v.shape[-1])).reshape(-1, v.shape[-1]) for v in fields))


def neighbours(slot: DntSlot, bs: IntArray, rb: IntArray, up: IntArray) -> DntDecision:
    """All neighbours (B, K) of decisions (B, U), (B, U), (B, M)."""
    size, (users, stations, blocks) = len(bs), (slot.n_users, slot.n_bs, slot.n_rb)
    pairs = np.argwhere(slot.cover.any(axis=0))
    user, station = np.repeat(pairs, blocks, axis=0).T
    block = np.tile(np.arange(blocks), len(pairs))
    n_moves, n_uploads = len(user), stations * blocks
    k = n_moves + users + n_uploads + stations
    new_bs, new_rb, new_up = (np.repeat(v[:, None], k, axis=1) for v in (bs, rb, up))

    # Who has an RB of a base station: a user, or U for its upload, or U + 1 for nobody.
    holder = np.full((size, stations, blocks), users + 1)
    member, who = np.nonzero(bs >= 0)
    holder[member, bs[member, who], rb[member, who]] = who
    member, who = np.nonzero(up >= 0)
    holder[member, who, up[member, who]] = users

    rows, at = np.arange(size)[:, None], np.arange(n_moves)
    same = bs[:, user] == station  # the user had an RB of this base station, which the other link may take
    freed = np.where(same, rb[:, user], -1)
    other = holder[:, station, block]
    displace(new_bs, new_rb, new_up, other, freed, station, at, users)
    new_bs[rows, at, user], new_rb[rows, at, user] = station, block

    at = n_moves + np.arange(users)
    new_bs[:, at, np.arange(users)] = new_rb[:, at, np.arange(users)] = -1

    at = n_moves + users + np.arange(n_uploads)
    station, block = np.divmod(np.arange(n_uploads), blocks)
    displace(new_bs, new_rb, new_up, holder[:, station, block], up[:, station], station, at, users)
    new_up[rows, at, station] = block

    at = n_moves + users + n_uploads + np.arange(stations)
    new_up[:, at, np.arange(stations)] = -1
    return DntDecision.of(new_bs, new_rb, new_up)


def displace(
    bs: IntArray,
    rb: IntArray,
    up: IntArray,
    holder: IntArray,
    freed: IntArray,
    station: IntArray,
    at: IntArray,
    users: int,
) -> None:
    """Move the holders (B, K') of RBs that are wanted to the RBs that become free (-1 = drop), in neighbours ``at``."""
    member, k = np.nonzero(holder < users)
    who, free = holder[member, k], freed[member, k]
    rb[member, at[k], who] = free
    bs[member, at[k], who] = np.where(free >= 0, station[k], -1)
    member, k = np.nonzero(holder == users)
    up[member, at[k], station[k]] = freed[member, k]
