"""The equations: what a slot holds, what is decided in it, what that costs and what it breaks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dtbench.arrays import Array, IntArray, array, pick
from dtbench.core import Decision, Outcome, Slot, State

from .instance import ToyParams


@dataclass(frozen=True, kw_only=True, eq=False)
class ToyState(State):
    """What one slot hands to the next: nothing here. Fields of a state are read by the slot, like an instance's."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ToySlot(Slot):
    """One slot. Its fields are those of the instance (and the state) of the same name, without the time axis."""

    params: ToyParams
    cpu: Array = array("server", unit="cycle/s", doc="processor that a server gives to each user")
    rate: Array = array("user", "server", unit="bit/s", doc="rate from a user to a server")
    load: Array = array("user", unit="bit", doc="data that a user sends")

    @cached_property
    def delay(self) -> Array:
        """Delay of each user at each server (..., U, S) [s]: transfer and computing."""
        load = self.load[..., :, None]
        return load / self.rate + self.params.cycles * load / self.cpu[..., None, :]


@dataclass(frozen=True, kw_only=True, eq=False)
class ToyDecision(Decision):
    """Who is served where."""

    server: IntArray = array("user", unit="1", doc="server of each user, in [0, S)", kind="int")


def users_at(server: IntArray, n_servers: int) -> IntArray:
    """Users at each server (..., S) of an assignment (..., U)."""
    return (server[..., None] == np.arange(n_servers)).sum(axis=-2)


def evaluate(slot: ToySlot, decision: ToyDecision) -> Outcome:
    """Mean delay [s] of assignments (..., U), and by how much each constraint is broken. Never raises on a value."""
    p = slot.params
    server = np.clip(decision.server, 0, p.n_servers - 1)
    too_many = np.maximum(users_at(server, p.n_servers) - p.capacity, 0).sum(axis=-1)
    outside = (server != decision.server).sum(axis=-1)
    objective = pick(slot.delay, server).mean(axis=-1)
    violations = {"capacity": too_many.astype(float), "range": outside.astype(float)}
    violations = {name: np.broadcast_to(value, objective.shape) for name, value in violations.items()}
    feasible = np.broadcast_to((too_many == 0) & (outside == 0), objective.shape)
    return Outcome(objective=objective, feasible=feasible, violations=violations, metrics={})
