"""A slot of ``mec-synchronization`` by outer approximation: HiGHS picks the set, SLSQP prices it.

After Duran and Grossmann (1986), "An outer-approximation algorithm for a class of mixed-integer nonlinear programs".

In the logarithms of powers, uplink times and wire times all functions of :mod:`.convex` are convex, so a tangent at any
point never cuts off a feasible one. The MILP has a binary s_k per user, tangents of

- its energy ``p t / E_0``, column e_k;
- the radio row, Eqs. (7)-(9), by big M where it is not served;
- its shares of processor and wire, Eqs. (14f), (14h), columns c_k and w_k, also by big M.

A set that the MILP picks is priced by SciPy's SLSQP and gives an incumbent and tangents; a set that cannot be served
gives tangents where the rows are broken least. What HiGHS proves of the tangents is the bound: it does not lean on
SLSQP. Powers of users that are not served are as good as zero (:data:`SILENT`). Nothing is shared with the search but
the data of the slot: a second opinion on small slots.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import sparse

from dtbench import anytime
from dtbench.anytime import Teller
from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.core import AnyProblem, Certificate, Limits
from dtbench.exact.certificate import MARGIN, certify, with_target
from dtbench.exact.linear import LinearModel
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.model import MecDecision, MecSlot

SILENT = 1e-11  # interference of one that is not served, relative to the noise
GRID = np.linspace(0.0, 1.0, 7)  # places in the ranges of the variables, of the first tangents
TRIES = 5  # of pricing a set, each from the point that the MILP gives
BROKEN = 1e-7  # violation (of a logarithm) from which on a set counts as not served


@dataclass
class Surfaces:
    """The convex functions of the users (n,) who can be served alone, at points pi, y, r (n,) each."""

    candidates: Candidates
    part: IntArray

    def __post_init__(self) -> None:
        c, p, part = self.candidates, self.candidates.params, self.part
        self.n = len(part)
        self.gain, self.cross = c.gain[part], c.cross[np.ix_(part, part)]
        self.noise, self.e0 = p.noise, p.e0
        self.exponent = math.log(2.0) * c.bits[part] / p.bandwidth
        self.work, self.deadline = c.work[part] / p.f_max, c.deadline[part]
        self.remote = c.remote[part]
        self.wire = np.where(self.remote, c.bits[part] / p.w_link, 0.0)
        self.server, self.link = c.server[part], c.link[part]
        shortest = self.exponent / np.log1p(p.p_max * self.gain / self.noise)
        longest = c.longest[part]
        quietest = np.expm1(self.exponent / longest) * self.noise / self.gain
        heard = np.maximum(self.cross.max(axis=0, initial=0.0), self.gain)
        self.silent = np.log(np.minimum(quietest, SILENT * self.noise / heard))
        slowest = np.where(self.remote, self.deadline - self.work - shortest, 1.0)
        self.low = np.stack([np.log(quietest), np.log(shortest), np.log(np.where(self.remote, self.wire, 1.0))])
        self.high = np.stack([np.full(self.n, math.log(p.p_max)), np.log(longest), np.log(slowest)])

    def radio(self, x: Array) -> tuple[Array, Array, Array]:
        """Rows (n,), derivatives by all pi (n, n), and by the own y (n,); x is (3, n)."""
        u = self.exponent / np.exp(x[1])
        disturbed = self.cross * np.exp(x[0])
        total = disturbed.sum(axis=-1) + self.noise
        value = np.log(np.expm1(u)) - np.log(self.gain) + np.log(total) - x[0]
        return value, disturbed / total[:, None] - np.eye(self.n), u / np.expm1(-u)

    def energy(self, x: Array) -> Array:
        """e_k (n,) [E_0]; it is its own derivative by pi and by y."""
        return np.exp(x[0] + x[1]) / self.e0

    def processor(self, x: Array) -> tuple[Array, Array, Array]:
        """Shares (n,), and derivatives by y and by r; from a share of 2 on, which nobody can have, a straight line."""
        t, q = np.exp(x[1]), np.where(self.remote, np.exp(x[2]), 0.0)
        left = self.deadline - t - q
        far = left < 0.5 * self.work
        within = np.where(far, 0.5 * self.work, left)
        slope = self.work / within**2
        return self.work / within + np.where(far, slope * (within - left), 0.0), slope * t, slope * q

    def wires(self, x: Array) -> Array:
        """Shares (n,) of those whose twin is elsewhere, 0 otherwise; minus that is the derivative by r."""
        return self.wire * np.exp(-x[2])


@dataclass
class Master:
    """The MILP: columns s, pi, y, r, e, c, w (n each), rows of bounds and capacities, and tangents, which grow."""

    on: Surfaces
    value: Array
    rows: list[dict[int, float]] = field(default_factory=list)
    most: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        n, on = self.on.n, self.on
        self.s, self.pi, self.y, self.r, self.e, self.c, self.w = np.arange(7 * n).reshape(7, n)
        for k in range(n):
            self._row({self.pi[k]: -1.0, self.s[k]: on.low[0, k] - on.silent[k]}, -on.silent[k])
            self._row({self.pi[k]: 1.0, self.s[k]: -(on.high[0, k] - on.silent[k])}, on.silent[k])
        for of, share in ((on.server, self.c), (on.link, self.w)):
            for group in np.unique(of):
                self._row(dict.fromkeys(share[of == group].tolist(), 1.0), 1.0)
        loudest = (on.cross * np.exp(on.high[0])).sum(axis=-1) + on.noise
        self.big = np.log(np.expm1(on.exponent / np.exp(on.high[1]))) - np.log(on.gain) + np.log(loudest) - on.silent
        for at in GRID:
            x = on.low + at * (on.high - on.low)
            self.tangents(np.where([[True], [False], [False]], on.silent, x))
            self.tangents(x)

    def _row(self, entries: dict[Any, float], most: float) -> None:
        self.rows.append({int(j): float(v) for j, v in entries.items()})
        self.most.append(float(most))

    def tangents(self, x: Array) -> None:
        """Rows of all functions at a point (3, n): value + gradient (x' - x) <= column, or <= M (1 - s)."""
        on, n = self.on, self.on.n
        value, by_pi, by_y = on.radio(x)
        energy, (share, share_y, share_r), wires = on.energy(x), on.processor(x), on.wires(x)
        least, _, _ = on.processor(on.low)
        for k in range(n):
            at = float(by_pi[k] @ x[0] + by_y[k] * x[1, k])
            row = dict(zip(self.pi.tolist(), by_pi[k].tolist(), strict=True))
            self._row(row | {self.y[k]: by_y[k], self.s[k]: self.big[k]}, self.big[k] - value[k] + at)
            at = float(energy[k] * (x[0, k] + x[1, k]))
            self._row({self.pi[k]: energy[k], self.y[k]: energy[k], self.e[k]: -1.0}, at - energy[k])
            at = float(share_y[k] * x[1, k] + share_r[k] * x[2, k])
            row = {self.y[k]: share_y[k], self.c[k]: -1.0, self.s[k]: least[k]}
            self._row(row | ({self.r[k]: share_r[k]} if on.remote[k] else {}), least[k] - share[k] + at)
            if on.remote[k]:
                free = float(on.wire[k] * np.exp(-on.high[2, k]))
                row = {self.r[k]: -wires[k], self.w[k]: -1.0, self.s[k]: free}
                self._row(row, free - wires[k] - wires[k] * x[2, k])

    def model(self) -> LinearModel:
        """min energy + worth of those who are not served [E_0]."""
        n, on = self.on.n, self.on
        zero, one = np.zeros(n), np.ones(n)
        row = np.repeat(np.arange(len(self.rows)), [len(each) for each in self.rows])
        column = np.fromiter((j for each in self.rows for j in each), dtype=np.int64)
        data = np.fromiter((v for each in self.rows for v in each.values()), dtype=float)
        return LinearModel(
            cost=np.concatenate([-self.value, zero, zero, zero, one, zero, zero]), offset=float(self.value.sum()),
            lower=np.concatenate([zero, on.silent, on.low[1], on.low[2], zero, zero, zero]),
            upper=np.concatenate([one, on.high[0], on.high[1], on.high[2], np.full(n, np.inf), one, one]),
            integer=np.arange(7 * n) < n, rows=sparse.csr_array((data, (row, column)), shape=(len(self.rows), 7 * n)),
            row_lower=np.full(len(self.rows), -np.inf), row_upper=np.array(self.most),
        )  # fmt: skip

    def point(self, x: Array) -> Array:
        """(3, n): pi, y, r of a solution."""
        return np.stack([x[self.pi], x[self.y], x[self.r]])


def solve(problem: AnyProblem, slot: MecSlot, limits: Limits) -> Certificate:
    """Alternate between the MILP and the price of the set that it picks, until bound and incumbent meet."""
    from dtbench.exact.highs import backend, solve_highs

    limits, began = with_target(problem, limits), time.perf_counter()
    candidates, until = Candidates.of(slot, slot.host), began + limits.seconds
    part = np.flatnonzero(candidates.valid & np.isfinite(candidates.alone()))
    out = np.setdiff1d(np.flatnonzero(candidates.valid), part)
    constant = float(candidates.lost) + float(candidates.value[out].sum())
    on = Surfaces(candidates, part)
    master = Master(on, candidates.value[part])
    best, decision = math.inf, None
    bound, wanted, priced, rounds = 0.0, MARGIN * (limits.gap or 0.0), Counter[bytes](), 0

    def offer(member: BoolArray, x: Array) -> None:
        nonlocal best, decision
        found = decided(slot, candidates, on, member, x)
        if found is not None and (cost := float(problem.evaluate(slot, found).objective) * slot.n_users) < best:
            best, decision = cost, found
            anytime.report(found)

    proves = not (slot.hosts_open and slot.params.migration_slots == 0)
    teller = Teller(bound=(lambda value: (value + constant) / slot.n_users) if proves else None)
    offer(np.zeros(on.n, dtype=bool), on.low)
    while best - bound - constant > wanted * abs(best) and (left := until - time.perf_counter()) > 0.0 and on.n:
        limits_left = replace(limits, seconds=left, gap=0.1 * wanted, gap_abs=0.0)
        result = solve_highs(master.model(), limits_left, teller=teller)
        if math.isfinite(result.bound):
            bound = max(bound, result.bound)
        if result.x is None:
            break
        member, rounds = result.x[master.s] > 0.5, rounds + 1
        master.tangents(master.point(result.x))
        if member.any() and priced[member.tobytes()] < TRIES:
            priced[member.tobytes()] += 1
            x, served = price(on, member, master.point(result.x), until)
            master.tangents(x)
            if served:
                offer(member, x)
    if not on.n:
        bound = best - constant
    details = {"rounds": rounds, "programs": len(priced), "candidates": int(candidates.valid.sum())}
    if not proves:
        bound = -constant  # a twin that moves at once may be worth it: nothing is proved but that costs are positive
    return certify(
        problem, slot, decision, (min(bound + constant, best)) / slot.n_users, limits,
        seconds=time.perf_counter() - began, method="cuts", backend=f"{backend()} + SLSQP", details=details,
    )  # fmt: skip


class Served:
    """The convex program of a set; v (3 n,) holds pi, y, r of its n users. Others are silent."""

    def __init__(self, on: Surfaces, member: BoolArray) -> None:
        self.on, self.who = on, np.flatnonzero(member)
        self.n, server, link = len(self.who), on.server[self.who], on.link[self.who]
        self.low, self.high = on.low[:, self.who], on.high[:, self.who]
        remote = on.remote[self.who]
        self.at_server = (np.unique(server)[:, None] == server).astype(float)
        self.at_link = ((np.unique(link[remote])[:, None] == link) & remote).astype(float)

    def spread(self, v: Array) -> Array:
        """(3, all users)."""
        x = np.stack([self.on.silent, self.on.high[1], self.on.high[2]])
        x[:, self.who] = v[: 3 * self.n].reshape(3, self.n)
        return x

    def rows(self, v: Array) -> tuple[Array, Array]:
        """Radio, logarithms of what processors and wires carry, which must not be above 0; and their Jacobian."""
        x, n, who, servers = self.spread(v), self.n, self.who, len(self.at_server)
        radio, by_pi, by_y = self.on.radio(x)
        share, share_y, share_r = (value[who] for value in self.on.processor(x))
        wires = self.on.wires(x)[who]
        load, carried = self.at_server @ share, self.at_link @ wires
        jacobian = np.zeros((n + servers + len(self.at_link), 3 * n))
        jacobian[:n, :n] = by_pi[np.ix_(who, who)]
        jacobian[np.arange(n), n + np.arange(n)] = by_y[who]
        jacobian[n : n + servers, n : 2 * n] = self.at_server * share_y / load[:, None]
        jacobian[n : n + servers, 2 * n :] = self.at_server * share_r / load[:, None]
        jacobian[n + servers :, 2 * n :] = -self.at_link * wires / carried[:, None]
        return np.concatenate([radio[who], np.log(load), np.log(carried)]), jacobian

    def spent(self, v: Array) -> tuple[float, Array]:
        """Logarithm of the energy, and its gradient."""
        each = np.exp(v[: self.n] + v[self.n : 2 * self.n])
        share = each / each.sum()
        return math.log(each.sum()), np.concatenate([share, share, np.zeros(self.n)])


def price(on: Surfaces, member: BoolArray, start: Array, until: float) -> tuple[Array, bool]:
    """Least energy of a set by SLSQP from a point (3, n): the point (3, n), and whether it keeps all rows.

    If the set cannot be served, it is the point where the worst row is broken least. At ``until`` [s, of
    ``time.perf_counter``] it is where SLSQP has come to.
    """
    of = Served(on, member)
    low, high, span = of.low.ravel(), of.high.ravel(), (of.high - of.low).ravel()
    box: list[Any] = list(zip(low.tolist(), high.tolist(), strict=True))
    keep = {"type": "ineq", "fun": lambda v: -of.rows(v)[0], "jac": lambda v: -of.rows(v)[1]}
    v = slsqp(of.spent, np.clip(start[:, of.who].ravel(), low + 0.02 * span, high - 0.02 * span), box, keep, until)
    if of.rows(v)[0].max() <= BROKEN:
        return of.spread(v), True
    slack = {
        "type": "ineq",
        "fun": lambda v: v[-1] - of.rows(v)[0],
        "jac": lambda v: np.append(-of.rows(v)[1], np.ones((len(of.rows(v)[0]), 1)), axis=1),
    }
    unit = np.append(np.zeros(len(v)), 1.0)
    worst = np.append(v, of.rows(v)[0].max())
    v = slsqp(lambda v: (float(v[-1]), unit), worst, [*box, (-1.0, 1e3)], slack, until)[:-1]
    return of.spread(v), bool(of.rows(v)[0].max() <= BROKEN)


def slsqp(objective: Any, start: Array, box: list[Any], rows: Any, until: float) -> Array:
    """Where SciPy's SLSQP ends, or was when time was over, within its box."""
    from scipy import optimize

    last = start

    def timed(v: Array) -> Any:
        nonlocal last
        last = v.copy()
        if time.perf_counter() >= until:
            raise TimeoutError
        return objective(v)

    minimize: Any = optimize.minimize  # its types do not know a function that gives its gradient, too
    settings = {"maxiter": 300, "ftol": 1e-14}
    with suppress(TimeoutError):
        last = minimize(timed, start, jac=True, bounds=box, constraints=[rows], method="SLSQP", options=settings).x
    low, high = np.array(box).T
    return np.clip(np.asarray(last), low, high)


def decided(
    slot: MecSlot, candidates: Candidates, on: Surfaces, member: BoolArray, x: Array
) -> MecDecision | None:  # fmt: skip
    """The decision with the times of a point (3, n) and the least powers for them; None if there are none."""
    chosen = np.zeros(candidates.count, dtype=bool)
    chosen[on.part[member]] = True
    t, q = np.zeros(candidates.count), np.zeros(candidates.count)
    t[on.part], q[on.part] = np.exp(x[1]), np.where(on.remote, np.exp(x[2]), 0.0)
    wire = np.where(chosen & candidates.remote, candidates.bits / np.where(q > 0.0, q, 1.0), 0.0)
    left = candidates.deadline - t - q
    cpu = np.where(chosen, candidates.work / np.where(chosen, left, 1.0), 0.0)
    cpu, wire = candidates.shares(chosen, cpu, wire)  # all of every capacity that is used
    uplink = candidates.uplink(chosen, cpu, wire)
    power, possible = candidates.least(chosen, uplink, over=BROKEN)
    return candidates.decision(slot, slot.host, chosen, power, wire, cpu) if possible else None
