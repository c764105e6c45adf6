"""The strong model of a slot: how many RBs have which set of active base stations (physical interference).

On an RB whose active set is A, a user of a base station in A gets a rate that does not depend on what the others
transmit, and whether an upload keeps its delay limit depends on A only. RBs are alike, so only the number n_A of RBs
with set A matters. For integer n and v what remains is a transportation problem of users and uploads against places
(m, A), which :meth:`ActiveSets.decision` solves as an assignment: the other columns need not be integer. A base station
that stays silent on an RB counted under A only lowers interference, so the referee never finds less than the model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.optimize import linear_sum_assignment

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.errors import Declined
from dtbench.exact.linear import LinearModel
from dtbench.problems.dnt_spectrum.model import MANY, TOLERANCE, DntDecision, DntSlot, rate, upload_delay

MUST = 1e6  # bit/s: worth of an upload in the assignment, above all rates together


def few_stations(n_bs: int, what: str) -> None:
    """Decline what looks at all sets of base stations, where these are too many.

    Raises
    ------
    Declined
        With the number that is expected.
    """
    if n_bs > MANY:
        raise Declined(f"{what} need all sets of base stations, and {n_bs} are more than the {MANY} that this can take")


@dataclass(frozen=True)
class ActiveSets:
    """Columns of the model: n_A, then x[u, m, A], y[m, A], v_m, and g_u of users whom several base stations cover.

    Attributes
    ----------
    sets
        (S, M) bool: the non-empty sets A.
    rates
        (S, U, M) [bit/s]: rate of u at m under A.
    in_time
        (S, M): whether an upload of m keeps the delay limit under A, m in A.
    serve
        (U, M): pairs that may be linked.
    x_set, x_user, x_bs, y_set, y_bs
        Indices of the columns of x and y.
    g_user
        Users of the columns g.
    block_worth, user_worth
        (M,), (len(g_user),): what v_m and g_u add to the objective.
    constant
        Objective without links.
    """

    slot: DntSlot
    sets: BoolArray
    rates: Array
    in_time: BoolArray
    serve: BoolArray
    x_set: IntArray
    x_user: IntArray
    x_bs: IntArray
    y_set: IntArray
    y_bs: IntArray
    g_user: IntArray
    block_worth: Array
    user_worth: Array
    constant: float

    @classmethod
    def of(cls, slot: DntSlot, *, error: Array | None = None, serve: BoolArray | None = None) -> ActiveSets:
        """The model of one slot; ``error`` (U,) replaces the twin's errors, ``serve`` (U, M) narrows the links.

        Raises
        ------
        Declined
            If there are too many base stations.
        """
        p, stations = slot.params, slot.n_bs
        few_stations(stations, "models of a slot")
        error = slot.error if error is None else error
        serve = slot.cover if serve is None else serve & slot.cover
        bits = np.arange(1, 2**stations)
        sets = (bits[:, None] >> np.arange(stations)) & 1 == 1
        different = ~np.eye(stations, dtype=bool)
        others = sets[:, None, :] & different  # (S, m, j)
        load = np.where(others[:, None], slot.gain[:, None, :], 0.0).sum(axis=-1)
        rates = rate(p, p.tx_power * slot.gain, p.tx_power * load)
        load = np.where(others, slot.gain_cloud, 0.0).sum(axis=-1)
        delay = upload_delay(p, rate(p, p.tx_power * slot.gain_cloud, p.tx_power * load))
        in_time = sets & (delay <= p.delay_limit + TOLERANCE)
        x_set, x_user, x_bs = np.nonzero(serve & sets[:, None, :])
        y_set, y_bs = np.nonzero(in_time)

        w = p.error_weight
        covers = slot.covering
        constant = -w * float(error.sum())
        g_user = np.flatnonzero(covers > 1)
        block_worth = w * (np.where(covers == 1, error, 0.0)[:, None] * slot.cover).sum(axis=0)
        user_worth = w * error[g_user]
        if p.error_scope == "block":
            g_user = np.empty(0, dtype=np.int64)
            block_worth, user_worth = w * (error[:, None] * slot.cover).sum(axis=0), np.empty(0)
            constant = -w * float((error * np.maximum(covers, 1)).sum())
        return cls(
            slot,
            sets,
            rates,
            in_time,
            serve,
            x_set,
            x_user,
            x_bs,
            y_set,
            y_bs,
            g_user,
            block_worth,
            user_worth,
            constant,
        )

    @property
    def starts(self) -> IntArray:
        """Where n, x, y, v, g begin, and the number of columns."""
        lengths = [len(self.sets), len(self.x_set), len(self.y_set), self.slot.n_bs, len(self.g_user)]
        return np.concatenate([[0], np.cumsum(lengths)])

    @property
    def upload_columns(self) -> slice:
        """Columns v."""
        return slice(int(self.starts[3]), int(self.starts[4]))

    def model(
        self, *, upload: BoolArray | None = None, at_most: bool = False, bonus: float | Array = 0.0, whole: bool = False
    ) -> LinearModel:
        """The MILP.

        Parameters
        ----------
        upload
            (M,) which base stations upload; None = free. With ``at_most`` they may, the others may not.
        bonus
            Added to the worth of every upload, or of each (M,).
        whole
            Whether all columns are integer, for CP-SAT.
        """
        p = self.slot.params
        _, x0, y0, v0, g0, end = self.starts.tolist()
        cost, top = np.zeros(end), np.ones(end)
        cost[x0:y0] = p.rate_weight * self.rates[self.x_set, self.x_user, self.x_bs]
        cost[v0:g0], cost[g0:] = self.block_worth + bonus, self.user_worth
        top[:x0] = self.slot.n_rb
        lower = np.zeros(end)
        if upload is not None:
            top[v0:g0] = upload
            lower[v0:g0] = 0.0 if at_most else upload
        integer = np.full(end, whole)
        integer[:x0] = integer[v0:g0] = True
        rows, row_lower, row_upper = self._rows()
        if p.serve_all:
            row_lower[: self.slot.n_users] = self.serve.any(axis=-1)
        return LinearModel(
            cost=cost, lower=lower, upper=top, integer=integer, rows=rows, row_lower=row_lower, row_upper=row_upper,
            offset=self.constant, sense="max",
        )  # fmt: skip

    def _rows(self) -> tuple[sparse.csr_array, Array, Array]:
        """One link per user; links of (m, A) <= n_A; RBs <= N; sum_A y = v; g <= sum of v of those who cover."""
        users, stations, n_sets = self.slot.n_users, self.slot.n_bs, len(self.sets)
        _, x0, y0, v0, g0, end = self.starts.tolist()
        place = np.full(self.sets.shape, -1)
        place[self.sets] = np.arange(int(self.sets.sum()))
        a, _ = np.nonzero(self.sets)
        n_places, n_g = len(a), len(self.g_user)
        g_index, g_bs = np.nonzero(self.slot.cover[self.g_user])
        first = np.cumsum([0, users, n_places, 1, stations, n_g])
        entries = [  # (row, column, coefficient)
            (self.x_user, np.arange(x0, y0), 1.0),
            (first[1] + place[self.x_set, self.x_bs], np.arange(x0, y0), 1.0),
            (first[1] + place[self.y_set, self.y_bs], np.arange(y0, v0), 1.0),
            (first[1] + np.arange(n_places), a, -1.0),
            (np.full(n_sets, first[2]), np.arange(n_sets), 1.0),
            (first[3] + self.y_bs, np.arange(y0, v0), 1.0),
            (first[3] + np.arange(stations), np.arange(v0, g0), -1.0),
            (first[4] + np.arange(n_g), np.arange(g0, end), 1.0),
            (first[4] + g_index, v0 + g_bs, -1.0),
        ]
        row, column = (np.concatenate([e[i] for e in entries]) for i in (0, 1))
        value = np.concatenate([np.full(len(e[0]), e[2]) for e in entries])
        upper = np.zeros(first[-1])
        upper[:users], upper[first[2]] = 1.0, self.slot.n_rb
        lower = np.full(first[-1], -np.inf)
        lower[first[3] : first[4]] = 0.0
        return sparse.csr_array((value, (row, column)), shape=(int(first[-1]), end)), lower, upper

    def decision(self, x: Array) -> DntDecision:
        """The best decision with the numbers of RBs n and the uploads v of a point: an assignment to places (m, A)."""
        users, stations = self.slot.n_users, self.slot.n_bs
        x0, v0, g0 = (int(self.starts[i]) for i in (1, 3, 4))
        of_block = np.repeat(np.arange(len(self.sets)), np.round(x[:x0]).astype(np.int64))
        block, station = np.nonzero(self.sets[of_block])
        used = of_block[block]
        worth = np.zeros((users + stations, len(block)))
        prefer = MUST / users if self.slot.params.serve_all else 0.0
        worth[:users] = np.where(self.serve[:, station], self.rates[used, :, station].T + prefer, 0.0)
        uploads = np.flatnonzero(x[v0:g0] > 0.5)
        possible = (station == uploads[:, None]) & self.in_time[used, station]
        worth[users + uploads] = np.where(possible, MUST * 2.0, 0.0)
        job, at = linear_sum_assignment(worth, maximize=True)
        taken = worth[job, at] > 0.0
        job, at = job[taken], at[taken]
        bs, rb, up = np.full(users, -1), np.full(users, -1), np.full(stations, -1)
        served = job < users
        bs[job[served]], rb[job[served]] = station[at[served]], block[at[served]]
        up[job[~served] - users] = block[at[~served]]
        return DntDecision.of(bs, rb, up)
