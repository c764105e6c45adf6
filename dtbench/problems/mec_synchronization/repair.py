"""A feasible decision near any decision of ``mec-synchronization``."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.problems.mec_synchronization.model import MecDecision, MecSlot, feasible, pick_rows, placement, sums


def repair(slot: MecSlot, decision: MecDecision) -> MecDecision:
    """A feasible decision near the given one: clipped, silent where idle, shares scaled down where too much is given.

    Feasible decisions come back as they are.
    """
    ok = feasible(slot, decision)
    if ok.all():
        return choose(ok, decision, decision)
    p, bs = slot.params, slot.n_bs
    power, wire, cpu = (np.nan_to_num(v, posinf=np.inf) for v in (decision.power, decision.wire, decision.cpu))
    host, moving = placement(slot, np.rint(np.nan_to_num(decision.host)))
    active = slot.request & (moving == 0)
    remote = active & (host != slot.access)
    mended = MecDecision(
        power=np.where(active, np.clip(power, 0.0, p.p_max), 0.0),
        wire=scaled(np.where(remote, np.clip(wire, 0.0, p.w_link), 0.0), slot.access * bs + host, bs * bs, p.w_link),
        cpu=scaled(np.where(active, np.clip(cpu, 0.0, p.f_max), 0.0), host, bs, p.f_max),
        host=host,
    )
    return choose(ok, decision, mended)


def choose(mask: BoolArray, one: MecDecision, other: MecDecision) -> MecDecision:
    """``one`` where the mask (...,) is true, else ``other``."""
    new = {n: np.where(mask[..., None], v, getattr(other, n)) for n, _, v in one.arrays()}
    new["host"] = new["host"].astype(np.int64)
    return replace(one, **new)


def scaled(value: Array, group: IntArray, count: int, capacity: float) -> Array:
    """Values (..., K) scaled down in every group whose sum is above ``capacity``."""
    total = sums(value, group, count)
    factor = np.where(total > capacity, capacity / np.where(total > capacity, total, 1.0), 1.0)
    return np.asarray(value * pick_rows(factor, group, value.shape))
