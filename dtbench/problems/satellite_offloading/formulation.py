"""The strong formulation of ``satellite-offloading``: linear rows, and perspective cuts for the shares.

Columns: phi_ij binary (association), rho_ij (share), t_ij >= phi a / rho (delay [s]), q_ij >= rho^2 / phi (energy
a_ij q_ij), T, n = max_j N_j, and one binary z_p per channel point. Everything is divided by beta: the objective is in
equivalent seconds. Both nonlinear terms are convex in (rho, phi), so their tangents at a share r hold for either value
of phi:

    t_ij >= a_ij (2 phi / r - rho / r^2),    q_ij >= 2 r rho - r^2 phi.

The numbers are those of ``Terms.of(slot, relaxed=True)``: with epsilon and the referee's tolerance taken care of there,
every row is a relaxation and the dual bound holds for every decision that the referee calls feasible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from dtbench.arrays import Array, IntArray
from dtbench.exact.linear import LinearModel
from dtbench.problems.satellite_offloading.terms import Terms

SHARES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.36, 0.43, 0.52, 0.63, 0.8, 1.0)  # r of the first cuts
SPREAD = (0.7, 0.8, 0.85, 0.9, 0.93, 0.96, 0.98, 1.0, 1.02, 1.04, 1.07, 1.1, 1.15, 1.2, 1.3)  # p over the mean P_j
FILL = np.linspace(0.05, 1.0, 20)  # x, mean use of a satellite


@dataclass(frozen=True)
class Cuts:
    """Tangents for UAV ``uav`` (C,) on satellite ``sat`` (C,) at share ``at`` (C,)."""

    uav: IntArray
    sat: IntArray
    at: Array


class Rows:
    """Rows collected block by block as coordinates."""

    def __init__(self, n_columns: int) -> None:
        self.n_columns, self.count = n_columns, 0
        self.parts: list[tuple[Any, Any, Any]] = []
        self.lower: list[Array] = []
        self.upper: list[Array] = []

    def add(
        self, count: int, entries: Sequence[tuple[Any, Any, Any]], lower: npt.ArrayLike, upper: npt.ArrayLike
    ) -> None:
        """``count`` rows with entries (row, column, value), which broadcast with each other."""
        for row, column, value in entries:
            each = np.broadcast_arrays(np.asarray(row) + self.count, column, np.asarray(value, dtype=float))
            self.parts.append((each[0].ravel(), each[1].ravel(), each[2].ravel()))
        self.lower.append(np.broadcast_to(np.asarray(lower, dtype=float), (count,)))
        self.upper.append(np.broadcast_to(np.asarray(upper, dtype=float), (count,)))
        self.count += count

    def matrix(self) -> sparse.csr_array:
        """(rows, columns)."""
        row, column, value = (np.concatenate(part) for part in zip(*self.parts, strict=True))
        return sparse.csr_array((value, (row, column)), shape=(self.count, self.n_columns))


class Formulation:
    """Columns and rows of one slot."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.n, self.m, self.p = terms.n_uav, terms.n_sat, len(terms.u)
        pairs = self.n * self.m
        grid = np.arange(pairs).reshape(self.n, self.m)
        self.phi, self.rho, self.t, self.q = (grid + k * pairs for k in range(4))
        self.time, self.fullest = 4 * pairs, 4 * pairs + 1
        self.z = 4 * pairs + 2 + np.arange(self.p)
        self.n_columns = 4 * pairs + 2 + self.p
        self.least_fullest = -(-self.n // self.m)
        # No more seconds of training than the widest cap, and a share of at least a / that where phi = 1.
        self.longest = float(terms.cap.max()) - terms.per_uav * self.least_fullest

    def model(self) -> LinearModel:
        """The model with the first cuts."""
        t, beta = self.terms, self.terms.beta
        cost = np.zeros(self.n_columns)
        cost[self.time], cost[self.fullest] = 1.0, t.per_uav
        cost[self.z] = t.point_cost / beta
        cost[self.q] = t.rate_cost * t.work / beta
        lower, upper = np.zeros(self.n_columns), np.full(self.n_columns, np.inf)
        upper[self.phi] = upper[self.rho] = upper[self.q] = upper[self.z] = 1.0
        longest = max(self.longest, 0.0)
        upper[self.t] = upper[self.time] = longest
        lower[self.fullest], upper[self.fullest] = self.least_fullest, self.n
        integer = np.zeros(self.n_columns, dtype=bool)
        integer[self.phi] = integer[self.z] = integer[self.fullest] = True
        rows = self._rows(longest)
        return LinearModel(
            cost=cost, lower=lower, upper=upper, integer=integer, rows=rows.matrix(),
            row_lower=np.concatenate(rows.lower), row_upper=np.concatenate(rows.upper), offset=t.const,
        )  # fmt: skip

    def _rows(self, longest: float) -> Rows:
        """All rows but those of the tangents that are added later."""
        t, n, m = self.terms, self.n, self.m
        rows, uav, sat, one = Rows(self.n_columns), np.arange(n)[:, None], np.arange(m), 1.0
        zero, inf = np.zeros(1, dtype=int), np.inf
        pair = uav * m + sat
        rows.add(1, [(zero, self.z, one)], 1.0, 1.0)
        rows.add(n, [(uav, self.phi, one)], 1.0, 1.0)  # C3, C4
        rows.add(m, [(sat, self.phi, one), (sat, self.fullest, -one)], -inf, 0.0)  # n >= N_j, Eq. (5)
        rows.add(m, [(sat, self.t, one), (sat, self.time, -one)], -inf, 0.0)  # Eq. (7)
        rows.add(m, [(sat, self.rho, one)], -inf, 1.0)  # C2
        rows.add(n * m, [(pair, self.rho, one), (pair, self.phi, -one)], -inf, 0.0)
        if longest > 0.0:
            rows.add(n * m, [(pair, self.phi, t.work / longest), (pair, self.rho, -one)], -inf, 0.0)
        common = [(zero, self.time, one), (zero, self.fullest, t.per_uav)]
        rows.add(1, [*common, (zero, self.z, t.u)], -inf, t.deadline - t.const)  # C6
        rows.add(1, [*common, (zero, self.z, t.w / t.hover)], -inf, t.energy_limit / t.hover - t.const)  # C7
        self._aggregated(rows)
        if t.identical:
            self._order(rows)
        at = np.tile(np.array(SHARES), n * m)
        pairs = np.repeat(np.arange(n * m), len(SHARES))
        self._tangents(rows, Cuts(pairs // m, pairs % m, at))
        return rows

    def _aggregated(self, rows: Rows) -> None:
        """Tangents of T >= P_j^2 and of sum_i a_ij q_ij >= A_j^3 / T^2, for every satellite."""
        t, m = self.terms, self.m
        root, sat = np.sqrt(t.work), np.arange(m)
        spread = root.sum(axis=0) / m
        for share in SPREAD:
            point = share * spread
            rows.add(m, [(sat, self.time, 1.0), (sat, self.phi, -2.0 * point * root)], -(point**2), np.inf)
        scale = t.work.sum(axis=0) / m
        for fill in FILL:
            entries = [
                (sat, self.q, t.work / scale),
                (sat, self.phi, -3.0 * fill**2 * t.work / scale),
                (sat, self.time, 2.0 * fill**3 / scale),
            ]
            rows.add(m, entries, 0.0, np.inf)

    def _order(self, rows: Rows) -> None:
        """Equal satellites: by falling D, each UAV goes to a satellite in use or to the next one."""
        order = self.by_size
        for s in range(self.n):
            for j in range(1, min(s, self.m - 1) + 1):
                before = self.phi[order[:s], j - 1]
                rows.add(1, [(0, self.phi[order[s], j], 1.0), (0, before, -1.0)], -np.inf, 0.0)
            if s + 1 < self.m:
                rows.add(1, [(0, self.phi[order[s], s + 1 :], 1.0)], -np.inf, 0.0)

    @property
    def by_size(self) -> IntArray:
        """UAVs by falling D."""
        return np.argsort(-self.terms.work[:, 0], kind="stable")

    def _tangents(self, rows: Rows, cuts: Cuts) -> None:
        """Rows of cuts: those of t, then those of q."""
        each, pair = np.arange(len(cuts.at)), (cuts.uav, cuts.sat)
        phi, rho, r = self.phi[pair], self.rho[pair], cuts.at
        work = self.terms.work[pair]
        delay = [(each, self.t[pair], r**2 / work), (each, phi, -2.0 * r), (each, rho, 1.0)]
        rows.add(len(r), delay, 0.0, np.inf)
        rows.add(len(r), [(each, self.q[pair], 1.0), (each, rho, -2.0 * r), (each, phi, r**2)], 0.0, np.inf)

    def with_cuts(self, model: LinearModel, cuts: Cuts) -> LinearModel:
        """The model with more cuts."""
        if not len(cuts.at):
            return model
        rows = Rows(self.n_columns)
        self._tangents(rows, cuts)
        return model.with_rows(rows.matrix(), np.concatenate(rows.lower), np.concatenate(rows.upper))

    def without(self, model: LinearModel, assoc: IntArray) -> LinearModel:
        """The model without an association (N,), nor its relabellings where satellites are equal (by their order)."""
        row = np.zeros((1, self.n_columns))
        row[0, self.phi[np.arange(self.n), self.labelled(assoc)]] = 1.0
        return model.with_rows(sparse.csr_array(row), [-np.inf], [self.n - 1.0])

    def violated(self, x: Array, tolerance: float) -> Cuts:
        """The cuts at rho / phi of a point (n,) that it breaks by ``tolerance`` times T, for all satellites at once."""
        phi, rho = x[self.phi], x[self.rho]
        some = phi > 1e-6
        at = np.where(some, np.clip(rho / np.maximum(phi, 1e-6), 1e-3, 1.0), 1.0)
        work, time = self.terms.work, x[self.time]
        delay = work * (2.0 * phi / at - rho / at**2) - x[self.t]
        energy = self.terms.rate_cost * work / self.terms.beta * (2.0 * at * rho - at**2 * phi - x[self.q])
        uav, sat = np.nonzero(some & (np.maximum(delay, energy) > tolerance * time))
        return self.everywhere(uav, at[uav, sat])

    def everywhere(self, uav: IntArray, at: Array) -> Cuts:
        """Cuts for UAVs (C,) at shares (C,) on all satellites: where one is needed, its equals ask for it next."""
        count = len(uav)
        return Cuts(np.repeat(uav, self.m), np.tile(np.arange(self.m), count), np.repeat(at, self.m))

    def cuts_of(self, share: Array) -> Cuts:
        """The cuts at the shares (N,) of a decision, for every satellite."""
        return self.everywhere(np.arange(self.n), np.clip(share, 1e-3, 1.0))

    def labelled(self, assoc: IntArray) -> IntArray:
        """The association (N,) with equal satellites numbered by their largest UAV; as it is where they differ."""
        if not self.terms.identical:
            return assoc
        order = self.by_size
        _, first, label = np.unique(assoc[order], return_index=True, return_inverse=True)
        rank = np.argsort(np.argsort(first))
        new = np.empty_like(assoc)
        new[order] = rank[label]
        return new

    def assoc(self, x: Array) -> IntArray:
        """The association (N,) of an integer point (n,)."""
        return np.asarray(x[self.phi].argmax(axis=-1))

    def point(self, assoc: IntArray, share: Array, channels: IntArray) -> Array:
        """The point (n,) of a completed decision; infeasible ones are ignored by HiGHS."""
        t, uav, sat = self.terms, np.arange(self.n), self.labelled(assoc)
        x = np.zeros(self.n_columns)
        x[self.phi[uav, sat]] = 1.0
        x[self.rho[uav, sat]] = share
        each = t.work[uav, sat] / share
        x[self.t[uav, sat]] = each
        x[self.q[uav, sat]] = share**2
        x[self.time] = np.bincount(sat, weights=each, minlength=self.m).max()
        x[self.fullest] = np.bincount(sat, minlength=self.m).max()
        x[self.z[(t.channels == channels).all(axis=-1).argmax()]] = 1.0
        return x
