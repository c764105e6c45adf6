"""The encoding ``opened`` of ``edge-placement``: which base stations open; their twins follow.

One controller sees the whole slot and says of every base station how much better the objective is if it opens. Those of
which it is least certain are opened and closed as lowers a bound of the cost most, and twins are placed by
:mod:`~dtbench.problems.edge_association.placement.assignment`, which is quick and close to the best.

Data of a user reach every server by way of the access base station, so what matters of users are, for each access base
station, sums over its users: the state is one of pairs (access base station, server), however many users there are.

A search teaches it (:func:`teacher`): a set of servers that no opening, closing or exchange of two improves, and
what opening or closing each one of them changes. Averaged over slots that look alike, that difference says which of the
two is less costly, and slots in which little depends on a base station teach little about it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import BoolArray
from dtbench.core import AnyProblem, Limits
from dtbench.encoding import Bounds, Box, Encoding, Group, Observation
from dtbench.layout import Head, Layout, Part
from dtbench.problems.edge_association.placement.assignment import assign
from dtbench.problems.edge_association.placement.bound import Groups, changes, improved, nearby, neighbours
from dtbench.problems.edge_association.placement.instance import PlacementInstance, PlacementParams
from dtbench.problems.edge_association.placement.model import PlacementDecision, PlacementSlot, evaluate
from dtbench.problems.edge_association.system import distances, one_hot

CERTAIN = 1.0  # of a share of the objective: what is said of a set that is given
CUT = 8.0  # features are cut at it
FIRM = 0.5  # of what is said: beyond it a base station stays as it is said
LOOSE = 8  # of the others, those nearest to 0 may change
CHANGED = 2  # of these that are opened, and that are closed, at most
LONG = 0.2  # share of the objective: differences are taught up to it
MOST = 20  # steps of the teacher's search
TRIED = 4  # neighbours that the teacher tries with all twins placed
CONTROLLER = "controller"

Answer = Callable[[int, PlacementSlot], npt.NDArray[Any]]


@cache
def layout(n_bs: int) -> Layout:
    """What is seen of access base stations, servers, pairs and the whole, and what is said of servers."""
    return Layout(
        axes={"access": n_bs, "server": n_bs},
        parts=(
            Part("pair", ("access", "server"), 5),
            Part("access", ("access",), 4),
            Part("server", ("server",), 8),
            Part("whole", (), 4),
        ),
        heads=(Head("open", ("server",), "value"),),
    )


def encoding(params: PlacementParams) -> Encoding:
    """One controller: how much better, as a share of the objective, the slot is with each base station open."""
    sets = layout(params.n_bs)
    group = Group(CONTROLLER, 1, Box(sets.action_size, -CERTAIN, CERTAIN), sets.state_size)
    bounds: dict[str, Bounds] = dict.fromkeys((CONTROLLER, "state"), ((sets.state_size, -CUT, CUT),))
    return Encoding((group,), decode, encode, observe=observe, bounds=bounds, layout=sets, teacher=teacher)


def observe(slot: PlacementSlot) -> Observation:
    """The state, in the order of :func:`layout`; cut at 8. Times are per user of the slot, in s.

    Pair: M times the wire part of what the users of the access base station cost, and that of one of them in the mean;
    their floors over F_k; the share of them that cannot meet their deadline there; whether it is the same base station.
    Access base station: its users' share of B_i, of sqrt(w_i), of the users; their least floors over all processors.
    Server: F_k over the mean F, and over twice the least; N_k M / (2 N) and N_k / N; the wire part of all users, above
    the least over servers; their floors over F_k M; its own users' share of sqrt(w_i) over its share of all processors,
    and their share of B_i. Whole: a fee; processing on all servers together; radio; least floors over all processors.
    """
    slot = slot[...]
    p, lead, users, stations = slot.params, slot.batch_shape, slot.n_users, slot.n_bs
    here = one_hot(slot.access, stations).astype(np.float64)  # (..., N, M)
    bits, root = slot.effective_bits, slot.root

    least = np.where(np.isfinite(slot.floor), slot.floor, slot.cpu[..., None, :]).min(axis=-1)
    of_user = np.stack([np.ones(bits.shape), bits, root, least], axis=-1)  # (..., N, 4)
    at_access = np.swapaxes(here, -1, -2)
    count, load, roots, needed = np.moveaxis(at_access @ of_user, -1, 0)
    wire = p.wire * p.wired_factor * distances(slot.bs_xy, slot.bs_xy)  # s/bit
    sent = wire * load[..., None] / users
    floor = np.minimum(slot.floor / slot.cpu[..., None, :], 1.0)
    late = (slot.floor > slot.cpu[..., None, :]).astype(np.float64)
    some = np.maximum(count, 1.0)[..., None]
    floors = at_access @ floor
    speed = slot.cpu.sum(axis=-1, keepdims=True)
    told = sent.sum(axis=-2)
    same = np.broadcast_to(np.eye(stations), sent.shape)
    pair = [sent * stations, wire * load[..., None] / some, floors, at_access @ late / some, same]
    access = [load / load.sum(axis=-1, keepdims=True), roots / roots.sum(axis=-1, keepdims=True), count / users,
              needed / speed]  # fmt: skip
    own = roots / roots.sum(axis=-1, keepdims=True) / (slot.cpu / speed)
    server = [
        slot.cpu / speed * stations, slot.cpu / slot.cpu.min(axis=-1, keepdims=True) / 2.0,
        slot.cap * stations / users / 2.0, slot.cap / users, told - told.min(axis=-1, keepdims=True),
        floors.sum(axis=-2) / stations, own,
        load / load.sum(axis=-1, keepdims=True),
    ]  # fmt: skip
    scale = slot.fee_weight / slot.user_weight / users
    whole = [
        np.broadcast_to(scale * p.open_cost, lead), roots.sum(axis=-1) ** 2 / speed[..., 0] / users,
        (bits / slot.rate).sum(axis=-1) / users, least.sum(axis=-1) / speed[..., 0],
    ]  # fmt: skip
    parts = {
        "pair": np.stack(pair, axis=-1), "access": np.stack(access, axis=-1), "server": np.stack(server, axis=-1),
        "whole": np.stack(whole, axis=-1),
    }  # fmt: skip
    state = np.clip(layout(stations).join_state(parts, lead), -CUT, CUT)
    return Observation(agents={CONTROLLER: state[..., None, :]}, masks={}, state=state)


def encode(slot: PlacementSlot, decision: PlacementDecision) -> npt.NDArray[Any]:
    """1 for the base stations (..., M) that are open, -1 for the others."""
    return np.where(decision.open, CERTAIN, -CERTAIN)


def decode(slot: PlacementSlot, x: npt.NDArray[Any]) -> PlacementDecision:
    """The placement on the base stations whose entry of (..., M) is not below 0; on the greatest where all are.

    Base stations whose entry is nearer to 0 than :data:`FIRM` are not certain. Before twins are placed, at most
    two of the :data:`LOOSE` least certain ones are opened and at most two closed, as lowers a bound of the cost most:
    :mod:`~dtbench.problems.edge_association.placement.bound`.
    """
    slot, x = slot[...], np.asarray(x, dtype=np.float64)
    lead = np.broadcast_shapes(x.shape[:-1], slot.batch_shape)
    greatest = one_hot(x.argmax(axis=-1), slot.n_bs)
    opened = np.where((x >= 0.0).any(axis=-1, keepdims=True), x >= 0.0, greatest)
    rank = np.argsort(np.argsort(np.abs(x), axis=-1, kind="stable"), axis=-1, kind="stable")
    loose = (np.abs(x) < FIRM) & (rank < LOOSE)
    opened, free = (np.broadcast_to(v, (*lead, slot.n_bs)).reshape(-1, slot.n_bs) for v in (opened, loose))
    groups = Groups.each(slot)
    of_member = np.broadcast_to(np.arange(len(groups)).reshape(slot.batch_shape), lead).ravel().tolist()
    each = zip(of_member, opened, free, strict=True)
    found = [nearby(groups[k], one, loose, CHANGED) for k, one, loose in each]
    sets, charge = (np.stack(v).reshape(*lead, *v[0].shape) for v in zip(*found, strict=True))
    return assign(slot, sets, charge)


def teacher(problem: AnyProblem, instance: PlacementInstance, limits: Limits) -> Answer:
    """Who says how much better, as a share of the objective, a slot is with each base station open than closed.

    Of a set of servers that a search by bounds finds, whose best neighbours are then tried with all twins placed. It
    begins with the set of the slot answered before.
    """
    kept: list[BoolArray] = []

    def answer(t: int, slot: PlacementSlot) -> npt.NDArray[Any]:
        everything = np.ones(slot.n_bs, dtype=bool)
        groups = Groups.of(slot)
        opened = search(slot, groups, kept[-1] if kept else everything)
        kept.append(opened)
        others = opened ^ np.eye(slot.n_bs, dtype=bool)
        some = others.any(axis=-1)
        worse = np.full(slot.n_bs, LONG)
        worse[some] = np.clip(changes(groups, opened, others[some]), 0.0, LONG)
        return np.where(opened, worse, -worse)

    return answer


def search(slot: PlacementSlot, groups: Groups, start: BoolArray) -> BoolArray:
    """A good set of servers (M,) of one slot: the best by its bound, or one of its best neighbours."""
    everything = np.ones(slot.n_bs, dtype=bool)
    opened = improved(groups, start, everything, MOST)
    sets = neighbours(opened, everything)
    near = np.argsort(changes(groups, opened, sets), kind="stable")[:TRIED]
    tried = np.concatenate([opened[None], sets[near]])
    placed = assign(slot[None], tried)
    return np.asarray(placed.open[int(evaluate(slot[None], placed).objective.argmin())])
