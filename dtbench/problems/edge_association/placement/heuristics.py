"""Rules for ``edge-placement``: functions of a slot, for any leading axes."""

from __future__ import annotations

import time

import numpy as np

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.problems.edge_association.placement.model import PlacementDecision, PlacementSlot, evaluate, of_assoc
from dtbench.problems.edge_association.placement.repair import Servers, Tables, repair


def nearest(slot: PlacementSlot) -> PlacementDecision:
    """Every twin on the user's access BS, all of these open; repaired, and unused servers closed."""
    placed = repair(slot, of_assoc(slot[...].access, slot.n_bs))
    return of_assoc(placed.assoc, slot.n_bs)


def greedy(slot: PlacementSlot) -> PlacementDecision:
    """Users by decreasing B_i, each on the fitting server with the least marginal cost; a closed one costs fee / N_k.

    With the whole fee instead of its N_k-th part servers open far too late.
    """
    t = Tables.of(slot, slot.batch_shape)
    fee = slot.fee_weight * slot.params.open_cost / slot.user_weight / t.cap
    assoc = assign(t, np.zeros(t.cpu.shape, dtype=bool), np.ones(t.cpu.shape, dtype=bool), fee)
    return _decision(slot, assoc.reshape(*slot.batch_shape, slot.n_users))


def greedy_add(slot: PlacementSlot, until: float = np.inf) -> PlacementDecision:
    """Open one server after the other, the one with which the objective falls most, until none lowers it.

    For every trial all users are assigned anew among the trial's servers. A set that cannot take everyone is skipped;
    while no set takes everyone the fastest closed server is opened. At ``until`` [s, of ``time.perf_counter``] what is
    open then stays; users without a place are placed by repair.
    """
    lead, n_bs = slot.batch_shape, slot.n_bs
    members = flatten(slot)
    size = members.batch_shape[0]
    opened = np.zeros((size, n_bs), dtype=bool)
    best = np.full(size, np.inf)
    assoc = np.full((size, slot.n_users), -1)
    trials = members[:, None]
    rows = np.arange(size)
    active = np.ones(size, dtype=bool)
    while active.any() and time.perf_counter() < until:
        sets = opened[:, None] | np.eye(n_bs, dtype=bool)
        value, assocs = try_sets(trials, sets)
        value = np.where(opened, np.inf, value)
        k = value.argmin(axis=-1)
        better = active & (value[rows, k] < best)
        best = np.where(better, value[rows, k], best)
        assoc[better] = assocs[better, k[better]]
        blind = active & np.isinf(best) & ~opened.all(axis=-1)
        fastest = np.where(opened, -np.inf, members.cpu).argmax(axis=-1)
        opened[rows, np.where(better, k, fastest)] |= better | blind
        active = better | blind
    return _decision(slot, assoc.reshape(*lead, slot.n_users))


def flatten(slot: PlacementSlot) -> PlacementSlot:
    """The slot with exactly one leading axis."""
    lead = slot.batch_shape
    return slot[np.unravel_index(np.arange(int(np.prod(lead))), lead)] if lead else slot[None]


def assign(t: Tables, opened: BoolArray, allowed: BoolArray, fee: Array) -> IntArray:
    """Assign users by decreasing B_i, each to the allowed server that fits and adds least; -1 where none fits.

    Parameters
    ----------
    t
        Tables of the members (B).
    opened, allowed
        (B, M) servers open at the start, and those that may be used.
    fee
        (B, M) [s] what the first twin on a closed server adds.

    Returns
    -------
    IntArray
        (B, N).
    """
    rows = np.arange(len(opened))
    servers = Servers.empty(t)
    order = np.argsort(-t.root, axis=-1, kind="stable")
    assoc = np.full(t.root.shape, -1)
    fee = np.where(opened, 0.0, fee)
    for user in order.T:
        floor, root = t.floor[rows, user], t.root[rows, user]
        cost = servers.marginal(t.carry[rows, user], root) + fee
        cost = np.where(allowed & servers.fits(floor), cost, np.inf)
        k = cost.argmin(axis=-1)
        go = np.flatnonzero(np.isfinite(cost[rows, k]))
        servers.add(go, k[go], floor[go, k[go]], root[go])
        assoc[go, user[go]] = k[go]
        fee[go, k[go]] = 0.0
    return assoc


def try_sets(slot: PlacementSlot, sets: BoolArray) -> tuple[Array, IntArray]:
    """Objectives (B, R) and associations (B, R, N) when exactly the servers ``sets`` (B, R, M) are open.

    ``slot`` has the leading axes (B, 1) or (B, R). The objective is inf where the set cannot take everyone.
    """
    lead = sets.shape[:-1]
    rows = sets.reshape(-1, slot.n_bs)
    assoc = assign(Tables.of(slot, lead), rows, rows, np.zeros(rows.shape)).reshape(*lead, slot.n_users)
    outcome = evaluate(slot, PlacementDecision(open=sets, assoc=assoc))
    return np.where(outcome.feasible, outcome.objective, np.inf), assoc


def _decision(slot: PlacementSlot, assoc: IntArray) -> PlacementDecision:
    """Servers in use open; members with unassigned users (-1) repaired."""
    return repair(slot, of_assoc(assoc, slot.n_bs))
