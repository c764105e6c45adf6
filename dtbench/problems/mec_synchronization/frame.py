"""Placing twins for a whole frame: what a placement costs, the best one found, and a bound for every one.

With the queue of the frame's start, slots are independent once hosts are given: the cost of a placement is the mean of
the slots' optima with its migrations. This looks at the frame's future, which a policy cannot.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from dtbench.arrays import Array, IntArray
from dtbench.problems.mec_synchronization import heuristics
from dtbench.problems.mec_synchronization.branch_and_bound import branch_and_bound
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.model import MecDecision, MecSlot, evaluate
from dtbench.problems.mec_synchronization.pooled import pooled

SAMPLE = 17  # slots of a frame on which the local search prices placements


@dataclass(frozen=True)
class Placement:
    """Hosts (K,), cost of the frame (mean of the slots) if priced as said, and a bound of every placement."""

    host: IntArray
    cost: float
    bound: float


def under(slots: MecSlot, host: IntArray) -> MecSlot:
    """Slots (S,) of a frame in order, if the twins went to ``host`` (..., K) at its start: (..., S).

    ``slots.host`` are the hosts before; who moves is not served in the first slots.
    """
    slots = slots[...]
    length = slots.batch_shape[0]
    hosts = np.broadcast_to(host[..., None, :], (*host.shape[:-1], length, host.shape[-1]))
    left = slots.params.migration_slots - np.arange(length)[:, None]
    moving = np.where(hosts != slots.host, np.maximum(left, 0), 0)
    closed = np.zeros(slots.frame_start.shape, dtype=bool)
    return replace(slots, host=hosts, moving=moving, frame_start=closed)


def greedy_cost(slots: MecSlot, host: IntArray, sample: IntArray) -> Array:
    """Mean over a sample of the frame's slots of what ``greedy`` pays (...,) for hosts (..., K)."""
    some = under(slots, host)[..., sample]
    return np.asarray(evaluate(some, heuristics.greedy(some)).objective.mean(axis=-1))


def exact_cost(slots: MecSlot, host: IntArray, gap: float, seconds: float) -> tuple[float, float, list[MecDecision]]:
    """Cost of a placement (K,), its bound, and the decisions, slot by slot."""
    from dtbench.problems.mec_synchronization.exact import decision_of

    placed = under(slots, host)
    total, floor, decisions = 0.0, 0.0, []
    for index in range(placed.batch_shape[0]):
        slot = placed[index]
        candidates = Candidates.of(slot, slot.host)
        best = branch_and_bound(candidates, heuristics.admitted(candidates), gap, seconds, float(candidates.lost))
        decisions.append(decision_of(slot, candidates, slot.host, best.best))
        total += (best.cost + float(candidates.lost)) / slot.n_users
        floor += (best.bound + float(candidates.lost)) / slot.n_users
    return total / len(decisions), floor / len(decisions), decisions


def pooled_bound(slots: MecSlot, gap: float, seconds: float) -> float:
    """A bound of the frame's mean for every placement: slots with one server for all."""
    slots, total = slots[...], 0.0
    for index in range(slots.batch_shape[0]):
        candidates = pooled(slots[index])
        start = heuristics.admitted(candidates)
        total += branch_and_bound(candidates, start, gap, seconds).bound / slots.n_users
    return total / slots.batch_shape[0]


def spread_sample(length: int) -> IntArray:
    """At most SAMPLE slots, evenly over the frame, the first among them."""
    return np.unique(np.linspace(0, length - 1, min(length, SAMPLE)).astype(np.int64))


def local_search(slots: MecSlot, start: IntArray, seconds: float = np.inf) -> IntArray:
    """From hosts (K,), the best host of one user after the other, priced by ``greedy_cost``, until nobody moves."""
    until = time.perf_counter() + seconds
    bs, sample = slots.n_bs, spread_sample(slots.batch_shape[0])
    host = start.copy()
    cost = float(greedy_cost(slots, host, sample))
    stale, user = 0, 0
    while stale < len(host) and time.perf_counter() < until:
        options = np.repeat(host[None], bs, axis=0)
        options[:, user] = np.arange(bs)
        costs = greedy_cost(slots, options, sample)
        best = int(costs.argmin())
        if costs[best] < cost - 1e-12:
            host, cost, stale = options[best], float(costs[best]), 0
        else:
            stale += 1
        user = (user + 1) % len(host)
    return host


def place(slots: MecSlot, gap: float = 1e-4, seconds: float = np.inf) -> Placement:
    """The best placement found of a frame: local searches from the hosts before and from the nearest; priced exactly.

    The bound is the pooled one.
    """
    before = np.asarray(slots[0].host)
    near = nearest_at_start(slots)
    finalists = {tuple(local_search(slots, start, seconds / 4.0).tolist()) for start in (before, near)}
    finalists |= {tuple(before.tolist())}
    priced = [(exact_cost(slots, np.array(host), gap, seconds)[0], host) for host in finalists]
    cost, host = min(priced)
    return Placement(np.array(host), cost, pooled_bound(slots, gap, seconds))


def nearest_at_start(slots: MecSlot) -> IntArray:
    """m(k) (K,) in the frame's first slot."""
    return slots[0].access
