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

from dtbench.arrays import Array, IntArray, pick
from dtbench.exact.proof import Proof
from dtbench.problems.satellite_offloading.families import FINE, ROUNDS, Accuracy, Satellites
from dtbench.problems.satellite_offloading.model import OffloadingDecision, on_satellite
from dtbench.problems.satellite_offloading.newton import together
from dtbench.problems.satellite_offloading.terms import Terms


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
        time, places = best_places(some, terms.beta, least[fits], limit[fits])
        shares, energy = some.shares(time, places)
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


def best_places(sats: Satellites, beta: float, least: Array, limit: Array) -> tuple[Array, Array]:
    """T (S,) as :func:`best_time` says, and the places log s (S, M) at it."""
    found = together(sats, beta, least, limit) if sats.accuracy.together and len(least) else None
    if found is None:
        time = best_time(sats, beta, least, limit)
        found = time, sats.position(time, sats.tight(time))
    return found


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


class Search(Proof):
    """The state of a proof, fed with completed decisions."""

    def offer(self, done: Completion) -> None:
        """Keep the best of completed decisions if the referee finds it feasible and better."""
        if len(done.objective) and np.isfinite(done.objective).any():
            self.consider(done.decision(int(done.objective.argmin())))
