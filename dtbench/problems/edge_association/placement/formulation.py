"""The strong formulation of ``edge-placement``: linear rows in (z, a, t), and cuts that bound the server costs t.

Wire and radio costs are linear in the association, and the cost V_k of a server under the best split is convex in it.
By weak duality, for every u > 0,

    V_k(a) >= sum_i phi_ik(u) a_ik - (F_k / u^2) z_k,
    phi_ik(u) = 2 sqrt(w_i) / u where u sqrt(w_i) >= g_ik, else w_i / g_ik + g_ik / u^2,

with equality at the u of the split. The factor z_k holds because a closed server has no users; it makes the relaxation
much tighter. No variables for CPU shares are needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from dtbench.arrays import Array, IntArray
from dtbench.exact.linear import LinearModel
from dtbench.problems.edge_association.placement.model import PlacementDecision, PlacementSlot, of_assoc
from dtbench.problems.edge_association.placement.waterfill import TOLERANCE, level
from dtbench.problems.edge_association.system import one_hot

SPREAD = (0.05, 0.1, 0.2, 0.4)  # loads, relative to all users on one server, of the first cuts


@dataclass(frozen=True)
class Cuts:
    """Cuts ``sum_i phi_i a_ik - t_k <= constant z_k``: ``server`` (C,), ``phi`` (C, N) [s], ``constant`` (C,) [s]."""

    server: IntArray
    phi: Array
    constant: Array


class Formulation:
    """Columns and rows of one slot: z_k, a_ik for every pair whose floor fits alone, t_k."""

    def __init__(self, slot: PlacementSlot) -> None:
        self.slot = slot
        self.n_users, self.n_bs = slot.n_users, slot.n_bs
        self.cpu = np.asarray(slot.cpu) * (1.0 + TOLERANCE)  # what the referee lets floors add up to
        self.pair = slot.floor <= self.cpu
        self.user, self.server = np.nonzero(self.pair)
        self.n_pairs = len(self.user)
        self.column = np.full(self.pair.shape, -1)
        self.column[self.user, self.server] = self.n_bs + np.arange(self.n_pairs)
        self.n_columns = self.n_bs + self.n_pairs + self.n_bs

    def model(self) -> LinearModel:
        """Objective (24)-(26) and Eqs. (18a)-(18d), (15) without cuts: t_k is free to be 0."""
        slot, pairs = self.slot, self.n_pairs
        fee = slot.fee_weight * slot.params.open_cost
        cost = np.concatenate([
            np.full(self.n_bs, fee), slot.user_weight * slot.carry[self.user, self.server],
            np.full(self.n_bs, slot.user_weight),
        ])  # fmt: skip
        upper = np.concatenate([np.ones(self.n_bs + pairs), np.full(self.n_bs, np.inf)])
        integer = np.concatenate([np.ones(self.n_bs + pairs, dtype=bool), np.zeros(self.n_bs, dtype=bool)])
        one = np.ones(pairs)
        share = slot.floor[self.user, self.server] / self.cpu[self.server]
        blocks = [
            self._rows(self.user, one, self.n_users),  # Eq. (18a): one server for each twin
            self._rows(np.arange(pairs), one, pairs, closed=np.ones(pairs), server=self.server),  # an open one
            self._rows(self.server, one, self.n_bs, closed=slot.cap),  # Eq. (18b)
            self._rows(self.server, share, self.n_bs, closed=np.ones(self.n_bs)),  # Eqs. (18c), (18d), (15)
        ]
        one_each = np.ones(self.n_users)
        others = pairs + 2 * self.n_bs
        return LinearModel(
            cost=cost, lower=np.zeros(self.n_columns), upper=upper, integer=integer,
            rows=sparse.csr_array(sparse.vstack(blocks)),
            row_lower=np.concatenate([one_each, np.full(others, -np.inf)]),
            row_upper=np.concatenate([one_each, np.zeros(others)]),
            offset=float(slot.fee_weight * slot.energy),
        )  # fmt: skip

    def _rows(
        self,
        row: IntArray,
        value: Array,
        count: int,
        closed: npt.NDArray[Any] | None = None,
        server: IntArray | None = None,
    ) -> sparse.csr_array:
        """Rows with ``value`` on the pair columns and ``-closed`` on the z of ``server`` (row k's own by default)."""
        rows, columns, values = [row], [self.n_bs + np.arange(self.n_pairs)], [value]
        if closed is not None:
            rows.append(np.arange(count))
            columns.append(np.arange(self.n_bs) if server is None else server)
            values.append(-np.asarray(closed, dtype=float))
        entries = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
        return sparse.csr_array(entries, shape=(count, self.n_columns))

    def cuts(self, server: IntArray, u: Array) -> Cuts:
        """The cuts of servers (C,) at levels u (C,)."""
        slot = self.slot
        g = np.where(self.pair, slot.floor, 1.0).T[server]  # (C, N); pairs that are left out have no column
        root, u = slot.root, u[:, None]
        phi = np.where(u * root >= g, 2.0 * root / u, root**2 / g + g / u**2)
        return Cuts(server, np.where(self.pair.T[server], phi, 0.0), self.cpu[server] / u[:, 0] ** 2)

    def cut_rows(self, cuts: Cuts) -> sparse.csr_array:
        """The cuts as rows (C, n) ``<= 0``."""
        count = len(cuts.server)
        number, user = np.nonzero(self.pair.T[cuts.server])
        server = cuts.server[number]
        each = np.arange(count)
        rows = np.concatenate([number, each, each])
        columns = np.concatenate([self.column[user, server], self.n_columns - self.n_bs + cuts.server, cuts.server])
        values = np.concatenate([cuts.phi[number, user], np.full(count, -1.0), -cuts.constant])
        return sparse.csr_array((values, (rows, columns)), shape=(count, self.n_columns))

    def first_cuts(self) -> Cuts:
        """Cuts of every server at a few loads."""
        load = np.outer(np.asarray(SPREAD) * self.slot.root.sum(), 1.0 / np.asarray(self.slot.cpu))
        server = np.broadcast_to(np.arange(self.n_bs), load.shape)
        return self.cuts(server.ravel(), 1.0 / load.ravel())

    def levels(self, opened: Array, assoc: Array) -> Array:
        """Levels u (M,) of the splits of fractional loads; ``opened`` (M,), ``assoc`` (N, M); inf without load.

        Not below the least floor over sqrt(w) of a server's users: there all floors are active, and smaller levels only
        make coefficients large.
        """
        order, floor, root = self.slot.ranking
        loaded = np.take_along_axis(assoc.T, order, axis=-1)
        u, _ = level(loaded, floor, root, self.cpu * opened)
        least = np.where(loaded > 0.0, floor / root, np.inf).min(axis=-1)
        return np.maximum(u, least)

    def violated(self, x: Array, tolerance: float) -> Cuts:
        """The cuts that a point (n,) breaks by more than ``tolerance`` [s], at the levels of its loads."""
        opened, assoc, t = self.split(x)
        used = np.flatnonzero((opened > 1e-7) & (assoc.sum(axis=0) > 1e-7))
        cuts = self.cuts(used, self.levels(opened, assoc)[used])
        value = (cuts.phi * assoc.T[used]).sum(axis=-1) - cuts.constant * opened[used]
        keep = value - t[used] > tolerance
        return Cuts(cuts.server[keep], cuts.phi[keep], cuts.constant[keep])

    def cuts_of(self, assoc: IntArray) -> Cuts:
        """The cuts that are tight at an association (N,)."""
        here = one_hot(assoc, self.n_bs)
        used = np.flatnonzero(here.any(axis=0))
        return self.cuts(used, self.levels(np.ones(self.n_bs), here.astype(float))[used])

    def split(self, x: Array) -> tuple[Array, Array, Array]:
        """z (M,), a (N, M) and t (M,) of a point (n,), z and a cut to [0, 1]."""
        assoc = np.zeros(self.pair.shape)
        assoc[self.user, self.server] = np.clip(x[self.n_bs : -self.n_bs], 0.0, 1.0)
        assoc[assoc < 1e-9] = 0.0
        return np.clip(x[: self.n_bs], 0.0, 1.0), assoc, x[-self.n_bs :]

    def decision(self, x: Array) -> PlacementDecision:
        """The placement of an integer point (n,); only servers in use open."""
        return of_assoc(self.split(x)[1].argmax(axis=-1), self.n_bs)

    def point(self, assoc: IntArray) -> Array:
        """The point (n,) of an association (N,) whose pairs all have columns, with t_k = V_k."""
        x = np.zeros(self.n_columns)
        cuts = self.cuts_of(assoc)
        x[cuts.server] = 1.0
        x[self.column[np.arange(self.n_users), assoc]] = 1.0
        members = one_hot(assoc, self.n_bs).T[cuts.server]
        cost = (cuts.phi * members).sum(axis=-1) - cuts.constant
        x[self.n_columns - self.n_bs + cuts.server] = cost * (1.0 + 1e-9) + 1e-9  # cuts at other levels hold with room
        return x
