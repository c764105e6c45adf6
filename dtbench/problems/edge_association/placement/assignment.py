"""The twins of given servers: prices on the servers, repair, then single moves. Quick, and close to the best.

Without deadlines and limits the cost of an association is ``sum_i B_i q_ik + sum_k S_k^2 / F_k``, which is convex in
the loads S_k = sum sqrt(w_i): in the optimum every twin is where ``B_i q_ik + p_k sqrt(w_i)`` is least, up to rounding,
with the price p_k = 2 S_k / F_k. A few steps towards such prices, and towards a toll on servers that are asked for more
twins than they hold, give a start that no order of the users disturbs. What is not feasible is repaired; then the twin
whose move lowers the cost most moves, deadlines included, for as long as that helps.
"""

from __future__ import annotations

import numpy as np

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.problems.edge_association.placement.model import PlacementDecision, PlacementSlot, of_assoc
from dtbench.problems.edge_association.placement.repair import Tables, place
from dtbench.problems.edge_association.placement.waterfill import TOLERANCE

STEPS, FINAL = 12, 8  # towards prices; from prices that are near
MOVES = 8  # of single twins, at most
GAIN = 1e-3  # s: sum of the users' costs that a move must save
FIRST_STEP, FADING, TOLL = 0.5, 0.5, 0.3  # length of a step, how it falls, and of the toll against prices


def assign(
    slot: PlacementSlot, opened: BoolArray, charge: Array | None = None, *, moves: bool = True
) -> PlacementDecision:
    """Feasible placements (...) with servers ``opened`` (..., M), at least one in each.

    Prices and tolls ``charge`` (..., 2, M) of these servers, near the best, save steps to them.

    Where the servers cannot take everyone, repair opens more, and all begins again with those too; where nobody can
    take someone, with the servers of the stored association, which itself is the last resort. Without ``moves`` no twin
    is moved once all have a place.
    """
    lead = np.broadcast_shapes(slot.batch_shape, opened.shape[:-1])
    tables = Tables.of(slot, lead)
    wanted = np.broadcast_to(opened, (*lead, slot.n_bs)).reshape(-1, slot.n_bs).copy()
    assoc = np.full(tables.root.shape, -1)
    safe = np.asarray(of_assoc(tables.safe, slot.n_bs).open)
    rows, given_up = np.arange(len(wanted)), np.zeros(len(wanted), dtype=bool)
    charge = None if charge is None else np.broadcast_to(charge, (*lead, 2, slot.n_bs)).reshape(-1, 2, slot.n_bs)
    while rows.size:
        some = tables if len(rows) == len(wanted) else tables.rows(rows)
        enough, assoc[rows] = place(some, wanted[rows], priced(some, wanted[rows], charge), None)
        charge = None  # servers may be others from now on
        stuck: BoolArray = np.asarray((assoc[rows] < 0).any(axis=-1))
        if not stuck.any() and (enough == wanted[rows]).all():
            break
        last = rows[stuck & given_up[rows]]
        wanted[last], assoc[last] = safe[last], tables.safe[last]
        given_up[rows] |= stuck
        again = np.where(stuck, ~np.isin(rows, last), (enough != wanted[rows]).any(axis=-1))
        better = np.where(stuck[:, None], safe[rows], enough)
        wanted[rows[again]] = better[again]
        rows = rows[again]
    if moves:
        for row in range(len(assoc)):
            assoc[row] = Twins(tables, row, wanted[row], assoc[row]).settled()
    return PlacementDecision(open=wanted.reshape(*lead, slot.n_bs), assoc=assoc.reshape(*lead, slot.n_users))


