"""The linear relaxation of a slot in HiGHS, solved again and again with some users in and some out.

Rows of :mod:`.path_cuts` hold at every set, wherever they were found. All are kept in a pool; HiGHS holds those that
matter at the point where it is, and gets others back where a point breaks them.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbench.arrays import BoolArray, IntArray
from dtbench.exact.linear import FEASIBILITY
from dtbench.problems.mec_synchronization import path_cuts
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.path_cuts import Found, Point
from dtbench.problems.mec_synchronization.relaxation import Relaxation, Relaxed

if TYPE_CHECKING:
    from dtbench.problems.mec_synchronization.convex import Priced

POOL = 8192  # rows that are kept; beyond, the older half of those that HiGHS does not hold is forgotten
HELD = 100  # rows that HiGHS may hold before those that are slack are taken back
SLACK = 1e-2  # [E_0]
BROKEN = 5e-3  # [E_0], by which a row of the pool is broken if it is worth giving back
ENOUGH = 20  # rows given back, from which on no new ones are looked for
ROUNDS = 10  # of rows at the root, each after an LP
STALLED = 2e-4  # relative rise of the bound in a round after which no more follow
EARLY = 5  # rounds that are made in any case
OPTIONS = {
    "presolve": "off",
    "threads": 1,
    "primal_feasibility_tolerance": FEASIBILITY,
    "dual_feasibility_tolerance": FEASIBILITY,
    # Each LP goes on from the basis of another one: exact weights of edges and scales made anew take longer than that.
    "simplex_dual_edge_weight_strategy": 1,
    "simplex_scale_strategy": 0,
}
SAFE = 1e-6  # relative; what the solver's tolerances may have added to the bound


@dataclass(frozen=True, eq=False)
class Solved:
    """What an LP says of the sets between ``member`` and not ``out``; reduced costs are 0 of users who are in or out.

    ``point`` is None, and the bound infinite, if no such set can be served.
    """

    relaxed: Relaxed
    point: Point | None


class Pool:
    """Rows as arrays, ``coefficient (m, 2 n)`` of s and h, ``least`` (m,) and the user (m,) whose e stands before."""

    def __init__(self, n: int) -> None:
        self.n, self.count = n, 0
        self.coefficient, self.least, self.user = np.zeros((POOL, 2 * n)), np.zeros(POOL), np.zeros(POOL, dtype=int)
        self.held: BoolArray = np.zeros(POOL, dtype=bool)

    def put(self, rows: Found) -> IntArray:
        """Keep rows; where they are from now on."""
        ids = self.count + np.arange(len(rows))
        self.coefficient[ids], self.least[ids], self.user[ids] = rows.coefficient, rows.least, rows.user
        self.count += len(rows)
        return ids

    def broken(self, at: Point) -> IntArray:
        """Rows that HiGHS does not hold and a point breaks most for their size: at most 2 of each user."""
        here = slice(self.count)
        excess = self.least[here] + self.coefficient[here] @ np.concatenate([at.served, at.haste])
        excess -= at.spent[self.user[here]]
        ids = np.flatnonzero((excess > BROKEN) & ~self.held[here])
        deep = excess[ids] / np.sqrt(1.0 + (self.coefficient[ids] ** 2).sum(axis=-1))
        ids = ids[np.lexsort((-deep, self.user[ids]))]
        rank = np.arange(len(ids)) - np.searchsorted(self.user[ids], self.user[ids])
        return np.asarray(ids[rank < path_cuts.PER_USER])

    def forget(self, ids: IntArray) -> IntArray:
        """Keep the rows ``ids`` that HiGHS holds, and the younger half of all; where ``ids`` are from now on."""
        keep = self.held[: self.count] | (np.arange(self.count) >= self.count - POOL // 2)
        place = np.cumsum(keep) - 1
        self.count = int(keep.sum())
        for name in ("coefficient", "least", "user", "held"):
            whole = getattr(self, name)
            whole[: self.count] = whole[: len(keep)][keep]
        self.held[self.count :] = False
        return np.asarray(place[ids])


class Linear:
    """A relaxation in HiGHS; ``ids`` (rows,) says where in the pool the rows of paths are that it holds."""

    def __init__(self, on: Relaxation) -> None:
        from dtbench.exact.highs import load

        self.on, self.pool = on, Pool(on.n)
        self.ids: IntArray = np.zeros(0, dtype=int)
        self.highs: Any = load(on.model())
        self.base = self.highs.getNumRow()
        self.columns = np.arange(on.n, dtype=np.int32)
        for name, value in OPTIONS.items():
            self.highs.setOptionValue(name, value)

    def solve(self, member: BoolArray, out: BoolArray, until: float = np.inf) -> Solved | None:
        """The LP of all sets between ``member`` and not ``out`` (candidates,); None if time is over."""
        from dtbench.exact.highs import LOCK, S

        on, n, count = self.on, self.on.n, self.on.candidates.count
        self.highs.changeColsBounds(n, self.columns, member[on.part].astype(float), 1.0 - out[on.part])
        self.highs.setOptionValue("time_limit", self.highs.getRunTime() + max(until - time.perf_counter(), 0.0))
        with LOCK:
            self.highs.run()
        status = self.highs.getModelStatus()
        if status == S.kInfeasible:
            return Solved(Relaxed(np.inf, np.zeros(count), np.zeros(count)), None)
        if status != S.kOptimal:
            return None
        solution = self.highs.getSolution()
        x, dual = np.array(solution.col_value), np.array(solution.col_dual)
        value = float(self.highs.getInfo().objective_function_value)
        reduced, served = np.zeros(count), np.zeros(count)
        reduced[on.part], served[on.part] = dual[:n], np.clip(x[:n], 0.0, 1.0)
        relaxed = Relaxed(value - SAFE * abs(value), np.where(member | out, 0.0, reduced), served)
        return Solved(relaxed, Point(served[on.part], x[n : 2 * n], x[3 * n :]))

    def cut(self, at: Point, *, quick: bool) -> bool:
        """Give HiGHS rows that a point breaks, from the pool or new ones; whether there are any."""
        if len(self.ids) > HELD:
            self.release()
        back = self.pool.broken(at)
        self.hold(back)
        if len(back) >= ENOUGH:
            return True
        new = path_cuts.violated(self.on.users, at, quick=quick)
        if self.pool.count + len(new) > POOL:
            self.ids = self.pool.forget(self.ids)
        self.hold(self.pool.put(new))
        return len(new) > 0 or len(back) > 0

    def hold(self, ids: IntArray) -> None:
        """Give HiGHS rows of the pool."""
        if not len(ids):
            return
        n, pool = self.on.n, self.pool
        rows = np.zeros((len(ids), 4 * n))
        rows[:, : 2 * n] = -pool.coefficient[ids]
        rows[np.arange(len(ids)), 3 * n + pool.user[ids]] = 1.0
        row, column = np.nonzero(rows)
        starts = np.searchsorted(row, np.arange(len(ids)))
        self.highs.addRows(
            len(ids), pool.least[ids], np.full(len(ids), np.inf), len(row), starts.astype(np.int32),
            column.astype(np.int32), rows[row, column],
        )  # fmt: skip
        pool.held[ids] = True
        self.ids = np.append(self.ids, ids)

    def release(self) -> None:
        """Take back rows that are slack at the last point."""
        solution = self.highs.getSolution()
        value, dual = (np.array(v)[self.base :] for v in (solution.row_value, solution.row_dual))
        slack = (value - self.pool.least[self.ids] > SLACK) & (np.abs(dual) < FEASIBILITY)
        where = np.flatnonzero(slack)
        if len(where):
            self.highs.deleteRows(len(where), (self.base + where).astype(np.int32))
            self.pool.held[self.ids[where]] = False
            self.ids = self.ids[~slack]


def relax(candidates: Candidates, start: Priced, until: float = np.inf) -> tuple[Linear, Solved] | None:
    """Solve the relaxation of all sets with rows of paths until they stop helping, or time ``until`` [s] is over.

    None if there is nobody to serve, or no time for the first LP.
    """
    on = Relaxation(candidates, start)
    if not on.n or time.perf_counter() >= until:
        return None
    linear, nobody = Linear(on), np.zeros(candidates.count, dtype=bool)
    found = linear.solve(nobody, nobody, until)
    for number in range(1, ROUNDS):
        if found is None or found.point is None or time.perf_counter() >= until:
            break
        if not linear.cut(found.point, quick=False):
            break
        after = linear.solve(nobody, nobody, until)
        if after is None:
            break
        before, found = found, after
        if number > EARLY and found.relaxed.bound - before.relaxed.bound < STALLED * abs(found.relaxed.bound):
            break
    return None if found is None else (linear, found)
