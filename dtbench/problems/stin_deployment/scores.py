"""The encoding ``scores`` of ``stin-deployment``: the papers' decoder, for one controller that sees the whole slot.

Agents of the papers choose a node one after the other, full devices masked (Tao et al. 2025, Eq. (13d)). Here the
controller scores every pair of user and node, and each user in turn takes the free node of the greatest score. So a
learner may have the network and the view of ``matching`` with the decoder of ``agents``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.encoding import Bounds, Box, Encoding, Group, Observation
from dtbench.layout import Head, Layout, Part
from dtbench.problems.stin_deployment.instance import StinParams
from dtbench.problems.stin_deployment.matching import CONTROLLER, CUT, LEVELS, PLACES
from dtbench.problems.stin_deployment.model import StinDecision, StinSlot, cloud_latency

FIRM = 20.0  # scores are cut at it
BIG = 3.0  # room of a device is shown in units of it


@cache
def layout(n_users: int, n_end: int) -> Layout:
    """What is seen of users, nodes, pairs and the whole, and the score of each pair: see :func:`observe`."""
    return Layout(
        axes={"user": n_users, "node": n_end + 2},
        parts=(
            Part("pair", ("user", "node"), 2 * len(PLACES)),
            Part("user", ("user",), 1 + len(LEVELS)),
            Part("node", ("node",), 4),
            Part("free", ("node",), 1),
            Part("whole", (), 1),
        ),
        heads=(Head("score", ("user", "node"), "matching", room="free"),),
    )


def encoding(params: StinParams) -> Encoding:
    """One controller: a score in [-20, 20] of each pair, users first."""
    sets = layout(params.n_users, params.n_end)
    group = Group(CONTROLLER, 1, Box(sets.action_size, -FIRM, FIRM), sets.state_size)
    pairs = sets.start_of("user")
    seen: Bounds = ((pairs, -CUT, CUT), (params.n_users * (1 + len(LEVELS)), -CUT, CUT))
    seen += ((sets.state_size - sets.start_of("node"), 0.0, np.inf),)
    bounds = {CONTROLLER: seen, "state": seen}
    return Encoding((group,), decode, encode, observe=observe, bounds=bounds, layout=sets)


def observe(slot: StinSlot) -> Observation:
    """The state, in the order of :func:`layout`; delays in s, cut to [-2, 2].

    Pair: what the user saves on the node against the own device, and what of it is above 0: with n twins on a device, n
    of :data:`~.matching.PLACES`; in the cloud with an eighth, a quarter and half of all users there; 0 on the own
    device. User: u_i; what is saved in the cloud for :data:`~.matching.LEVELS` of all. Node: whether it is the own
    device, whether it is the cloud, N_j / 3 and N_j / I of devices. Free: places, I on the own device and in the cloud.
    Whole: 1 / I.
    """
    slot = slot[...]
    lead, users, nodes = slot.batch_shape, slot.n_users, slot.n_nodes
    own = slot.own[..., None]
    devices = np.stack([own - (slot.link + n * slot.load) for n in PLACES], axis=-1)
    cloud = [slot.own - cloud_latency(slot, max(1.0, share * users)) for share in (0.125, 0.25, 0.5)]
    levels = np.stack([slot.own - cloud_latency(slot, max(1.0, level * users)) for level in LEVELS], axis=-1)
    pair = np.concatenate([np.zeros((*lead, users, 1, 3)), devices, np.stack(cloud, axis=-1)[..., None, :]], axis=-2)
    pair = np.clip(np.nan_to_num(pair, neginf=-CUT, posinf=CUT), -CUT, CUT)
    user = np.clip(np.nan_to_num(np.concatenate([own, levels], axis=-1), neginf=-CUT, posinf=CUT), -CUT, CUT)
    node, free = np.zeros((*lead, nodes, 4)), np.full((*lead, nodes, 1), float(users))
    node[..., 0, 0] = node[..., -1, 1] = 1.0
    node[..., 1:-1, 2], node[..., 1:-1, 3] = slot.cap_end / BIG, slot.cap_end / users
    free[..., 1:-1, 0] = slot.cap_end
    parts = {
        "pair": np.concatenate([pair, np.maximum(pair, 0.0)], axis=-1), "user": user, "node": node, "free": free,
        "whole": np.full((*lead, 1), 1.0 / users),
    }  # fmt: skip
    state = layout(users, slot.n_end).join_state(parts, lead)
    return Observation(agents={CONTROLLER: state[..., None, :]}, masks={}, state=state)


def decode(slot: StinSlot, x: npt.NDArray[Any]) -> StinDecision:
    """The placement (..., I) of scores (..., I (J + 2)): each user in turn takes the best node that is not full."""
    slot, x = slot[...], np.asarray(x, dtype=np.float64)
    lead = np.broadcast_shapes(x.shape[:-1], slot.batch_shape)
    score = np.broadcast_to(x.reshape(*x.shape[:-1], slot.n_users, slot.n_nodes), (*lead, slot.n_users, slot.n_nodes))
    free = np.full((*lead, slot.n_nodes), slot.n_users)
    free[..., 1:-1] = slot.cap_end
    node = np.empty((*lead, slot.n_users), dtype=np.int64)
    for user in range(slot.n_users):
        node[..., user] = np.where(free > 0, score[..., user, :], -np.inf).argmax(axis=-1)
        free -= node[..., user, None] == np.arange(slot.n_nodes)
    return StinDecision(node=node)


def encode(slot: StinSlot, decision: StinDecision) -> npt.NDArray[Any]:
    """Scores of a placement: 1 for the node of each user, -1 for the others."""
    chosen = decision.node[..., None] == np.arange(slot.n_nodes)
    return np.where(chosen, 1.0, -1.0).reshape(*chosen.shape[:-2], -1)
