"""Agents of ``edge-migration``: one per server, each scores every user (Lu et al. 2021, Sec. V.B)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, IntArray
from dtbench.core import Outcome
from dtbench.encoding import Bounds, Box, Encoding, Group, Observation
from dtbench.problems.edge_association.migration import matching, scores
from dtbench.problems.edge_association.migration.genes import search_encoding
from dtbench.problems.edge_association.migration.instance import MigrationInstance
from dtbench.problems.edge_association.migration.model import MigrationDecision, MigrationSlot
from dtbench.problems.edge_association.migration.repair import repair
from dtbench.problems.edge_association.system import distances, one_hot

FEATURES = 12  # of a pair of user and server, see `features`


def encodings(instance: MigrationInstance) -> Mapping[str, Encoding]:
    """``agents``: K servers, each a score in [-1, 1] per user. ``search``: the server of each user.

    ``matching``: one controller that says what each server is worth to each user. ``scores``: one that gives the scores
    of all servers.
    """
    dims = instance.dims
    users, servers = dims["user"], dims["server"]

    def decode_scores(slot: MigrationSlot, x: npt.NDArray[Any]) -> MigrationDecision:
        x = np.asarray(x, dtype=np.float64)
        score = np.swapaxes(x.reshape(*x.shape[:-1], servers, users), -1, -2)  # (..., N, K)
        allowed = np.where(slot.admissible, score, -np.inf)
        return repair(slot, MigrationDecision(assoc=allowed.argmax(axis=-1)), order=-score)

    def encode_scores(slot: MigrationSlot, decision: MigrationDecision) -> npt.NDArray[Any]:
        chosen = np.swapaxes(one_hot(decision.assoc, servers), -1, -2)
        return np.where(chosen, 1.0, -1.0).reshape(*chosen.shape[:-2], servers * users)

    scorers = Group("server", servers, Box(users), FEATURES * users)
    return {
        "agents": Encoding((scorers,), decode_scores, encode_scores),
        "search": search_encoding(users, servers),
        "matching": matching.encoding(users, servers, dims["time"]),
        "scores": scores.encoding(users, servers, dims["time"]),
    }


def features(slot: MigrationSlot) -> Array:
    """phi_ik (..., K, N, 12) in [-5, 5], what is known of user i and server k.

    T_ik / tau_i - 1; X_ik / tau_i; whether the twin is on k; whether k is admissible; distance from user to server /
    (area sqrt 2); its change since the last slot / (v_max slot), 0 in the first; log2(1 + SNR_i) / 16; D_i / 25e6;
    tau_i / 2; c N_k / F_k 1e8 / 2; N_k / N; previous occupancy of k / N_k.
    """
    slot, p = slot[...], slot.params
    users, servers = slot.n_users, slot.n_servers
    tau = np.maximum(slot.deadline, 1e-9)[..., None]  # no data, no time: nothing to relate to
    here = one_hot(slot.prev, servers)
    reach = distances(slot.user_xy, slot.server_xy)
    approach = (reach - distances(slot.prev_xy, slot.server_xy)) / max(p.v_max * p.slot, 1.0)
    work = p.cycles * slot.cap / slot.cpu * 1e8 / 2.0

    def of_user(value: Array) -> Array:
        return np.broadcast_to(value[..., None], reach.shape)

    def of_server(value: Array) -> Array:
        return np.broadcast_to(value[..., None, :], reach.shape)

    parts = [
        slot.latency / tau - 1.0, slot.migration / tau, here, slot.admissible, reach / (p.area * math.sqrt(2.0)),
        approach, of_user(spectral_efficiency(slot) / 16.0), of_user(slot.data_bits / 25e6),
        of_user(slot.deadline / 2.0), of_server(work), of_server(slot.cap / users),
        of_server(here.sum(axis=-2) / slot.cap),
    ]  # fmt: skip
    return np.clip(np.swapaxes(np.stack(parts, axis=-1), -3, -2), -5.0, 5.0)


def spectral_efficiency(slot: MigrationSlot) -> Array:
    """log2(1 + SNR_i) (..., N) [bit/s/Hz]: the rate over the user's band, Eq. (3) backwards."""
    if slot.params.bandwidth_mode == "user":
        return slot.rate / slot.params.bandwidth
    sharing = one_hot(slot.access, slot.bs_xy.shape[-2]).sum(axis=-2)  # users per base station
    return np.asarray(slot.rate * np.take_along_axis(sharing, slot.access, axis=-1) / slot.params.bandwidth)


def observe(slot: MigrationSlot) -> Observation:
    """What server k sees: phi_ik of all users, (..., K, 12 N). The global state is all of them in a row.

    The mask ``user`` (..., N, K) of the search encoding allows the admissible servers.
    """
    phi = features(slot).astype(np.float32)
    lead, servers = phi.shape[:-3], phi.shape[-3]
    return Observation(
        agents={"server": phi.reshape(*lead, servers, -1)},
        masks={"user": slot[...].admissible},
        state=phi.reshape(*lead, -1),
    )


def bounds(instance: MigrationInstance) -> Mapping[str, Bounds]:
    """Between which values :func:`observe` stays: all is cut at 5."""
    seen = FEATURES * instance.dims["user"]
    return {"server": ((seen, -5.0, 5.0),), "state": ((seen * instance.dims["server"], -5.0, 5.0),)}


def reward(slot: MigrationSlot, outcome: Outcome) -> Array:
    """U / U_ref (...,), the same for all agents."""
    return np.asarray(outcome.objective / slot.u_ref)


def user_entries(n_users: int, n_servers: int, features: int) -> IntArray:
    """Where each user stands in state and then joint action (N, n): its features at every server, then its scores.

    For critics that judge users alike, :class:`dtbench.learning.ddpg.critics.ItemCritic`; see :func:`observe`.
    """
    user, server = np.arange(n_users)[:, None], np.arange(n_servers)
    seen = server[:, None] * n_users * features + np.arange(features)
    scores = n_servers * n_users * features + server * n_users
    return np.concatenate([seen.ravel() + user * features, scores + user], axis=1)


def previous_hosts(slot: MigrationSlot) -> IntArray:
    """The server (..., N) of each twin before the slot's decision."""
    return slot.prev
