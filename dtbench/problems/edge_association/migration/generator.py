"""The generator of ``edge-migration``: servers, capacities, deadlines, and a start, on the shared system's network."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, IntArray
from dtbench.problems.edge_association.migration.instance import MigrationInstance, MigrationParams
from dtbench.problems.edge_association.migration.model import TOLERANCE, MigrationSlot
from dtbench.problems.edge_association.migration.repair import place
from dtbench.problems.edge_association.system import Network, distances, draw_network

STREAM = 3421  # keeps the random stream of a seed apart from that of other problems
STEP = 1.05  # factor by which the deadlines of a slot without assignment grow


def draw(params: MigrationParams, seed: int, size: str) -> MigrationInstance:
    """Draw an instance from the laws of the card. Its ``u_ref`` is 1."""
    rng = np.random.default_rng([seed, STREAM])
    network = draw_network(params, rng, ())
    servers = choose_servers(network.bs_xy, network.cpu_mean, params.n_servers)
    share = rng.uniform(params.cap_min, params.cap_max, params.n_servers)
    cap = np.ceil(params.n_users / params.n_servers * share).astype(np.int64)
    while cap.sum() < params.cap_total * params.n_users:
        cap[cap.argmin()] += 1
    slack = rng.uniform(params.kappa_min, params.kappa_max, params.n_users)
    return complete(params, network, servers, cap, slack, np.ones(()), size=size, seed=seed)


def fresh(instance: MigrationInstance, rng: np.random.Generator, batch: tuple[int, ...]) -> MigrationInstance:
    """Fresh traces (\\*batch) of the network: base stations, servers, capacities, users' mean data and slack stay.

    So does ``u_ref``, the scale of the reward.
    """
    i = instance
    network = draw_network(i.params, rng, batch, bs_xy=i.bs_xy, cpu_mean=i.cpu_mean, data_mean=i.data_mean)
    servers, cap = (np.broadcast_to(value, batch + value.shape) for value in (i.servers, i.cap))
    slack, u_ref = np.broadcast_to(i.slack, batch + i.slack.shape), np.broadcast_to(i.u_ref, batch)
    return complete(i.params, network, servers, cap, slack, u_ref, size=i.size, seed=-1)


def choose_servers(bs_xy: Array, cpu_mean: Array, n_servers: int) -> IntArray:
    """The fastest base station, then repeatedly the one farthest from those chosen; ascending (K,)."""
    between = distances(bs_xy, bs_xy)
    chosen = [int(cpu_mean.argmax())]
    while len(chosen) < n_servers:
        chosen.append(int(between[chosen].min(axis=0).argmax()))
    return np.sort(chosen).astype(np.int64)


def complete(
    params: MigrationParams,
    network: Network,
    servers: IntArray,
    cap: IntArray,
    slack: Array,
    u_ref: Array,
    **header: Any,
) -> MigrationInstance:
    """Add the deadlines and the first association to a network with servers; arguments have the network's batch."""
    cpu = np.take_along_axis(network.cpu, servers[..., None, :], axis=-1)
    horizon = MigrationSlot(
        params=params, bs_xy=network.bs_xy[..., None, :, :], servers=servers[..., None, :], cap=cap[..., None, :],
        u_ref=u_ref[..., None], user_xy=network.user_xy, access=network.access, rate=network.rate, cpu=cpu,
        data_bits=network.data_bits, update_bits=network.update_bits, deadline=np.zeros_like(network.rate),
        prev=np.zeros_like(network.access), prev_xy=network.user_xy,
    )  # fmt: skip
    tau = deadlines(horizon.latency, slack[..., None, :], horizon.cap)

    length = horizon.wire_length[..., 0, :, :]
    in_time = horizon.latency[..., 0, :, :] <= tau[..., 0, :, None] * (1.0 + TOLERANCE)
    assoc0, _ = place(in_time, cap, length.argmin(axis=-1), length)
    return MigrationInstance(
        problem="edge-migration", params=params, **header,
        bs_xy=network.bs_xy, cpu_mean=network.cpu_mean, servers=servers, cap=cap, data_mean=network.data_mean,
        slack=slack, assoc0=assoc0, u_ref=u_ref, user_xy=network.user_xy, access=network.access, rate=network.rate,
        cpu=cpu, data_bits=network.data_bits, update_bits=network.update_bits, deadline=tau,
    )  # fmt: skip


def deadlines(latency: Array, slack: Array, cap: IntArray) -> Array:
    """tau_i (..., N) [s]: ``max(kappa_i mean_k T_ik, second smallest T_ik)``, then longer until all can be served.

    While a slot has no assignment within deadlines (..., N) and capacities (..., K), all its deadlines grow by 5 %. The
    latency (..., N, K) does not include migration, so every slot is feasible whatever the state.
    """
    tau = np.maximum(slack * latency.mean(axis=-1), np.partition(latency, 1, axis=-1)[..., 1])
    lead, axes = tau.shape[:-1], latency.shape[-2:]
    tau, flat = tau.reshape(-1, axes[0]), latency.reshape(-1, *axes)
    places = np.broadcast_to(cap, (*lead, axes[1])).reshape(-1, axes[1])
    todo: npt.NDArray[np.int64] = np.arange(len(tau))
    while todo.size:
        in_time = flat[todo] <= tau[todo, :, None]
        _, placed = place(in_time, places[todo], flat[todo].argmin(axis=-1), flat[todo])
        todo = todo[~placed.all(axis=-1)]
        tau[todo] *= STEP
    return np.asarray(tau.reshape(*lead, axes[0]))
