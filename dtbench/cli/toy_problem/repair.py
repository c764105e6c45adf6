"""Repair: the nearest feasible assignment. Feasible ones stay as they are, so repairing twice changes nothing."""

from __future__ import annotations

import numpy as np

from dtbench.arrays import BoolArray, IntArray, pick

from .model import ToyDecision, ToySlot, users_at


def repair(slot: ToySlot, decision: ToyDecision) -> ToyDecision:
    """Users keep their server while it has room, first come first served; the others go where there is room."""
    p = slot.params
    server = np.clip(decision.server, 0, p.n_servers - 1)
    here = server[..., None] == np.arange(p.n_servers)
    before = np.cumsum(here, axis=-2) - here
    return fill(slot, server, pick(before, server) < p.capacity)


def fill(slot: ToySlot, server: IntArray, kept: BoolArray) -> ToyDecision:
    """Users (..., U) that are not ``kept`` go, one after the other, to the fastest server with room."""
    p = slot.params
    batch = np.broadcast_shapes(slot.batch_shape, server.shape[:-1])
    new = np.where(kept, server, -1) + np.zeros((*batch, 1), dtype=np.int64)
    room = p.capacity - users_at(new, p.n_servers)
    for user in range(p.n_users):
        fastest = np.where(room > 0, slot.delay[..., user, :], np.inf).argmin(axis=-1)
        moves = new[..., user] < 0
        new[..., user] = np.where(moves, fastest, new[..., user])
        room = room - (moves[..., None] & (fastest[..., None] == np.arange(p.n_servers)))
    return ToyDecision(server=new)
