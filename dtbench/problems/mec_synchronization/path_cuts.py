"""Linear lower bounds of what each user spends, over all sets that may be served: rows for :mod:`.relaxation`.

Let ``e_k(S, t)`` be what user k spends in the least powers of a set S in uplink times t, Eqs. (7)-(9), (13). It is a
sum over interference paths that begin at k. A path counts if all its users are in S; its weight is ``t_k`` times a
power of ``gamma_i(t_i)`` for each user i on it, times what does not depend on t. So, with y = log t:

1. For fixed t, ``e_k`` grows with S and is supermodular.
2. For fixed S it is convex in y, and falls in each y.
3. Both ``e_k`` and its slopes ``kappa_ki = - d e_k / d y_i`` are sums over paths with weights that are not negative. So
   what is lost when R leaves a set is at most the sum of what is lost when each of R leaves it alone.

A row is made from a core C, k in C, others U, and hastes ``g`` (:mod:`.relaxation`: ``h_i = log(tb_i / t_i)``, at most
``D_i``; tb are the longest times). For all S, with s_i = 1 for its users, and s_i = h_i = 0 for all others,

    e_k >= e_k(C, g) - sum over i in C of (1 - s_i) R_i + sum over i in C of kappa_ki(C, g) (h_i - g_i s_i)
           + sum over j in U of s_j A_j,

where ``A_j`` is what j adds to e_k(C) in the longest times, and R_i adds up what leaves with i: of ``e_k(C, g)``, of
every ``A_j``, and of ``kappa_kl(C, g) (D_l - g_l)`` for all l in C.

Proof. If k is not in S, the right side is at most 0, as ``R_k`` is all of it. If k is in S, then by 1
``e_k(S) >= e_k(C & S) + sum of what each of U & S adds to that``. What j adds is at least what it adds in the longest
times, which by 3 is ``A_j`` but for what has left with C - S. By 2, ``e_k(C & S)`` is at least its tangent at g. The
slopes of the tangent are those of C & S: they are smaller than those of C. Where ``h_l < g_l`` those of C give a lower
value still; where not, one that is too great by what leaves with C - S, times at most ``D_l - g_l``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.contention import Radio

LEVELS = (0.999, 0.9, 0.75, 0.6, 0.5, 0.35)  # who is served at least so much is a core
FEWER = (0, 3, 8)  # users that also leave cores which cannot be served together
HASTES = (0.0, 0.5, 1.0)  # parts of the haste at a point, where rows are drawn
SERVED = 0.02  # from here on a user counts among the others
VIOLATED = 2e-3  # [E_0]
PER_USER = 2  # rows of each user that a round adds
LARGEST = 1e4  # coefficient of a row
NEAR = 1e-6  # of a loop gain to 1


@dataclass(frozen=True, eq=False)
class Users:
    """Users of a relaxation: where they stand among the candidates (n,), tb (n,) [s], D (n,), and their worth (n,).

    ``favoured`` (n,) are users of a good set, who stay longest in a core that has to get smaller.
    """

    candidates: Candidates
    part: IntArray
    longest: Array
    most: Array
    value: Array
    favoured: BoolArray

    @property
    def n(self) -> int:
        """How many."""
        return len(self.part)


@dataclass(frozen=True, eq=False)
class Point:
    """A point of a relaxation: ``s``, ``h``, ``e`` (n,)."""

    served: Array
    haste: Array
    spent: Array


@dataclass(frozen=True, eq=False)
class Found:
    """Rows ``e_k >= least + coefficient @ (s, h)``: users k (m,), ``coefficient`` (m, 2 n), ``least`` (m,)."""

    user: IntArray
    coefficient: Array
    least: Array

    def __len__(self) -> int:
        return len(self.user)

    @classmethod
    def none(cls, n: int) -> Found:
        """No row of n users."""
        return cls(np.zeros(0, dtype=int), np.zeros((0, 2 * n)), np.zeros(0))


@dataclass(frozen=True, eq=False)
class Core:
    """Rows of all users k of a core (c,): e_k(C, g) (c,), losses R (c, c) and slopes (c, c) [E_0]; k comes first."""

    users: IntArray
    haste: Array
    spends: Array
    lost: Array
    slope: Array


@dataclass(frozen=True, eq=False)
class Joining:
    """What others (u,) add to a core in the longest times: A (c, u), and what of it leaves with i (c, u, c) [E_0]."""

    users: IntArray
    adds: Array
    lost: Array


def core_of(on: Users, users: IntArray, haste: Array) -> Core | None:
    """The rows of a core (c,) at hastes (c,); None if it cannot be served in these times even with all processors."""
    part = on.part[users]
    radio = Radio.of(on.candidates, part, on.longest[users] * np.exp(-haste))
    if radio is None:
        return None
    e0, inverse, power, time = on.candidates.params.e0, radio.inverse, radio.power, radio.time
    own, each = np.diag(inverse), np.arange(len(users))
    spends = time * power / e0
    lost = time[:, None] * inverse * (power / own) / e0
    lost[each, each] = spends
    if not haste.any():
        return Core(users, haste, spends, lost, np.zeros_like(lost))
    slope = time[:, None] * inverse * (radio.steep * power)
    slope[each, each] -= time * power
    ahead = np.maximum(on.most[users] - haste, 0.0)
    weight = radio.steep * ahead
    without = power[:, None] - inverse * (power / own)  # (l, i): power of l when i has left
    at_all = inverse @ (weight * power) - ahead * power
    echo = np.einsum("il,l,li->i", inverse, weight, without)
    after = inverse @ (weight[:, None] * without) - inverse * (echo / own) - ahead[:, None] * without
    flatter = at_all[:, None] - after
    flatter[each, each] = at_all
    return Core(users, haste, spends, lost + time[:, None] * np.maximum(flatter, 0.0) / e0, slope / e0)


def joining(on: Users, users: IntArray, others: IntArray) -> Joining | None:
    """What others (u,) add to a core (c,); who cannot join it at all adds nothing here."""
    candidates, part, joins = on.candidates, on.part[users], on.part[others]
    radio = Radio.of(candidates, part, on.longest[users])
    if radio is None or not len(others):
        return None
    p, inverse, power = candidates.params, radio.inverse, radio.power
    own = np.diag(inverse)
    theta = candidates.gamma(candidates.longest)[joins] / candidates.gain[joins]
    heard = candidates.cross[np.ix_(joins, part)]  # (u, c)
    louder = (inverse @ (radio.theta[:, None] * candidates.cross[np.ix_(part, joins)])).T  # (u, c)
    passed = heard @ inverse  # (u, c)
    reached, loop = heard @ power + p.noise, theta * (heard * louder).sum(axis=-1)
    joined = loop < 1.0 - NEAR
    loud = np.where(joined, theta * reached / np.where(joined, 1.0 - loop, 1.0), 0.0)
    reached_without = reached[:, None] - passed * power / own  # (u, i)
    loop_without = loop[:, None] - theta[:, None] * passed * louder / own
    loud_without = theta[:, None] * reached_without / np.maximum(1.0 - loop_without, NEAR)
    louder_without = louder[:, :, None] - (inverse / own)[None] * louder[:, None, :]  # (u, k, i)
    scale = radio.time[:, None] / p.e0
    adds = scale * (louder * loud[:, None]).T
    after = scale[:, :, None] * np.swapaxes(louder_without * loud_without[:, None, :], 0, 1)
    return Joining(others, adds, np.where(joined[None, :, None], np.maximum(adds[:, :, None] - after, 0.0), 0.0))


def violated(on: Users, at: Point, *, quick: bool = False) -> Found:
    """Rows that a point of the relaxation breaks most for their size: at most 2 of each user.

    Rows at half the haste lose less with users that leave, those at the whole are right where nobody does, as at the
    ends of a search. ``quick``: none of cores with one more user, which take most of the time.
    """
    offered: list[tuple[Rows, IntArray]] = []

    def offer(core: Core | None, join: Joining | None, only: int | None) -> None:
        if core is not None:
            rows = Rows.of(core, join, at)
            broken = rows.deep > 0.0
            offered.append((rows, np.flatnonzero(broken if only is None else broken & (core.users == only))))

    whole = np.minimum(at.haste / np.maximum(at.served, NEAR), on.most)
    hastes = [part * whole for part in HASTES]
    for users in cores(on, at, hastes):
        others = np.setdiff1d(np.flatnonzero(at.served > SERVED), users)
        join = joining(on, users, others)
        for haste in hastes:
            offer(core_of(on, users, haste[users]), join, None)
        for j in () if quick else others.tolist():
            more = np.append(users, j)
            join = joining(on, more, others[others != j])
            for haste in hastes[:2]:
                offer(core_of(on, more, haste[more]), join, j)
    return deepest(on, offered)


def deepest(on: Users, offered: list[tuple[Rows, IntArray]]) -> Found:
    """Of rows and which of them are broken, the deepest of each user."""
    if not offered:
        return Found.none(on.n)
    user = np.concatenate([rows.core.users[places] for rows, places in offered])
    deep = np.concatenate([rows.deep[places] for rows, places in offered])
    order = np.lexsort((-deep, user))
    rank = np.arange(len(user)) - np.searchsorted(user[order], user[order])
    chosen = np.zeros(len(user), dtype=bool)
    chosen[order[rank < PER_USER]] = True
    starts = np.cumsum([0, *(len(places) for _, places in offered)])
    kept = [(rows, places[chosen[a:b]]) for (rows, places), a, b in zip(offered, starts, starts[1:], strict=False)]
    coefficient = np.concatenate([rows.coefficient(places, on.n) for rows, places in kept])
    return Found(user[chosen], coefficient, np.concatenate([rows.least[places] for rows, places in kept]))


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a core's users (c,) with others (u,): what stands before s and h of both, and how deep they cut (c,).

    ``deep`` is 0 of rows that a point does not break, or that are too steep.
    """

    core: Core
    others: IntArray
    served: Array  # (c, c + u)
    least: Array
    deep: Array

    @classmethod
    def of(cls, core: Core, join: Joining | None, at: Point) -> Rows:
        """Of others, those count who add more to a row than leaves with them."""
        missing, served, haste = 1.0 - at.served[core.users], at.served[core.users], at.haste[core.users]
        lost, others, adds = core.lost, np.zeros(0, dtype=int), np.zeros((len(core.users), 0))
        value = core.slope @ (haste - core.haste * served)
        if join is not None:
            adds = np.where(join.adds * at.served[join.users] > join.lost @ missing, join.adds, 0.0)
            others, lost = join.users, lost + np.einsum("cu,cui->ci", adds > 0.0, join.lost)
            value = value + adds @ at.served[others]
        over = value + core.spends - lost @ missing - at.spent[core.users]
        on_served = np.concatenate([lost - core.slope * core.haste, adds], axis=-1)
        size = np.sqrt(1.0 + (on_served**2).sum(axis=-1) + (core.slope**2).sum(axis=-1))
        steep = np.maximum(np.abs(on_served).max(axis=-1), core.slope.max(axis=-1)) > LARGEST
        deep = np.where((over > VIOLATED) & ~steep, over / size, 0.0)
        return cls(core, others, on_served, core.spends - lost.sum(axis=-1), deep)

    def coefficient(self, places: IntArray, n: int) -> Array:
        """What stands before s and h of all n users in some of the rows (m, 2 n)."""
        whole = np.zeros((len(places), 2 * n))
        if len(places):
            whole[:, np.append(self.core.users, self.others)] = self.served[places]
            whole[:, n + self.core.users] = self.core.slope[places]
        return whole


def cores(on: Users, at: Point, hastes: list[Array]) -> list[IntArray]:
    """Cores to try at a point: users above some levels; where these cannot all be served, fewer of them."""
    tried = []
    for level in LEVELS:
        users = np.flatnonzero(at.served >= level)
        tried.append(users)
        for haste in reversed(hastes):  # who can be served in great haste can be in less
            fewer = smaller(on, users, haste)
            if not fewer:
                break
            tried += fewer
    tried.append(np.flatnonzero(on.favoured & (at.served > 0.3)))
    return list({users.tobytes(): users for users in tried if len(users)}.values())


def smaller(on: Users, users: IntArray, haste: Array) -> list[IntArray]:
    """If a core cannot be served: the most valuable of it who can, and somewhat fewer; else nothing."""
    order = users[np.lexsort((-on.value[users], ~on.favoured[users]))]

    def served(count: int) -> bool:
        part = order[:count]
        return Radio.of(on.candidates, on.part[part], on.longest[part] * np.exp(-haste[part])) is not None

    if served(len(order)):
        return []
    low, high = 0, len(order)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if served(middle) else (low, middle)
    return [np.sort(order[: low - fewer]) for fewer in FEWER if low > fewer]
