"""What an agent adds to the reward: difference rewards, Wolpert and Tumer (2002); not in Liu et al. (2025).

The team's reward less what it would be without the agent. What is subtracted does not depend on the agent's action, so
the expected gradient of its policy stays that of the team's reward; the noise that the other agents make goes away.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.problems.mec_synchronization.model import MecDecision, MecSlot, cost, pick_rows, placement, sums


def differences(slot: MecSlot, decision: MecDecision) -> Array:
    """J without an agent, less J (..., K + M): users are silent instead, base stations split equally."""
    without = np.concatenate([without_users(slot, decision), without_stations(slot, decision)], axis=-1)
    return without - cost(slot, decision)[..., None]


def without_users(slot: MecSlot, decision: MecDecision) -> Array:
    """J (..., K) if one of the users is silent."""
    users = slot.n_users
    silent = np.eye(users, dtype=bool).reshape(users, *(1,) * (decision.power.ndim - 1), users)
    return np.moveaxis(cost(slot, replace(decision, power=np.where(silent, 0.0, decision.power))), 0, -1)


def without_stations(slot: MecSlot, decision: MecDecision) -> Array:
    """J (..., M) if one of the base stations gives equal shares of its wires and its processor."""
    p, stations = slot.params, slot.n_bs
    host, moving = placement(slot, decision.host)
    active = slot.request & (moving == 0)
    remote = active & (host != slot.access)
    station = np.arange(stations).reshape(stations, *(1,) * decision.cpu.ndim)
    cpu = equal(active, host, stations, p.f_max)
    wire = equal(remote, slot.access * stations + host, stations**2, p.w_link)
    plain = replace(
        decision,
        cpu=np.where(host == station, cpu, decision.cpu),
        wire=np.where(slot.access == station, wire, decision.wire),
    )
    return np.moveaxis(cost(slot, plain), 0, -1)


def equal(mine: BoolArray, group: IntArray, count: int, capacity: float) -> Array:
    """``capacity`` of each group in equal parts for ``mine`` (..., K)."""
    part = mine.astype(np.float64)
    group = np.broadcast_to(group, part.shape)
    whole = pick_rows(sums(part, group, count), group, part.shape)
    return capacity * part / np.maximum(whole, 1.0)
