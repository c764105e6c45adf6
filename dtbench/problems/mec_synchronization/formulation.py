"""A slot of ``mec-synchronization`` as a MILP: uplink times on levels, a bracket around the optimum.

The range of uplink times of user k is cut into intervals [a_l, b_l]. On level l the radio has the longest time b_l and
server and wire what the shortest one leaves, tau_k - a_l: the optimum of the MILP is a lower bound. Its set of users,
priced by the convex program, gives the upper one. Big-M rows keep the relaxation weak.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import sparse

from dtbench.anytime import Teller
from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.core import Limits
from dtbench.exact.linear import LinearModel
from dtbench.problems.mec_synchronization.candidates import Candidates

LEVELS = 8
TANGENTS = np.linspace(0.0, 1.0, 16)[1:-1]  # theta of the cuts that join wire and processor


@dataclass(frozen=True, eq=False)
class Grid:
    """Usable levels (c,): their users, ends of the interval [s], least ratio at the end, range of powers [W]."""

    user: IntArray
    begin: Array
    end: Array
    ratio: Array
    least: Array
    most: Array


@dataclass(frozen=True, eq=False)
class Bracket:
    """The set (n,) that the MILP picks and what it proves [E_0], summed over users that may be served."""

    member: BoolArray
    bound: float
    backend: str
    details: Mapping[str, Any] = field(default_factory=dict)


def grid(candidates: Candidates, levels: int, *, naive: bool = False) -> Grid:
    """Levels of every candidate (no leading axes) that its power can reach.

    A user that costs more than its failure is worth would be dropped: that bounds its power, unless ``naive``.
    """
    p = candidates.params
    shortest = np.log(2.0) * candidates.bits / (p.bandwidth * np.log1p(p.p_max * candidates.gain / p.noise))
    edge = np.linspace(0.0, 1.0, levels + 1)
    times = shortest[:, None] + edge * (candidates.longest - shortest)[:, None]
    user = np.repeat(np.arange(candidates.count), levels)
    begin, end = times[:, :-1].ravel(), times[:, 1:].ravel()
    ratio = np.stack([candidates.gamma(times[:, i + 1]) for i in range(levels)], axis=-1).ravel()
    worth = (
        np.full(len(user), p.p_max)
        if naive
        else np.minimum(p.p_max, candidates.value[user] * p.e0 / np.maximum(end, 1e-12))
    )
    least = ratio * p.noise / candidates.gain[user]
    keep = (candidates.valid & (candidates.longest > shortest))[user] & (least <= worth)
    return Grid(user[keep], begin[keep], end[keep], ratio[keep], least[keep], worth[keep])


def model(candidates: Candidates, on: Grid, n_users: int) -> LinearModel:
    """The MILP: columns z (levels), p (levels), then wires and processors of remote users as shares of capacity."""
    p, n, c = candidates.params, candidates.count, len(on.user)
    remote = np.flatnonzero(candidates.remote & candidates.valid)
    r = len(remote)
    z, power, wire, cpu = (slice(0, c), slice(c, 2 * c), slice(2 * c, 2 * c + r), slice(2 * c + r, 2 * c + 2 * r))
    width, each = 2 * c + 2 * r, np.arange(c)
    chosen = (np.arange(n)[:, None] == on.user).astype(float)  # (n, c): levels of a user

    once = np.zeros((n, width))
    once[:, z] = chosen
    above, below = np.zeros((c, width)), np.zeros((c, width))
    above[each, each], above[each, c + each] = -on.most, 1.0  # Eq. (14d)
    below[each, each], below[each, c + each] = -on.least, 1.0

    heard = candidates.cross @ chosen / p.noise
    loudest = np.zeros(n)
    np.maximum.at(loudest, on.user, on.most)
    big = candidates.cross @ loudest / p.noise
    radio = np.zeros((n, width))  # Eqs. (7), (8)
    radio[:, power] = chosen * (candidates.gain[:, None] / on.ratio) / p.noise - heard
    radio[:, z] = -chosen * (1.0 + big[:, None])

    theta = np.repeat(TANGENTS, r)
    who = np.tile(remote, len(TANGENTS))
    joint = np.zeros((len(who), width))  # Eq. (9)
    place = np.tile(np.arange(r), len(TANGENTS))
    rows = np.arange(len(who))
    joint[rows, 2 * c + place] = theta**2 * p.w_link / candidates.bits[who] * candidates.deadline[who]
    joint[rows, 2 * c + r + place] = (1.0 - theta) ** 2 * p.f_max / candidates.work[who] * candidates.deadline[who]
    joint[:, z] = -chosen[who] * candidates.deadline[who, None] / (candidates.deadline[on.user] - on.begin)

    servers, links = np.unique(candidates.server[candidates.valid]), np.unique(candidates.link[remote])
    room = np.zeros((len(servers), width))  # Eqs. (14g), (14h)
    use = candidates.work[on.user] / p.f_max / (candidates.deadline[on.user] - on.begin) * ~candidates.remote[on.user]
    room[:, z] = (servers[:, None] == candidates.server[on.user]) * use
    room[:, cpu] = servers[:, None] == candidates.server[remote]
    flow = np.zeros((len(links), width))  # Eqs. (14e), (14f)
    flow[:, wire] = links[:, None] == candidates.link[remote]

    parts = [once, above, below, radio, joint, room, flow]
    low = [np.full(n, -np.inf), np.full(c, -np.inf), np.zeros(c), -big, np.zeros(len(who))]
    high = [np.ones(n), np.zeros(c), np.full(c, np.inf), np.full(n, np.inf), np.full(len(who), np.inf)]
    low.append(np.full(len(servers) + len(links), -np.inf))
    high.append(np.ones(len(servers) + len(links)))
    cost = np.concatenate([-candidates.value[on.user], on.end / p.e0, np.zeros(2 * r)])
    upper = np.concatenate([np.ones(c), on.most, np.ones(2 * r)])
    worth = float(candidates.value[candidates.valid].sum() + candidates.lost)
    return LinearModel(
        cost=cost / n_users, lower=np.zeros(width), upper=upper, integer=np.arange(width) < c,
        rows=sparse.csr_array(np.vstack(parts)), row_lower=np.concatenate(low), row_upper=np.concatenate(high),
        offset=worth / n_users,
    )  # fmt: skip


def solve(candidates: Candidates, levels: int, limits: Limits, told: Teller | None = None) -> Bracket:
    """Solve the MILP of a slot's candidates (no leading axes) by HiGHS.

    ``told`` says what members (n,) and bounds [E_0, sum over users] mean to whoever listens.
    """
    from dtbench.exact.highs import solve_highs

    on = grid(candidates, levels)

    def members(x: Array) -> BoolArray:
        member = np.zeros(candidates.count, dtype=bool)
        member[on.user[x[: len(on.user)] > 0.5]] = True
        return member

    told = told or Teller(bound=None)
    decision = told.decision
    teller = Teller(None if decision is None else lambda x: decision(members(x)), told.bound)
    result = solve_highs(model(candidates, on, 1), limits, teller=teller)
    member = np.zeros(candidates.count, dtype=bool) if result.x is None else members(result.x)
    bound = max(result.bound - float(candidates.lost), 0.0) if np.isfinite(result.bound) else 0.0
    return Bracket(member, bound, result.backend, result.details)
