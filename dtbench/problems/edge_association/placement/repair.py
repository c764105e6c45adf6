"""Repair of ``edge-placement``: a feasible placement near a given one, or as a last resort the stored one."""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, BoolArray, Index, IntArray, pick, spread, take
from dtbench.problems.edge_association.placement.model import PlacementDecision, PlacementSlot, feasible, of_assoc
from dtbench.problems.edge_association.placement.waterfill import TOLERANCE

FEW = 64  # members up to which going one by one is quicker than arrays


@dataclass(frozen=True)
class Tables:
    """What building a placement reads of its slot, one row (B) per member.

    ``floor`` g_ik and ``carry`` B_i q_ik (B, N, M); ``root`` sqrt(w_i) and ``safe`` (B, N); ``cpu`` F_k and ``cap`` N_k
    (B, M).
    """

    floor: Array
    carry: Array
    root: Array
    safe: IntArray
    cpu: Array
    cap: IntArray

    @classmethod
    def of(cls, slot: PlacementSlot, lead: tuple[int, ...], rows: IntArray | None = None) -> Tables:
        """The slot spread over leading axes ``lead`` and flattened; only the increasing ``rows`` if they are given."""
        lead = lead or (1,)
        index = None if rows is None or len(rows) == math.prod(lead) else np.unravel_index(rows, lead)

        def members(value: npt.NDArray[Any], axes: int) -> Any:
            own = value.shape[value.ndim - axes :]
            value = spread(value, lead + own)
            return value.reshape(-1, *own) if index is None else value[index]

        return cls(
            members(slot.floor, 2), members(slot.carry, 2), members(slot.root, 1),
            members(slot.safe, 1), members(slot.cpu, 1), members(slot.cap, 1),
        )  # fmt: skip

    def rows(self, index: Index) -> Tables:
        """The members ``index``."""
        return Tables(*(getattr(self, f.name)[index] for f in fields(self)))


@dataclass
class Servers:
    """Placements under construction, one per row (B): twins, floors and sum of sqrt(w) per server (B, M)."""

    cap: IntArray
    cpu: Array
    count: IntArray
    floors: Array
    weight: Array

    @classmethod
    def empty(cls, tables: Tables) -> Servers:
        """Nobody anywhere."""
        zero = np.zeros_like(tables.cpu)
        return cls(tables.cap, tables.cpu, np.zeros_like(tables.cap), zero, zero.copy())

    def rows(self, index: Index) -> Servers:
        """A copy of the members ``index``."""
        return Servers(*(getattr(self, f.name)[index] for f in fields(self)))

    def fits(self, floor: Array) -> BoolArray:
        """Whether a user with floors ``floor`` (B, M) can be added to each server (B, M)."""
        return (self.count < self.cap) & (self.floors + floor <= self.cpu * (1.0 + TOLERANCE))

    def marginal(self, carry: Array, root: Array) -> Array:
        """What a user adds to the cost of each server (B, M) [s]: B_i q_ik + ((S_k + sqrt w)^2 - S_k^2) / F_k."""
        root = root[:, None]
        return carry + root * (2.0 * self.weight + root) / self.cpu

    def add(self, rows: IntArray, server: IntArray, floor: Array, root: Array) -> None:
        """Put one user of each of ``rows`` on ``server``; ``floor`` and ``root`` (len(rows),) are the users'."""
        self.count[rows, server] += 1
        self.floors[rows, server] += floor
        self.weight[rows, server] += root


def repair(slot: PlacementSlot, decision: PlacementDecision, scores: Array | None = None) -> PlacementDecision:
    """A feasible decision near the given one; feasible ones are returned unchanged.

    Parameters
    ----------
    scores
        (..., N, M) preference for each server; with it, users that must move go to the open server that they prefer.
        Without, to the one that costs least.
    """
    return repair_flagged(slot, decision, scores)[0]


