"""Local search for ``edge-placement``: moves of single twins at exact server costs, and toggles of base stations."""

from __future__ import annotations

import time

import numpy as np

from dtbench import anytime
from dtbench.arrays import Array, BoolArray, IntArray, take
from dtbench.problems.edge_association.placement.heuristics import flatten, greedy_add, try_sets
from dtbench.problems.edge_association.placement.model import PlacementDecision, PlacementSlot, evaluate, of_assoc
from dtbench.problems.edge_association.placement.repair import repair
from dtbench.problems.edge_association.placement.waterfill import FIRST_LEVELS, cost, toggled
from dtbench.problems.edge_association.system import one_hot

CHUNK = 100_000  # numbers of an array that are worked on together: more do not fit into a processor's cache


def local_search(
    slot: PlacementSlot, start: PlacementDecision | None = None, tolerance: float = 1e-10, until: float = np.inf
) -> PlacementDecision:
    """Best improvement from ``start`` (:func:`greedy_add` by default, feasible), members one after the other.

    Twins move while that lowers the objective. Then every base station is toggled: the users are assigned anew among
    the other set of servers, who finds no place is placed by repair (it may open a third), and twins move again. The
    best toggle is taken while it lowers the objective.
    ``tolerance`` is the least relative improvement that counts. At ``until`` [s, of ``time.perf_counter``] the search
    stops with the best placement so far.
    """
    lead = slot.batch_shape
    start = greedy_add(slot, until) if start is None else start
    first = np.broadcast_to(start.assoc, (*lead, slot.n_users)).reshape(-1, slot.n_users)
    members = flatten(slot)
    improved = [improve(members[b], first[b], tolerance, until) for b in anytime.members(len(first))]
    return of_assoc(np.stack(improved).reshape(*lead, slot.n_users), slot.n_bs)


def improve(slot: PlacementSlot, assoc: IntArray, tolerance: float, until: float = np.inf) -> IntArray:
    """The association (N,) of one slot after local search."""
    trials = slot[None, None]  # one member, its trials along the second axis
    tell(slot, assoc)
    assoc, value = relocate(trials, assoc[None], tolerance, until)
    assoc, value = assoc[0], value[0]
    while time.perf_counter() < until:
        opened = one_hot(assoc, slot.n_bs).any(axis=0)
        sets = opened ^ np.eye(slot.n_bs, dtype=bool)
        sets = sets[sets.any(axis=-1)]
        if not len(sets):
            return assoc
        placed = try_sets(trials, sets[None])[1][0]
        placed = repair(slot, PlacementDecision(open=sets, assoc=placed)).assoc
        placed, reached = relocate(trials, placed, tolerance, until)
        best = reached.argmin()
        if not reached[best] + tolerance * abs(reached[best]) < value:
            return assoc
        assoc, value = placed[best], reached[best]
        tell(slot, assoc)
    return assoc


def tell(slot: PlacementSlot, assoc: IntArray) -> None:
    """Tell whoever listens of an association (N,)."""
    if anytime.heard():
        anytime.report(of_assoc(assoc.copy(), slot.n_bs))


def relocate(slot: PlacementSlot, assoc: IntArray, tolerance: float, until: float = np.inf) -> tuple[IntArray, Array]:
    """Move single twins among the servers in use, always the best move, while the objective falls.

    Parameters
    ----------
    slot
        One slot, whatever leading axes of length one it has.
    assoc
        (R, N) associations.
    until
        When to stop moving [s, of ``time.perf_counter``].

    Returns
    -------
    assoc, objective
        (R, N) and (R,) at the end, servers that are left without a twin closed; inf where it is not feasible.
    """
    one = slot[(0,) * len(slot.batch_shape)]
    tables = Neighbours(one, assoc.copy(), until)
    active = np.arange(len(assoc))
    scale = float(one.carry.mean())
    while active.size and time.perf_counter() < until:
        gain, user, target = tables.best(active)
        go = gain > tolerance * scale
        active = active[go]
        tables.move(active, user[go], target[go])
        if len(assoc) == 1:
            tell(one, tables.assoc[0])
    decision = of_assoc(tables.assoc, one.n_bs)
    outcome = evaluate(one, decision)
    return tables.assoc, np.where(outcome.feasible, outcome.objective, np.inf)


class Neighbours:
    """Associations (R, N) of one slot, and what the servers cost with each user toggled.

    ``value`` (R, M) is V_k; ``toggled`` (R, M, N) is V_k after user i joins or leaves k, inf where that is not allowed.
    They are not complete, and not to be used, after ``until`` [s, of ``time.perf_counter``].
    """

    def __init__(self, slot: PlacementSlot, assoc: IntArray, until: float = np.inf) -> None:
        self.slot, self.assoc = slot, assoc
        self.carry, self.cap, self.cpu = np.asarray(slot.carry), np.asarray(slot.cap), np.asarray(slot.cpu)
        self.order, self.floor, self.root = slot.ranking
        self.rank = np.argsort(self.order, axis=-1)
        self.reachable = np.isfinite(slot.floor)
        self.used: BoolArray = np.asarray(one_hot(assoc, slot.n_bs).any(axis=-2))
        shape = (*self.used.shape, slot.n_users)
        self.value, self.toggled = np.zeros(self.used.shape), np.empty(shape)
        rows = np.arange(len(assoc))
        for k in range(slot.n_bs):
            if time.perf_counter() >= until:
                break
            self._refresh(rows, np.full(len(rows), k))

    def _refresh(self, rows: IntArray, server: IntArray) -> None:
        """Compute V of ``server`` (len(rows),) again in the given rows, as it is and with each user toggled."""
        here = self.assoc[rows] == server[:, None]
        ranked = take(here, self.order[server])
        held = here.sum(axis=-1)
        value, _ = cost(ranked, self.floor[server], self.root[server], self.cpu[server])
        after = np.empty(here.shape)
        step = max(1, CHUNK // (here.shape[-1] * FIRST_LEVELS))
        for part in (slice(first, first + step) for first in range(0, len(rows), step)):
            which = server[part]
            by_rank = toggled(ranked[part], self.floor[which], self.root[which], self.cpu[which])
            after[part] = take(by_rank, self.rank[which])
        join = (held < self.cap[server])[:, None] & self.reachable[:, server].T
        self.value[rows, server] = value
        self.toggled[rows, server] = np.where(here | join, after, np.inf)

    def best(self, rows: IntArray) -> tuple[Array, IntArray, IntArray]:
        """Best move in each row: its gain [s], the user and its new server; (len(rows),) each."""
        assoc = self.assoc[rows]
        change = np.swapaxes(self.toggled[rows] - self.value[rows][..., None], -1, -2) + self.carry  # (r, N, M)
        change = np.where(self.used[rows][:, None, :], change, np.inf)
        users = np.arange(assoc.shape[-1])
        leave = self.toggled[rows[:, None], assoc, users] - self.value[rows[:, None], assoc] - self.carry[users, assoc]
        np.put_along_axis(change, assoc[..., None], np.inf, axis=-1)
        total = (change + leave[..., None]).reshape(len(rows), -1)
        chosen = total.argmin(axis=-1)
        gain = -np.take_along_axis(total, chosen[:, None], axis=-1)[:, 0]
        return gain, chosen // self.slot.n_bs, chosen % self.slot.n_bs

    def move(self, rows: IntArray, user: IntArray, target: IntArray) -> None:
        """Move one user in each of ``rows``."""
        source = self.assoc[rows, user]
        self.assoc[rows, user] = target
        self._refresh(np.concatenate([rows, rows]), np.concatenate([source, target]))
