"""Associations one move or one swap away, screened by what they change: for slots of many UAVs and satellites.

All neighbours as associations are N (M - 1) + N (N - 1) / 2 rows of N M entries. Here each is a few numbers: the
sums of two satellites that differ from those of the association.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dtbench.arrays import Array, IntArray, portions
from dtbench.problems.satellite_offloading.model import on_satellite
from dtbench.problems.satellite_offloading.terms import Terms

LARGE = 2000  # pairs of UAV and satellite, above which neighbours are screened like this


@dataclass(frozen=True)
class Neighbours:
    """UAV ``first`` (K,) goes to satellite ``to`` (K,); ``second`` (K,), -1 for none, comes from there in its place."""

    before: IntArray
    first: IntArray
    to: IntArray
    second: IntArray

    @classmethod
    def of(cls, assoc: IntArray, n_sat: int) -> Neighbours:
        """All moves, then all swaps, of an association (N,)."""
        n_uav = len(assoc)
        uav, step = (axis.ravel() for axis in np.meshgrid(np.arange(n_uav), np.arange(1, n_sat), indexing="ij"))
        one, other = np.triu_indices(n_uav, 1)
        apart = assoc[one] != assoc[other]
        one, other = one[apart], other[apart]
        return cls(
            assoc, np.concatenate([uav, one]), np.concatenate([(assoc[uav] + step) % n_sat, assoc[other]]),
            np.concatenate([np.full(len(uav), -1), other]),
        )  # fmt: skip

    def assoc(self, rows: IntArray) -> IntArray:
        """The associations (R, N) of some of them."""
        found = np.repeat(self.before[None], len(rows), axis=0)
        at, second = np.arange(len(rows)), self.second[rows]
        found[at, self.first[rows]] = self.to[rows]
        swaps = second >= 0
        found[at[swaps], second[swaps]] = self.before[self.first[rows][swaps]]
        return found

    def bounds(self, terms: Terms) -> Array:
        """Their bounds (K,) in closed form, as :meth:`Terms.closed` has them; of large slots up to rounding."""
        count, pairs = len(self.first), terms.n_uav * terms.n_sat
        if not count:
            return np.zeros(0)
        if pairs <= LARGE or terms.parallel:
            every = (self.assoc(np.arange(count)[some]) for some in portions(count, pairs))
            return np.concatenate([terms.closed(on_satellite(some, terms.n_sat).astype(float))[0] for some in every])
        here = on_satellite(self.before, terms.n_sat)
        each = np.stack([terms.work, np.sqrt(terms.work), np.ones(terms.work.shape)])  # (3, N, M)
        sums = np.where(here, each, 0.0).sum(axis=1)  # (3, M)
        parts = portions(count, 3 * terms.n_sat)
        return np.concatenate([self._bounds(terms, each, sums, some) for some in parts])

    def _bounds(self, terms: Terms, each: Array, sums: Array, some: slice) -> Array:
        first, to, second = self.first[some], self.to[some], self.second[some]
        rows, left, swap = np.arange(len(first)), self.before[first], second >= 0
        changed = np.repeat(sums[:, None], len(first), axis=1)  # (3, k, M)
        changed[:, rows, left] += np.where(swap, each[:, second, left], 0.0) - each[:, first, left]
        changed[:, rows, to] += each[:, first, to] - np.where(swap, each[:, second, to], 0.0)
        load, root, count = changed
        return terms.of_sums(load, root, load, load, np.rint(count))[0]
