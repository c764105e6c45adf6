"""Models of ``stin-deployment`` for other solvers, and what their columns say of a decision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from dtbench.core import Limits
from dtbench.exact.form import Chosen, Form, pyomo_form
from dtbench.problems.stin_deployment import curved, reference
from dtbench.problems.stin_deployment.formulation import Layout, level_model, levels
from dtbench.problems.stin_deployment.model import StinDecision, StinSlot


def slot_form(slot: StinSlot, formulation: str, limits: Limits | None) -> Form:
    """The paper's own model or the strong one of a slot; both are exact."""
    return strong(slot) if formulation == "strong" else paper(slot)


def strong(slot: StinSlot) -> Form:
    """The model on occupancy levels; under the optimal split with products of pairs."""
    layout = Layout.of(levels(slot))
    paired = slot.params.split == "optimal"
    if paired:
        model = replace(curved.pair_model(layout), names=curved.pair_names(layout))
    else:
        model = replace(level_model(layout), names=layout.names())

    def chosen(decision: StinDecision) -> Chosen:
        point = curved.pair_point(layout, decision) if paired else layout.point(decision)
        return dict(enumerate(point.tolist()))

    legend = [
        "own_I = 1: node[I] = 0, the user's own device",
        "at_I_K_N = 1: node[I] = K, where N twins are",
        "level_K_N = 1: node K holds N twins (no field)",
    ]
    if paired:
        legend.append("both_I_M_K_N = 1: users I and M are both on node K (no field)")
    return Form(model=model, legend=tuple(legend), decision=layout.decision, chosen=chosen)


def paper(slot: StinSlot) -> Form:
    """Eq. (13) of the paper."""
    model = reference.build(slot)

    def chosen(decision: StinDecision) -> Iterator[tuple[Any, float]]:
        for i, node in enumerate(decision.node.tolist()):
            if (i, node) not in model.deploy:
                raise ValueError(f"user {i} on node {node} waits longer than all users on their own devices")
        for (i, k), variable in model.deploy.items():
            yield variable, float(decision.node[i] == k)

    legend = ("deploy_I_K = 1: node[I] = K", "all other columns: no field")
    return pyomo_form(model, legend, lambda: reference.decision(model), chosen)
