"""E(S): the least energy that serves a set S of users in time, with a certificate; a convex program in logarithms.

With p = exp(pi), uplink times t = exp(y) and wire times q = exp(r), minimise ``log sum p t / E_0`` subject to

- radio: ``log gamma_k(t_k) - log g_k + log(sum_j G_kj p_j + sigma^2) - pi_k <= 0``, Eqs. (7)-(9);
- power: ``pi_k <= log P_max``, Eq. (14d);
- processor: ``log sum_k (D_k C_k / F) / (tau_k - t_k - q_k) <= 0`` per server, Eq. (14h);
- wire: ``log sum_k (D_k / W) / q_k <= 0`` per link, Eq. (14f).

Objective and rows are convex (logarithms of sums of log-convex terms). A primal-dual interior point method solves it.
The proof does not lean on its convergence: with any multipliers the Lagrangian is convex, so its value and gradient at
any point bound it from below over the box in which every feasible point lies.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from dtbench.arrays import Array, BoolArray
from dtbench.problems.mec_synchronization.candidates import Candidates

ACCURACY = 1e-8  # of the logarithm of the energy, hence relative
ROUNDING = 2e-7  # relative excess of a power that the referee forgives, with the lateness that cutting it causes
QUICK, STEPS = 25, 100  # of the interior point method, first and once more; it needs about 10
MARGIN = 0.97  # of capacities and times, for a start inside
INSIDE = -1e-3  # worst row with which the search for a start may stop
CENTRING = 0.1  # factor by which a step aims to shrink the complementarity
ARMIJO, BACKTRACK, TO_BORDER = 0.01, 0.6, 0.995


@cache
def blas() -> Any:
    """Where threads of BLAS are limited: small systems gain nothing from them, and lose much where they share cores."""
    from threadpoolctl import ThreadpoolController  # looks at all loaded libraries: not when only the rules are asked

    return ThreadpoolController()


@dataclass(frozen=True, eq=False)
class Priced:
    """What serving a set costs: ``lower <= E(S) <= upper`` [E_0], infinite where nothing, or no proof, was found.

    ``time``, ``wire_time``, ``power`` (n,) attain ``upper``. ``cpu_price`` (M,) and ``wire_price`` (M^2,) [E_0] are
    multipliers of the capacities, relative to capacity 1, with which the Lagrangian is at least ``lower``.
    """

    member: BoolArray
    lower: float
    upper: float
    time: Array
    wire_time: Array
    power: Array
    cpu_price: Array
    wire_price: Array


@dataclass(frozen=True, eq=False)
class Rows:
    """Values and derivatives at a point: objective, rows (m,), gradient (v,), Jacobian (m, v), and curvature parts."""

    objective: float
    value: Array
    gradient: Array
    jacobian: Array
    bending: Array  # (m, v): the part of each row's gradient whose square its Hessian loses
    diagonal: Array  # (m, v): the diagonal of the other part of each row's Hessian
    mixed: Array  # (remote,): second derivatives of the processor rows by y and r, before multipliers


class Program:
    """The program of one set of candidates (no leading axes)."""

    def __init__(self, candidates: Candidates, member: BoolArray) -> None:
        p, part = candidates.params, np.flatnonzero(member)
        self.candidates, self.member, self.part = candidates, member, part
        self.n = len(part)
        self.noise, self.e0 = p.noise, p.e0
        self.cross = candidates.cross[np.ix_(part, part)]
        self.gain, self.deadline = candidates.gain[part], candidates.deadline[part]
        self.exponent = np.log(2.0) * candidates.bits[part] / p.bandwidth
        self.work, self.wire = candidates.work[part] / p.f_max, candidates.bits[part] / p.w_link
        self.remote = np.flatnonzero(candidates.remote[part])
        self.servers, server = np.unique(candidates.server[part], return_inverse=True)
        self.links, link = np.unique(candidates.link[part][self.remote], return_inverse=True)
        self.on_server = (np.arange(len(self.servers))[:, None] == server).astype(float)
        self.on_link = (np.arange(len(self.links))[:, None] == link).astype(float)
        self.server, self.link = server, link
        self.size = 2 * self.n + len(self.remote)
        self.limit = np.log(p.p_max)
        self._box(candidates, p.p_max)

    def _box(self, candidates: Candidates, p_max: float) -> None:
        """Bounds of every variable that hold at every feasible point."""
        longest = candidates.longest[self.part]
        shortest = self.exponent / np.log1p(p_max * self.gain / self.noise)  # P_max against noise alone
        self.empty = bool((shortest >= longest).any())
        if self.empty:
            return
        quietest = np.expm1(self.exponent / longest) * self.noise / self.gain
        slowest = (self.deadline - self.work - shortest)[self.remote]
        self.low = np.log(np.concatenate([quietest, shortest, self.wire[self.remote]]))
        self.high = np.concatenate([np.full(self.n, self.limit), np.log(longest), np.log(slowest)])

    def split(self, x: Array) -> tuple[Array, Array, Array]:
        """Powers, uplink times and wire times (n,) of a point; wire times 0 where there is no wire."""
        wire_time = np.zeros(self.n)
        wire_time[self.remote] = np.exp(x[2 * self.n :])
        return np.exp(x[: self.n]), np.exp(x[self.n : 2 * self.n]), wire_time

    def rows(self, x: Array) -> Rows | None:
        """Everything about a point (v,); None outside the domain, where no time is left for the processor."""
        n, remote = self.n, self.remote
        power, time, wire_time = self.split(x)
        slack = self.deadline - time - wire_time
        if not ((slack > 0.0).all() and (self.exponent < 500.0 * time).all()):
            return None
        spent = power * time / self.e0
        share = spent / spent.sum()
        u = self.exponent / time
        fade = -np.expm1(-u)
        disturbance = self.cross @ power + self.noise
        omega = self.cross * power / disturbance[:, None]
        load, carried = self.work / slack, self.wire[remote] / wire_time[remote]
        on_server, on_link = self.on_server @ load, self.on_link @ carried
        sigma = self.on_server * load / on_server[:, None]
        flow = self.on_link * carried / on_link[:, None]
        alpha, beta = time / slack, wire_time[remote] / slack[remote]

        loud = np.log(power)
        radio = np.log(np.expm1(u)) - np.log(self.gain) + np.log(disturbance) - loud
        value = np.concatenate([radio, loud - self.limit, np.log(on_server), np.log(on_link)])
        at_server, at_link = slice(2 * n, 2 * n + len(on_server)), slice(2 * n + len(on_server), len(value))
        users, pi, y, r = np.arange(n), slice(0, n), slice(n, 2 * n), slice(2 * n, self.size)

        bending = np.zeros((len(value), self.size))
        bending[:n, pi] = omega
        bending[at_server, y] = sigma * alpha
        bending[at_server, r] = sigma[:, remote] * beta
        bending[at_link, r] = -flow
        jacobian = bending.copy()
        jacobian[users, users] -= 1.0
        jacobian[users, n + users] = -u / fade
        jacobian[n + users, users] = 1.0

        diagonal = np.zeros_like(bending)
        diagonal[:n, pi] = omega
        diagonal[users, n + users] = u * (fade - u * np.exp(-u)) / fade**2
        diagonal[at_server, y] = sigma * (alpha + 2.0 * alpha**2)
        diagonal[at_server, r] = sigma[:, remote] * (beta + 2.0 * beta**2)
        diagonal[at_link, r] = flow
        mixed = 2.0 * (sigma.sum(axis=0) * alpha)[remote] * beta
        gradient = np.concatenate([share, share, np.zeros(len(remote))])
        return Rows(float(np.log(spent.sum())), value, gradient, jacobian, bending, diagonal, mixed)

    def hessian(self, at: Rows, multiplier: Array, *, objective: bool) -> Array:
        """Of the Lagrangian (v, v), with or without the objective."""
        n, r = self.n, 2 * self.n + np.arange(len(self.remote))
        lost = at.bending * np.sqrt(multiplier)[:, None]
        whole = np.diag(multiplier @ at.diagonal) - lost.T @ lost
        cross = at.mixed * multiplier[2 * n + self.server[self.remote]]
        whole[n + self.remote, r] += cross
        whole[r, n + self.remote] += cross
        if objective:
            share, users = at.gradient[:n], np.arange(n)
            whole -= np.outer(at.gradient, at.gradient)
            for one, other in ((0, 0), (0, n), (n, 0), (n, n)):
                whole[one + users, other + users] += share
        return np.asarray(whole)

    def below(self, x: Array, gradient: Array) -> float:
        """By how much (at most 0) a convex function of this gradient at ``x`` may fall inside the box."""
        return float(np.minimum(gradient * (self.low - x), gradient * (self.high - x)).sum())


def price(candidates: Candidates, member: BoolArray) -> Priced:
    """E(S) of members (n,) of a slot's candidates (no leading axes)."""
    nothing = np.zeros(candidates.count)
    free = np.zeros(candidates.n_bs), np.zeros(candidates.n_bs**2)
    if not member.any():
        return Priced(member, 0.0, 0.0, nothing, nothing, nothing, *free)
    unattainable = Priced(member, np.inf, np.inf, nothing, nothing, nothing, *free)
    program = Program(candidates, member)
    if program.empty:
        return unattainable
    start = equal_start(program)
    ended = interior(program, anywhere(program) if start is None else start, QUICK)
    if not (ended.converged or ended.impossible):
        inside = interior(program, anywhere(program), STEPS, lifted=True)
        ended = inside if inside.impossible else interior(program, inside.x, STEPS)
    if ended.impossible:
        return unattainable
    return finish(program, ended)


