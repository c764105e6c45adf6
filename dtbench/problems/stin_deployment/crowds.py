"""A bound by how many users are in the cloud, for slots whose strong model is too large to be solved.

If between a and b users are in the cloud, each of them waits at least ``q_i(a)``. On a device the s-th twin costs,
under the even split, its own ``e + s w`` and the loads of the s - 1 twins before it, which are at least the s - 1 least
loads that there are; under the optimal split ``e + w + 2 sqrt(w) sum sqrt(w)`` of those before it. So the total latency
is at least that of an assignment of users to places: at home, the places of devices, and b places in the cloud. The
range of numbers is halved, where the bound is least, until time is up or one number is left.
"""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass

import numpy as np

from dtbench import anytime
from dtbench.arrays import Array
from dtbench.problems.stin_deployment.model import StinSlot, cloud_latency

LARGE = 100_000  # users times levels, above which this bound is worked out


@dataclass(frozen=True)
class Places:
    """What users save against their own devices: ``saving`` (I, P) [s] on P places of devices; ``own`` (I,) [s]."""

    slot: StinSlot
    own: Array
    saving: Array

    @classmethod
    def of(cls, slot: StinSlot) -> Places:
        """The places of a slot without leading axes."""
        rooms = np.minimum(slot.cap_end, slot.n_users)
        host = np.repeat(np.arange(slot.n_end), rooms)
        rank = np.arange(host.size) - np.repeat(np.cumsum(rooms) - rooms, rooms)  # twins before it
        even = slot.params.split == "even"
        size = slot.load if even else np.sqrt(slot.load)
        before = np.concatenate([np.zeros((1, slot.n_end)), np.cumsum(np.sort(size, axis=0), axis=0)])[rank, host]
        own, link, load = slot.own[:, None], slot.link[:, host], slot.load[:, host]
        cost = link + (load * (1 + rank) + before if even else load + 2.0 * np.sqrt(load) * before)
        return cls(slot, slot.own, np.maximum(own - cost, 0.0))

    def bound(self, least: int, most: int) -> float:
        """Total latency [s] at least, if no fewer than ``least`` and no more than ``most`` users are in the cloud."""
        from scipy.optimize import linear_sum_assignment  # its import takes as long as that of all the rest

        there = np.maximum(self.own - cloud_latency(self.slot, max(least, 1)), 0.0)
        count = min(most, int((there > 0.0).sum()))
        saving = np.concatenate([self.saving, np.repeat(there[:, None], count, axis=1)], axis=1)
        user, place = linear_sum_assignment(saving, maximize=True)
        return float(self.own.sum() - saving[user, place].sum())


def crowd_bound(slot: StinSlot, upper: float, until: float) -> float:
    """A lower bound [s] of the total latency, not above ``upper``; -inf if there is no time for any.

    It stops when the clock (``time.perf_counter``) says ``until`` [s], and tells what it has (:mod:`dtbench.anytime`).
    """
    proved = -np.inf
    if time.perf_counter() >= until:
        return proved
    places = Places.of(slot)
    ranges = [(places.bound(0, slot.n_users), 0, slot.n_users)]
    while ranges:
        bound, least, most = ranges[0]
        proved = min(bound, upper)
        anytime.report(bound=proved)
        if least == most or bound >= upper or time.perf_counter() >= until:
            break
        heapq.heappop(ranges)
        middle = (least + most) // 2
        for some in ((least, middle), (middle + 1, most)):
            heapq.heappush(ranges, (max(bound, places.bound(*some)), *some))
    return proved