def repair_flagged(
    slot: PlacementSlot, decision: PlacementDecision, scores: Array | None = None, last_resort: bool = True
) -> tuple[PlacementDecision, BoolArray]:
    """As :func:`repair`, and where the stored association ``safe`` had to be taken (...,).

    Without ``last_resort`` those members keep an association with -1 for the users that found no server.
    """
    lead = np.broadcast_shapes(slot.batch_shape, decision.batch_shape)
    good = spread(feasible(slot, decision), lead).ravel()
    opened = spread(np.asarray(decision.open, dtype=bool), (*lead, slot.n_bs)).reshape(-1, slot.n_bs).copy()
    assoc = spread(decision.assoc, (*lead, slot.n_users)).reshape(-1, slot.n_users).copy()
    stuck = np.zeros(good.shape, dtype=bool)
    if not good.all():
        few = np.flatnonzero(~good) if good.any() else None
        bad = slice(None) if few is None else few
        tables = Tables.of(slot, lead, few)
        wish = None if scores is None else spread(scores, (*lead, slot.n_users, slot.n_bs))
        wish = None if wish is None else wish.reshape(-1, slot.n_users, slot.n_bs)[bad]
        opened[bad], assoc[bad] = place(tables, opened[bad], assoc[bad], wish)
        stuck[bad] = (assoc[bad] < 0).any(axis=-1)
        if last_resort and stuck.any():
            known = of_assoc(tables.safe, slot.n_bs)
            opened[bad] = np.where(stuck[bad, None], known.open, opened[bad])
            assoc[bad] = np.where(stuck[bad, None], known.assoc, assoc[bad])
    result = PlacementDecision(open=opened.reshape(*lead, slot.n_bs), assoc=assoc.reshape(*lead, slot.n_users))
    return result, stuck.reshape(lead)


def place(t: Tables, opened: BoolArray, want: IntArray, scores: Array | None) -> tuple[BoolArray, IntArray]:
    """Steps 1 to 3 for rows (B, M), (B, N): open servers and associations, -1 for users that found none."""
    rows = np.arange(len(want))
    opened = opened.copy()
    fastest = t.cpu.argmax(axis=-1)
    opened[rows, fastest] |= ~opened.any(axis=-1)

    # Users with the highest floors first. Those whose wanted server is open and fits stay there.
    order = np.argsort(-t.floor.min(axis=-1), axis=-1, kind="stable")
    target = np.minimum(np.maximum(want, 0), t.cpu.shape[-1] - 1)
    wanted = (want == target) & take(opened, target)
    floors = pick(t.floor, target)
    assoc = np.full_like(want, -1)
    if len(want) <= FEW:
        for row in range(len(want)):
            one = One.of(t, row, opened[row], None if scores is None else scores[row])
            by_order = (each[row, order[row]].tolist() for each in (target, wanted, floors))
            one.settle(one.keep(order[row].tolist(), *by_order))
            opened[row], assoc[row] = one.opened, one.assoc
    else:
        place_many(t, opened, assoc, order, target, wanted, floors, scores)
    return opened, assoc


def place_many(
    t: Tables, opened: BoolArray, assoc: IntArray, order: IntArray, target: IntArray, wanted: BoolArray,
    floors: Array, scores: Array | None,
) -> None:  # fmt: skip
    """Place all members at once, user after user; fills in ``opened`` (B, M) and ``assoc`` (B, N)."""
    rows = np.arange(len(assoc))
    servers = Servers.empty(t)
    room = t.cpu * (1.0 + TOLERANCE)
    for rank in range(assoc.shape[-1]):
        user = order[:, rank]
        k, floor = target[rows, user], floors[rows, user]
        fits = (servers.count[rows, k] < t.cap[rows, k]) & (servers.floors[rows, k] + floor <= room[rows, k])
        go = np.flatnonzero(fits & wanted[rows, user])
        servers.add(go, k[go], floor[go], t.root[go, user[go]])
        assoc[go, user[go]] = k[go]

    # The others take the best open server that fits, or open the cheapest closed one.
    waiting = np.take_along_axis(assoc < 0, order, axis=-1)
    late = np.take_along_axis(order, np.argsort(~waiting, axis=-1, kind="stable"), axis=-1)
    n_late = waiting.sum(axis=-1)
    for rank in range(int(n_late.max(initial=0))):
        go = np.flatnonzero(rank < n_late)
        user = late[go, rank]
        some = servers.rows(go)
        fits = some.fits(t.floor[go, user])
        marginal = np.where(fits, some.marginal(t.carry[go, user], t.root[go, user]), np.inf)
        cost = marginal if scores is None else np.where(fits, -scores[go, user], np.inf)
        usable = fits & opened[go]
        inside = np.where(usable, cost, np.inf).argmin(axis=-1)
        outside = np.where(opened[go], np.inf, marginal).argmin(axis=-1)
        k = np.where(usable.any(axis=-1), inside, outside)
        rest = np.flatnonzero(fits.any(axis=-1))
        go, user, k = go[rest], user[rest], k[rest]
        opened[go, k] = True
        assoc[go, user] = k
        servers.add(go, k, t.floor[go, user, k], t.root[go, user])