def anywhere(program: Program) -> Array:
    """A point of the domain: times and powers that add up to less than is there."""
    part = program.deadline
    power = np.full(program.n, 0.3 * np.exp(program.limit))
    return np.log(np.concatenate([power, 0.4 * part, 0.2 * part[program.remote]]))


def equal_start(program: Program) -> Array | None:
    """A point inside, with nearly all of every capacity in equal shares; None if that does not do."""
    candidates, member = program.candidates, program.member
    ones = np.ones(candidates.count)
    cpu, wire = (MARGIN * share for share in candidates.shares(member, ones, ones))
    time = candidates.uplink(member, cpu, wire)
    power, possible = candidates.least(member, time)
    loud = power[program.part] / MARGIN
    if not (possible and (loud < candidates.params.p_max * MARGIN).all()):
        return None
    wire_time = program.candidates.bits[program.part] / np.maximum(wire[program.part], 1e-300)
    return np.log(np.concatenate([loud, time[program.part], wire_time[program.remote]]))


@dataclass(frozen=True, eq=False)
class Ended:
    """Where the interior point method stopped: a point, its multipliers (m,), and the best bound that any proved."""

    x: Array
    multiplier: Array
    bound: float
    converged: bool = False
    impossible: bool = False


def interior(program: Program, x: Array, steps: int, *, lifted: bool = False) -> Ended:
    """Primal-dual interior point method with slacks, from any point of the domain.

    ``lifted``: lowers the worst row instead of the energy, and stops inside.
    """
    at = require(program.rows(x))
    level = float(at.value.max()) + 0.5 if lifted else 0.0
    slack = np.maximum(level - at.value, 0.05)
    multiplier = np.minimum(0.3 / slack, 10.0)
    best = Ended(x, multiplier, -np.inf)
    for _ in range(steps):
        weight = multiplier / multiplier.sum()
        if float(weight @ at.value) + program.below(x, at.jacobian.T @ weight) > 0.0:
            return replace(best, impossible=True)
        if lifted and at.value.max() < INSIDE:
            return replace(best, x=x, converged=True)
        if not lifted:
            slope = at.gradient + at.jacobian.T @ multiplier
            bound = at.objective + float(multiplier @ at.value) + program.below(x, slope)
            if bound >= best.bound:
                best = Ended(x, multiplier, bound)
            if abs(at.objective - best.bound) <= ACCURACY and at.value.max() <= ACCURACY:
                return Ended(x, best.multiplier, best.bound, converged=True)
        moved = advance(program, at, x, level, slack, multiplier, lifted=lifted)
        if moved is None:
            break
        at, x, level, slack, multiplier = moved
    return replace(best, x=x)


