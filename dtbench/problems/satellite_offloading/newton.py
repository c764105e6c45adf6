"""The best T and the places of satellites in their families, all at once by Newton's method, without brackets.

:func:`.completion.best_time` searches the places for each T that it tries. Here a round looks at the families once: at
places that need not fit T yet, it knows by how much they miss it, so the price of energy at T is extrapolated, and T
and places step together. That is quadratic near the solution, takes a quarter of the looks, and may fail.
"""

from __future__ import annotations

import numpy as np

from dtbench.arrays import Array
from dtbench.problems.satellite_offloading.families import Satellites

ROUNDS = 12  # then it has failed
FARTHEST = 3.0  # steps are cut at it
STEP, PLACE = 3e-3, 1e-3  # of log(T - least) and of log s: steps that are the last, as errors are like their squares
NEAR = 0.3  # of the way from the least T to where the capacity binds nowhere: the first T is no less


def together(sats: Satellites, beta: float, least: Array, limit: Array) -> tuple[Array, Array] | None:
    """T (S,) as :func:`.completion.best_time` finds it, and log s (S, M) at it; None if there is an S that failed."""
    low, high = sats.root**2, sats.count * sats.load
    cost, bends, load3 = sats.cost, sats.bends, sats.load**3
    work = load3 @ cost
    slack_time = np.cbrt(2.0 * work / beta)
    if not (work > 0.0).all():
        return None
    least_x, most_x = np.log(1e-13 * least), np.log(np.maximum(limit - least, 1e-13 * least))
    start = np.maximum(slack_time - least, NEAR * (high.max(axis=-1) - least))
    x, log_s = np.minimum(np.log(np.maximum(start, 1e-13 * least)), most_x), sats.centre
    with np.errstate(all="ignore"):
        for _ in range(ROUNDS):
            grown = np.exp(x)
            time = (least + grown)[:, None]
            at = sats.family(log_s)
            below, above = at.time - low, high - at.time
            here, slope = np.log(below / above), at.change * (high - low) / (below * above)  # of log(below / above)
            tight, wanted = bends & (time < high), np.log((time - low) / (high - time))
            missing = np.where(tight, (wanted - here) / slope, 0.0)
            s = np.exp(log_s)
            steep = -(1.0 + 3.0 * s * at.shrink / at.total)  # d log price / d log s
            price = np.where(tight, 2.0 / (s * at.total**3) * np.exp(steep * missing), 2.0 * load3 / time**3)
            by_time = (1.0 / (time - low) + 1.0 / (high - time)) / slope  # d log s / dT
            fall = price * np.where(tight, steep * by_time, -3.0 / time)
            paid, falls = price @ cost, fall @ cost
            new = x + within(-np.log(paid / beta) * paid / (falls * grown))
            new = np.minimum(np.maximum(new, least_x), most_x)
            time = (least + np.exp(new))[:, None]
            tight, wanted = bends & (time < high), np.log((time - low) / (high - time))
            move = np.where(tight, within((wanted - here) / slope), 0.0)
            log_s = log_s + move
            if (np.abs(new - x) <= STEP).all() and (np.abs(move) <= PLACE).all():
                return time[:, 0], log_s
            x = new
    return None


def within(step: Array) -> Array:
    """A step, cut."""
    return np.asarray(np.minimum(np.maximum(step, -FARTHEST), FARTHEST))
