"""Success sets of a slot: what serving them costs, a bound of all larger sets, and local search.

Let I be a set of candidates, and S a set that contains I. The bound of a node is

    E(S) >= E(I) + sum over k in S - I of d_k(I),

where d_k(I) is what k adds at least, with its part of processors and wires at the prices of I (proof in
:mod:`.contention`). A first d_k(I) leaves all users the longest conceivable uplink times,

    d_k(I) = min over t of E_tb(I + k at t) - E_tb(I)
             + (sqrt(lam_h D_k C_k / F) + sqrt(lam_l D_k / W))^2 / (tau_k - t),

with tb these times, E_tb(I) the least energy of I in them, and lam the multipliers of processors and wires at the
optimum of I. Who is worth more than that is looked at again, in times that processors leave to I and k.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from dtbench.arrays import Array, BoolArray, portions
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.completion import complete
from dtbench.problems.mec_synchronization.contention import least_added, shortest
from dtbench.problems.mec_synchronization.convex import Priced, price

INTERVALS = 12  # of a user's own uplink time in d_k
IMPROVES = 1e-9  # relative; less is rounding
POINTS, PRICED = 8, 3  # looked at by the quick completion of sets; sets that are priced
WORK = 2**27  # numbers times candidates of the equations that are solved at once: some tenths of a second


@dataclass(frozen=True, eq=False)
class Increments:
    """What a set says about larger ones: d_k (n,), price terms at t = 0 (n,), E_tb of the set; all [E_0]."""

    least: Array
    floor: Array
    radio: float


class Prices:
    """E(S) and d(S) of the sets of one slot's candidates (no leading axes), each computed once."""

    def __init__(self, candidates: Candidates) -> None:
        self.candidates = candidates
        self.value = np.where(candidates.valid, candidates.value, 0.0)
        self.longest = candidates.longest
        self.theta = candidates.gamma(self.longest) / candidates.gain  # of the longest times
        self.sets: dict[bytes, Priced] = {}
        self.larger: dict[bytes, Increments] = {}
        self.shortest = shortest(candidates, np.arange(candidates.count))

    def of(self, member: BoolArray) -> Priced:
        """E(S)."""
        key = member.tobytes()
        if key not in self.sets:
            self.sets[key] = price(self.candidates, member)
        return self.sets[key]

    def total(self, member: BoolArray) -> float:
        """Cost of serving exactly these members: E(S) and the worth of all others."""
        return self.of(member).upper + float(self.value[~member].sum())

    def inverse(self, member: BoolArray) -> Array | None:
        """A^-1 (s, s) of the least powers in the longest times; None if not even those are attainable."""
        part = np.flatnonzero(member)
        matrix = np.eye(len(part)) - self.theta[part, None] * self.candidates.cross[np.ix_(part, part)]
        if not np.isfinite(matrix).all():
            return None
        try:
            inverse = np.linalg.inv(matrix)
        except np.linalg.LinAlgError:
            return None
        return np.asarray(inverse) if (inverse >= -1e-12).all() else None

    def increments(self, member: BoolArray) -> Increments:
        """d_k(I) of all others (n,), infinite where k can never join I; 0 for members."""
        key = member.tobytes()
        if key not in self.larger:
            self.larger[key] = self._increments(member)
        return self.larger[key]

    def _increments(self, member: BoolArray) -> Increments:
        candidates, p, priced = self.candidates, self.candidates.params, self.of(member)
        part = np.flatnonzero(member)
        cpu = np.sqrt(priced.cpu_price[candidates.server] * candidates.work / p.f_max)
        wire = np.sqrt(
            np.where(candidates.remote, priced.wire_price[candidates.link] * candidates.bits / p.w_link, 0.0)
        )
        scarce = (cpu + wire) ** 2
        inverse = self.inverse(member)
        if inverse is None:
            return Increments(np.where(member, 0.0, np.inf), scarce / candidates.deadline, np.inf)
        power = inverse @ (self.theta[part] * p.noise)
        spent = self.longest[part] @ inverse
        into = self.theta[part, None] * candidates.cross[part]  # (s, n): what k's power asks of the members
        reached = candidates.cross[:, part] @ power + p.noise  # (n,): disturbance of k without k
        echo = np.einsum("ks,sk->k", candidates.cross[:, part], inverse @ into)
        caused = spent @ into

        edges = np.linspace(0.0, 1.0, INTERVALS + 1)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            grid = self.shortest[:, None] + edges * np.maximum(self.longest - self.shortest, 0.0)[:, None]
            begin, end = grid[:, :-1], grid[:, 1:]
            theta = (
                np.stack([candidates.gamma(end[:, i]) for i in range(INTERVALS)], axis=-1) / candidates.gain[:, None]
            )
            room = 1.0 - theta * echo[:, None]
            loud = theta * reached[:, None] / room
            radio = (end + caused[:, None]) * loud / p.e0
            price_part = scarce[:, None] / (candidates.deadline[:, None] - begin)
            possible = (room > 0.0) & (loud <= p.p_max * (1.0 + 1e-9)) & candidates.valid[:, None]
        possible &= ~member[:, None] & (self.longest >= self.shortest)[:, None]
        whole = np.where(possible, radio + price_part, np.inf)
        pays = whole < self.value[:, None]
        if pays.any() and priced.cpu_price.any():
            contended = least_added(candidates, priced, np.nonzero(pays)[0], begin[pays], end[pays])
            whole[pays] = np.maximum(whole[pays], contended + price_part[pays])
        radio_of_set = float(self.longest[part] @ power / p.e0)
        return Increments(np.where(member, 0.0, whole.min(axis=-1)), scarce / candidates.deadline, radio_of_set)

    def cut(self, member: BoolArray, kept: BoolArray) -> Array | None:
        """Lower bounds from a larger set H = ``kept``: see :func:`node_bound`. First E_tb(H), then rem_j (n,) [E_0]."""
        part = np.flatnonzero(kept)
        inverse = self.inverse(kept)
        if inverse is None:
            return None
        p = self.candidates.params
        power = inverse @ (self.theta[part] * p.noise)
        spent = self.longest[part] @ inverse
        leaves = np.zeros(self.candidates.count + 1)
        leaves[0] = self.longest[part] @ power / p.e0
        leaves[1 + part] = spent * power / np.diag(inverse) / p.e0
        return leaves


