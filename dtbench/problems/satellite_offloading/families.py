"""The families that the shares of satellites run through as T rises, and what Newton's methods need of them.

A satellite's shares are rho_i = y_i / sum y with ``1 / y^2 - s y = 1 / a_i``: log s is its place in the family. See
:mod:`.completion`, where the symbols are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dtbench.arrays import Array, BoolArray, IntArray, take

ROUNDS = 100  # most steps of a root search; bisection alone would need fewer than these
NARROW = 1e-9  # relative width of [P^2, N A] below which shares are equal anyway


@dataclass(frozen=True)
class Accuracy:
    """Where root searches stop.

    ``step``: of log(T - least); the objective is flat there, and exact to the square of this. ``price``: of
    log(price / beta), where a step would be noise: the root is often where the search starts. ``place``: of log s, the
    place of a satellite in its family. ``together``: whether all roots are searched at once first, see :mod:`.newton`.
    """

    step: float
    price: float
    place: float
    together: bool = False


FINE = Accuracy(step=1e-8, price=1e-13, place=1e-11)
QUICK = Accuracy(step=1e-4, price=1e-5, place=1e-5, together=True)
"""Objectives to about 1e-8 relative, ten times as quick."""


@dataclass(frozen=True, eq=False)
class Family:
    """What a place log s (S, M) in the families means.

    ``z`` 1 / y and ``slope`` its derivative by s, (S, N); ``total`` sum y and ``shrink`` its derivative by s, ``time``
    T and ``change`` its derivative by log s, (S, M).
    """

    z: Array
    slope: Array
    total: Array
    shrink: Array
    time: Array
    change: Array


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

    def sum(self, *values: Array) -> Array:
        """(len(values), S, M) sums over the UAVs of each satellite of values (S, N)."""
        stacked = np.empty((len(self.assoc), len(values), self.assoc.shape[-1]))
        for row, value in enumerate(values):
            stacked[:, row] = value
        return np.asarray(np.matmul(stacked, self.here).transpose(1, 0, 2))

    @cached_property
    def bends(self) -> BoolArray:
        """(S, M): whether there are T at which the capacity binds and shares are not equal."""
        widest = self.count * self.load
        return np.asarray(widest - self.root**2 > NARROW * widest)

    @cached_property
    def centre(self) -> Array:
        """log s (S, M) somewhere in the middle of the families."""
        return np.asarray(-1.5 * np.log(np.where(self.count > 0.0, self.load / np.maximum(self.count, 1.0), 1.0)))

    def tight(self, time: Array) -> BoolArray:
        """(S, M): whether the capacity binds at T (S,)."""
        return np.asarray((time[:, None] < self.count * self.load) & self.bends)

    @cached_property
    def curves(self) -> tuple[Array, Array, Array]:
        """1 / a, and what :func:`inverse_root` makes of it, (S, N) each."""
        inverse = 1.0 / self.work
        scale = np.sqrt(inverse / 3.0)
        return inverse, 2.0 * scale, 0.5 / scale**3

    def family(self, log_s: Array) -> Family:
        """The families at log s (S, M)."""
        s = np.exp(log_s)
        inverse, scale, unit = self.curves
        z = scale * scaled_root(take(s, self.assoc) * unit)
        slope, y = 1.0 / (3.0 * z**2 - inverse), 1.0 / z
        total, shrink, weighted, widened = self.sum(y, -slope * y**2, self.work * z, self.work * slope)
        change = (shrink * weighted + total * widened) * s
        return Family(z, slope, total, shrink, total * weighted, change)

    def position(self, time: Array, tight: BoolArray) -> Array:
        """log s (S, M) at which T (S,) is reached, where ``tight``; safeguarded Newton on a logit of T."""
        low_end, high_end = self.root**2, self.count * self.load
        wanted = _logit(time[:, None], low_end, high_end)
        log_s = self.centre if self.start is None else self.start.copy()
        low, high = self.centre - 60.0, self.centre + 60.0
        active = tight.copy()
        for _ in range(ROUNDS):
            if not active.any():
                break
            at = self.family(log_s)
            error = _logit(at.time, low_end, high_end) - wanted
            low, high = np.where(error < 0.0, log_s, low), np.where(error < 0.0, high, log_s)
            with np.errstate(all="ignore"):
                slope = at.change * (high_end - low_end) / ((at.time - low_end) * (high_end - at.time))
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
        at, s = self.family(log_s), np.exp(log_s)
        with np.errstate(all="ignore"):
            price = 2.0 / (s * at.total**3)
            price_slope = -price * (1.0 + 3.0 * s * at.shrink / at.total) / at.change
            slack = 2.0 * self.load**3 / time[:, None] ** 3
        price = np.where(tight, price, slack)
        price_slope = np.where(tight, price_slope, -3.0 * slack / time[:, None])
        return (self.cost * price).sum(axis=-1), (self.cost * price_slope).sum(axis=-1)

    def shares(self, time: Array, log_s: Array) -> tuple[Array, Array]:
        """Shares (S, N) at T (S,) and places log s (S, M) that fit it, and sum_j k_j E_j (S,)."""
        at = self.family(log_s)
        equal = take(self.load / time[:, None], self.assoc)
        family = 1.0 / (at.z * take(at.total, self.assoc))
        share = np.where(take(self.tight(time), self.assoc), family, equal)
        return share, (self.cost * self.sum(self.work * share**2)[0]).sum(axis=-1)


def inverse_root(s: Array, p: Array) -> Array:
    """The positive root z of ``z^3 - p z - s = 0`` for s >= 0, p > 0, in closed form."""
    scale = np.sqrt(p / 3.0)
    return np.asarray(2.0 * scale * scaled_root(0.5 * s / scale**3))


def scaled_root(t: Array) -> Array:
    """Half the greatest root of ``z^3 - 3 z - 2 t = 0`` for t >= 0: cos(arccos(t) / 3), or the same of cosh."""
    steep = np.cosh(np.arccosh(np.maximum(t, 1.0)) / 3.0)
    return np.asarray(np.where(t <= 1.0, np.cos(np.arccos(np.minimum(t, 1.0)) / 3.0), steep))


def _logit(value: Array, low: Array, high: Array) -> Array:
    """log((value - low) / (high - value)), finite at and beyond the ends."""
    with np.errstate(all="ignore"):
        return np.asarray(np.log(np.maximum(value - low, 1e-300)) - np.log(np.maximum(high - value, 1e-300)))
