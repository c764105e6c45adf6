"""Rules for ``satellite-offloading``: functions of a slot, for any leading axes."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from dtbench import anytime
from dtbench.arrays import IntArray
from dtbench.problems.satellite_offloading.allocation import (
    longest_first,
    min_delay,
    proportional,
    round_channels,
    speeds,
)
from dtbench.problems.satellite_offloading.completion import Completion, complete
from dtbench.problems.satellite_offloading.genes import decision_of, random_genes
from dtbench.problems.satellite_offloading.model import OffloadingDecision, OffloadingSlot, evaluate
from dtbench.problems.satellite_offloading.neighbours import Neighbours
from dtbench.problems.satellite_offloading.repair import repair
from dtbench.problems.satellite_offloading.terms import Terms

COMPLETED = 24  # neighbours of one step of local search that are completed exactly
DRAWS = 200  # random decisions before the last one is repaired


def greedy(slot: OffloadingSlot) -> OffloadingDecision:
    """In proportion to the data: channels, satellites (LPT by D at speeds f_j / f_max), shares; repaired."""
    slot = slot[...]
    bits = slot.data_bits
    channels = round_channels(slot.params.n_channel * bits / bits.sum(axis=-1, keepdims=True), slot.params.n_channel)
    assoc = longest_first(bits, speeds(slot))
    share = proportional(bits, assoc, slot.n_sat)
    return repair(slot, OffloadingDecision(channels=channels, assoc=assoc, share=share))


def lpt_convex(slot: OffloadingSlot) -> OffloadingDecision:
    """The association of the minimum-delay decision, its channels and shares completed exactly."""
    start = min_delay(slot)
    decisions = []
    for index in np.ndindex(slot.batch_shape):
        done = complete(Terms.of(slot[index]), start.assoc[index][None])
        decisions.append(done.decision(0) if np.isfinite(done.objective[0]) else start[index])
    return _joined(decisions, slot.batch_shape)


def local_search(slot: OffloadingSlot, start: OffloadingDecision | None = None) -> OffloadingDecision:
    """Steepest descent over moves of one UAV and swaps of two, shares and channels completed exactly.

    From the association of ``start``; by default from the better of LPT by sqrt(D) and LPT by D. Members of a batch one
    after the other.
    """
    slot = slot[...]
    decisions = []
    every = list(np.ndindex(slot.batch_shape))
    for number in anytime.members(len(every)):
        index = every[number]
        begin = starts(slot[index]) if start is None else np.asarray(start.assoc[index])[None]
        done = descend(Terms.of(slot[index]), begin)
        decisions.append(done.decision(0) if np.isfinite(done.objective[0]) else min_delay(slot[index]))
    return _joined(decisions, slot.batch_shape)


def starts(slot: OffloadingSlot) -> IntArray:
    """LPT by sqrt(D) and by D, (2, N)."""
    speed = speeds(slot)
    return np.stack([
        longest_first(np.sqrt(slot.data_bits), np.sqrt(speed)), longest_first(np.asarray(slot.data_bits), speed)
    ])  # fmt: skip


def descend(terms: Terms, start: IntArray, until: float = np.inf) -> Completion:
    """Local search from the best of ``start`` (S, N): the completion (one row) that no neighbour betters.

    Neighbours are screened by their bound in closed form; the best :data:`COMPLETED` of those below the incumbent are
    completed. At ``until`` [s, of ``time.perf_counter``] the search stops with the best so far.
    """
    best = _best(complete(terms, start))
    _told(best)
    while time.perf_counter() < until:
        near = promising(terms, best.assoc[0], float(best.objective[0]))
        if not len(near):
            return best
        neighbour = _best(complete(terms, near))
        if not neighbour.objective[0] < best.objective[0] * (1.0 - 1e-12):
            return best
        best = neighbour
        _told(best)
    return best


def promising(terms: Terms, assoc: IntArray, value: float) -> IntArray:
    """Neighbours (K, N) of an association (N,) whose bound is below ``value``, the best :data:`COMPLETED` of them."""
    near = Neighbours.of(assoc, terms.n_sat)
    bound = near.bounds(terms)
    order = np.argsort(bound, kind="stable")[:COMPLETED]
    return near.assoc(order[bound[order] < value])


def _told(best: Completion) -> None:
    """Tell whoever listens of a completion (one row)."""
    if np.isfinite(best.objective[0]):
        anytime.report(lambda: best.decision(0))


def random_decision(slot: OffloadingSlot, rng: np.random.Generator) -> OffloadingDecision:
    """Random decisions, drawn again until they are feasible, at most :data:`DRAWS` times; the last one is repaired."""
    slot = slot[...]
    lead = slot.batch_shape
    drawn = _raw(slot, rng, lead)
    waiting = ~evaluate(slot, drawn).feasible
    for _ in range(DRAWS - 1):
        if not waiting.any():
            break
        again = _raw(slot, rng, lead)
        which = waiting[..., None]
        drawn = OffloadingDecision(
            channels=np.where(which, again.channels, drawn.channels),
            assoc=np.where(which, again.assoc, drawn.assoc),
            share=np.where(which, again.share, drawn.share),
        )
        waiting &= ~evaluate(slot, again).feasible
    return repair(slot, drawn)


def _raw(slot: OffloadingSlot, rng: np.random.Generator, lead: tuple[int, ...]) -> OffloadingDecision:
    """One random decision of each slot, as :func:`random_genes` has them."""
    return decision_of(slot, random_genes(slot.n_uav, slot.n_sat, slot.params.n_channel, rng, lead))


def _best(done: Completion) -> Completion:
    """The row with the least objective."""
    row = slice(k := int(done.objective.argmin()), k + 1)
    return Completion(done.objective[row], done.assoc[row], done.share[row], done.channels[row])


def _joined(decisions: list[OffloadingDecision], lead: tuple[int, ...]) -> OffloadingDecision:
    """Decisions of all members of a batch, in order, as one with leading axes ``lead``."""

    def shaped(name: str) -> Any:
        return np.stack([getattr(each, name) for each in decisions]).reshape(*lead, -1)

    return OffloadingDecision(channels=shaped("channels"), assoc=shaped("assoc"), share=shaped("share"))