@dataclass
class One:
    """One member of :func:`place` in plain numbers: for few members that is quicker than arrays of length one.

    The same steps with the same operations in the same order as :func:`place_many`, so the same result to the bit.
    """

    t: Tables
    row: int
    room: list[float]
    cpu: list[float]
    cap: list[int]
    opened: list[bool]
    scores: Array | None
    count: list[int]
    floors: list[float]
    weight: list[float]
    assoc: list[int]
    root: list[float]

    @classmethod
    def of(cls, t: Tables, row: int, opened: BoolArray, scores: Array | None) -> One:
        """Nobody anywhere, in row ``row`` of the tables."""
        n_users, n_bs = t.floor.shape[1:]
        return cls(
            t, row, (t.cpu[row] * (1.0 + TOLERANCE)).tolist(), t.cpu[row].tolist(), t.cap[row].tolist(),
            opened.tolist(), scores, [0] * n_bs, [0.0] * n_bs, [0.0] * n_bs, [-1] * n_users, t.root[row].tolist(),
        )  # fmt: skip

    def keep(self, order: list[int], target: list[int], wanted: list[bool], floors: list[float]) -> list[int]:
        """Users whose wanted server is open and fits stay there; the others, in order. All arguments are in order."""
        waiting, count, held, weight = [], self.count, self.floors, self.weight
        cap, room, root, assoc = self.cap, self.room, self.root, self.assoc
        for user, k, here, floor in zip(order, target, wanted, floors, strict=True):
            if here and count[k] < cap[k] and held[k] + floor <= room[k]:
                count[k] += 1
                held[k] += floor
                weight[k] += root[user]
                assoc[user] = k
            else:
                waiting.append(user)
        return waiting

    def settle(self, waiting: list[int]) -> None:
        """The best open server that fits, or the cheapest closed one, which opens; nothing where none fits."""
        if not waiting:
            return
        liked = None if self.scores is None else np.argsort(-self.scores[waiting], axis=-1, kind="stable").tolist()
        floors = memoryview(self.t.floor[self.row])  # few are read
        opened, count, held, weight, room = self.opened, self.count, self.floors, self.weight, self.room
        most = [cap if is_open else 0 for cap, is_open in zip(self.cap, opened, strict=True)]
        inside = [k for k, is_open in enumerate(opened) if is_open]
        outside = [k for k, is_open in enumerate(opened) if not is_open]
        for rank, user in enumerate(waiting):
            if liked is None:
                chosen = self.cheapest(user, inside)
            else:
                for chosen in liked[rank]:
                    if count[chosen] < most[chosen] and held[chosen] + floors[user, chosen] <= room[chosen]:
                        break
                else:
                    chosen = -1
            if chosen < 0:
                chosen = self.cheapest(user, outside)
                if chosen < 0:
                    continue
                opened[chosen], most[chosen] = True, self.cap[chosen]
                outside.remove(chosen)
                bisect.insort(inside, chosen)
            count[chosen] += 1
            held[chosen] += floors[user, chosen]
            weight[chosen] += self.root[user]
            self.assoc[user] = chosen

    def cheapest(self, user: int, servers: list[int]) -> int:
        """The one of ``servers`` that a user fits on at the least cost, the first on ties; -1 where there is none."""
        chosen, least = -1, math.inf
        some = [k for k in servers if self.count[k] < self.cap[k]]
        if some:
            floor, carry = self.t.floor[self.row, user].tolist(), self.t.carry[self.row, user].tolist()
            root = self.root[user]
            for k in some:
                if self.floors[k] + floor[k] <= self.room[k]:
                    cost = carry[k] + root * (2.0 * self.weight[k] + root) / self.cpu[k]
                    if chosen < 0 or cost < least:
                        chosen, least = k, cost
        return chosen
