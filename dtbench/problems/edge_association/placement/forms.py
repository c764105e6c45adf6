"""Models of ``edge-placement`` for other solvers, and what their columns say of a decision.

Costs of servers are convex in the association and enter through tangents. As many are written as bring the model's
optimum within :data:`dtbench.exact.form.WORK_GAP` of the problem's, if there is time; the same for both formulations.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from dtbench.arrays import Array
from dtbench.core import AnyProblem, Limits, relative_gap
from dtbench.exact.form import WORK_GAP, Chosen, Form, in_unit, pyomo_form
from dtbench.problems.edge_association.placement import reference
from dtbench.problems.edge_association.placement.exact import (
    HighsMaster,
    Search,
    outer_approximation,
    relaxation_cuts,
    with_cuts,
)
from dtbench.problems.edge_association.placement.formulation import Cuts, Formulation
from dtbench.problems.edge_association.placement.local_search import local_search
from dtbench.problems.edge_association.placement.model import PlacementDecision, PlacementSlot

LAST = 10.0  # seconds for a bound where the time for tangents is over
PER_SECOND = 1000.0  # processing costs are written in ms
NOTE = "Processor shares are no columns: the referee takes the best ones. Their cost enters through tangents."


def slot_form(problem: AnyProblem, slot: PlacementSlot, formulation: str, limits: Limits | None) -> Form:
    """The paper's own model or the strong one of a slot; exact if there was time for all tangents."""
    form = Formulation(slot)
    cuts, gap = ([form.first_cuts()], math.nan) if limits is None else tangents(problem, slot, form, limits)
    return strong(form, cuts, gap) if formulation == "strong" else paper(slot, cuts, gap)


def tangents(problem: AnyProblem, slot: PlacementSlot, form: Formulation, limits: Limits) -> tuple[list[Cuts], float]:
    """Cuts, and the relative distance between the optimum of a model with them and the problem's; NaN if unknown."""
    from dtbench.exact.highs import solve_highs

    began = time.perf_counter()
    limits = replace(limits, gap=limits.gap or WORK_GAP)
    search = Search(problem, slot, limits, limits.gap or 0.0, began)
    search.consider(local_search(slot, until=began + limits.seconds))
    master = HighsMaster(form, relaxation_cuts(search, form))
    outer_approximation(search, form, master)
    if search.incumbent is not None:
        master.add(form.cuts_of(search.incumbent.assoc))
    if not math.isfinite(search.bound) and not search.infeasible:  # no time for the MILP: its relaxation says how far
        free = replace(master.model, integer=np.zeros(form.n_columns, dtype=bool))
        search.prove(solve_highs(free, Limits(seconds=LAST)).bound)
    known = math.isfinite(search.objective) and math.isfinite(search.bound)
    gap = relative_gap(search.objective, search.bound) if known else 0.0 if search.infeasible else math.nan
    return master.cuts, gap


def strong(form: Formulation, cuts: list[Cuts], gap: float) -> Form:
    """The strong formulation with cuts."""
    model, n_bs = form.model(), form.n_bs
    for each in cuts:
        model = with_cuts(form, model, each)
    pairs = zip(form.user.tolist(), form.server.tolist(), strict=True)
    names = [f"z_{k}" for k in range(n_bs)] + [f"a_{i}_{k}" for i, k in pairs] + [f"t_{k}" for k in range(n_bs)]

    def decision(x: Array) -> PlacementDecision:
        opened, assoc, _ = form.split(x)
        return PlacementDecision(open=opened > 0.5, assoc=assoc.argmax(axis=-1))

    def chosen(given: PlacementDecision) -> Chosen:
        columns = form.column[np.arange(form.n_users), given.assoc]
        if (columns < 0).any():
            i = int(np.flatnonzero(columns < 0)[0])
            raise ValueError(f"not even the whole server {given.assoc[i]} meets the deadline of user {i}")
        taken = dict.fromkeys(range(n_bs, n_bs + form.n_pairs), 0.0) | dict.fromkeys(columns.tolist(), 1.0)
        return {k: float(given.open[k]) for k in range(n_bs)} | taken

    legend = ("z_K = 1: open[K]", "a_I_K = 1: assoc[I] = K", "t_K: processing cost of server K [ms] (no field)")
    model = in_unit(replace(model, names=names), ~model.integer, PER_SECOND)
    return Form(
        model=model, legend=legend, decision=decision, chosen=chosen, gap=gap, note=NOTE
    )  # fmt: skip


def paper(slot: PlacementSlot, cuts: list[Cuts], gap: float) -> Form:
    """Eqs. (18) and (26) of the paper with the same cuts: at integer points they are worth the same here."""
    model = reference.build(slot)
    for each in cuts:
        reference.add(model, each)

    def decision() -> PlacementDecision:
        opened = np.array([model.z[k].value > 0.5 for k in model.servers])
        return PlacementDecision(open=opened, assoc=reference.decision(model).assoc)

    def chosen(given: PlacementDecision) -> Iterator[tuple[Any, float]]:
        for k in model.servers:
            yield model.z[k], float(given.open[k])
        for (i, k), variable in model.a.items():
            yield variable, float(given.assoc[i] == k)

    legend = ("z_K = 1: open[K]", "a_I_K = 1: assoc[I] = K", "compute_K: processing cost of server K [ms] (no field)")
    form = pyomo_form(model, legend, decision, chosen, gap, NOTE)
    return replace(form, model=in_unit(form.model, ~form.model.integer, PER_SECOND))
