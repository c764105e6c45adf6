"""Models for other solvers (`dtbench export`), and what their columns say of a decision (`dtbench score`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from dtbench.exact.form import Form, pyomo_form

from . import exact, reference
from .model import ToyDecision, ToySlot

LEGEND = ("assign_U_S = 1: server[U] = S",)


def slot_form(slot: ToySlot, formulation: str) -> Form:
    """The model of reference.py, or the strong one; columns and decisions both ways."""
    users, servers = slot.params.n_users, slot.params.n_servers
    if formulation == "reference":
        model = reference.build(slot)

        def fixed(decision: ToyDecision) -> Iterator[tuple[Any, float]]:
            for (u, s), variable in model.assign.items():
                yield variable, float(decision.server[u] == s)

        return pyomo_form(model, LEGEND, lambda: reference.decision(model), fixed)

    names = [f"assign_{u}_{s}" for u in range(users) for s in range(servers)]

    def chosen(decision: ToyDecision) -> dict[int, float]:
        taken = decision.server[:, None] == np.arange(servers)
        return dict(enumerate(taken.ravel().astype(float).tolist()))

    return Form(
        model=replace(exact.model(slot), names=names), legend=LEGEND, chosen=chosen,
        decision=lambda x: ToyDecision(server=x.reshape(users, servers).argmax(axis=-1)),
    )  # fmt: skip