def require(at: Rows | None) -> Rows:
    """Rows of a start.

    Raises
    ------
    ValueError
        If the start lies outside the domain.
    """
    if at is None:
        raise ValueError("the start leaves no time for the processor")
    return at


def advance(
    program: Program, at: Rows, x: Array, level: float, slack: Array, multiplier: Array, *, lifted: bool
) -> tuple[Rows, Array, float, Array, Array] | None:
    """One Newton step of variables, slacks and multipliers, shortened until the residual falls; None if it cannot."""
    gap = at.value - level + slack
    target = CENTRING * float(slack @ multiplier) / len(slack)
    stiff = multiplier / slack
    gradient, jacobian = lift(at, lifted)
    matrix = (jacobian.T * stiff) @ jacobian
    matrix[: program.size, : program.size] += program.hessian(at, multiplier, objective=not lifted)
    matrix[np.diag_indices_from(matrix)] += 1e-12 * (1.0 + np.abs(np.diag(matrix)))
    step = -np.linalg.solve(matrix, gradient + jacobian.T @ (target / slack + stiff * gap))
    slack_step = -gap - jacobian @ step
    change = target / slack - multiplier - stiff * slack_step
    length = min(reach(slack, slack_step), reach(multiplier, change))
    before = residual(gradient + jacobian.T @ multiplier, gap, slack * multiplier - target)
    for _ in range(40):
        moved = x + length * step[: program.size]
        height = level + length * float(step[-1]) if lifted else 0.0
        there = program.rows(moved)
        if there is not None:
            dual, room = multiplier + length * change, slack + length * slack_step
            slope, rows = lift(there, lifted)
            after = residual(slope + rows.T @ dual, there.value - height + room, room * dual - target)
            if after <= (1.0 - ARMIJO * length) * before:
                return there, moved, height, np.maximum(room, height - there.value), dual
        length *= BACKTRACK
    return None


