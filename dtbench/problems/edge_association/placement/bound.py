"""What a set of servers costs at least, quickly: a Lagrangian bound on groups of users. To compare many sets.

With a price p_k on the load of each server and a toll t_k on each of its twins, every twin goes where ``B_i q_ik +
p_k sqrt(w_i) + t_k`` is least; the sum of these, less ``F_k p_k^2 / 4 + t_k N_k`` of all servers, is a lower bound of
what users cost (deadlines are not looked at). Near the best prices it hardly depends on them, so that few steps do.
Users of one access base station are put together, and all go to one server: they differ in B_i only. That costs a
little more, so what is found is a bound up to this.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.problems.edge_association.placement.model import PlacementSlot
from dtbench.problems.edge_association.system import distances, one_hot

STEPS = 8  # towards prices, from equal ones
FIRST_STEP, FADING, TOLL = 0.5, 0.5, 0.3  # length of a step, how it falls, and of the toll against prices
CLOSING = 0.01  # share of the objective that closing a server costs above the bound, because of deadlines


@dataclass(frozen=True)
class Groups:
    """Users of one slot in groups (G,): those of an access base station.

    ``wire`` (G, M) [s]: sum of the wire part of B_i q_ik, and a fine where deadlines cannot be kept. ``root`` (G,): sum
    of sqrt(w_i). ``count`` (G,): users. ``cpu``, ``cap`` (M,): F_k and N_k. ``fee`` [s]: of an open server, in the unit
    of users' costs. ``rest`` [s]: what users cost on every set, with the energy.
    """

    wire: Array
    root: Array
    count: Array
    cpu: Array
    cap: IntArray
    fee: float
    rest: float

    @classmethod
    def of(cls, slot: PlacementSlot) -> Groups:
        """The groups of a slot (no leading axes): one for each base station, of nobody where nobody is near it."""
        return cls.each(slot[None])[0]

    @classmethod
    def each(cls, slot: PlacementSlot) -> list[Groups]:
        """The groups of each of slots (...), in the order of their leading axes."""
        p, bits, users, n_bs = slot.params, slot.effective_bits, slot.n_users, slot.n_bs
        late = (slot.floor > slot.cpu[..., None, :]).astype(np.float64)
        of_user = np.concatenate([np.stack([bits, slot.root, np.ones(bits.shape)], axis=-1), late], axis=-1)
        of_group = np.swapaxes(one_hot(slot.access, n_bs), -1, -2).astype(np.float64)  # (..., M, N)
        sums = of_group @ of_user  # (..., M, 3 + M)
        load, root, count = np.moveaxis(sums[..., :3], -1, 0)
        link = p.wire * p.wired_factor * distances(slot.bs_xy, slot.bs_xy)  # (..., M, M) [s/bit]
        mean = (count[..., None] * link).sum(axis=(-2, -1)) / (users * n_bs)
        wire = load[..., None] * link + sums[..., 3:] * (bits.sum(axis=-1) / users * mean)[..., None, None]
        weight = slot.fee_weight / slot.user_weight
        rest = (bits / slot.rate).sum(axis=-1) + weight * slot.energy
        members = np.ndindex(*slot.batch_shape)
        cpu, cap = np.broadcast_to(slot.cpu, count.shape), np.broadcast_to(slot.cap, count.shape)
        fee = weight * p.open_cost
        return [
            cls(wire=wire[at], root=root[at], count=count[at], cpu=cpu[at], cap=cap[at], fee=fee, rest=float(rest[at]))
            for at in members
        ]


def bounds(g: Groups, sets: BoolArray) -> Array:
    """Bounds (R,) [s] of sets of servers (R, M), none empty: of users' costs and fees, as far as steps lead.

    inf where there are fewer places than twins. Where groups hold one user each, these are lower bounds.
    """
    return priced(g, sets)[0]


def priced(g: Groups, sets: BoolArray) -> tuple[Array, Array]:
    """:func:`bounds` (R,) [s], and the prices and tolls (2, M, R) that the last step leads to; 0 of closed servers.

    Arrays are (M, R, ...), servers first, and (2, M, R) for prices and tolls: numpy is quick on long last axes.
    """
    some = np.flatnonzero(sets.any(axis=0))  # servers that matter
    opened = sets.T[some]
    wire = np.where(opened[..., None], g.wire.T[some, None], np.inf)
    both = np.stack([g.root, g.count])  # what prices and tolls are on
    cpu, cap = g.cpu[some, None], g.cap[some, None]
    quarter = np.where(opened, cpu / 4.0, 0.0)
    unit = TOLL * g.wire.sum() / g.count.sum() / len(g.cap)
    charge = np.zeros((2, *opened.shape))
    charge[0] = 2.0 * g.root.sum() / (g.cpu @ sets.T)
    pace = np.stack([FIRST_STEP * 2.0 / cpu, unit / cap])
    best = np.full(len(sets), -np.inf)
    for number in range(STEPS):
        each = (charge.reshape(2, -1).T @ both).reshape(wire.shape)
        each += wire
        least = each.min(axis=0)
        if number >= STEPS // 2:
            due = quarter * charge[0] ** 2 + cap * charge[1]  # tolls of closed servers are 0
            best = np.maximum(best, least.sum(axis=-1) - due.sum(axis=0))
        step = 1.0 / (1.0 + FADING * number)
        held = both @ (each == least).astype(np.float64).reshape(-1, wire.shape[-1]).T
        charge[0] *= 1.0 - FIRST_STEP * step
        charge += (step * pace) * held.reshape(charge.shape)
        charge[1] -= step * unit
        np.maximum(charge, 0.0, out=charge)
    room = np.where(sets, g.cap, 0).sum(axis=-1) >= g.count.sum()
    value = np.where(room, best + g.fee * sets.sum(axis=-1) + g.rest, np.inf)
    every = np.zeros((2, len(g.cap), len(sets)))
    every[:, some] = np.where(opened, charge, 0.0)
    return value, every


def neighbours(opened: BoolArray, free: BoolArray, most: int = 1) -> BoolArray:
    """Sets (R, M) that differ from ``opened`` (M,): at most ``most`` servers opened, as many closed, all ``free``."""
    closed, added = (some(np.flatnonzero(where & free), len(opened), most) for where in (opened, ~opened))
    sets = opened ^ (closed[:, None] | added[None]).reshape(-1, len(opened))[1:]
    return np.asarray(sets[sets.any(axis=-1)])


def some(which: IntArray, size: int, most: int) -> BoolArray:
    """Sets (S, size) of at most ``most`` members of ``which``; the empty one first."""
    chosen = subsets(len(which), most)
    sets = np.zeros((len(chosen), size), dtype=bool)
    sets[:, which] = chosen
    return sets


@cache
def subsets(n: int, most: int) -> BoolArray:
    """Subsets (S, n) of at most ``most`` of n; the empty one first."""
    chosen = [list(each) for k in range(most + 1) for each in combinations(range(n), k)]
    sets = np.zeros((len(chosen), n), dtype=bool)
    for row, each in enumerate(chosen):
        sets[row, each] = True
    return sets


def changes(g: Groups, opened: BoolArray, sets: BoolArray) -> Array:
    """How much more sets (R, M) cost than ``opened`` (M,), as shares of it; closing costs :data:`CLOSING` more.

    If ``opened`` has too few places: -1 and more for sets that have enough, -1 for the best of them.
    """
    every = np.concatenate([opened[None], sets])
    return compared(bounds(g, every), every)


def compared(value: Array, sets: BoolArray) -> Array:
    """:func:`changes` (R - 1,) of the other sets of (R, M) against the first, by their bounds (R,)."""
    if not np.isfinite(value[0]):
        return np.asarray(value[1:] / value.min() - 2.0) if np.isfinite(value).any() else np.zeros(len(sets) - 1)
    size = sets.sum(axis=-1)
    return np.asarray(value[1:] / value[0] - 1.0 + CLOSING * np.maximum(size[0] - size[1:], 0))


def improved(g: Groups, opened: BoolArray, free: BoolArray, steps: int) -> BoolArray:
    """The set (M,) after at most ``steps`` steps to the best of :func:`neighbours`, while that seems better."""
    for _ in range(steps):
        better = nearby(g, opened, free)[0]
        if (better == opened).all():
            return opened
        opened = better
    return opened


def nearby(g: Groups, opened: BoolArray, free: BoolArray, most: int = 1) -> tuple[BoolArray, Array]:
    """The best (M,) of a set and its :func:`neighbours`, with prices and tolls on its servers (2, M)."""
    sets = np.concatenate([opened[None], neighbours(opened, free, most)])
    value, charge = priced(g, sets)
    change = np.append(0.0, compared(value, sets))
    best = int(change.argmin())  # the first of equals, the set itself
    return sets[best], charge[:, :, best]
