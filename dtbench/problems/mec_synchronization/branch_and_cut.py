"""Branch and cut over success sets, for slots with many candidates: each node is a linear relaxation of its own.

A node is a set of users who are in and a set of users who are out. Its LP (:mod:`.linear`) gets rows of paths that its
own point breaks; reduced costs then decide users whose other choice costs no less than the best set. The user to branch
on is the one whose two choices, tried on the LP, raise the bound most; what was learnt of a user a few times before
serves as the forecast. Where the LP serves nobody in part, its set is priced by the convex program.
"""

from __future__ import annotations

import heapq
import itertools
import time
from dataclasses import dataclass, field

import numpy as np

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.problems.mec_synchronization.convex import Priced
from dtbench.problems.mec_synchronization.linear import Linear, Solved
from dtbench.problems.mec_synchronization.sets import (
    Node,
    Prices,
    SearchResult,
    Tell,
    best_flips,
    node_bound,
)

NODE_ROUNDS = 3  # of rows, at each node
STALLED = 1e-3  # rise of the bound in a round, as part of what is missing to the best cost, after which no more follow
TRIED, KNOWN = 20, 4  # users whose choices are tried at a node; trials after which the forecast does
ROUNDED = 20  # nodes after which the set that the best node's LP serves is tried
PARTLY = 1e-4  # from here on a user is served in part
LEAST_RISE = 1e-6  # [E_0], so that the product of two rises tells


@dataclass(order=True)
class Open(Node):
    """A node that has been solved."""

    solved: Solved = field(compare=False)


class Forecast:
    """What leaving a user out (0) or letting it in (1) has raised the bound by, for each unit of its part served."""

    def __init__(self, n: int) -> None:
        self.total, self.count = np.zeros((2, n)), np.zeros((2, n), dtype=int)

    def learn(self, side: int, k: int, rise: float, part: float) -> None:
        """A choice of user k that changed its part by ``part`` has raised the bound by ``rise`` [E_0]."""
        self.total[side, k] += rise / max(part, 1e-3)
        self.count[side, k] += 1

    def score(self, served: Array) -> Array:
        """The product of the rises (n,) that both choices of each user promise."""
        mean = self.total.sum(axis=-1) / np.maximum(self.count.sum(axis=-1), 1)
        each = np.where(self.count > 0, self.total / np.maximum(self.count, 1), mean[:, None])
        rises = np.maximum(each * np.stack([served, 1.0 - served]), LEAST_RISE)
        return np.asarray(rises[0] * rises[1])


