"""The best resource blocks for given uploads, by counting what must share: exact, and quick where little must.

With physical interference a link alone on an RB is never worse off than one that shares it. So if users and uploads are
k more than the RBs, exactly k RBs are saved: a set A of base stations on one RB saves |A| - 1, a user who is not served
saves 1. What a link loses depends on its place (m, A) only. There are few ways to save k RBs by so many RBs of each set
(24 for three base stations and k = 3); for each of them, who takes the places is an assignment problem. A lower bound
of each way, the least losses of every place whoever suffers them, leaves few to solve.

This is the model of :mod:`~dtbench.problems.dnt_spectrum.active_sets` with the uploads fixed, solved otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.problems.dnt_spectrum.instance import DntParams
from dtbench.problems.dnt_spectrum.model import TOLERANCE, DntDecision, DntSlot, rate, upload_delay

MOST_WAYS = 3000  # of saving RBs; where there are more, a solver of MILPs is quicker
NEVER = 1e9  # bit/s: loss of a link in a place where it may not be
KEPT = "_best_rates"  # under which a slot keeps its table
EVEN = 1e-9  # bit/s: bounds that are no more apart than this are not worth an assignment


def members(stations: int) -> BoolArray:
    """Base stations (2^M, M) of every set V: base station m is in those whose bit m is 1."""
    return np.asarray((np.arange(2**stations)[:, None] >> np.arange(stations)) & 1 == 1)


@dataclass(frozen=True)
class Places:
    """The places of M base stations on shared RBs, and as the last one: not served.

    ``shared`` (S, M) bool: the sets of two base stations or more. ``kind`` (P,) in [0, S]: the set of a place, S for
    the last. ``station`` (P,): its base station, -1 for the last. ``saved`` (S + 1,): RBs that one of a kind saves.
    """

    shared: BoolArray
    kind: IntArray
    station: IntArray
    saved: IntArray


@lru_cache
def places(stations: int) -> Places:
    """The places of so many base stations."""
    sets = members(stations)
    shared = sets[sets.sum(axis=-1) > 1]
    kind, station = np.nonzero(shared)
    return Places(
        shared, np.append(kind, len(shared)), np.append(station, -1), np.append(shared.sum(axis=-1) - 1, 1)
    )  # fmt: skip


@lru_cache
def n_ways(stations: int, excess: int) -> int:
    """How many multisets of kinds save exactly ``excess`` RBs."""
    count = [1] + [0] * excess
    for saved in places(stations).saved.tolist():
        for k in range(saved, excess + 1):
            count[k] += count[k - saved]
    return count[excess]


@lru_cache
def ways(stations: int, excess: int) -> IntArray:
    """Numbers (W, P) of links in each place, over all multisets of kinds that save exactly ``excess`` RBs."""
    where = places(stations)
    saved = where.saved.tolist()
    found: list[list[int]] = []

    def extend(head: list[int], left: int) -> None:
        if len(head) == len(saved) - 1:
            found.append([*head, left])  # the last kind saves one each
            return
        each = saved[len(head)]
        for n in range(left // each + 1):
            extend([*head, n], left - n * each)

    extend([], excess)
    return np.array(found)[:, where.kind]


def packs(params: DntParams) -> bool:
    """Whether :class:`Packing` is exact and quick for slots with these parameters."""
    excess = max(0, params.n_users + params.n_bs - params.n_rb)
    plain = params.interference == "physical" and not params.serve_all
    return plain and n_ways(params.n_bs, excess) <= MOST_WAYS


@dataclass(frozen=True)
class Packing:
    """What links of slots (B,) lose in each place.

    Attributes
    ----------
    alone
        (B, U) [bit/s]: rate of a user alone on an RB of the strongest base station that covers it; 0 if none does.
    best
        (B, U): that base station, -1 if none covers the user.
    loss
        (B, P, U + M) [bit/s]: of users and uploads in a place, of users against ``alone``; at least ``NEVER`` where the
        link may not be there.
    least
        (B, P, U + 1) [bit/s]: the sums of the 0, 1, 2, .. least losses of users in a place.
    in_time
        (B, M): whether an upload alone keeps its delay limit.
    """

    params: DntParams
    alone: Array
    best: IntArray
    loss: Array
    least: Array
    in_time: BoolArray

    @classmethod
    def of(cls, slots: DntSlot) -> Packing:
        """The losses of slots with one leading axis."""
        p, size, users, stations = slots.params, len(slots.gain), slots.n_users, slots.n_bs
        where = places(stations)
        set_of, station = where.kind[:-1], where.station[:-1]
        others = where.shared[set_of] & (np.arange(stations) != station[:, None])  # (P - 1, M)
        covered = slots.cover.any(axis=-1)
        best = np.where(slots.cover, slots.gain, -1.0).argmax(axis=-1)
        signal = np.take_along_axis(slots.gain, best[..., None], axis=-1)[..., 0]
        alone = np.where(covered, rate(p, p.tx_power * signal, np.zeros(())), 0.0)
        load = slots.gain @ others.T.astype(np.float64)  # (B, U, P - 1)
        rates = rate(p, p.tx_power * slots.gain[..., station], p.tx_power * load)
        loss = np.full((size, len(where.kind), users + stations), NEVER)
        reached = np.where(slots.cover[..., station], alone[..., None] - rates, NEVER)
        loss[:, :-1, :users] = np.swapaxes(reached, -1, -2)
        loss[:, -1, :users] = np.where(covered, alone, NEVER)
        cloud = np.broadcast_to(slots.gain_cloud, (size, stations))
        delay = upload_delay(p, rate(p, p.tx_power * cloud[:, station], p.tx_power * (cloud @ others.T)))
        rows = np.arange(len(station))
        loss[:, rows, users + station] = np.where(delay <= p.delay_limit + TOLERANCE, 0.0, NEVER)
        lonely = upload_delay(p, rate(p, p.tx_power * cloud, np.zeros(())))
        least = np.pad(np.cumsum(np.sort(loss[..., :users], axis=-1), axis=-1), ((0, 0), (0, 0), (1, 0)))
        return cls(p, alone, np.where(covered, best, -1), loss, least, lonely <= p.delay_limit + TOLERANCE)

    def lost(self, member: int, upload: BoolArray) -> tuple[float, IntArray, IntArray] | None:
        """The least sum of losses [bit/s] of a slot if ``upload`` (M,) are placed, and who takes which shared places.

        Returns
        -------
        lost, place, job
            The places taken, those of one RB and kind in a row for each RB; and the links in them: users, then U + m
            for the upload of m. None if the uploads find no room.
        """
        from scipy.optimize import linear_sum_assignment  # its import takes as long as that of all the rest

        users = self.alone.shape[1]
        jobs = np.append(np.flatnonzero(self.best[member] >= 0), users + np.flatnonzero(upload))
        excess = len(jobs) - self.params.n_rb
        if excess <= 0:
            return 0.0, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        where, counts = places(len(upload)), ways(len(upload), excess)
        loss, least = self.loss[member], self.least[member]
        rows = np.arange(len(loss))
        takes_upload = upload[where.station] & (loss[rows, users + where.station] == 0.0)  # a place without any loss
        takes_upload[-1] = False
        of_users = np.maximum(counts - takes_upload, 0)
        bound = least[rows, np.minimum(of_users, users)].sum(axis=1)
        best, found = NEVER, None
        for way in bound.argsort(kind="stable"):
            if not bound[way] < best - EVEN:
                break
            taken = np.repeat(rows, counts[way])
            if len(taken) > len(jobs):
                continue
            cost = loss[taken[:, None], jobs]
            row, column = linear_sum_assignment(cost)
            total = float(cost[row, column].sum())
            if total < best:
                best, found = total, (taken, jobs[column])
        return None if found is None else (best, *found)

    def rates(self, member: int, upload: BoolArray) -> float:
        """The best sum rate [bit/s] of a slot if ``upload`` (M,) are placed; -inf if they cannot be."""
        result = None if (upload & ~self.in_time[member]).any() else self.lost(member, upload)
        return -np.inf if result is None else float(self.alone[member].sum()) - result[0]

    def links(self, member: int, upload: BoolArray) -> tuple[IntArray, IntArray, IntArray] | None:
        """The best ``bs`` (U,), ``rb`` (U,) and ``up`` (M,) if ``upload`` (M,) are placed; None if they cannot be.

        Uploads that would be late alone are left out.
        """
        upload = upload & self.in_time[member]
        result = self.lost(member, upload)
        if result is None:
            return None
        _, place, job = result
        users, where = self.alone.shape[1], places(len(upload))
        bs, up = self.best[member].copy(), np.full(len(upload), -1)
        block = np.full(users + len(upload), -1)
        shared = where.kind[place] < len(where.shared)
        bs[job[~shared]] = -1
        place, job = place[shared], job[shared]
        # The n-th link in a place is on the n-th RB of its kind.
        first = np.concatenate([[True], place[1:] != place[:-1]]) if len(place) else np.empty(0, dtype=bool)
        nth = np.arange(len(place)) - np.maximum.accumulate(np.where(first, np.arange(len(place)), 0))
        _, block[job] = np.unique(where.kind[place] * len(block) + nth, return_inverse=True)
        here = job < users
        bs[job[here]] = where.station[place[here]]
        rest = np.append(np.flatnonzero((bs >= 0) & (block[:users] < 0)), users + np.flatnonzero(upload))
        rest = rest[block[rest] < 0]
        block[rest] = block.max(initial=-1) + 1 + np.arange(len(rest))
        up[upload] = block[users:][upload]
        return bs, np.where(bs >= 0, block[:users], -1), up


def best_rates(slot: DntSlot) -> Array:
    """The best sum rate (..., 2^M) [bit/s] if exactly the base stations of a set upload, -inf where they cannot.

    Base station m is in the sets whose bit m is 1. Only where :func:`packs` says so; members one by one, once per slot.
    """
    from dtbench.problems.dnt_spectrum.board import flattened

    if KEPT in vars(slot):
        return np.asarray(vars(slot)[KEPT])
    packing, sets = Packing.of(flattened(slot)), members(slot.n_bs)
    best = [[packing.rates(member, upload) for upload in sets] for member in range(len(packing.alone))]
    vars(slot)[KEPT] = rates = np.array(best).reshape(*slot.batch_shape, len(sets))
    return rates


def pack(slot: DntSlot, flags: BoolArray) -> DntDecision:
    """The best links (...) if the base stations of ``flags`` (..., M) upload, as far as uploads find room; feasible.

    Members of a batch are solved one by one: by :class:`Packing` where :func:`packs` says so, else as MILPs.
    """
    from dtbench.problems.dnt_spectrum.board import flattened
    from dtbench.problems.dnt_spectrum.exact import joined

    lead = np.broadcast_shapes(slot.batch_shape, flags.shape[:-1])
    flat = flattened(slot, lead)
    upload = np.broadcast_to(flags, (*lead, slot.n_bs)).reshape(-1, slot.n_bs)
    packing = Packing.of(flat) if packs(slot.params) else None
    decisions = []
    for member in range(len(flat.gain)):
        found = None if packing is None else packing.links(member, upload[member])
        decisions.append(by_milp(flat[member], upload[member]) if found is None else DntDecision.of(*found))
    return joined(decisions, lead)


def by_milp(slot: DntSlot, upload: BoolArray) -> DntDecision:
    """The same for one slot as a MILP: as many of the uploads as possible, then the best objective."""
    from dtbench.problems.dnt_spectrum.exact import BONUS, best_of, form_of

    form = form_of(slot, patterns=slot.params.interference == "printed")
    return best_of(form, form.model(upload=upload, at_most=True, bonus=BONUS))
