"""One slot of problem (14) of Liu et al. (2025) in Pyomo, on levels of uplink time, line by line beside the paper.

The naive form, for comparison: any power up to P_max on every level, one radio row per user and level.
"""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo

from dtbench.arrays import BoolArray, IntArray
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.formulation import LEVELS, TANGENTS, Grid, grid
from dtbench.problems.mec_synchronization.model import MecSlot


def build(slot: MecSlot, levels: int = LEVELS) -> pyo.ConcreteModel:
    """The slot's model: binaries ``z[c]`` (a user on a level), powers [W], shares of wires and processors.

    The radio has the longest time of its level and all else what the shortest leaves: a lower bound.
    """
    candidates, p = Candidates.of(slot, slot.host), slot.params
    on = grid(candidates, levels, naive=True)
    of = {k: [int(c) for c in np.flatnonzero(on.user == k)] for k in range(candidates.count)}
    users = [k for k in of if candidates.valid[k]]
    remote = [k for k in users if candidates.remote[k]]

    m = pyo.ConcreteModel(name="mec-synchronization")
    m.levels = pyo.RangeSet(0, len(on.user) - 1)
    m.users, m.remote = pyo.Set(initialize=users), pyo.Set(initialize=remote)
    m.servers = pyo.Set(initialize=sorted({int(candidates.server[k]) for k in users}))
    m.links = pyo.Set(initialize=sorted({int(candidates.link[k]) for k in remote}))
    m.tangents = pyo.RangeSet(0, len(TANGENTS) - 1)
    m.z = pyo.Var(m.levels, domain=pyo.Binary, doc="user and level; none = silence, a failure (12)")
    m.p = pyo.Var(m.levels, bounds=(0.0, p.p_max), doc="p_k on the level [W], Eq. (14d)")
    m.w = pyo.Var(m.remote, bounds=(0.0, 1.0), doc="w_k / w_ij, Eq. (14e)")
    m.f = pyo.Var(m.users, bounds=(0.0, 1.0), doc="f_k / f_max, Eq. (14g)")

    def cost(m: pyo.ConcreteModel) -> object:
        energy = sum(float(on.end[c]) / p.e0 * m.p[c] for c in m.levels)
        failures = sum(float(candidates.value[k]) * (1 - sum(m.z[c] for c in of[k])) for k in m.users)
        return (energy + failures + float(candidates.lost)) / slot.n_users

    m.cost = pyo.Objective(rule=cost, sense=pyo.minimize, doc="Eq. (19a) with (13), energy in units of E_0")
    add_families(m, candidates, on, of)
    return m


def add_families(m: pyo.ConcreteModel, candidates: Candidates, on: Grid, of: dict[int, list[int]]) -> None:
    """The constraints, in the paper's order; ``of`` lists the levels of every user."""
    p = candidates.params

    def slack(c: int) -> float:
        return float(candidates.deadline[on.user[c]] - on.begin[c])

    def once(m: pyo.ConcreteModel, k: int) -> object:
        return sum(m.z[c] for c in of[k]) <= 1 if of[k] else pyo.Constraint.Skip

    def silent(m: pyo.ConcreteModel, c: int) -> object:
        return m.p[c] <= p.p_max * m.z[c]

    def radio(m: pyo.ConcreteModel, c: int) -> object:
        k = int(on.user[c])
        others = [(float(candidates.cross[k, j]) / p.noise, of[j]) for j in m.users if j != k]
        heard = sum(gain * m.p[q] for gain, columns in others for q in columns)
        big = sum(gain * p.p_max for gain, columns in others if columns)
        signal = float(candidates.gain[k] / on.ratio[c]) / p.noise * m.p[c]
        return signal >= m.z[c] + heard - big * (1 - m.z[c])

    def latency_local(m: pyo.ConcreteModel, k: int) -> object:
        if candidates.remote[k]:
            return pyo.Constraint.Skip
        return m.f[k] >= sum(float(candidates.work[k]) / p.f_max / slack(c) * m.z[c] for c in of[k])

    def latency_remote(m: pyo.ConcreteModel, k: int, i: int) -> object:
        theta, tau = float(TANGENTS[i]), float(candidates.deadline[k])
        wire = theta**2 * p.w_link / float(candidates.bits[k]) * tau
        cpu = (1.0 - theta) ** 2 * p.f_max / float(candidates.work[k]) * tau
        return wire * m.w[k] + cpu * m.f[k] >= sum(tau / slack(c) * m.z[c] for c in of[k])

    def link(m: pyo.ConcreteModel, i: int) -> object:
        return sum(m.w[k] for k in m.remote if candidates.link[k] == i) <= 1

    def server(m: pyo.ConcreteModel, j: int) -> object:
        return sum(m.f[k] for k in m.users if candidates.server[k] == j) <= 1

    m.once = pyo.Constraint(m.users, rule=once, doc="Eq. (12): in time on one level, or failed")
    m.silent = pyo.Constraint(m.levels, rule=silent, doc="Eq. (14d)")
    m.radio = pyo.Constraint(m.levels, rule=radio, doc="Eqs. (7), (8)")
    m.latency_local = pyo.Constraint(m.users, rule=latency_local, doc="Eq. (9), twin at the serving base station")
    m.latency_remote = pyo.Constraint(m.remote, m.tangents, rule=latency_remote, doc="Eq. (9), twin elsewhere")
    m.link = pyo.Constraint(m.links, rule=link, doc="Eq. (14f)")
    m.server = pyo.Constraint(m.servers, rule=server, doc="Eq. (14h)")


def terms(slot: MecSlot) -> int:
    """About how many terms :func:`build` writes: a radio row of each level holds nearly all levels of others."""
    levels = len(users_of_levels(slot))
    return levels**2 + 20 * levels


def users_of_levels(slot: MecSlot) -> IntArray:
    """The candidate of each level (c,) of the model."""
    return grid(Candidates.of(slot, slot.host), LEVELS, naive=True).user


def members(m: pyo.ConcreteModel, slot: MecSlot) -> BoolArray:
    """Who is served (n,) in the solved model."""
    user = users_of_levels(slot)
    served = np.zeros(Candidates.of(slot, slot.host).count, dtype=bool)
    served[[int(user[c]) for c in m.levels if pyo.value(m.z[c]) > 0.5]] = True
    return served
