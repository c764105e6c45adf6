"""Problem (8) of Yu et al. (2025) for one slot in Pyomo, line by line beside the paper; physical interference.

Rates are products of what base stations do on an RB. Exact big-M rows, one per set of interferers, replace them:
correct, but the symmetry of RBs makes this form hopeless at the paper's size.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pyomo.environ as pyo

from dtbench.problems.dnt_spectrum.active_sets import ActiveSets
from dtbench.problems.dnt_spectrum.model import DntDecision, DntSlot


def build(slot: DntSlot) -> pyo.ConcreteModel:
    """The slot's model; rates come from the tables of the active sets.

    Raises
    ------
    ValueError
        If interference is as printed: its rates depend on which users the others serve.
    """
    if slot.params.interference != "physical":
        raise ValueError("the reference model is of physical interference; take method 'patterns'")
    table = ActiveSets.of(slot)
    m = pyo.ConcreteModel(name="dnt-spectrum")
    m.stations, m.blocks = pyo.RangeSet(0, slot.n_bs - 1), pyo.RangeSet(0, slot.n_rb - 1)
    m.pairs = pyo.Set(initialize=[(int(u), int(b)) for u, b in np.argwhere(slot.cover)])
    m.x = pyo.Var(m.pairs, m.blocks, domain=pyo.Binary, doc="Eq. (8a): user u at base station b on RB n")
    m.y = pyo.Var(m.stations, m.blocks, domain=pyo.Binary, doc="Eq. (8d): upload of base station b on RB n")
    m.r = pyo.Var(m.pairs, m.blocks, domain=pyo.NonNegativeReals, doc="c_ubn, Eq. (2) [bit/s]")
    m.v = pyo.Var(m.stations, domain=pyo.Binary, doc="whether b uploads")
    m.g = pyo.Var([int(u) for u in table.g_user], bounds=(0.0, 1.0), doc="whether u is fresh, Eq. (7)")
    m.occupied = pyo.Expression(
        m.stations, m.blocks, rule=lambda m, b, n: sum(m.x[u, j, n] for u, j in m.pairs if j == b) + m.y[b, n]
    )
    add_objective(m, table)
    add_links(m, slot)
    add_rates(m, table)
    return m


def add_objective(m: pyo.ConcreteModel, table: ActiveSets) -> None:
    """Weighted rates and twin error, Eqs. (7), (8)."""
    rates = table.slot.params.rate_weight * sum(m.r[u, b, n] for u, b in m.pairs for n in m.blocks)
    blocks = sum(float(w) * m.v[b] for b, w in enumerate(table.block_worth))
    users = sum(float(w) * m.g[int(u)] for u, w in zip(table.g_user, table.user_worth, strict=True))
    m.weighted = pyo.Objective(expr=rates + blocks + users + table.constant, sense=pyo.maximize, doc="Eq. (8)")

    def fresh(m: pyo.ConcreteModel, u: int) -> Any:
        return m.g[u] <= sum(m.v[b] for i, b in m.pairs if i == u)

    m.fresh = pyo.Constraint([int(u) for u in table.g_user], rule=fresh, doc="Eq. (7)")


def add_links(m: pyo.ConcreteModel, slot: DntSlot) -> None:
    """Who may use what, Eqs. (8b) to (8f)."""

    def one_per_user(m: pyo.ConcreteModel, u: int) -> Any:
        links = sum(m.x[i, b, n] for i, b in m.pairs if i == u for n in m.blocks)
        return links == 1 if slot.params.serve_all else links <= 1

    def one_per_upload(m: pyo.ConcreteModel, b: int) -> Any:
        return sum(m.y[b, n] for n in m.blocks) == m.v[b]

    def one_per_block(m: pyo.ConcreteModel, b: int, n: int) -> Any:
        return m.occupied[b, n] <= 1

    m.user = pyo.Constraint(sorted({u for u, _ in m.pairs}), rule=one_per_user, doc="Eq. (8b)")
    m.upload = pyo.Constraint(m.stations, rule=one_per_upload, doc="Eq. (8e)")
    m.link = pyo.Constraint(m.stations, m.blocks, rule=one_per_block, doc="Eqs. (8c), (8f)")


def add_rates(m: pyo.ConcreteModel, table: ActiveSets) -> None:
    """Rates and delays under every set of interferers, Eqs. (2) to (6), (8g)."""
    stations = range(table.slot.n_bs)
    others = {b: interferers([j for j in stations if j != b]) for b in stations}

    def row(group: tuple[int, ...]) -> int:
        return sum(1 << j for j in group) - 1

    def rate(m: pyo.ConcreteModel, u: int, b: int, n: int, k: int) -> Any:
        group, high = others[b][k], float(table.rates[row((b,)), u, b])
        if not group:
            return m.r[u, b, n] <= high * m.x[u, b, n]
        low = float(table.rates[row((b, *group)), u, b])
        return m.r[u, b, n] <= low + (high - low) * (len(group) - sum(m.occupied[j, n] for j in group))

    def delay(m: pyo.ConcreteModel, b: int, n: int, k: int) -> Any:
        group = others[b][k]
        if table.in_time[row((b, *group)), b]:
            return pyo.Constraint.Skip
        return m.y[b, n] + sum(m.occupied[j, n] for j in group) <= len(group)

    sets = range(len(others[0]))
    m.rate = pyo.Constraint(m.pairs, m.blocks, sets, rule=rate, doc="Eqs. (2), (3)")
    m.delay = pyo.Constraint(m.stations, m.blocks, sets, rule=delay, doc="Eqs. (4) to (6), (8g)")


def interferers(stations: list[int]) -> list[tuple[int, ...]]:
    """All sets of base stations, the empty one first."""
    return [group for k in range(len(stations) + 1) for group in itertools.combinations(stations, k)]


def decision(model: pyo.ConcreteModel, slot: DntSlot) -> DntDecision:
    """The decision that the solved model holds."""
    bs, rb = np.full((2, slot.n_users), -1)
    up = np.full(slot.n_bs, -1)
    for (u, m, n), variable in model.x.items():
        if pyo.value(variable) > 0.5:
            bs[u], rb[u] = m, n
    for (m, n), variable in model.y.items():
        if pyo.value(variable) > 0.5:
            up[m] = n
    return DntDecision.of(bs, rb, up)
