"""A linear relaxation of a slot with many requests: a bound of every success set, and the worth of each user to it.

For each user that is worth more than its energy alone there are columns: ``s`` in [0, 1], whether it is served;
``h = s log(tb / t)``, its haste, with t its uplink time and tb the longest one; ``f``, its share of a processor,
Eq. (14h); ``e`` [E_0], what it spends. Minimise ``sum e + v (1 - s)`` subject to

- ``e >= E({k}) s`` and the rows of :mod:`.path_cuts`, found one after the other where a point breaks them;
- ``f >= F s + F' (h - d s)`` at some hastes d, with F and F' the share that leaves the time of haste d, and its
  derivative: F is convex; the f of a processor add up to 1 at most. Each user has its wire for itself.

Haste ends at ``D``, ``h <= D s``: who is hastier counts as if it were not. That is a bound, as what all spend grows
with haste. Such a user takes at least the share of its shortest time, and tangents of F are only drawn where they are
not above that share at D.

With z the optimum and r the reduced costs of s, weak duality bounds all sets that serve I and none of O:

    E(S) + sum of v outside S >= z + sum over I of max(0, r) + sum over O of max(0, -r).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.exact.linear import LinearModel
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.contention import shortest
from dtbench.problems.mec_synchronization.path_cuts import Users

if TYPE_CHECKING:
    from dtbench.problems.mec_synchronization.convex import Priced

TANGENTS = np.linspace(0.0, 1.0, 5)  # of F, as shares of the greatest haste at which one is drawn
BESIDE = 0.05  # how much more haste than in the set that it starts from a tangent may have
USUAL = 0.25  # haste of users that are not in it


@dataclass(frozen=True, eq=False)
class Relaxed:
    """A bound of some sets [E_0]; reduced costs of serving each, and how far each is served (all candidates,)."""

    bound: float
    reduced: Array
    served: Array

    def of(self, member: BoolArray, out: BoolArray) -> float:
        """A bound of the sets that serve ``member`` and nobody of ``out``; both (all candidates,)."""
        serves, leaves = np.maximum(self.reduced, 0.0)[member], np.maximum(-self.reduced, 0.0)[out]
        return float(self.bound + serves.sum() + leaves.sum())

    def decided(self, member: BoolArray, out: BoolArray, cost: float) -> tuple[BoolArray, BoolArray]:
        """The same with all users whose other choice costs ``cost`` at least (no set in between is left out by it)."""
        base = self.of(member, out)
        surely = member | (~out & (base - self.reduced >= cost))
        return surely, out | (~surely & (base + self.reduced >= cost))


class Relaxation:
    """The columns and rows of one slot's candidates (no leading axes); ``start`` is a set that can be served."""

    def __init__(self, candidates: Candidates, start: Priced) -> None:
        self.candidates = candidates
        alone = candidates.alone()
        self.part: IntArray = np.flatnonzero(candidates.valid & np.isfinite(alone) & (alone < candidates.value))
        self.n, part = len(self.part), self.part
        self.alone, value = alone[part], candidates.value[part]
        self.longest, self.least = candidates.longest[part], shortest(candidates, part)
        self.work = candidates.work[part] / candidates.params.f_max
        self.server = candidates.server[part]
        favoured = start.member[part]
        greatest = np.log(self.longest / self.least)
        used = np.where(favoured, np.log(self.longest / np.where(favoured, start.time[part], 1.0)), USUAL)
        self.drawn = np.minimum(np.maximum(used, 0.0) + BESIDE, 0.9 * greatest)
        share, slope = self.share(self.drawn)
        self.shortest_share = self.work / (self.longest + self.work - self.least)
        most = np.minimum(greatest, self.drawn + (share - self.shortest_share) / -slope)
        self.users = Users(candidates, part, self.longest, most, value, favoured)

    def share(self, haste: Array) -> tuple[Array, Array]:
        """F and F' (n,) of hastes (n,)."""
        left = self.longest * np.exp(-haste)
        share = self.work / (self.longest + self.work - left)
        return share, -share * left / (self.longest + self.work - left)

    def model(self) -> LinearModel:
        """The LP without rows of paths; columns s, h, f, e."""
        n, each = self.n, np.arange(self.n)
        s, h, f, e = (each + i * n for i in range(4))
        servers, server = np.unique(self.server, return_inverse=True)
        blocks: list[tuple[int, IntArray, list[IntArray], list[Array]]] = [
            (n, each, [h, s], [-np.ones(n), self.users.most]),
            (n, each, [e, s], [np.ones(n), -self.alone]),
            (n, each, [f, s], [np.ones(n), -self.shortest_share]),
            (len(servers), server, [f], [-np.ones(n)]),
        ]
        for place in TANGENTS:
            haste = place * self.drawn
            share, slope = self.share(haste)
            blocks.append((n, each, [f, s, h], [np.ones(n), -(share - slope * haste), -slope]))
        low = np.concatenate([np.full(count, -1.0 if i == 3 else 0.0) for i, (count, *_) in enumerate(blocks)])
        parts = [
            sparse.csr_array((np.concatenate(v), (np.tile(row, len(c)), np.concatenate(c))), shape=(count, 4 * n))
            for count, row, c, v in blocks
        ]
        upper = np.concatenate([np.ones(n), self.users.most, np.ones(n), np.full(n, np.inf)])
        return LinearModel(
            cost=np.concatenate([-self.users.value, np.zeros(2 * n), np.ones(n)]), lower=np.zeros(4 * n), upper=upper,
            integer=np.zeros(4 * n, dtype=bool), rows=sparse.csr_array(sparse.vstack(parts)), row_lower=low,
            row_upper=np.full(len(low), np.inf), offset=float(self.candidates.value[self.candidates.valid].sum()),
        )  # fmt: skip
