"""Models of ``edge-migration`` for other solvers, and what their columns say of a decision; all are exact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from dtbench.arrays import Array
from dtbench.core import AnyProblem, Limits
from dtbench.exact.form import Chosen, Form, pyomo_form
from dtbench.problems.edge_association.migration import reference
from dtbench.problems.edge_association.migration.arcs import arc_model, taken, trajectory
from dtbench.problems.edge_association.migration.exact import to_decision, transportation
from dtbench.problems.edge_association.migration.instance import MigrationInstance
from dtbench.problems.edge_association.migration.model import MigrationDecision, MigrationSlot
from dtbench.problems.edge_association.migration.paths import Graph


def slot_form(slot: MigrationSlot, formulation: str, limits: Limits | None) -> Form:
    """The paper's own model or the transportation problem of a slot."""
    return strong(slot) if formulation == "strong" else paper(slot)


def strong(slot: MigrationSlot) -> Form:
    """The transportation problem: a column for every admissible pair."""
    model, users, servers = transportation(slot)
    names = [f"a_{i}_{k}" for i, k in zip(users.tolist(), servers.tolist(), strict=True)]

    def chosen(decision: MigrationDecision) -> Chosen:
        late = ~np.take_along_axis(slot.admissible, decision.assoc[:, None], axis=1)[:, 0]
        if late.any():
            i = int(np.flatnonzero(late)[0])
            raise ValueError(f"server {decision.assoc[i]} does not meet the deadline of user {i}")
        return dict(enumerate((decision.assoc[users] == servers).astype(float).tolist()))

    return Form(
        model=replace(model, names=names), legend=("a_I_K = 1: assoc[I] = K",), chosen=chosen,
        decision=lambda x: to_decision(x, users, servers, slot.n_users),
    )  # fmt: skip


def paper(slot: MigrationSlot) -> Form:
    """P2 of the paper for one slot."""
    model = reference.build(slot)

    def chosen(decision: MigrationDecision) -> Iterator[tuple[Any, float]]:
        for (i, k), variable in model.a.items():
            yield variable, float(decision.assoc[i] == k)

    return pyomo_form(model, ("a_I_K = 1: assoc[I] = K",), lambda: reference.decision(model), chosen)


def horizon_form(problem: AnyProblem, instance: MigrationInstance, limits: Limits | None) -> Form:
    """All slots at once: one binary per user and move; the objective is the mean over slots."""
    graph = Graph.of(problem, instance)
    model, arcs = arc_model(graph)
    names = [f"go_{t}_{before}_{i}_{k}" for t, before, i, k in arcs.tolist()]

    def decision(x: Array) -> MigrationDecision:
        return MigrationDecision(assoc=trajectory(graph, arcs, x))

    def chosen(given: MigrationDecision) -> Chosen:
        return dict(enumerate(taken(arcs, given.assoc.T).tolist()))

    legend = ("go_T_B_I_K = 1: assoc[T, I] = K, and the twin was on B in slot T - 1 (B = 0 where T = 0)",)
    return Form(model=replace(model, names=names), legend=legend, decision=decision, chosen=chosen)
