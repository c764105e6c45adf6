"""Agents of ``edge-placement``: one per base station, which says whether it opens and scores users.

Lu et al. (2021), Sec. V.A, Eqs. (22), (23), (26).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.core import Outcome
from dtbench.encoding import Bounds, Box, Encoding, Group, Observation
from dtbench.problems.edge_association.placement.genes import search_encoding
from dtbench.problems.edge_association.placement.instance import PlacementInstance
from dtbench.problems.edge_association.placement.model import PlacementDecision, PlacementSlot
from dtbench.problems.edge_association.placement.repair import repair
from dtbench.problems.edge_association.system import distances, one_hot


def observation_length(n_users: int, n_bs: int) -> int:
    """3 N M + 3 N + 3 M: see :func:`observe`."""
    return 3 * n_users * n_bs + 3 * n_users + 3 * n_bs


def encodings(instance: PlacementInstance) -> Mapping[str, Encoding]:
    """``agents``: per base station the logit of opening and a score per user. ``search``: the server of every twin."""
    users, n_bs = instance.params.n_users, instance.params.n_bs
    length = observation_length(users, n_bs)
    stations = Group("bs", n_bs, Box(1 + users), length)
    return {
        "agents": Encoding((stations,), decode),
        "search": search_encoding(users, n_bs),
    }


def decode(slot: PlacementSlot, x: npt.NDArray[Any]) -> PlacementDecision:
    """From the agents' joint action (..., M (1 + N)) to a repaired placement, Eq. (23).

    Base station k opens if its logit is positive; if none is, the highest does. Twin i goes to the open server with the
    highest score, the lowest index on ties; repair goes by the scores too.
    """
    x = np.asarray(x, dtype=np.float64)
    action = x.reshape(*x.shape[:-1], slot.n_bs, 1 + slot.n_users)
    logit, scores = action[..., 0], np.swapaxes(action[..., 1:], -1, -2)
    if slot.params.residual:
        scores = scores - carried(slot)
    opened = logit > 0.0
    some = opened.any(axis=-1, keepdims=True)
    if not some.all():
        opened = np.where(some, opened, one_hot(logit.argmax(axis=-1), slot.n_bs))
    return by_score(slot, opened, scores)


def carried(slot: PlacementSlot) -> Array:
    """B_i q_ik (..., N, M) over its mean."""
    return np.asarray(slot.carry / slot.carry.mean(axis=(-2, -1), keepdims=True))


def by_score(slot: PlacementSlot, opened: BoolArray, scores: Array) -> PlacementDecision:
    """Twins on the open servers (..., M) with the highest scores (..., N, M), repaired by scores too."""
    assoc = np.where(opened[..., None, :], scores, -np.inf).argmax(axis=-1)
    return repair(slot, PlacementDecision(open=opened, assoc=assoc), scores)


def observe(slot: PlacementSlot) -> Observation:
    """What every base station sees, the same for all (..., M, 3NM + 3N + 3M), Eq. (22) and the processors.

    d_ij / (area sqrt 2); log2(1 + p h_ij / (W N0)) / 16; previous association one-hot, zeros before the first slot;
    D_i / 25e6; B_i / 25e6; tau_i / (2 mean tau); F_k / 24e9; N_k / N; previous open servers. The global state is the
    same vector.
    """
    slot, p = slot[...], slot.params
    lead, users, n_bs = slot.batch_shape, slot.n_users, slot.n_bs
    state = np.empty((*lead, observation_length(users, n_bs)), dtype=np.float32)
    pairs, single = state[..., : 3 * users * n_bs], state[..., 3 * users * n_bs :]
    far, channel, before = np.moveaxis(pairs.reshape(*lead, 3, users, n_bs), -3, 0)
    np.divide(distances(slot.user_xy, slot.bs_xy), p.area * math.sqrt(2.0), out=far)
    snr = p.tx_power * slot.gain
    snr /= p.bandwidth * p.noise_psd
    snr += 1.0
    np.divide(np.log2(snr, out=snr), 16.0, out=channel)
    before[...] = one_hot(slot.prev_assoc, n_bs)
    parts = [
        slot.data_bits / 25e6,
        slot.effective_bits / 25e6,
        slot.deadline / (slot.deadline.sum(axis=-1, keepdims=True) / users) / 2.0,
        slot.cpu / 24e9,
        slot.cap / users,
        slot.prev_open,
    ]
    np.concatenate(parts, axis=-1, out=single, casting="same_kind")
    seen = np.broadcast_to(state[..., None, :], (*lead, slot.n_bs, state.shape[-1]))
    return Observation(agents={"bs": seen}, masks={}, state=state)


def bounds(instance: PlacementInstance) -> Mapping[str, Bounds]:
    """Between which values :func:`observe` stays."""
    seen = state_bounds(instance.params.n_users, instance.params.n_bs)
    return {"bs": seen, "state": seen}


def state_bounds(n_users: int, n_bs: int) -> Bounds:
    """Between which values the global state stays: nothing is less than 0."""
    pairs = n_users * n_bs
    return (
        (2 * pairs, 0.0, math.inf), (pairs, 0.0, 1.0), (3 * n_users + 2 * n_bs, 0.0, math.inf), (n_bs, 0.0, 1.0)
    )  # fmt: skip


def reward(slot: PlacementSlot, outcome: Outcome) -> Array:
    """-J (...,), Eq. (26); the same for every agent."""
    return -outcome.objective


def station_entries(n_users: int, n_bs: int) -> IntArray:
    """Where each base station stands in state and then joint action (M, n), see :func:`observe` and :func:`decode`.

    Its pairs with users (distance, channel, previous twins); its processor, room and previous state; what it decides.
    For critics that judge base stations alike, :class:`dtbench.learning.ddpg.critics.ItemCritic`.
    """
    station, user = np.arange(n_bs)[:, None], np.arange(n_users)
    pairs = [start * n_users * n_bs + user * n_bs + station for start in range(3)]
    single = 3 * n_users * n_bs + 3 * n_users + np.arange(3) * n_bs + station
    decided = observation_length(n_users, n_bs) + station * (1 + n_users) + np.arange(1 + n_users)
    return np.concatenate([*pairs, single, decided], axis=1)