def priced(t: Tables, opened: BoolArray, charge: Array | None = None) -> IntArray:
    """The servers (B, N) that cost users least at the prices reached, of servers ``opened`` (B, M).

    From prices and tolls (B, 2, M), if they are given, only the last :data:`FINAL` steps are taken.
    """
    usable = opened[:, None] & np.isfinite(t.floor)
    usable |= ~usable.any(axis=-1, keepdims=True)
    carry = np.swapaxes(np.where(usable, t.carry, np.inf), -1, -2).copy()  # (B, M, N): the least of M is quick so
    both = np.stack([t.root, np.ones(t.root.shape)], axis=-2)  # (B, 2, N): what prices and tolls are on
    unit = TOLL * t.carry.mean(axis=(-2, -1))[:, None]
    first = 0 if charge is None else STEPS - FINAL
    if charge is None:
        charge = np.zeros((len(t.cpu), 2, t.cpu.shape[-1]))  # prices and tolls
        charge[:, 0] = (2.0 * t.root.sum(axis=-1) / np.where(opened, t.cpu, 0.0).sum(axis=-1))[:, None]
    pace = np.stack([FIRST_STEP * 2.0 / t.cpu, unit / t.cap], axis=-1)
    charge, drawn = np.swapaxes(charge, -1, -2), np.stack([0.0 * unit, unit], axis=-1)
    kept = np.array([FIRST_STEP, 0.0])
    each = carry
    for number in range(first, STEPS):
        each = carry + charge @ both
        held = (each == each.min(axis=1, keepdims=True)).astype(np.float64) @ np.swapaxes(both, -1, -2)
        step = 1.0 / (1.0 + FADING * number)
        charge = np.maximum((1.0 - step * kept) * charge + step * (pace * held - drawn), 0.0)
    return np.asarray(each.argmin(axis=1))


class Twins:
    """One placement while its twins move: what each server would cost with one twin more, or one less.

    Costs are those of the best split of a processor: users on the floor of their deadline get that, the others share
    the rest by the square roots of their work. Who is on a floor is taken as it is before a move, but for the twin that
    moves.

    Attributes
    ----------
    assoc
        (N,) servers of the twins.
    join
        (N, M) [s]: what a twin adds on another server, inf where it may not go.
    leave
        (N,) [s]: what its leaving adds where it is, mostly less than 0.
    """

    def __init__(self, t: Tables, row: int, opened: BoolArray, assoc: IntArray) -> None:
        self.assoc, self.root = assoc.copy(), t.root[row]
        self.cpu, self.cap = t.cpu[row][:, None], t.cap[row][:, None]
        self.trace = TOLERANCE * self.cpu
        self.carry, floor = t.carry[row].T, t.floor[row].T  # (M, N), rows are read server by server
        reachable = np.isfinite(floor)
        self.least: Array = np.where(reachable, floor, 0.0)
        self.base = np.where(reachable & opened[:, None], self.carry, np.inf)
        self.join, self.leave = np.full(self.carry.shape, np.inf), np.zeros(len(assoc))
        self.refresh(np.flatnonzero(opened))

    def refresh(self, servers: IntArray) -> None:
        """Compute what joining and leaving ``servers`` (K,) costs, after their twins have changed."""
        root, least, cpu, trace = self.root, self.least[servers], self.cpu[servers], self.trace[servers]
        here = self.assoc == servers[:, None]  # (K, N)
        some = here.astype(np.float64)
        floors, load, count = (some * least).sum(axis=-1, keepdims=True), some @ root[:, None], some.sum(axis=-1)
        rest, room = cpu, cpu + trace - floors
        bound = here & (least * load > rest * root)
        on_floor = bool(bound.any())
        while bound.any():
            rest = cpu - (least * bound).sum(axis=-1, keepdims=True)
            load = (root * (here & ~bound)).sum(axis=-1, keepdims=True)
            more = here & ~bound & (least * load > rest * root)
            if not more.any():
                break
            bound |= more
        rest = np.maximum(rest, trace)
        square, more_load, less_load = load * load, load + root, load - root
        joined, gone = more_load * more_load / rest, less_load * less_load / rest
        slow = least * more_load > rest * root  # twins that would be on their floor
        if on_floor or slow.any():
            alone = root**2 / np.maximum(least, trace)  # [s] on the floor
            joined = np.where(slow, alone + square / np.maximum(rest - least, trace), joined)
            gone = np.where(bound, square / (rest + least) - alone, gone)
        cost = square / rest
        fits = (least <= room) & (count[:, None] < self.cap[servers]) & ~here
        self.join[servers] = np.where(fits, self.base[servers] + (joined - cost), np.inf)
        left = np.where(here, gone - cost - self.carry[servers], 0.0).sum(axis=0)
        self.leave = np.where(here.any(axis=0), left, self.leave)

    def settled(self) -> IntArray:
        """The association (N,) after the best moves."""
        for _ in range(MOVES):
            change = self.join + self.leave
            k, user = divmod(int(change.argmin()), len(self.assoc))
            if not change[k, user] < -GAIN:
                break
            changed = np.array([self.assoc[user], k])
            self.assoc[user] = k
            self.refresh(changed)
        return self.assoc
