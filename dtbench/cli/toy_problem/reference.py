"""The model as a paper writes it, in Pyomo: `dtbench export` writes it, and the exact method is checked with it."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo

from .model import ToyDecision, ToySlot


def build(slot: ToySlot) -> pyo.ConcreteModel:
    """The model of one slot (no leading axes)."""
    p, delay = slot.params, slot.delay
    m = pyo.ConcreteModel(name="toy_problem")
    m.users = pyo.RangeSet(0, p.n_users - 1)
    m.servers = pyo.RangeSet(0, p.n_servers - 1)
    m.assign = pyo.Var(m.users, m.servers, domain=pyo.Binary)
    total = sum(float(delay[u, s]) * m.assign[u, s] for u in m.users for s in m.servers)
    m.mean_delay = pyo.Objective(expr=total / p.n_users, sense=pyo.minimize)
    m.one = pyo.Constraint(m.users, rule=lambda m, u: sum(m.assign[u, s] for s in m.servers) == 1)
    m.room = pyo.Constraint(m.servers, rule=lambda m, s: sum(m.assign[u, s] for u in m.users) <= p.capacity)
    return m


def decision(m: pyo.ConcreteModel) -> ToyDecision:
    """What a solved model says."""
    chosen = [[m.assign[u, s].value > 0.5 for s in m.servers] for u in m.users]
    return ToyDecision(server=np.argmax(chosen, axis=-1))
