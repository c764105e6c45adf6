"""Placing twins on servers with places and deadlines: two greedy passes, then augmenting chains.

The operator is complete: whoever finds no free admissible server starts a chain of moves that ends on a free place, and
such a chain exists whenever any assignment does (Berge 1957). It therefore also decides whether a slot is feasible.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.problems.edge_association.migration.model import MigrationDecision, MigrationSlot

FEW = 12  # members up to which going one by one is quicker than arrays


def repair(slot: MigrationSlot, decision: MigrationDecision, order: Array | None = None) -> MigrationDecision:
    """A feasible association near the given one; see :func:`place`.

    ``order`` (..., N, K) ranks the servers of users who cannot have theirs, least first; T_ik by default.
    """
    order = slot.latency if order is None else order
    return MigrationDecision(assoc=place(slot.admissible, slot.cap, decision.assoc, order)[0])


def place(admissible: BoolArray, cap: IntArray, want: IntArray, order: Array) -> tuple[IntArray, BoolArray]:
    """Servers near the wanted ones such that nobody is on an inadmissible or overfull server.

    Users go by increasing number of admissible servers. Pass 1 keeps a wanted server that is admissible and free.
    Pass 2 gives those left the admissible free server of least ``order``, or starts a chain where there is none.

    Parameters
    ----------
    admissible
        (..., N, K): whether user i may be on server k.
    cap
        (..., K): places, N_k.
    want
        (..., N): wanted server; out of range = no wish.
    order
        (..., N, K): preference of pass 2, least first.

    Returns
    -------
    assoc
        (..., N): in [0, K). Users who cannot be placed keep their (clipped) wish.
    placed
        (..., N): False only where the slot has no assignment.
    """
    users, servers = admissible.shape[-2:]
    lead = np.broadcast_shapes(admissible.shape[:-2], cap.shape[:-1], want.shape[:-1], order.shape[:-2])
    allowed, places, wish, rank = (
        np.broadcast_to(value, lead + axes).reshape(-1, *axes)
        for value, axes in (
            (admissible, (users, servers)),
            (cap, (servers,)),
            (want, (users,)),
            (order, (users, servers)),
        )
    )
    sequence = np.argsort(allowed.sum(axis=-1), axis=-1, kind="stable")  # (B, N)

    asks = (wish[..., None] == np.arange(servers)) & allowed
    asks = np.take_along_axis(asks, sequence[..., None], axis=1)
    kept = asks & (np.cumsum(asks, axis=1) <= places[:, None])  # pass 1, users in sequence
    assoc = np.empty_like(sequence)
    np.put_along_axis(assoc, sequence, np.where(kept.any(-1), kept.argmax(-1), -1), axis=1)
    free = places - kept.sum(axis=1)

    waiting = np.take_along_axis(sequence, np.argsort(kept.any(-1), axis=1, kind="stable"), axis=1)
    left = users - kept.sum(axis=(1, 2))
    if len(allowed) <= FEW:
        for b in range(len(allowed)):
            settle(allowed[b], rank[b], assoc[b], free[b], waiting[b, : left[b]])
    else:
        settle_many(allowed, rank, assoc, free, waiting, left)

    placed = assoc >= 0
    assoc = np.where(placed, assoc, np.clip(wish, 0, servers - 1))
    return assoc.reshape(*lead, users), placed.reshape(*lead, users)


def settle(admissible: BoolArray, order: Array, assoc: IntArray, free: IntArray, waiting: IntArray) -> None:
    """Pass 2 of :func:`place` for one member; changes ``assoc`` (N,) and ``free`` (K,).

    In plain numbers, which are quicker than arrays for few members.
    """
    room = free.tolist()
    for user, may, ranks in zip(waiting.tolist(), admissible[waiting].tolist(), order[waiting].tolist(), strict=True):
        best, least, fits = 0, math.inf, False
        for k, place_left in enumerate(room):
            if may[k] and place_left > 0:
                fits = True
                if ranks[k] < least:
                    best, least = k, ranks[k]
        if fits:
            assoc[user] = best
            room[best] -= 1
        else:
            free[:] = room
            extend(admissible, assoc, free, user)
            room = free.tolist()
    free[:] = room


def settle_many(
    allowed: npt.NDArray[Any],
    rank: npt.NDArray[Any],
    assoc: IntArray,
    free: IntArray,
    waiting: IntArray,
    left: IntArray,
) -> None:
    """Pass 2 of :func:`place` for all members together, user after user; changes ``assoc`` (B, N) and ``free`` (B, K).

    ``left`` (B,) users wait, the first of ``waiting`` (B, N).
    """
    for step in range(left.max(initial=0)):
        members = np.flatnonzero(left > step)
        user = waiting[members, step]
        possible = allowed[members, user] & (free[members] > 0)
        best = np.where(possible, rank[members, user], np.inf).argmin(axis=-1)
        fits = possible.any(axis=-1)
        assoc[members[fits], user[fits]] = best[fits]
        free[members[fits], best[fits]] -= 1
        for b, i in zip(members[~fits], user[~fits], strict=True):
            extend(allowed[b], assoc[b], free[b], int(i))


def extend(admissible: BoolArray, assoc: IntArray, free: IntArray, user: int) -> bool:
    """Place ``user`` by the shortest chain of moves that ends on a free place; changes ``assoc`` and ``free``.

    Breadth first over servers: from a full server to every admissible server of every user on it, users and servers in
    ascending order.

    Parameters
    ----------
    admissible
        (N, K).
    assoc
        (N,), -1 = not placed yet; shifted along the chain.
    free
        (K,) free places; one is taken.

    Returns
    -------
    bool
        False, and nothing changed, if there is no chain: then there is no assignment either.
    """
    arrived = {int(k): (user, -1) for k in np.flatnonzero(admissible[user])}  # server: (who comes, from where)
    queue = deque(arrived)
    while queue:
        here = queue.popleft()
        if free[here] > 0:
            free[here] -= 1
            while here >= 0:
                comes, source = arrived[here]
                assoc[comes] = here
                here = source
            return True
        movers = np.flatnonzero(assoc == here)
        if not movers.size:
            continue
        reach = admissible[movers]
        first = np.where(reach.any(axis=0), reach.argmax(axis=0), len(movers))  # who could go there
        for target in np.argsort(first, kind="stable").tolist():
            if first[target] < len(movers) and target not in arrived:
                arrived[target] = (int(movers[first[target]]), here)
                queue.append(target)
    return False
