"""The best split of a server's processor among its twins, in finite steps.

Minimise ``sum w_i / f_i`` subject to ``sum f_i <= F`` and ``f_i >= g_i``: at the optimum f_i = max(g_i, u sqrt(w_i)).
With the users in decreasing order of ``g_i / sqrt(w_i)`` and the first m on their floors, the rest shares the level
``u_m = (F - sum of these floors) / sum of the other sqrt(w)``. While floor m + 1 is above ``u_m sqrt(w)`` the next
level is lower; once it is not, no further level is lower. So u is the least ``u_m``.
"""

from __future__ import annotations

import math

import numpy as np

from dtbench.arrays import Array, BoolArray, Index, IntArray, pick, spread, take
from dtbench.problems.edge_association.system import flat_index

TOLERANCE = 1e-8  # relative: what floors may exceed a processor by and still count as fitting
TRACE = 1e-9
FIRST_LEVELS = 8  # of a server that are looked at for every user; few have more users on their floors


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
        before_g, before_r = np.cumsum(g, axis=-1), np.cumsum(r, axis=-1)
        free = cpu[..., None] - np.subtract(before_g, g, out=before_g)
        others = total[..., None] - np.subtract(before_r, r, out=before_r)
        least = np.where(member > 0, free / others, np.inf).min(axis=-1, initial=np.inf)
        plain = np.where(total > 0.0, cpu / total, np.inf)
    # Whoever has no floor still gets a trace of a processor that the floors of others use up.
    return np.where(fits, np.maximum(least, TRACE * plain), plain), fits


def balance(assoc: IntArray, floor: Array, root: Array, cpu: Array) -> tuple[Array, BoolArray, Array]:
    """Levels u of all servers under an association, whether the floors fit, and their sum.

    Who is below the floor at the plain level F / sum sqrt(w) is put on it, the rest shares what is left, and so on. The
    level falls from round to round, so nobody leaves the floor again, and the last level is that of :func:`level`. It
    needs no order of the users: few rounds over users alone, where :func:`level` sorts all users of every server.

    Parameters
    ----------
    assoc
        (..., N) server of each user in [0, M).
    floor, root
        (..., N) as in :func:`level`, of every user on the own server.
    cpu
        (..., M) processors F [cycle/s].

    Returns
    -------
    level, fits, held
        (..., M) each; the first two as in :func:`level`. The leading axes are those of ``assoc``.
    """
    shape = (*assoc.shape[:-1], cpu.shape[-1])
    server, size = flat_index(assoc, shape[-1]), math.prod(shape)
    g, r = spread(floor, assoc.shape).ravel(), spread(root, assoc.shape).ravel()
    processor = spread(cpu, shape).ravel()
    held, total = np.bincount(server, g, size), np.bincount(server, r, size)
    fits = held <= processor * (1.0 + TOLERANCE)
    ratio = (g if fits.all() else np.where(fits[server], g, 0.0)) / r
    floored = np.zeros(g.shape, dtype=bool)
    with np.errstate(divide="ignore", invalid="ignore"):
        u = plain = processor / total
        others, below = total, ratio > u[server]
        while below.any():
            floored |= below
            others = np.bincount(server, np.where(floored, 0.0, r), size)
            u = (processor - np.bincount(server, np.where(floored, g, 0.0), size)) / others
            below = (ratio > u[server]) & ~floored
    u = np.maximum(np.where(others > 0.0, u, 0.0), TRACE * plain)
    return u.reshape(shape), fits.reshape(shape), held.reshape(shape)


def cost(member: BoolArray, floor: Array, root: Array, cpu: Array) -> tuple[Array, BoolArray]:
    """V = sum w_i / f_i (...) [s] of servers under the best split, and whether the floors fit.

    Arguments as in :func:`level`.
    """
    u, fits = level(member, floor, root, cpu)
    floor = np.where(fits[..., None], floor, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.maximum(floor, u[..., None] * root)
        return np.where(member, root**2 / share, 0.0).sum(axis=-1), fits


def toggled(member: BoolArray, floor: Array, root: Array, cpu: Array) -> Array:
    """V (Q, n) [s] of servers (Q,) once one user has joined or left, for each of n users; inf where floors do not fit.

    Arguments as in :func:`level`, with one leading axis. Equal to :func:`cost` of every changed membership up to
    rounding, but looks at members only: sums over those before a user in the order change with it, or those after.
    """
    count = member.sum(axis=-1)
    most = max(1, int(count.max(initial=0)))
    before: IntArray = np.cumsum(member, axis=-1) - member  # (Q, n): members with a higher floor / root
    listed = np.argsort(~member, axis=-1, kind="stable")[:, :most]
    there = take(member, listed)
    g, r = np.where(there, take(floor, listed), 0.0), np.where(there, take(root, listed), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        slow = np.where(g > 0.0, r**2 / g, 0.0)  # cost on the floor
    g_sum, r_sum, slow_sum = (np.pad(np.cumsum(v, axis=-1), ((0, 0), (1, 0))) for v in (g, r, slow))
    g_all, r_all = g_sum[:, -1:], r_sum[:, -1:]

    sign = np.where(member, -1.0, 1.0)
    g_new, r_new = sign * floor, sign * root

    def lowest(q: Index, users: Index, width: int) -> tuple[Array, IntArray]:
        """The least of the first levels of servers ``q``, at the members of these ranks, and whose it is."""
        ahead = np.arange(width) < before[users][..., None]  # levels of members before the user
        itself = member[users][..., None] & (np.arange(width) == before[users][..., None])
        free = (cpu[:, None] - g_sum[:, :width])[q] - np.where(ahead, 0.0, g_new[users][..., None])
        others = (r_all - r_sum[:, :width])[q] + np.where(ahead, r_new[users][..., None], 0.0)
        levels = np.where(there[:, :width][q] & ~itself, free / others, np.inf)
        at = levels.argmin(axis=-1)
        return pick(levels, at), at

    with np.errstate(divide="ignore", invalid="ignore"):
        fits = g_all + g_new <= cpu[:, None] * (1.0 + TOLERANCE)
        width = min(FIRST_LEVELS, most)
        least, bound = lowest((slice(None), None), slice(None), width)
        while width < most:  # levels fall, then rise: who has its least at the end of these looks at more
            more = np.nonzero(fits & (bound >= width - 2))
            if not more[0].size:
                break
            width = min(4 * width, most)
            least[more], bound[more] = lowest(more[0], more, width)
        own = (cpu[:, None] - take(g_sum, before)) / (r_all - take(r_sum, before) + root)
        own = np.where(member, np.inf, own)
        bound = np.where(own < least, before, bound)  # as many are on their floors
        u = np.maximum(np.minimum(least, own), TRACE * cpu[:, None] / (r_all + r_new))
        value = take(slow_sum, bound) + (r_all - take(r_sum, bound)) / u
        joins = root**2 / np.maximum(floor, u * root)
        leaves = np.where(before < bound, np.where(floor > 0.0, root**2 / floor, 0.0), root / u)  # as it is in the sums
        value = value + np.where(member, -leaves, joins)
    value = np.where(member & (count[:, None] == 1), 0.0, value)
    return np.where(fits, value, np.inf)
