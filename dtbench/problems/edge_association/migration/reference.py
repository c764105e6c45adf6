"""P2 of Lu et al. (2021) for one slot in Pyomo, line by line beside the paper."""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo

from dtbench.problems.edge_association.migration.model import TOLERANCE, MigrationDecision, MigrationSlot


def terms(slot: MigrationSlot) -> int:
    """How many terms :func:`build` writes: every pair is in the objective and in three rows."""
    return 4 * slot.n_users * slot.n_servers


def build(slot: MigrationSlot) -> pyo.ConcreteModel:
    """The slot's model: binaries ``a[i, k]``, twin of user i on server k. Numbers come from the referee's tables."""
    utility, latency = slot.utility, slot.latency
    m = pyo.ConcreteModel(name="edge-migration")
    m.users = pyo.RangeSet(0, slot.n_users - 1)
    m.servers = pyo.RangeSet(0, slot.n_servers - 1)
    m.a = pyo.Var(m.users, m.servers, domain=pyo.Binary, doc="a_ik")

    def mean_utility(m: pyo.ConcreteModel) -> object:
        return sum(float(utility[i, k]) * m.a[i, k] for i in m.users for k in m.servers) / slot.n_users

    def capacity(m: pyo.ConcreteModel, k: int) -> object:
        return sum(m.a[i, k] for i in m.users) <= int(slot.cap[k])

    def assigned(m: pyo.ConcreteModel, i: int) -> object:
        return sum(m.a[i, k] for k in m.servers) == 1

    def delay(m: pyo.ConcreteModel, i: int) -> object:
        limit = float(slot.deadline[i]) * (1.0 + TOLERANCE)
        return sum(float(latency[i, k]) * m.a[i, k] for k in m.servers) <= limit

    m.utility = pyo.Objective(rule=mean_utility, sense=pyo.maximize, doc="Eq. (21), mean over users")
    m.capacity = pyo.Constraint(m.servers, rule=capacity, doc="Eq. (21a)")
    m.assigned = pyo.Constraint(m.users, rule=assigned, doc="Eq. (21b), printed as (18b)")
    m.delay = pyo.Constraint(m.users, rule=delay, doc="Eq. (21c)")
    return m


def decision(m: pyo.ConcreteModel) -> MigrationDecision:
    """The association that the solved model holds."""
    a = np.array([[pyo.value(m.a[i, k]) for k in m.servers] for i in m.users])
    return MigrationDecision(assoc=a.argmax(axis=1).astype(np.int64))
