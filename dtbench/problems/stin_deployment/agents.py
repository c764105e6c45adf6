"""Agents of ``stin-deployment``: one per user, each picks its twin's node (Tao et al. 2025, Sec. 5; Eqs. (16)-(18))."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, BoolArray
from dtbench.core import Outcome
from dtbench.encoding import Bounds, Encoding, Observation
from dtbench.problems.stin_deployment import matching, scores
from dtbench.problems.stin_deployment.generator import distances
from dtbench.problems.stin_deployment.genes import node_encoding
from dtbench.problems.stin_deployment.instance import StinInstance
from dtbench.problems.stin_deployment.model import StinSlot, cloud_levels, counts


def observation_length(n_end: int) -> int:
    """6 J + 12: see :func:`observe`."""
    return 6 * n_end + 12


def encodings(instance: StinInstance) -> Mapping[str, Encoding]:
    """``agents``: one categorical node per user. ``search``: the same vector. ``matching``: how many on each node.

    ``scores``: one controller scores nodes for all users, who choose as in ``agents``.
    """
    encoding = node_encoding(instance.params, observation_length(instance.params.n_end))
    return {
        "agents": encoding,
        "search": encoding,
        "matching": matching.encoding(instance.params),
        "scores": scores.encoding(instance.params),
    }


def observe(slot: StinSlot) -> Observation:
    """What user i sees (..., I, 6J + 12), with ell(x) = clip(log10(x / 0.1 s), -2, 2).

    ell(u_i); ell(e_ij); ell(w_ij); ell(q_i(n)) for n = 1, ceil(I/4), I; N_j / 3; D_i / 16e6, mu_i / 150, f_i / 10e9;
    d_ij / (area sqrt 2), d_us / 1e6; one-hot of the own previous node; previous occupancy / I. Other users' present
    demand is hidden, so decentralised policies have an unavoidable gap. The global state is all of them in a row.
    """
    slot = slot[...]
    users, nodes, n_end, lead = slot.n_users, slot.n_nodes, slot.n_end, slot.batch_shape
    cloud = cloud_levels(slot, np.array([1, math.ceil(users / 4), users]))
    seen = np.empty((*lead, users, observation_length(n_end)), dtype=np.float32)
    seen[..., : 2 * n_end + 4] = _ell(np.concatenate([slot.own[..., None], slot.link, slot.load, cloud], axis=-1))
    rest = seen[..., 2 * n_end + 4 :]
    rest[..., :n_end] = (slot.cap_end / 3.0)[..., None, :]
    rest[..., n_end] = slot.data_bits / 16e6
    rest[..., n_end + 1] = slot.cycles_per_bit / 150.0
    rest[..., n_end + 2] = slot.f_local / 10e9
    rest[..., n_end + 3 : 2 * n_end + 3] = distances(slot.user_xy, slot.end_xy) / (slot.params.area * math.sqrt(2.0))
    rest[..., 2 * n_end + 3] = slot.d_us[..., None] / 1e6
    rest[..., 2 * n_end + 4 : -nodes] = slot.prev_node[..., None] == np.arange(nodes)
    rest[..., -nodes:] = (slot.prev_count / users)[..., None, :]
    return Observation(
        agents={"user": seen}, masks={"user": first_mask(slot)}, state=seen.reshape(*lead, users * seen.shape[-1])
    )


def bounds(instance: StinInstance) -> Mapping[str, Bounds]:
    """Between which values :func:`observe` stays: delays are cut, the rest is no less than 0."""
    users, n_end = instance.params.n_users, instance.params.n_end
    seen = ((2 * n_end + 4, -2.0, 2.0), (2 * n_end + 4, 0.0, math.inf), (2 * n_end + 4, 0.0, 1.0))
    return {"user": seen, "state": seen * users}


def _ell(seconds: Array) -> Array:
    with np.errstate(divide="ignore"):
        ell = np.log10(seconds / 0.1)
    return np.asarray(np.minimum(np.maximum(ell, -2.0, out=ell), 2.0, out=ell))


def first_mask(slot: StinSlot) -> BoolArray:
    """Mask before a joint action (..., I, K): every node but devices that take no twin at all."""
    room = slot.cap_end > 0
    mask = np.ones((*room.shape[:-1], slot.n_nodes), dtype=bool)
    mask[..., 1:-1] = room
    return np.broadcast_to(mask[..., None, :], (*mask.shape[:-1], slot.n_users, slot.n_nodes))


def next_mask(slot: StinSlot, x: npt.NDArray[Any], agent: int) -> BoolArray:
    """Mask of user ``agent`` (..., K) once users 0..agent-1 have chosen ``x``: no device that is full, Eq. (13d)."""
    taken = counts(np.asarray(x)[..., :agent], slot.n_nodes)
    mask = np.ones(np.broadcast_shapes(taken.shape, (*slot.batch_shape, slot.n_nodes)), dtype=bool)
    mask[..., 1:-1] = taken[..., 1:-1] < slot.cap_end
    return mask


def reward(slot: StinSlot, outcome: Outcome) -> Array:
    """R = -alpha L_sum - beta zeta m (...,), Eqs. (16)-(18).

    m is the number of twins, a constant as printed; ``cost_count = "hosted"`` counts those off the own device.
    """
    p = slot.params
    twins = slot.n_users if p.cost_count == "all" else outcome.metrics["occupancy"][..., 1:].sum(axis=-1)
    return np.asarray(-p.w_delay * outcome.objective - p.w_cost * p.unit_cost * twins)
