"""Which satellite takes each UAV: an encoding of ``satellite-offloading`` that completes associations exactly.

Not in Li and Han (2025), whose actor gives channels and shares as well: once the association is known, the best
channels and shares are too (:mod:`.completion`). One controller scores pairs of UAV and satellite (N, M). The likely
associations, by the softmax of each UAV's scores, are compared by their bounds in closed form, which are a few 1e-4
below their prices, and the best is completed.

Equal satellites have no names. They get them from LPT by sqrt(D), which the controller is shown: what it says is how
the best association differs from that one.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, IntArray
from dtbench.core import AnyProblem, Limits
from dtbench.encoding import Bounds, Box, Encoding, Group, Observation
from dtbench.layout import Head, Layout, Part
from dtbench.problems.satellite_offloading.allocation import longest_first, min_delay, speeds
from dtbench.problems.satellite_offloading.completion import complete
from dtbench.problems.satellite_offloading.enumeration import partitions
from dtbench.problems.satellite_offloading.families import FINE, QUICK
from dtbench.problems.satellite_offloading.heuristics import descend, starts
from dtbench.problems.satellite_offloading.instance import OffloadingInstance, OffloadingParams
from dtbench.problems.satellite_offloading.model import OffloadingDecision, OffloadingSlot, feasible, on_satellite
from dtbench.problems.satellite_offloading.terms import Terms

CONTROLLER = "controller"
CERTAIN = 20.0  # greatest score
SURE = 10.0  # what a likely association may lose
LIKELY = 128  # associations that are compared
TIE = 1e-6  # added to the scores of LPT
FEW = 200_000  # associations, up to which the teacher looks at all partitions
OF_PAIR, OF_UAV, OF_SAT = 6, 4, 4  # features


@cache
def layout(n_uav: int, n_sat: int) -> Layout:
    """What is seen of pairs, UAVs and satellites, and what is said of pairs: see :func:`observe`."""
    return Layout(
        axes={"uav": n_uav, "sat": n_sat},
        parts=(
            Part("pair", ("uav", "sat"), OF_PAIR), Part("uav", ("uav",), OF_UAV), Part("sat", ("sat",), OF_SAT),
        ),
        heads=(Head("association", ("uav", "sat"), "choice"),),
    )  # fmt: skip


def encoding(p: OffloadingParams) -> Encoding:
    """One controller: a score in [-20, 20] for each pair, see :func:`decode`."""
    sets = layout(p.n_uav, p.n_sat)
    group = Group(CONTROLLER, 1, Box(sets.action_size, -CERTAIN, CERTAIN), sets.state_size)
    pair: Bounds = ((1, 0.0, 1.0), (2, 0.0, np.inf), (2, -1.0, np.inf), (1, 0.0, np.inf))
    uav: Bounds = ((2, 0.0, np.inf), (1, 0.0, 1.0), (1, 0.0, np.inf))
    sat: Bounds = ((2, -1.0, np.inf), (2, 0.0, np.inf))
    seen = pair * (p.n_uav * p.n_sat) + uav * p.n_uav + sat * p.n_sat
    bounds: dict[str, Bounds] = {CONTROLLER: seen, "state": seen}
    return Encoding((group,), decode, encode, observe=observe, bounds=bounds, layout=sets, teacher=teacher)


def named(slot: OffloadingSlot) -> IntArray:
    """LPT by sqrt(D) at speeds sqrt(f_j / f_max): the association (..., N) that names satellites."""
    return longest_first(np.sqrt(slot.data_bits), np.sqrt(speeds(slot)))


def observe(slot: OffloadingSlot) -> Observation:
    """The state, in the order of :func:`layout`; work a_ij and its root over the mean load of a satellite.

    Pair: whether LPT puts i on j; sqrt(a_ij); a_ij; by how much the sums of sqrt(a) and of a on j exceed the mean if i
    is there as well; N_j over the mean. UAV: sqrt(a) and a where LPT puts it; its place by falling data, over N;
    D_i / D_max. Satellite: by how much the sums exceed the mean; N_j over the mean; f_j / f_max.
    """
    slot = slot[...]
    n, m = slot.n_uav, slot.n_sat
    here = on_satellite(named(slot), m).astype(np.float64)
    work = np.asarray(slot.work, dtype=np.float64)
    root = np.sqrt(work)
    root, work = (v / (v.mean(axis=-1).sum(axis=-1) / m)[..., None, None] for v in (root, work))
    roots, loads = ((v * here).sum(axis=-2) for v in (root, work))
    count = here.sum(axis=-2) * m / n
    place = np.argsort(np.argsort(-slot.data_bits, axis=-1, kind="stable"), axis=-1)
    beside = [total[..., None, :] + v * (1.0 - here) - 1.0 for total, v in ((roots, root), (loads, work))]
    parts = {
        "pair": [here, root, work, *beside, np.broadcast_to(count[..., None, :], here.shape)],
        "uav": [*((v * here).sum(axis=-1) for v in (root, work)), place / n, slot.data_bits / slot.params.data_max],
        "sat": [roots - 1.0, loads - 1.0, count, np.broadcast_to(speeds(slot), count.shape)],
    }
    state = layout(n, m).join_state({k: np.stack(v, axis=-1) for k, v in parts.items()}, slot.batch_shape)
    return Observation(agents={CONTROLLER: state[..., None, :]}, masks={}, state=state)


def encode(slot: OffloadingSlot, decision: OffloadingDecision) -> Array:
    """Scores (..., N M) of a decision: 20 where a UAV is, else -20, under the names that fit LPT best."""
    slot = slot[...]
    lead = np.broadcast_shapes(decision.batch_shape, slot.batch_shape)
    n, m = slot.n_uav, slot.n_sat
    assoc, start = (np.broadcast_to(v, (*lead, n)).reshape(-1, n) for v in (decision.assoc, named(slot)))
    speed = np.broadcast_to(speeds(slot), (*lead, m)).reshape(-1, m)
    here = np.array([on_satellite(renamed(*row), m) for row in zip(assoc, start, speed, strict=True)])
    return np.where(here, CERTAIN, -CERTAIN).reshape(*lead, n * m)


def renamed(assoc: IntArray, start: IntArray, speed: Array) -> IntArray:
    """The association (N,) under other names of equal satellites: those under which it fits ``start`` (N,) best.

    Among equals, satellites keep their names.
    """
    from scipy.optimize import linear_sum_assignment  # its import takes as long as that of all the rest

    m = len(speed)
    fits = np.eye(m) / (m + 1.0)
    np.add.at(fits, (assoc, start), 1.0)
    fits[speed[:, None] != speed] = -float(len(assoc) + 1)
    return np.asarray(linear_sum_assignment(fits, maximize=True)[1][assoc])


def decode(slot: OffloadingSlot, x: npt.NDArray[Any]) -> OffloadingDecision:
    """The best of the likely associations of scores (..., N M), completed; members of a batch one after the other.

    Among equals the satellite of LPT comes first.
    """
    slot = slot[...]
    x = np.asarray(x, dtype=np.float64)
    lead = np.broadcast_shapes(x.shape[:-1], slot.batch_shape)
    n, m = slot.n_uav, slot.n_sat
    start, speed = named(slot), np.broadcast_to(speeds(slot), (*slot.batch_shape, m))
    score = x.reshape(*x.shape[:-1], n, m) + TIE * on_satellite(start, m)
    many = likely(score.reshape(-1, n, m))
    channels, assoc, share = np.empty((*lead, n), np.int64), np.empty((*lead, n), np.int64), np.empty((*lead, n))
    for row, index in enumerate(np.ndindex(*lead)):
        own = index[len(lead) - len(slot.batch_shape) :]
        at = tuple(0 if size == 1 else i for i, size in zip(own, slot.batch_shape, strict=True))
        one = best(slot[at], many[row], start[at])
        channels[index], share[index] = one.channels, one.share
        assoc[index] = renamed(one.assoc, start[at], speed[at])
    return OffloadingDecision(channels=channels, assoc=assoc, share=share)


def best(slot: OffloadingSlot, many: IntArray, start: IntArray) -> OffloadingDecision:
    """The completion of the best of associations (B, N) by its bound; if infeasible, that of ``start`` (N,), LPT.

    LPT is feasible, as the limits are those of ``min-delay``; what is not, for rounding, is ``min-delay``.
    """
    terms = Terms.of(slot)
    bound = terms.closed(on_satellite(many, slot.n_sat).astype(np.float64))[0]
    for assoc, accuracy in ((many[bound.argmin()], QUICK), (start, FINE)):
        done = complete(terms, assoc[None], accuracy)
        if np.isfinite(done.objective[0]) and feasible(slot, decision := done.decision(0)):
            return decision
    return min_delay(slot)


def likely(score: Array, count: int = LIKELY) -> IntArray:
    """The likeliest associations (R, B, N) by the softmax of scores (R, N, M), the first first; B is at most ``count``.

    An association loses, for each UAV, what its satellite's score is below the greatest; those that lose more than 10
    are replaced by the likeliest. UAV by UAV the best beginnings are kept: what follows does not depend on them.
    """
    rows, n, m = score.shape
    lost = score.max(axis=-1, keepdims=True) - score
    loss, steps, row = np.zeros((rows, 1)), [], np.arange(rows)[:, None]
    for i in range(n):
        loss = (loss[:, :, None] + lost[:, None, i]).reshape(rows, -1)
        kept = np.broadcast_to(np.arange(loss.shape[-1]), loss.shape)
        if kept.shape[-1] > count:
            kept = np.argpartition(loss, count - 1, axis=-1)[:, :count]
            loss = loss[row, kept]
        steps.append(np.divmod(kept, m))  # which beginning, and its satellite
    at = np.argsort(loss, axis=-1, kind="stable")
    loss = loss[row, at]
    assoc = np.empty((rows, at.shape[-1], n), dtype=np.int64)
    for i in reversed(range(n)):
        before, sat = steps[i]
        assoc[:, :, i], at = sat[row, at], before[row, at]
    return np.where((loss <= SURE)[:, :, None], assoc, assoc[:, :1])


def teacher(
    problem: AnyProblem, instance: OffloadingInstance, limits: Limits
) -> Callable[[int, OffloadingSlot], Array]:
    """Who answers on a trace: the partition of least bound of all, or local search where these are too many."""

    def answer(t: int, slot: OffloadingSlot) -> Array:
        terms = Terms.of(slot)
        few = slot.n_sat**slot.n_uav <= FEW and terms.identical and terms.printed
        assoc = least(terms) if few else descend(terms, starts(slot)).assoc[0]
        return encode(slot, OffloadingDecision(channels=np.ones_like(assoc), assoc=assoc, share=np.ones(assoc.shape)))

    return answer


def least(terms: Terms) -> IntArray:
    """The association (N,) of least bound in closed form, of all partitions."""
    every, blocks = all_partitions(terms.n_uav, terms.n_sat)
    columns = np.stack([terms.work[:, 0], np.sqrt(terms.work[:, 0]), np.ones(terms.n_uav)], axis=-1)
    load, root, count = np.moveaxis((blocks @ columns).reshape(len(every), terms.n_sat, 3), -1, 0)
    return np.asarray(every[terms.of_sums(load, root, load, load, count)[0].argmin()])


@cache
def all_partitions(n_uav: int, n_sat: int) -> tuple[IntArray, Array]:
    """Associations (S, N), see :func:`partitions`, and who is on each satellite (S M, N), for a product of matrices."""
    every = partitions(n_uav, n_sat, identical=True)
    return every, np.swapaxes(on_satellite(every, n_sat), -1, -2).reshape(-1, n_uav).astype(np.float64)
