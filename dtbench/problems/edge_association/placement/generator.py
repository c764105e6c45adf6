"""Generator of ``edge-placement``: the shared network, twin limits, and deadlines that some placement meets."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dtbench.arrays import Array, IntArray
from dtbench.problems.edge_association.placement.instance import PlacementInstance, PlacementParams
from dtbench.problems.edge_association.placement.model import PlacementDecision, PlacementSlot
from dtbench.problems.edge_association.placement.repair import repair_flagged
from dtbench.problems.edge_association.system import access_distance, draw_network

RELAX = 1.05  # deadlines of a slot grow by this factor until the repaired placement meets them


def draw(params: PlacementParams, rng: np.random.Generator, batch: tuple[int, ...], **header: Any) -> PlacementInstance:
    """Draw instances (\\*batch) from the laws of the card."""
    p = params
    net = draw_network(p, rng, batch)
    cap = np.ceil(p.n_users / p.n_bs * rng.uniform(p.cap_min, p.cap_max, (*batch, p.n_bs))).astype(np.int64)
    kappa = rng.uniform(p.kappa_min, p.kappa_max, (*batch, 1, p.n_users))
    share = p.tau_share * net.cpu.sum(axis=-1)[..., None] / p.n_users
    wire = p.wire * p.wired_factor * access_distance(net.bs_xy[..., None, :, :], net.access).mean(axis=-1)
    wanted = net.data_bits * (1.0 / net.rate + wire + p.cycles * kappa / share)
    everywhere = np.broadcast_to(np.array(-1), net.access.shape)
    trial = PlacementSlot(
        params=p, bs_xy=net.bs_xy[..., None, :, :], cap=cap[..., None, :], user_xy=net.user_xy, gain=net.gain,
        access=net.access, rate=net.rate, cpu=net.cpu, data_bits=net.data_bits, update_bits=net.update_bits,
        deadline=wanted, safe=net.access, prev_open=np.zeros(net.cpu.shape, dtype=bool), prev_assoc=everywhere,
    )  # fmt: skip
    deadline, safe = guarantee(trial)
    return PlacementInstance(
        problem="edge-placement", params=p, **header,
        bs_xy=net.bs_xy, cap=cap, user_xy=net.user_xy, gain=net.gain, access=net.access, rate=net.rate, cpu=net.cpu,
        data_bits=net.data_bits, update_bits=net.update_bits, deadline=deadline, safe=safe,
    )  # fmt: skip


def guarantee(slot: PlacementSlot) -> tuple[Array, IntArray]:
    """Deadlines (..., N) [s] that a placement (..., N) meets, and that placement.

    While "all open, twin at the access BS", repaired without last resort, is not feasible in a slot, the deadlines of
    that slot grow by :data:`RELAX`.
    """
    deadline, safe = slot.deadline.copy(), slot.access.copy()
    some, index = slot, tuple(np.indices(slot.batch_shape))
    while index[0].size:
        ask = PlacementDecision(open=np.ones(some.cpu.shape, dtype=bool), assoc=some.access)
        repaired, stuck = repair_flagged(some, ask, last_resort=False)
        safe[index] = np.where(stuck[..., None], safe[index], repaired.assoc)
        index = tuple(axis[stuck] for axis in index)
        deadline[index] *= RELAX
        some = replace(slot[index], deadline=deadline[index])
    return deadline, safe


def fresh(instance: PlacementInstance, rng: np.random.Generator, batch: tuple[int, ...]) -> PlacementInstance:
    """Fresh instances of the same parameters: every training episode has a network of its own."""
    return draw(instance.params, rng, batch, size=instance.size, seed=-1)