class Search:
    """The state of one search: the best set, and the nodes that are open."""

    def __init__(
        self, prices: Prices, best: Priced, linear: Linear, gap: float, offset: float, until: float, tell: Tell
    ) -> None:
        self.prices, self.linear, self.tell = prices, linear, tell
        self.gap, self.offset, self.until = gap, offset, until
        self.best, self.cost = best, prices.total(best.member)
        self.heap: list[Open] = []
        self.closed, self.nodes, self.numbers = np.inf, 0, itertools.count()
        self.forecast = Forecast(prices.candidates.count)

    @property
    def goal(self) -> float:
        """The bound [E_0] from which on a node is close enough to the best cost."""
        return self.cost - self.gap * (self.cost + self.offset)

    def push(self, bound: float, member: BoolArray, out: BoolArray, solved: Solved) -> None:
        """Open a node, or close it at once."""
        if bound >= self.goal:
            self.closed = min(self.closed, bound)
        else:
            heapq.heappush(self.heap, Open(bound, next(self.numbers), member, out, solved))

    def better(self, member: BoolArray) -> None:
        """Try a set; the best of its flips too if it is better than the best."""
        if member.tobytes() not in self.prices.sets and self.prices.total(member) < self.cost:
            self.best = best_flips(self.prices, member, self.until, self.tell)
            self.cost = self.prices.total(self.best.member)

    def run(self) -> SearchResult:
        """Best first, until nothing is open below the goal or time is over."""
        while self.heap and time.perf_counter() < self.until:
            node = heapq.heappop(self.heap)
            if node.bound >= self.goal:
                self.closed = min(self.closed, node.bound)
                break
            self.nodes += 1
            self.tell(None, min(node.bound, self.closed))
            if self.nodes % ROUNDED == 0:
                self.better(node.solved.relaxed.served > 0.5)
            self.divide(node)
        floor = min([self.cost, self.closed, *(node.bound for node in self.heap)])
        return SearchResult(self.best, self.cost, floor, self.nodes, len(self.prices.sets))

    def divide(self, node: Open) -> None:
        """Branch."""
        relaxed = node.solved.relaxed
        member, out = relaxed.decided(node.member, node.out, self.cost)
        served = relaxed.served
        free = ~member & ~out
        partly = np.flatnonzero(free & (np.minimum(served, 1.0 - served) > PARTLY))
        bound = node.bound
        if len(partly):
            k = self.choose(node, member, out, partly)
        else:
            self.better(served > 0.5)
            self.better(member)
            bound, least, out = self.priced(bound, member, out)
            free &= ~out
            if bound >= self.goal or not free.any():
                self.closed = min(self.closed, bound)
                return
            k = int(np.where(free, self.prices.value - least, -np.inf).argmax())
        for side in (0, 1):
            inside, outside = with_choice(member, out, k, side)
            solved = self.solve(inside, outside, bound)
            if solved is None:  # out of time
                self.push(bound, inside, outside, node.solved)
                continue
            rise = min(solved.relaxed.bound, self.goal) - bound
            self.forecast.learn(side, k, max(rise, 0.0), abs(side - served[k]))
            self.push(max(bound, solved.relaxed.bound), inside, outside, solved)

    def priced(self, bound: float, member: BoolArray, out: BoolArray) -> tuple[float, Array, BoolArray]:
        """The bound of a node by its convex program too, d_k (n,), and who is out."""
        if np.isinf(self.prices.of(member).lower):
            return np.inf, self.prices.value, out
        found, least, out = node_bound(self.prices, Node(bound, 0, member, out), self.best.member)
        return max(bound, found), least, out

    def solve(self, member: BoolArray, out: BoolArray, bound: float) -> Solved | None:
        """The LP of a node with some rounds of rows."""
        solved = self.linear.solve(member, out, self.until)
        for _ in range(NODE_ROUNDS):
            if solved is None or solved.point is None or solved.relaxed.bound >= self.goal:
                break
            if not self.linear.cut(solved.point, quick=True):
                break
            before, after = solved, self.linear.solve(member, out, self.until)
            if after is None:
                break
            solved = after
            if solved.relaxed.bound - before.relaxed.bound < STALLED * (self.cost - max(before.relaxed.bound, bound)):
                break
        return solved

    def choose(self, node: Open, member: BoolArray, out: BoolArray, partly: IntArray) -> int:
        """The user, of those served in part, to branch on."""
        served = node.solved.relaxed.served
        score = self.forecast.score(served)
        order = partly[np.argsort(-score[partly], kind="stable")]
        best, highest = int(order[0]), -np.inf
        for k in order[:TRIED].tolist():
            if self.forecast.count[:, k].min() < KNOWN:
                score[k] = 1.0
                for side in (0, 1):
                    tried = self.linear.solve(*with_choice(member, out, k, side), self.until)
                    if tried is None:
                        return best
                    rise = max(min(tried.relaxed.bound, self.goal) - node.bound, LEAST_RISE)
                    self.forecast.learn(side, k, rise, abs(side - served[k]))
                    score[k] *= rise
            if score[k] > highest:
                best, highest = k, score[k]
        return best


def with_choice(member: BoolArray, out: BoolArray, k: int, side: int) -> tuple[BoolArray, BoolArray]:
    """Copies in which user k is out (0) or in (1)."""
    inside, outside = member.copy(), out.copy()
    (inside if side else outside)[k] = True
    return inside, outside


def branch_and_cut(
    prices: Prices, best: Priced, linear: Linear, root: Solved, gap: float, offset: float, until: float, tell: Tell
) -> SearchResult:
    """From a set and the root's LP: see :func:`.branch_and_bound.branch_and_bound`.

    Who is not worth its energy alone has no column: it is out.
    """
    search = Search(prices, best, linear, gap, offset, until, tell)
    out = np.ones(prices.candidates.count, dtype=bool)
    out[linear.on.part] = False
    search.push(root.relaxed.bound, np.zeros_like(out), out, root)
    return search.run()
