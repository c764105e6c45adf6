"""The exact slot method: branch and bound over success sets, every set priced by its convex program.

The bound of a node is that of :mod:`.sets`: the price of who is in, and what each other user adds at least. With many
candidates the search is left to :mod:`.branch_and_cut`, where each node has a linear relaxation of its own
(:mod:`.relaxation`).
"""

from __future__ import annotations

import heapq
import itertools
import time

import numpy as np

from dtbench.arrays import BoolArray
from dtbench.problems.mec_synchronization.branch_and_cut import branch_and_cut
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.convex import Priced
from dtbench.problems.mec_synchronization.linear import Linear, Solved, relax
from dtbench.problems.mec_synchronization.sets import (
    Node,
    Prices,
    SearchResult,
    Tell,
    best_flips,
    best_swaps,
    node_bound,
    untold,
)

FEW, MOST = 26, 80  # candidates; in between, the linear relaxation is worth its time
RELAXING = 0.3  # share of the time that it may take at the root


def branch_and_bound(
    candidates: Candidates, start: BoolArray, gap: float, seconds: float, offset: float = 0.0, tell: Tell = untold
) -> SearchResult:
    """Best first over sets until the bound is within ``gap`` of cost plus ``offset`` [E_0], or time is over.

    Parameters
    ----------
    start
        (n,) a set to begin the local search from.
    gap
        Relative.
    offset
        A constant of the cost, which counts in the gap.
    tell
        Is called with each better set, and with bounds.
    """
    until, prices = time.perf_counter() + seconds, Prices(candidates)
    best = best_flips(prices, start, until, tell)
    cost = prices.total(best.member)
    nothing = np.zeros(candidates.count, dtype=bool)
    if FEW < candidates.count <= MOST:
        best, found = _begin(prices, best, until, tell)
        cost = prices.total(best.member)
        if found is not None:
            return branch_and_cut(prices, best, *found, gap, offset, until, tell)
    numbers = itertools.count()
    heap = [Node(0.0, next(numbers), nothing, ~candidates.valid)]
    closed, nodes = np.inf, 0
    while heap and time.perf_counter() < until:
        node = heapq.heappop(heap)
        goal = cost - gap * (cost + offset)
        if node.bound >= goal:
            closed = min(closed, node.bound)
            break
        nodes += 1
        tell(None, min(node.bound, closed))
        if np.isinf(prices.of(node.member).lower):
            continue
        if prices.total(node.member) < cost:
            best = best_flips(prices, node.member, until, tell)
            cost = prices.total(best.member)
        bound, least, out = node_bound(prices, node, best.member)
        bound = max(bound, node.bound)
        undecided = candidates.valid & ~node.member & ~out
        if bound >= cost - gap * (cost + offset) or not undecided.any():
            closed = min(closed, bound)
            continue
        k = int(np.where(undecided, prices.value - least, -np.inf).argmax())
        # Who is out by d_k(I) is judged anew in each child: d_k of a larger set need not be larger.
        inside, outside = node.member.copy(), node.out.copy()
        inside[k] = outside[k] = True
        for member, away in ((inside, node.out), (node.member, outside)):
            heapq.heappush(heap, Node(bound, next(numbers), member, away))
    floor = min([cost, closed, *(node.bound for node in heap)])
    return SearchResult(best, cost, floor, nodes, len(prices.sets))


def _begin(prices: Prices, best: Priced, until: float, tell: Tell) -> tuple[Priced, tuple[Linear, Solved] | None]:
    """A better set, and the linear relaxation, of a slot with many candidates; None if there was no time for an LP."""
    now = time.perf_counter()
    best = best_swaps(prices, best.member, now + RELAXING * (until - now), tell)
    now = time.perf_counter()
    found = relax(prices.candidates, best, now + RELAXING * (until - now))
    if found is not None:
        served = found[1].relaxed.served > 0.5
        if np.isfinite(prices.of(served).upper):
            rounded = best_flips(prices, served, until, tell)
            best = min(best, rounded, key=lambda priced: prices.total(priced.member))
    return best, found
