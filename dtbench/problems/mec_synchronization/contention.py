"""What a user adds to the energy of a set whose members have to share their processors.

Let I be a set, k another user, and ``a_k(t)`` what k adds to the least energy of I in uplink times t, Eqs. (7)-(9).
With lam the multipliers of processors and wires at the optimum of I, and ``f_k``, ``w_k`` what k takes of them,

    E(S) >= E(I) + sum over k in S - I of d_k(I),
    d_k(I) = min over t in T(I + k) of a_k(t) + lam_h f_k + lam_l w_k,

where T(I + k) are the times that processors leave to I + k, Eq. (14h), if each of these users has its wire for itself.

Proof.

1. Take the optimum of S, with times t. At fixed times the least powers are a sum over interference paths, with weights
   that are not negative, so E_t is supermodular: ``E_t(S) >= E_t(I) + sum over k in S - I of a_k(t)``.
2. In this optimum I has at most what S - I leaves of processors and wires, and the Lagrangian of I is least at E(I):
   ``E_t(I) >= E(I) + sum over k in S - I of lam_h f_k + lam_l w_k``.
3. Users of I + k share processors with all of S, so t is in T(I + k) for every k: each term is at least its minimum.

The minimum is bounded from below. The weight of a path is a product of powers of ``gamma_i(t_i)``, times ``t`` of its
first user: ``a_k`` is convex in the logarithms y of times, and falls. For each of some intervals of ``t_k``, the radio
gets the long end and the processor what the short end leaves. Then a tangent in the y of I, at the times of its
optimum, is minimised over T by a price nu_h for each processor; any price gives a lower bound:

    a_k(t) >= a_k(t0) + sum over h of sum over i on h of min over y of (nu_h f_i(y) - kappa_i (y - y0_i))
              - sum over h of nu_h (1 - f_k),

with f_k only on the processor of k, and ``kappa_i = - d a_k / d y_i >= 0``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dtbench.arrays import Array, IntArray
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.convex import Priced

FACTORS = (0.5, 0.75, 1.0, 1.3, 2.0)  # of the guessed prices nu; the best one counts
LEAST_ROOM = 1e-3  # 1 minus the gain of the loop through a user and the set, for a tangent
TINY, HUGE = 1e-300, 1e12


@dataclass(frozen=True, eq=False)
class Radio:
    """The members (s,) of a set in uplink times: least powers, their worth, and what both come from."""

    part: IntArray
    time: Array
    theta: Array
    inverse: Array  # A^-1 (s, s)
    power: Array  # [W]
    spent: Array  # (s,) what one more watt asked of each costs in all [s]
    steep: Array  # (s,) - d log gamma / d y, at least 1

    @classmethod
    def of(cls, candidates: Candidates, part: IntArray, time: Array) -> Radio | None:
        """Powers of users ``part`` in times (s,) [s]; None if there are none."""
        p = candidates.params
        exponent = np.log(2.0) * candidates.bits[part] / (p.bandwidth * time)
        theta = np.expm1(exponent) / candidates.gain[part]
        matrix = np.eye(len(part)) - theta[:, None] * candidates.cross[np.ix_(part, part)]
        try:
            inverse = np.linalg.inv(matrix)
        except np.linalg.LinAlgError:
            return None
        if not (np.isfinite(inverse).all() and (inverse >= -1e-12).all()):
            return None
        steep = exponent / -np.expm1(-exponent)
        return cls(part, time, theta, inverse, inverse @ (theta * p.noise), time @ inverse, steep)

    def slopes(self, power: Array, spent: Array) -> Array:
        """``- dE / dy`` (..., s) [W s] of powers and their worth (..., s)."""
        return power * (self.steep * spent - self.time)


def least_added(candidates: Candidates, priced: Priced, others: IntArray, begin: Array, end: Array) -> Array:
    """Lower bounds (q,) [E_0] of what users add to a set that has been priced; 0 where the tangent says nothing.

    Parameters
    ----------
    others
        (q,) users, each as often as there are intervals for it.
    begin, end
        (q,) [s] intervals of their own uplink times.
    """
    part, p = np.flatnonzero(priced.member), candidates.params
    radio = Radio.of(candidates, part, priced.time[part])
    if radio is None:
        return np.zeros(begin.shape)
    users, at = np.unique(others, return_inverse=True)
    into = radio.theta[:, None] * candidates.cross[np.ix_(part, users)]  # (s, m): what k's power asks of members
    heard = candidates.cross[np.ix_(users, part)]  # (m, s)
    louder, dearer = (radio.inverse @ into).T, heard @ radio.inverse  # (m, s)
    reached, caused = (heard @ radio.power + p.noise)[at], (radio.spent @ into)[at]
    theta = np.expm1(np.log(2.0) * candidates.bits[others] / (p.bandwidth * end)) / candidates.gain[others]
    room = 1.0 - theta * (heard * louder).sum(axis=-1)[at]
    possible = room > LEAST_ROOM
    amplified = np.where(possible, theta / np.where(possible, room, 1.0), 0.0)
    loud, asked = amplified * reached, amplified * (end + caused)
    power = radio.power + louder[at] * loud[:, None]
    spent = radio.spent + dearer[at] * asked[:, None]
    steeper = (radio.slopes(power, spent) - radio.slopes(radio.power, radio.spent)) / p.e0  # kappa (q, s)
    taken = candidates.work[others] / p.f_max / (alone_time(candidates, others) - begin)
    added = (end + caused) * loud / p.e0
    return np.where(possible, added + slower(candidates, priced, radio, np.maximum(steeper, 0.0), others, taken), 0.0)


def alone_time(candidates: Candidates, part: IntArray) -> Array:
    """Time (s,) [s] that a wire of their own leaves to the radio and the processor."""
    return candidates.deadline[part] - candidates.remote[part] * candidates.bits[part] / candidates.params.w_link


def slower(candidates: Candidates, priced: Priced, radio: Radio, kappa: Array, others: IntArray, taken: Array) -> Array:
    """By how much (q,) [E_0], at most 0, the tangent falls where members share processors in another way.

    ``kappa`` (q, s) [E_0] are slopes by members, ``taken`` (q,) what each of ``others`` takes of its processor.
    """
    part, time = radio.part, radio.time
    servers, server = np.unique(candidates.server[part], return_inverse=True)
    at = np.arange(len(servers))[:, None] == server  # (h, s)
    own = np.maximum(radio.slopes(radio.power, radio.spent), 0.0) / candidates.params.e0
    price = priced.cpu_price[servers] / np.maximum(at @ own, TINY)
    price = (kappa @ at.T) * price  # (q, h): as if the slopes were in proportion to those of the set itself
    left = 1.0 - (candidates.server[others][:, None] == servers) * taken[:, None]
    best = np.full(left.shape, -np.inf)
    work, whole = candidates.work[part] / candidates.params.f_max, alone_time(candidates, part)
    low, high = shortest(candidates, part), candidates.longest[part]
    for factor in FACTORS:
        nu = factor * price
        each = least_of_time(kappa, nu[:, server] * work, time, whole, low, high)
        best = np.maximum(best, each @ at.T - nu * left)
    return np.minimum(best, 0.0).sum(axis=-1)


def shortest(candidates: Candidates, part: IntArray) -> Array:
    """Uplink time (s,) [s] that P_max against noise alone takes."""
    p = candidates.params
    return np.log(2.0) * candidates.bits[part] / p.bandwidth / np.log1p(p.p_max * candidates.gain[part] / p.noise)


def least_of_time(kappa: Array, scarce: Array, time: Array, whole: Array, low: Array, high: Array) -> Array:
    """``min over t in [low, high] of scarce / (whole - t) - kappa log(t / time)``, for any leading axes.

    The derivative is 0 where ``scarce t = kappa (whole - t)^2``, a quadratic equation.
    """
    ratio = np.minimum(kappa / np.maximum(scarce, TINY), HUGE) * whole
    best = np.clip(ratio * whole / (ratio + 0.5 + np.sqrt(ratio + 0.25)), low, high)
    return scarce / (whole - best) - kappa * np.log(best / time)