@dataclass(order=True)
class Node:
    """Users in for good, users out for good, and a bound of all that is left open [E_0]."""

    bound: float
    number: int
    member: BoolArray = field(compare=False)
    out: BoolArray = field(compare=False)


@dataclass(frozen=True)
class SearchResult:
    """The best set, its cost and a bound of every cost [E_0]; nodes and convex programs."""

    best: Priced
    cost: float
    bound: float
    nodes: int
    programs: int


def untold(best: Priced | None, bound: float) -> None:
    """For searches that nobody is told of."""


Tell = Callable[[Priced | None, float], None]  # a better set, or None; and a bound of every cost [E_0], NaN for none


def best_flips(prices: Prices, member: BoolArray, until: float = np.inf, tell: Tell = untold) -> Priced:
    """From a set, the single admission or removal that lowers the cost most, until none does.

    At ``until`` [s, of ``time.perf_counter``] the set so far is taken. ``tell`` is called with each better set.
    """
    n, users = prices.candidates.count, np.flatnonzero(prices.candidates.valid)
    better: Priced | None = prices.of(member)
    if np.isinf(prices.of(member).upper):
        better = prices.of(np.zeros_like(member))
    while better is not None:
        best = better
        tell(best, np.nan)
        better = cheapest(prices, best, best.member ^ (np.arange(n) == users[:, None]), until)
        if better is not None:  # where not all are compared at once, those that have waited longest come first
            users = np.roll(users, -1 - int(np.flatnonzero((better.member ^ best.member)[users])[0]))
    return best


def cheapest(prices: Prices, best: Priced, sets: BoolArray, until: float) -> Priced | None:
    """The cheapest of sets (R, n), if it costs less than the best one; None also if time is over.

    They are compared by :func:`complete`, which is quick; the best few are priced. Where there are many candidates, not
    all are compared: the first better one of some is taken.
    """
    n, cost = prices.candidates.count, prices.total(best.member) * (1.0 - IMPROVES)
    for part in portions(len(sets), n**3, WORK):
        if time.perf_counter() >= until:
            break
        some = sets[part]
        quick = complete(prices.candidates.rows((len(some),)), some, POINTS).energy + ~some @ prices.value
        for row in np.argsort(quick, kind="stable")[:PRICED].tolist():
            if quick[row] < cost and prices.total(some[row]) < cost:
                return prices.of(some[row])
    return None


def best_swaps(prices: Prices, member: BoolArray, until: float = np.inf, tell: Tell = untold) -> Priced:
    """Flips, and the best exchange of two users where none of these helps, until nothing does."""
    best = best_flips(prices, member, until, tell)
    candidates = prices.candidates
    while time.perf_counter() < until:
        inside, outside = np.flatnonzero(best.member), np.flatnonzero(candidates.valid & ~best.member)
        outside = outside[candidates.alone()[outside] < prices.value[outside]]
        leaves, joins = (pair.ravel() for pair in np.meshgrid(inside, outside, indexing="ij"))
        if not len(leaves):
            break
        sets = np.repeat(best.member[None], len(leaves), axis=0)
        each = np.arange(len(leaves))
        sets[each, leaves], sets[each, joins] = False, True
        better = cheapest(prices, best, sets, until)
        if better is None:
            break
        best = best_flips(prices, better.member, until, tell)
    return best


def node_bound(prices: Prices, node: Node, incumbent: BoolArray) -> tuple[float, Array, BoolArray]:
    """A bound of every set between ``member`` and not ``out``, d_k (n,), and who is out here.

    The first bound adds min(v_k, d_k) for everybody undecided. The second starts from the set H of members and
    undecided users of the incumbent: E_tb is supermodular, so it falls by at most rem_j when j leaves H.
    """
    priced, larger = prices.of(node.member), prices.increments(node.member)
    value, valid = prices.value, prices.candidates.valid
    out = node.out | (valid & ~node.member & (larger.least >= value))
    open_ = valid & ~node.member & ~out
    lost = float(value[out].sum())
    bound = priced.lower + lost + float(np.minimum(value, larger.least)[open_].sum())
    kept = node.member | (open_ & incumbent)
    added = kept & ~node.member
    if added.any() and np.isfinite(larger.radio):
        leaves = prices.cut(node.member, kept)
        if leaves is not None:
            stay = larger.floor + np.minimum(0.0, value - leaves[1:] - larger.floor)
            others = open_ & ~kept
            second = priced.lower - larger.radio + leaves[0] + lost + float(stay[added].sum())
            bound = max(bound, second + float(np.minimum(value, larger.least)[others].sum()))
    return bound, larger.least, out
