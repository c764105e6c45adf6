"""The best split of a server's processor among its twins, in finite steps.

Minimise ``sum w_i / f_i`` subject to ``sum f_i <= F`` and ``f_i >= g_i``: at the optimum f_i = max(g_i, u sqrt(w_i)).
With the users in decreasing order of ``g_i / sqrt(w_i)`` and the first m on their floors, the rest shares the level
``u_m = (F - sum of these floors) / sum of the other sqrt(w)``. While floor m + 1 is above ``u_m sqrt(w)`` the next
level is lower; once it is not, no further level is lower. So u is the least ``u_m``.
"""

from __future__ import annotations

import numpy as np

from dtbench.arrays import Array, BoolArray

TOLERANCE = 1e-8  # relative: what floors may exceed a processor by and still count as fitting
TRACE = 1e-9


def level(member: Array | BoolArray, floor: Array, root: Array, cpu: Array) -> tuple[Array, BoolArray]:
    """Levels u of servers, and whether the floors fit.

    Parameters
    ----------
    member
        (..., n) who is on the server, in decreasing order of ``floor / root``; or fractions in [0, 1] of users.
    floor
        (..., n) finite least shares g [cycle/s].
    root
        (..., n) square roots of the effective work w [cycle^0.5].
    cpu
        (...) processor F [cycle/s].

    Returns
    -------
    level, fits
        (...) each. Where the floors do not fit the level is that of the plain square-root rule, F / sum sqrt(w);
        without members it is inf.
    """
    g, r = member * floor, member * root
    total = r.sum(axis=-1)
    fits = g.sum(axis=-1) <= cpu * (1.0 + TOLERANCE)
    with np.errstate(divide="ignore", invalid="ignore"):
        free = cpu[..., None] - (np.cumsum(g, axis=-1) - g)
        others = total[..., None] - (np.cumsum(r, axis=-1) - r)
        least = np.where(member > 0, free / others, np.inf).min(axis=-1, initial=np.inf)
        plain = np.where(total > 0.0, cpu / total, np.inf)
    # Whoever has no floor still gets a trace of a processor that the floors of others use up.
    return np.where(fits, np.maximum(least, TRACE * plain), plain), fits


def cost(member: BoolArray, floor: Array, root: Array, cpu: Array) -> tuple[Array, BoolArray]:
    """V = sum w_i / f_i (...) [s] of servers under the best split, and whether the floors fit.

    Arguments as in :func:`level`.
    """
    u, fits = level(member, floor, root, cpu)
    floor = np.where(fits[..., None], floor, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.maximum(floor, u[..., None] * root)
        return np.where(member, root**2 / share, 0.0).sum(axis=-1), fits
