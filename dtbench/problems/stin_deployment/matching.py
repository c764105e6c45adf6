"""The encoding ``matching`` of ``stin-deployment``: how many twins each shared node takes, then the best matching.

Delays depend on who is where only by the number n_k of twins on a node. At given numbers they are prices, and users and
places are matched at least total delay: an assignment problem, whose answer at the optimum's own numbers is the optimum
(as in the exact method ``enumeration``). One controller sees the whole slot and says the numbers.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, IntArray
from dtbench.encoding import Bounds, Box, Encoding, Group, Observation
from dtbench.layout import Head, Layout, Part
from dtbench.problems.stin_deployment.instance import StinParams
from dtbench.problems.stin_deployment.model import StinDecision, StinSlot, cloud_latency, counts

LEVELS = (0.05, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5)  # shares of the users in the cloud at which delays are shown
PLACES = (1, 2, 3)  # numbers of twins on a device at which delays are shown
DOUBT = 0.1  # distance to a whole number from which the other one is tried, too
CUT = 2.0  # [s] delays that could be saved are shown up to it
CONTROLLER = "controller"


@cache
def layout(n_users: int, n_end: int) -> Layout:
    """What is seen of users, devices, pairs and the whole, and what is said: see :func:`observe`, :func:`decode`."""
    return Layout(
        axes={"user": n_users, "device": n_end},
        parts=(
            Part("pair", ("user", "device"), 2 * len(PLACES)),
            Part("user", ("user",), 1 + 2 * len(LEVELS)),
            Part("device", ("device",), 2),
            Part("whole", (), 1),
        ),
        heads=(Head("device", ("device",), "value"), Head("cloud", (), "value")),
    )


def encoding(params: StinParams) -> Encoding:
    """One controller: a number in [0, 1] for each device, and for the cloud, see :func:`decode`."""
    sets = layout(params.n_users, params.n_end)
    group = Group(CONTROLLER, 1, Box(sets.action_size, 0.0, 1.0), sets.state_size)
    delays = sets.start_of("device")
    seen: Bounds = ((delays, -CUT, CUT), (sets.state_size - delays, 0.0, np.inf))
    bounds = {CONTROLLER: seen, "state": seen}
    return Encoding((group,), decode, encode, observe=observe, bounds=bounds, layout=sets)


def observe(slot: StinSlot) -> Observation:
    """The state, in the order of :func:`layout`; delays in s.

    Pair: what the user saves on the device against the own one when n twins are there, cut to [-2, 2], and what of it
    is above 0, for n of :data:`PLACES`. User: u_i, cut at 2 s, and the same of the cloud for :data:`LEVELS` of all.
    Device: N_j / 3 and N_j / I. Whole: 1 / I.
    """
    slot = slot[...]
    lead, users = slot.batch_shape, slot.n_users
    own = slot.own[..., None]
    device = np.stack([own - (slot.link + n * slot.load) for n in PLACES], axis=-1)
    cloud = np.stack([slot.own - cloud_latency(slot, max(1.0, level * users)) for level in LEVELS], axis=-1)
    room = slot.cap_end[..., None]
    sets = layout(users, slot.n_end)
    state = sets.join_state(
        {
            "pair": _saved(device),
            "user": np.concatenate([np.minimum(own, CUT), _saved(cloud)], axis=-1),
            "device": np.concatenate([room / 3.0, room / users], axis=-1),
            "whole": np.full((*lead, 1), 1.0 / users),
        },
        lead,
    )
    return Observation(agents={CONTROLLER: state[..., None, :]}, masks={}, state=state)


def _saved(delay: Array) -> Array:
    cut = np.clip(np.nan_to_num(delay, neginf=-CUT, posinf=CUT), -CUT, CUT)
    return np.concatenate([cut, np.maximum(cut, 0.0)], axis=-1)


def encode(slot: StinSlot, decision: StinDecision) -> npt.NDArray[Any]:
    """Shares (..., J + 1) of a placement: n_j / N_j of each device, n_C / I of the cloud."""
    n = counts(decision.node, slot.n_nodes)
    devices = n[..., 1:-1] / np.maximum(slot.cap_end, 1)
    return np.concatenate([devices, n[..., -1:] / slot.n_users], axis=-1)


def decode(slot: StinSlot, x: npt.NDArray[Any]) -> StinDecision:
    """The placement (..., I) at shares (..., J + 1), made whole numbers by :func:`placed`; members one by one."""
    slot = slot[...]
    x = np.asarray(x, dtype=np.float64)
    lead = np.broadcast_shapes(x.shape[:-1], slot.batch_shape)
    most = np.concatenate([slot.cap_end, np.full((*slot.batch_shape, 1), slot.n_users)], axis=-1)
    number = np.broadcast_to(x, (*lead, x.shape[-1])) * most
    node = np.empty((*lead, slot.n_users), dtype=np.int64)
    spread = slot if slot.batch_shape == lead else slot[(None,) * (len(lead) - len(slot.batch_shape))]
    for member in np.ndindex(*lead):
        at = tuple(0 if n == 1 else i for i, n in zip(member, spread.batch_shape, strict=True))
        node[member] = placed(spread[at], number[member])
    return StinDecision(node=node)


def placed(slot: StinSlot, real: Array) -> IntArray:
    """The placement (I,) at real numbers (J + 1,) of twins on devices and cloud.

    They are rounded. Then those far from whole ones are rounded the other way, one after the other: the cloud's
    first, then the least whole one. What saves more is kept.
    """
    number = np.rint(real).astype(np.int64)
    other = np.where(real > number, number + 1, number - 1)
    doubt = np.abs(real - number)
    node, saved = settle(slot, number)
    for k in (len(real) - 1, *np.argsort(-doubt[:-1], kind="stable").tolist()):
        if doubt[k] > DOUBT:
            tried = number.copy()
            tried[k] = other[k]
            another, more = settle(slot, tried)
            if more > saved:
                number, node, saved = tried, another, more
    return node


def settle(slot: StinSlot, number: IntArray) -> tuple[IntArray, float]:
    """What :func:`match` gives at numbers (J + 1,) once all their places are taken.

    A matching may leave places empty. Then users are matched again at the numbers that are there, which are cheaper:
    what is saved grows each time.
    """
    while True:
        node, saved = match(slot, number)
        taken = counts(node, slot.n_nodes)[1:]
        if (taken == number).all():
            return node, saved
        number = taken


def match(slot: StinSlot, number: IntArray) -> tuple[IntArray, float]:
    """The placement (I,) of least delay with at most ``number`` (J + 1,) twins on a node, at that number's delay.

    With it comes what it saves against own devices [s].
    """
    from scipy.optimize import linear_sum_assignment  # its import takes as long as that of all the rest

    shared = np.concatenate([slot.link + number[:-1] * slot.load, cloud_latency(slot, number[-1])[:, None]], axis=1)
    place = np.repeat(np.arange(len(number)), number)
    saving = np.maximum(slot.own[:, None] - shared, 0.0)[:, place]
    user, column = linear_sum_assignment(saving, maximize=True)
    saved = saving[user, column]
    gains = saved > 0.0
    node = np.zeros(slot.n_users, dtype=np.int64)
    node[user[gains]] = place[column[gains]] + 1
    return node, float(saved.sum())
