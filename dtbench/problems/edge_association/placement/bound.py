"""What a set of servers costs at least, quickly: a Lagrangian bound on groups of users. To compare many sets.

With a price p_k on the load of each server and a toll t_k on each of its twins, every twin goes where ``B_i q_ik +
p_k sqrt(w_i) + t_k`` is least; the sum of these, less ``F_k p_k^2 / 4 + t_k N_k`` of all servers, is a lower bound of
what users cost (deadlines are not looked at). Near the best prices it hardly depends on them, so that few steps do.
Users of one access base station are put together, and all go to one server: they differ in B_i only. That costs a
little more, so what is found is a bound up to this.
"""

from __future__ import annotations

from dataclasses import dataclass
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
        """The groups of a slot (no leading axes)."""
        p, bits = slot.params, slot.effective_bits
        _, group = np.unique(slot.access, return_inverse=True)
        of_group = one_hot(group, int(group.max()) + 1).astype(np.float64).T  # (G, N)
        link = p.wire * p.wired_factor * distances(slot.bs_xy, slot.bs_xy)[slot.access]  # (N, M) [s/bit]
        fine = bits.mean() * link.mean() * (slot.floor > slot.cpu)
        weight = slot.fee_weight / slot.user_weight
        return cls(
            wire=of_group @ (bits[:, None] * link + fine), root=of_group @ slot.root, count=of_group.sum(axis=-1),
            cpu=slot.cpu, cap=slot.cap, fee=weight * p.open_cost,
            rest=float((bits / slot.rate).sum() + weight * slot.energy),
        )  # fmt: skip


def bounds(g: Groups, sets: BoolArray) -> Array:
    """Bounds (R,) [s] of sets of servers (R, M), none empty: of users' costs and fees, as far as steps lead.

    inf where there are fewer places than twins. Where groups hold one user each, these are lower bounds.
    """
    wire = np.where(sets.T[..., None], g.wire.T[:, None], np.inf)  # (M, R, G): least over the first axis is quick
    both = np.stack([g.root, g.count], axis=-1)  # what prices and tolls are on
    cpu, cap = np.where(sets, g.cpu, 0.0).T, g.cap[:, None]
    unit = TOLL * g.wire.sum() / g.count.sum() / len(cap)
    charge = np.zeros((*cpu.shape, 2))  # prices and tolls
    charge[..., 0] = 2.0 * g.root.sum() / cpu.sum(axis=0)
    pace = np.stack([FIRST_STEP * 2.0 / g.cpu, unit / g.cap], axis=-1)[:, None]
    best = np.full(len(sets), -np.inf)
    for number in range(STEPS):
        each = wire + charge @ both.T
        least = each.min(axis=0)
        if number >= STEPS // 2:
            due = cpu * charge[..., 0] ** 2 / 4.0 + cap * charge[..., 1]
            best = np.maximum(best, least.sum(axis=-1) - due.sum(axis=0))
        step = 1.0 / (1.0 + FADING * number)
        kept, drawn = np.array([1.0 - FIRST_STEP * step, 1.0]), np.array([0.0, unit * step])
        held = (each == least).astype(np.float64) @ both
        charge = np.maximum(kept * charge + step * pace * held - drawn, 0.0)
    room = np.where(sets, g.cap, 0).sum(axis=-1) >= g.count.sum()
    return np.where(room, best + g.fee * sets.sum(axis=-1) + g.rest, np.inf)


def neighbours(opened: BoolArray, free: BoolArray, most: int = 1) -> BoolArray:
    """Sets (R, M) that differ from ``opened`` (M,): at most ``most`` servers opened, as many closed, all ``free``."""
    closed, added = (some(np.flatnonzero(where & free), len(opened), most) for where in (opened, ~opened))
    sets = opened ^ (closed[:, None] | added[None]).reshape(-1, len(opened))[1:]
    return np.asarray(sets[sets.any(axis=-1)])


def some(which: IntArray, size: int, most: int) -> BoolArray:
    """Sets (S, size) of at most ``most`` members of ``which``; the empty one first."""
    chosen = [list(each) for n in range(most + 1) for each in combinations(which.tolist(), n)]
    sets = np.zeros((len(chosen), size), dtype=bool)
    for row, each in enumerate(chosen):
        sets[row, each] = True
    return sets


def changes(g: Groups, opened: BoolArray, sets: BoolArray) -> Array:
    """How much more sets (R, M) cost than ``opened`` (M,), as shares of it; closing costs :data:`CLOSING` more.

    If ``opened`` has too few places: -1 and more for sets that have enough, -1 for the best of them.
    """
    value = bounds(g, np.concatenate([opened[None], sets]))
    if not np.isfinite(value[0]):
        return np.asarray(value[1:] / value.min() - 2.0) if np.isfinite(value).any() else np.zeros(len(sets))
    closed = np.maximum(int(opened.sum()) - sets.sum(axis=-1), 0)
    return np.asarray(value[1:] / value[0] - 1.0 + CLOSING * closed)


def improved(g: Groups, opened: BoolArray, free: BoolArray, steps: int, most: int = 1) -> BoolArray:
    """The set (M,) after at most ``steps`` steps to the best of :func:`neighbours`, while that seems better."""
    for _ in range(steps):
        sets = neighbours(opened, free, most)
        if not len(sets):
            return opened
        change = changes(g, opened, sets)
        best = int(change.argmin())
        if not change[best] < 0.0:
            return opened
        opened = sets[best]
    return opened
