"""The paper's own model of one slot in Pyomo, Eqs. (18) and (26) of Lu et al. (2021).

Names follow the paper: ``a[i, k]`` associates user i with server k, ``z[k]`` says whether base station k is a server.
The paper leaves the CPU shares free; the processing cost of a server under the best shares is convex in the association
and enters through tangents, which are added where the incumbent needs them. The constraints are the paper's, without
the strengthening of :mod:`formulation`: ``sum_i a_ik <= N_k z_k`` alone closes a server, tangents keep their constant.
"""

from __future__ import annotations

import numpy as np
import pyomo.environ as pyo

from dtbench.arrays import IntArray
from dtbench.core import Limits
from dtbench.exact.linear import MilpResult
from dtbench.exact.pyomo_backend import solve_pyomo
from dtbench.problems.edge_association.placement.formulation import SPREAD, Cuts, Formulation
from dtbench.problems.edge_association.placement.model import PlacementDecision, PlacementSlot, of_assoc


def terms(slot: PlacementSlot) -> int:
    """About how many terms :func:`build` writes: costs, rows and first tangents hold every pair."""
    return (5 + len(SPREAD)) * slot.n_users * slot.n_bs


def build(slot: PlacementSlot) -> pyo.ConcreteModel:
    """The model of one slot (no leading axes), blocks in the paper's order, tangents at a few loads of every server.

    Returns
    -------
    pyomo.environ.ConcreteModel
        Objective ``cost``, the paper's (26) negated, from below: between tangents a server counts less than it costs.
    """
    form = Formulation(slot)
    m = pyo.ConcreteModel(name="edge_placement")
    m.users = pyo.RangeSet(0, form.n_users - 1, doc="N, users")
    m.servers = pyo.RangeSet(0, form.n_bs - 1, doc="M, base stations")
    m.z = pyo.Var(m.servers, domain=pyo.Binary, doc="1 if the base station is a twin server")
    m.a = pyo.Var(m.users, m.servers, domain=pyo.Binary, doc="a_ik")
    m.compute = pyo.Var(m.servers, domain=pyo.NonNegativeReals, doc="processing part of the users' cost [s]")

    weight, fee = slot.user_weight, slot.fee_weight
    carried = sum(float(slot.carry[i, k]) * m.a[i, k] for i in m.users for k in m.servers)
    m.cost = pyo.Objective(
        expr=weight * (carried + sum(m.compute[k] for k in m.servers))  # alpha T, Eqs. (13), (17)
        + fee
        * (slot.params.open_cost * sum(m.z[k] for k in m.servers) + float(slot.energy)),  # beta C, Eqs. (19), (25)
        sense=pyo.minimize,
        doc="Eqs. (24)-(26)",
    )
    m.one_server = pyo.Constraint(m.users, rule=lambda m, i: sum(m.a[i, k] for k in m.servers) == 1, doc="Eq. (18a)")
    m.twins = pyo.Constraint(
        m.servers, rule=lambda m, k: sum(m.a[i, k] for i in m.users) <= int(slot.cap[k]) * m.z[k], doc="Eq. (18b)"
    )
    share = np.where(form.pair, slot.floor / form.cpu, 0.0)  # of F_k, at least
    m.floors = pyo.Constraint(
        m.servers,
        rule=lambda m, k: sum(float(share[i, k]) * m.a[i, k] for i in m.users) <= m.z[k],
        doc="Eqs. (18c), (18d): the shares that meet the deadlines fit",
    )
    m.late = pyo.Constraint(
        [(int(i), int(k)) for i, k in np.argwhere(~form.pair)],
        rule=lambda m, i, k: m.a[i, k] == 0,
        doc="Eq. (15): not even the whole processor meets the deadline",
    )
    m.tangents = pyo.ConstraintList(doc="Eq. (9), processing time under the best shares, from below")
    add(m, form.first_cuts())
    return m


def add(m: pyo.ConcreteModel, cuts: Cuts) -> None:
    """Tangents of the servers' costs, in the form that holds whether or not a server is open."""
    for k, phi, constant in zip(cuts.server.tolist(), cuts.phi, cuts.constant.tolist(), strict=True):
        m.tangents.add(m.compute[k] >= sum(float(phi[i]) * m.a[i, k] for i in m.users) - constant)


class PyomoMaster:
    """The model and its tangents so far; it takes no start."""

    def __init__(self, slot: PlacementSlot) -> None:
        self.model = build(slot)

    def add(self, cuts: Cuts) -> None:
        """Take more tangents."""
        add(self.model, cuts)

    def solve(self, limits: Limits, start: IntArray | None) -> tuple[MilpResult, PlacementDecision | None]:
        """Solve with the tangents so far."""
        result = solve_pyomo(self.model, limits, decision=lambda: decision(self.model))
        return result, None if result.x is None else decision(self.model)


def decision(model: pyo.ConcreteModel) -> PlacementDecision:
    """The placement that a solved model holds; only servers in use open."""
    assoc = np.zeros(len(model.users), dtype=np.int64)
    for (i, k), variable in model.a.items():
        if variable.value > 0.5:
            assoc[i] = k
    return of_assoc(assoc, len(model.servers))
