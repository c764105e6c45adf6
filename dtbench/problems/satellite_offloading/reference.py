"""The paper's own model of one slot in Pyomo, Eq. (17) of Li and Han (2025), as portable as it is slow.

Names follow the paper: ``phi[i, j]`` associates UAV i with satellite j, ``xi[i, k]`` says that it has k channels,
``rho[i, j]`` is its share. Delay and energy of a share are convex; they enter through tangents with big constants,
which are added where the incumbent needs them. Nothing of :mod:`formulation` strengthens the model.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyomo.environ as pyo

from dtbench.arrays import Array, IntArray
from dtbench.core import Limits
from dtbench.exact.linear import MilpResult
from dtbench.exact.pyomo_backend import solve_pyomo
from dtbench.problems.satellite_offloading.completion import completed
from dtbench.problems.satellite_offloading.formulation import SHARES
from dtbench.problems.satellite_offloading.model import OffloadingDecision, OffloadingSlot
from dtbench.problems.satellite_offloading.terms import Terms


def size(slot: OffloadingSlot) -> int:
    """About how many terms :func:`build` writes: tangents of all pairs at all shares, and numbers of channels."""
    pairs, counts = slot.n_uav * slot.n_sat, slot.params.n_channel - slot.n_uav + 1
    return pairs * (8 * len(SHARES) + 7) + 4 * slot.n_uav * counts


def build(slot: OffloadingSlot, *, relaxed: bool = False) -> pyo.ConcreteModel:
    """The model of one slot (no leading axes), with tangents at a few shares, for (7) and (14) as printed.

    ``relaxed`` takes the numbers of ``Terms.of(slot, relaxed=True)``, as a bound has to.

    Returns
    -------
    pyomo.environ.ConcreteModel
        Objective ``cost``, Eq. (17), from below: between tangents a share costs less than it does.
    """
    terms, p = Terms.of(slot, relaxed=relaxed), slot.params
    m = pyo.ConcreteModel(name="satellite_offloading")
    m.uavs = pyo.RangeSet(0, terms.n_uav - 1, doc="I, UAVs")
    m.satellites = pyo.RangeSet(0, terms.n_sat - 1, doc="J, satellites")
    m.counts = pyo.RangeSet(1, p.n_channel - terms.n_uav + 1, doc="channels that one UAV may have")
    m.phi = pyo.Var(m.uavs, m.satellites, domain=pyo.Binary, doc="phi_ij, data of UAV i go to satellite j")
    m.xi = pyo.Var(m.uavs, m.counts, domain=pyo.Binary, doc="1 if xi_i = k")
    m.rho = pyo.Var(m.uavs, m.satellites, bounds=(0, 1), doc="rho_ji, share of twin i")
    m.delay = pyo.Var(m.uavs, m.satellites, domain=pyo.NonNegativeReals, doc="training of twin i [s]")
    m.square = pyo.Var(m.uavs, m.satellites, domain=pyo.NonNegativeReals, doc="rho_ji squared")
    m.t_up = pyo.Var(domain=pyo.NonNegativeReals, doc="T_up [s]")
    m.t_train = pyo.Var(domain=pyo.NonNegativeReals, doc="T_train [s]")
    m.fullest = pyo.Var(domain=pyo.NonNegativeReals, doc="max_j N_j")
    _delays(m, slot, terms)
    cost, work = terms.rate_cost, terms.work
    m.cost = pyo.Objective(
        expr=terms.c_t * m.t_total + terms.c_e * m.e_uav  # Eqs. (10), (13)
        + sum(float(cost[j] * work[i, j]) * m.square[i, j] for i in m.uavs for j in m.satellites),  # Eq. (14)
        sense=pyo.minimize,
        doc="Eq. (17)",
    )  # fmt: skip
    m.c2 = pyo.Constraint(m.satellites, rule=lambda m, j: sum(m.rho[i, j] for i in m.uavs) <= 1, doc="C2")
    m.own = pyo.Constraint(m.uavs, m.satellites, rule=lambda m, i, j: m.rho[i, j] <= m.phi[i, j], doc="C2, own shares")
    m.c4 = pyo.Constraint(m.uavs, rule=lambda m, i: sum(m.phi[i, j] for j in m.satellites) == 1, doc="C3, C4")
    m.one_count = pyo.Constraint(m.uavs, rule=lambda m, i: sum(m.xi[i, k] for k in m.counts) == 1, doc="xi_i > 0")
    m.c5 = pyo.Constraint(expr=sum(k * m.xi[i, k] for i in m.uavs for k in m.counts) <= p.n_channel, doc="C5")
    m.c6 = pyo.Constraint(expr=m.t_total <= terms.deadline, doc="C6")
    m.c7 = pyo.Constraint(expr=m.e_uav <= terms.energy_limit, doc="C7")
    m.tangents = pyo.ConstraintList(doc="Eqs. (7), (14): delay and energy of a share, from below")
    for r in SHARES:
        add(m, terms, np.full(terms.n_uav, r), 0.0 if relaxed else p.eps)
    return m


def _delays(m: pyo.ConcreteModel, slot: OffloadingSlot, terms: Terms) -> None:
    """Delays (4)-(10) and the energy of the UAVs (11)-(13)."""
    alone = slot.data_bits / slot.rate

    def upload(i: int) -> Any:
        return sum(float(alone[i]) / k * m.xi[i, k] for k in m.counts)

    m.upload = pyo.Constraint(m.uavs, rule=lambda m, i: m.t_up >= upload(i), doc="Eqs. (3), (4), (6)")
    m.hosted = pyo.Constraint(
        m.satellites, rule=lambda m, j: sum(m.phi[i, j] for i in m.uavs) <= m.fullest, doc="Eq. (5), N_j"
    )
    m.training = pyo.Constraint(
        m.satellites, rule=lambda m, j: sum(m.delay[i, j] for i in m.uavs) <= m.t_train, doc="Eq. (7)"
    )
    m.t_total = pyo.Expression(
        expr=m.t_up + terms.per_uav * m.fullest + m.t_train + terms.const, doc="Eqs. (5), (6), (8)-(10)"
    )
    uploads = slot.params.p_tx * sum(upload(i) for i in m.uavs)  # Eq. (11)
    m.e_uav = pyo.Expression(expr=uploads + terms.hover * m.t_total, doc="Eqs. (11)-(13)")


def add(m: pyo.ConcreteModel, terms: Terms, share: Array, eps: float) -> None:
    """Tangents at the shares (N,), for every satellite, in the form that holds whether or not a UAV is there."""
    for i in m.uavs:
        r = float(share[i])
        s = r + eps
        for j in m.satellites:
            a = float(terms.work[i, j])
            gone = 2.0 * a / s * (1 - m.phi[i, j])
            m.tangents.add(m.delay[i, j] >= a * (2.0 / s - (m.rho[i, j] + eps) / s**2) - gone)
            m.tangents.add(m.square[i, j] >= 2.0 * r * m.rho[i, j] - r**2)


class PyomoMaster:
    """The model and its tangents so far; it takes no start."""

    def __init__(self, slot: OffloadingSlot, terms: Terms, *, relaxed: bool = True, exact: Terms | None = None) -> None:
        self.exact = exact  # numbers as they are, with which points are completed for whoever listens
        self.terms, self.eps = terms, 0.0 if relaxed else slot.params.eps
        self.model = build(slot, relaxed=relaxed)
        self.model.forbidden = pyo.ConstraintList(doc="associations that no shares make feasible")

    def cut(self, share: Array) -> None:
        """Add the tangents at shares (N,)."""
        add(self.model, self.terms, np.clip(share, 1e-3, 1.0), self.eps)

    def forbid(self, assoc: IntArray) -> None:
        """Take an association (N,) out."""
        here = sum(self.model.phi[i, int(j)] for i, j in enumerate(assoc))
        self.model.forbidden.add(here <= len(assoc) - 1)

    def solve(self, limits: Limits, start: OffloadingDecision | None) -> tuple[MilpResult, IntArray | None]:
        """Solve with the tangents so far."""
        exact = self.exact
        told = None if exact is None else lambda: completed(exact, self.assoc())
        result = solve_pyomo(self.model, limits, decision=told)
        return result, None if result.x is None else self.assoc()

    def assoc(self) -> IntArray:
        """The association (N,) that the model's variables hold."""
        assoc = np.zeros(len(self.model.uavs), dtype=np.int64)
        for (i, j), variable in self.model.phi.items():
            if variable.value > 0.5:
                assoc[i] = j
        return assoc
