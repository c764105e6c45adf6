"""Exact completion of associations: the best channels and shares, batched over associations of one slot.

For a given T = T_train each satellite minimises ``sum_i a_i rho_i^2`` under ``sum_i a_i / rho_i <= T`` and
``sum_i rho_i <= 1``. With N_j UAVs, A = sum a, P = sum sqrt(a) on it: feasible iff T >= P^2; for T >= N_j A the
capacity is slack and all shares are A / T; between, the optimum is the one-parameter family rho_i = y_i / sum y with
``1 / y^2 - s y = 1 / a_i``, s >= 0, along which T rises from P^2 (s = 0) to N_j A, and -dE/dT = 2 / (s (sum y)^3).
One more root search finds the T at which the energy saved pays for the delay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dtbench.arrays import Array, BoolArray, IntArray, pick, take
from dtbench.exact.proof import Proof
from dtbench.problems.satellite_offloading.model import OffloadingDecision, on_satellite
from dtbench.problems.satellite_offloading.terms import Terms

ROUNDS = 100  # most steps of a root search; bisection alone would need fewer than these
NARROW = 1e-9  # relative width of [P^2, N A] below which shares are equal anyway


@dataclass(frozen=True)
class Accuracy:
    """Where root searches stop.

    ``step``: of log(T - least); the objective is flat there, and exact to the square of this. ``price``: of
    log(price / beta), where a step would be noise: the root is often where the search starts. ``place``: of log s, the
    place of a satellite in its family.
    """

    step: float
    price: float
    place: float


FINE = Accuracy(step=1e-8, price=1e-13, place=1e-11)
QUICK = Accuracy(step=1e-4, price=1e-5, place=1e-5)
"""Objectives to about 1e-8 relative, a few times as quick."""


@dataclass(frozen=True)
class Completion:
    """Best channels and shares of associations (S, N): ``objective`` (S,), inf where infeasible."""

    objective: Array
    assoc: IntArray
    share: Array
    channels: IntArray

    def decision(self, index: int) -> OffloadingDecision:
        """The decision of one association."""
        return OffloadingDecision(channels=self.channels[index], assoc=self.assoc[index], share=self.share[index])


def complete(terms: Terms, assoc: IntArray, accuracy: Accuracy = FINE) -> Completion:
    """Complete associations (S, N) in range: optimal among all decisions with them, to about 1e-10 relative if fine."""
    here = on_satellite(assoc, terms.n_sat).astype(float)
    work = pick(terms.work, assoc)
    if not terms.printed:
        return _closed(terms, assoc, here, work)
    load, root = terms.work * here, np.sqrt(terms.work) * here
    sats = Satellites(
        work=work, assoc=assoc, here=here, count=here.sum(axis=-2), load=load.sum(axis=-2), root=root.sum(axis=-2),
        cost=terms.rate_cost, accuracy=accuracy,
    )  # fmt: skip
    fullest = sats.count.max(axis=-1)
    least = (sats.root**2).max(axis=-1)
    objective, share = np.full(len(assoc), np.inf), np.ones(assoc.shape)
    point = np.zeros(len(assoc), dtype=np.int64)
    for p, cap in enumerate(terms.cap):
        limit = cap - terms.per_uav * fullest
        fits = np.flatnonzero(least <= limit)
        some = sats.take(fits)
        time = best_time(some, terms.beta, least[fits], limit[fits])
        shares, energy = some.shares(time)
        total = terms.beta * (time + terms.const + terms.per_uav * fullest[fits]) + energy + terms.point_cost[p]
        better = total < objective[fits]
        objective[fits[better]], point[fits[better]] = total[better], p
        share[fits[better]] = shares[better]
    return Completion(objective, assoc, share, terms.channels[point])


def completed(terms: Terms, assoc: IntArray) -> OffloadingDecision | None:
    """The best decision with an association (N,); None if there is none."""
    done = complete(terms, assoc[None])
    return done.decision(0) if np.isfinite(done.objective[0]) else None


def _closed(terms: Terms, assoc: IntArray, here: Array, work: Array) -> Completion:
    """The other readings: at T the shares are sqrt(a) P / T (delays added) or a / T (in parallel)."""
    objective, time, point = terms.closed(here)
    root = (np.sqrt(terms.work) * here).sum(axis=-2)
    share = work if terms.parallel else np.sqrt(work) * np.take_along_axis(root, assoc, axis=-1)
    return Completion(objective, assoc, share / time[:, None], terms.channels[point])


@dataclass
class Satellites:
    """Associations (S, N) of one slot: a of each UAV (S, N), and N_j, A_j, P_j (S, M), k_j (M,)."""

    work: Array
    assoc: IntArray
    here: Array
    count: Array
    load: Array
    root: Array
    cost: Array
    accuracy: Accuracy
    start: Array | None = None  # log s of the last root search, (S, M)

    def take(self, rows: IntArray) -> Satellites:
        """Some of the associations."""
        names = ("work", "assoc", "here", "count", "load", "root")
        return Satellites(**{name: getattr(self, name)[rows] for name in names}, cost=self.cost, accuracy=self.accuracy)

    def sum(self, values: Array) -> Array:
        """(S, M) sums over the UAVs of each satellite of values (S, N)."""
        return np.asarray(np.matmul(values[:, None, :], self.here)[:, 0, :])

    def tight(self, time: Array) -> BoolArray:
        """(S, M): whether the capacity binds at T (S,)."""
        widest = self.count * self.load
        return (time[:, None] < widest) & (widest - self.root**2 > NARROW * widest)

    def family(self, log_s: Array) -> tuple[Array, Array, Array, Array]:
        """1 / y (S, N) and its derivative by s, T (S, M) and its derivative by log s, at log s (S, M)."""
        s = take(np.exp(log_s), self.assoc)
        z = inverse_root(s, 1.0 / self.work)
        slope = 1.0 / (3.0 * z**2 - 1.0 / self.work)
        total, weighted = self.sum(1.0 / z), self.sum(self.work * z)
        change = -self.sum(slope / z**2) * weighted + total * self.sum(self.work * slope)
        return z, slope, total * weighted, change * np.exp(log_s)

    def position(self, time: Array, tight: BoolArray) -> Array:
        """log s (S, M) at which T (S,) is reached, where ``tight``; safeguarded Newton on a logit of T."""
        low_end, high_end = self.root**2, self.count * self.load
        wanted = _logit(time[:, None], low_end, high_end)
        centre = -1.5 * np.log(np.where(self.count > 0.0, self.load / np.maximum(self.count, 1.0), 1.0))
        log_s = centre if self.start is None else self.start.copy()
        low, high = centre - 60.0, centre + 60.0
        active = tight.copy()
        for _ in range(ROUNDS):
            if not active.any():
                break
            _, _, reached, change = self.family(log_s)
            error = _logit(reached, low_end, high_end) - wanted
            low, high = np.where(error < 0.0, log_s, low), np.where(error < 0.0, high, log_s)
            with np.errstate(all="ignore"):
                slope = change * (high_end - low_end) / ((reached - low_end) * (high_end - reached))
                new = log_s - error / slope
            new = np.where((new > low) & (new < high), new, 0.5 * (low + high))
            moved = np.where(active, new, log_s)
            active &= np.abs(moved - log_s) > self.accuracy.place
            log_s = moved
        self.start = log_s
        return log_s

    def saved(self, time: Array) -> tuple[Array, Array]:
        """-d/dT of sum_j k_j E_j (S,) at T (S,), and its own derivative by T."""
        tight = self.tight(time)
        log_s = self.position(time, tight)
        z, slope, _, change = self.family(log_s)
        s, total = np.exp(log_s), self.sum(1.0 / z)
        with np.errstate(all="ignore"):
            shrink = -self.sum(slope / z**2)
            price = 2.0 / (s * total**3)
            price_slope = -price * (1.0 + 3.0 * s * shrink / total) / change
            slack = 2.0 * self.load**3 / time[:, None] ** 3
        price = np.where(tight, price, slack)
        price_slope = np.where(tight, price_slope, -3.0 * slack / time[:, None])
        return (self.cost * price).sum(axis=-1), (self.cost * price_slope).sum(axis=-1)

    def shares(self, time: Array) -> tuple[Array, Array]:
        """Shares (S, N) at T (S,), and sum_j k_j E_j (S,)."""
        tight = self.tight(time)
        z, _, _, _ = self.family(self.position(time, tight))
        equal = take(self.load / time[:, None], self.assoc)
        family = 1.0 / (z * take(self.sum(1.0 / z), self.assoc))
        share = np.where(take(tight, self.assoc), family, equal)
        return share, (self.cost * self.sum(self.work * share**2)).sum(axis=-1)


def best_time(sats: Satellites, beta: float, least: Array, limit: Array) -> Array:
    """T (S,) in [least, limit] at which ``beta T + sum_j k_j E_j(T)`` is least.

    Newton on log(price / beta) over log(T - least), kept in a bracket: both are nearly linear in each other, near
    ``least``, where the price of energy is infinite, as well as far from it.
    """
    work = (sats.cost * sats.load**3).sum(axis=-1)
    if not work.any():
        return least
    far = np.maximum((sats.count * sats.load).max(axis=-1), np.cbrt(2.0 * work / beta))
    room = np.minimum(far, limit) - least
    low = np.log(1e-13 * least)
    high = np.log(np.maximum(room, 1e-13 * least))
    x = high.copy()
    active = np.ones(len(least), dtype=bool)
    for _ in range(ROUNDS):
        price, slope = sats.saved(least + np.exp(x))
        with np.errstate(all="ignore"):
            error = np.log(price / beta)
            new = x - error * price / (slope * np.exp(x))
        up = error > 0.0
        low, high = np.where(up, x, low), np.where(up, high, x)
        new = np.where((new > low) & (new < high), new, 0.5 * (low + high))
        moved = np.where(active & (np.abs(error) > sats.accuracy.price), new, x)
        active &= np.abs(moved - x) > sats.accuracy.step
        x = moved
        if not active.any():
            break
    return np.asarray(least + np.exp(x))


def inverse_root(s: Array, p: Array) -> Array:
    """The positive root z of ``z^3 - p z - s = 0`` for s >= 0, p > 0, in closed form."""
    scale = np.sqrt(p / 3.0)
    t = 0.5 * s / scale**3
    flat = np.cos(np.arccos(np.minimum(t, 1.0)) / 3.0)
    steep = np.cosh(np.arccosh(np.maximum(t, 1.0)) / 3.0)
    return np.asarray(2.0 * scale * np.where(t <= 1.0, flat, steep))


def _logit(value: Array, low: Array, high: Array) -> Array:
    """log((value - low) / (high - value)), finite at and beyond the ends."""
    with np.errstate(all="ignore"):
        return np.asarray(np.log(np.maximum(value - low, 1e-300)) - np.log(np.maximum(high - value, 1e-300)))


class Search(Proof):
    """The state of a proof, fed with completed decisions."""

    def offer(self, done: Completion) -> None:
        """Keep the best of completed decisions if the referee finds it feasible and better."""
        if len(done.objective) and np.isfinite(done.objective).any():
            self.consider(done.decision(int(done.objective.argmin())))