def lift(at: Rows, lifted: bool) -> tuple[Array, Array]:
    """Gradient and Jacobian; lifted: of the worst row's level, which is one more variable."""
    if not lifted:
        return at.gradient, at.jacobian
    gradient = np.zeros(at.jacobian.shape[1] + 1)
    gradient[-1] = 1.0
    return gradient, np.hstack([at.jacobian, -np.ones((len(at.value), 1))])


def reach(value: Array, change: Array) -> float:
    """The longest step, at most 1, that keeps all values positive, a little less than that."""
    falling = change < 0.0
    return min(1.0, TO_BORDER * float((-value[falling] / change[falling]).min(initial=np.inf)))


def residual(*parts: Array) -> float:
    """Norm of what is missing to stationarity, to the rows, and to the target complementarity."""
    return float(np.sqrt(sum(float(part @ part) for part in parts)))


def finish(program: Program, ended: Ended) -> Priced:
    """Least powers at the times found, and the multipliers of plain capacities.

    Times are first shortened by what they use too much of servers and wires, which is rounding. ``e^z >= 1 + z`` and
    ``c >= log(1 + c)`` turn the bound on logarithms into one on the energy itself.
    """
    candidates, part, n = program.candidates, program.part, program.n
    power, short, wire = program.split(ended.x)
    level = float((power * short).sum() / program.e0)
    time, wire_time = within(program, short, wire)
    least, possible = candidates.least(program.member, time, over=ROUNDING)
    upper = float(candidates.energy(least, time)) if possible and (time[part] > 0.0).all() else np.inf
    lower = level * max(1.0 + ended.bound - np.log(level), 0.0)
    lower = min(lower, upper)
    cpu_price, wire_price = np.zeros(candidates.n_bs), np.zeros(candidates.n_bs**2)
    if lower > 0.0:
        cpu_price[program.servers] = level * ended.multiplier[2 * n : 2 * n + len(program.servers)]
        wire_price[program.links] = level * ended.multiplier[2 * n + len(program.servers) :]
    return Priced(program.member, lower, upper, time, wire_time, least, cpu_price, wire_price)


def within(program: Program, short: Array, wire: Array) -> tuple[Array, Array]:
    """Uplink and wire times (n candidates,) that keep all capacities."""
    part, remote = program.part, program.remote
    used = program.on_server @ (program.work / (program.deadline - short - wire))
    longer = wire.copy()
    longer[remote] *= np.maximum((program.on_link @ (program.wire[remote] / wire[remote]))[program.link], 1.0)
    left = (program.deadline - short - wire) * np.maximum(used, 1.0)[program.server]
    time, wire_time = np.zeros(program.candidates.count), np.zeros(program.candidates.count)
    time[part], wire_time[part] = program.deadline - left - longer, longer
    return time, wire_time


def served(candidates: Candidates, priced: Priced) -> tuple[Array, Array]:
    """Wires [bit/s] and processors [cycle/s] (n,) with which the members keep their deadlines."""
    left = candidates.deadline - priced.time - priced.wire_time
    on_wire = priced.member & candidates.remote
    wire = np.where(on_wire, candidates.bits / np.where(on_wire, priced.wire_time, 1.0), 0.0)
    cpu = np.where(priced.member, candidates.work / np.where(priced.member, left, 1.0), 0.0)
    return wire, cpu
