"""Models of ``dnt-spectrum`` for other solvers, and what their columns say of a decision; all are exact.

A slot: active sets or patterns (*strong*), or the paper's problem. The horizon: who uploads when, with the best sum
rate of every slot and set of uploads as a number.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from dtbench.arrays import Array, IntArray
from dtbench.core import AnyProblem, Limits
from dtbench.errors import DtbenchError
from dtbench.exact.certificate import with_target
from dtbench.exact.form import Chosen, Form, pyomo_form
from dtbench.problems.dnt_spectrum import exact, horizon, reference
from dtbench.problems.dnt_spectrum.active_sets import ActiveSets
from dtbench.problems.dnt_spectrum.best_rates import BestRates
from dtbench.problems.dnt_spectrum.instance import DntInstance
from dtbench.problems.dnt_spectrum.model import DntDecision, DntSlot, Links
from dtbench.problems.dnt_spectrum.patterns import IDLE, UPLOAD, Patterns
from dtbench.problems.dnt_spectrum.timeline import Timeline

SETS = "sets of base stations are numbers: bit m of A is base station m"


def slot_form(slot: DntSlot, formulation: str, limits: Limits | None) -> Form:
    """The paper's own model or a strong one of a slot.

    Raises
    ------
    DtbenchError
        If the paper's model is wanted and interference is as printed.
    """
    printed = slot.params.interference == "printed"
    if formulation == "strong":
        form = exact.form_of(slot, patterns=printed)
        return of_patterns(form) if isinstance(form, Patterns) else of_sets(form)
    if printed:
        raise DtbenchError(
            "the paper's model of 'dnt-spectrum' is of physical interference, this instance's is as printed; use "
            "--formulation strong."
        )
    return paper(slot)


def of_sets(form: ActiveSets) -> Form:
    """The model on active sets; RBs with the same set are alike, so the decision's RBs are found by an assignment."""
    serve = zip(form.x_user.tolist(), form.x_bs.tolist(), (form.x_set + 1).tolist(), strict=True)
    upload = zip(form.y_bs.tolist(), (form.y_set + 1).tolist(), strict=True)
    names = [f"blocks_{a}" for a in range(1, len(form.sets) + 1)]
    names += [f"serve_{u}_{m}_{a}" for u, m, a in serve] + [f"upload_{m}_{a}" for m, a in upload]
    names += [f"uploads_{m}" for m in range(form.slot.n_bs)] + [f"fresh_{u}" for u in form.g_user.tolist()]
    weight = 2 ** np.arange(form.slot.n_bs)

    def chosen(decision: DntDecision) -> Chosen:
        links = Links.of(form.slot, decision)
        active = (weight @ (links.active > 0)).astype(np.int64)  # (N,): the set A of each RB, 0 = idle
        count = np.bincount(active, minlength=len(form.sets) + 1)[1:]
        x_set, y_set = form.x_set + 1, form.y_set + 1
        served = links.user[form.x_user] & (links.bs[form.x_user] == form.x_bs)
        served &= active[links.rb[form.x_user]] == x_set
        sent = links.upload[form.y_bs] & (active[links.up[form.y_bs]] == y_set)
        if served.sum() != links.user.sum() or sent.sum() != links.upload.sum():
            raise ValueError("a link has no column: it is not covered, or an upload is late")
        return dict(enumerate(np.concatenate([count, served, sent, links.upload]).astype(float).tolist()))

    legend = (
        SETS,
        "blocks_A: resource blocks on which exactly A may be active",
        "uploads_M = 1: up[M] >= 0, base station M uploads",
        "bs[U], rb[U] and the block in up[M] are the best ones for blocks_A and uploads_M (an assignment problem); "
        "serve_U_M_A (bs[U] = M) and upload_M_A say which they may be",
        "fresh_U: whether user U is covered by one that uploads (no field)",
    )
    return Form(model=replace(form.model(), names=names), legend=legend, decision=form.decision, chosen=chosen)


def of_patterns(form: Patterns) -> Form:
    """The model on patterns: what every base station does on a resource block."""

    def words(what: Sequence[int]) -> str:
        return "_".join({IDLE: "idle", UPLOAD: "up"}.get(user, f"u{user}") for user in what)

    names = [f"do_{words(what)}" for what in form.what.tolist()]
    names += [f"uploads_{m}" for m in range(form.slot.n_bs)] + [f"fresh_{u}" for u in form.g_user.tolist()]
    column = {tuple(what): j for j, what in enumerate(form.what.tolist())}

    def chosen(decision: DntDecision) -> Chosen:
        taken = dict.fromkeys(range(len(form.what)), 0.0)
        for what in blocks(form.slot, decision):
            if what not in column:
                raise ValueError(f"'{words(what)}' on one resource block breaks a rule, or is there twice")
            taken[column[what]] = 1.0
        return taken

    legend = (
        "do_X_Y_Z = 1: on some resource block base stations 0, 1, 2 do X, Y, Z (u3: serve user 3, bs[3] and rb[3]; "
        "up: upload, up[M]; idle); blocks are numbered in the order of the columns",
        "uploads_M, fresh_U: no field",
    )
    return Form(model=replace(form.model(), names=names), legend=legend, decision=form.decision, chosen=chosen)


def blocks(slot: DntSlot, decision: DntDecision) -> Iterator[tuple[int, ...]]:
    """What the base stations do on each resource block that is used, as patterns say it."""
    links = Links.of(slot, decision)
    what = np.full((slot.n_rb, slot.n_bs), IDLE)
    what[links.rb[links.user], links.bs[links.user]] = np.flatnonzero(links.user)
    what[links.up[links.upload], np.flatnonzero(links.upload)] = UPLOAD
    for row in what[(what != IDLE).any(axis=1)].tolist():
        yield tuple(row)


def paper(slot: DntSlot) -> Form:
    """Problem (8) of the paper."""
    model = reference.build(slot)

    def chosen(decision: DntDecision) -> Iterator[tuple[Any, float]]:
        links = Links.of(slot, decision)
        for u in np.flatnonzero(links.user).tolist():
            if not slot.cover[u, links.bs[u]]:
                raise ValueError(f"base station {links.bs[u]} does not cover user {u}")
        for (u, m, n), variable in model.x.items():
            yield variable, float(links.user[u] and links.bs[u] == m and links.rb[u] == n)
        for (m, n), variable in model.y.items():
            yield variable, float(links.upload[m] and links.up[m] == n)

    legend = (
        "x_U_M_N = 1: bs[U] = M, rb[U] = N",
        "y_M_N = 1: up[M] = N",
        "r_U_M_N: rate [bit/s]; v_M, g_U: no field",
    )
    return pyomo_form(model, legend, lambda: reference.decision(model, slot), chosen)


def horizon_form(problem: AnyProblem, instance: DntInstance, limits: Limits | None) -> Form:
    """All slots at once: who uploads when; the objective is the mean over slots.

    Raises
    ------
    DtbenchError
        If users are predicted jointly or errors are counted per block, or time is over before all rates are known.
    """
    p = instance.params
    if p.predictor not in ("hold", "drift") or p.error_scope != "user":
        raise DtbenchError(
            f"'dnt-spectrum' has no model of the whole horizon with predictor '{p.predictor}' and error_scope "
            f"'{p.error_scope}'; it takes 'hold' or 'drift', and 'user'. Export single slots."
        )
    spent = with_target(problem, limits or Limits())
    until = time.perf_counter() + spent.seconds
    rates = BestRates.of(horizon.perfect(problem, instance), until)
    if rates is None:
        raise DtbenchError("time is over before the rates of all slots are known; raise --time-limit.")
    timeline, gap = Timeline.of(instance, rates.value), math.nan
    if limits is not None:
        found = horizon.settled(instance, rates, spent, until)
        timeline = found.timeline if found is not None else Timeline.of(instance, rates.value)
        gap = 0.0 if found is not None and found.closed else math.nan
    return of_timeline(timeline, rates, spent, gap)


def of_timeline(timeline: Timeline, rates: BestRates, limits: Limits, gap: float) -> Form:
    """The timeline's model; blocks are the best ones for the uploads of each slot, by a MILP of its own."""
    n_z, stations = len(timeline.slot), timeline.cover.shape[-1]
    groups = len(timeline.cost)
    names = [f"upload_{t}_{v}" for t, v in zip(timeline.slot.tolist(), timeline.uploads.tolist(), strict=True)]
    steps = list(zip(timeline.tail.tolist(), timeline.head.tolist(), strict=True))
    names += [f"flow_{g}_{a}_{b}" for g in range(groups) for a, b in steps]
    weight = 2 ** np.arange(stations)

    def decision(x: Array) -> DntDecision:
        taken = np.flatnonzero(x[:n_z] > 0.5)
        order = taken[np.argsort(timeline.slot[taken])]
        return DntDecision.stack([best(t, int(v)) for t, v in enumerate(timeline.uploads[order].tolist())])

    def best(t: int, v: int) -> DntDecision:
        rates.settle(t, v, limits)
        found = rates.decision.get((t, v))
        if found is None:
            raise DtbenchError(f"no decision of slot {t} has exactly the uploads of set {v}.")
        return found

    def chosen(given: DntDecision) -> Chosen:
        sets: IntArray = (given.up >= 0) @ weight
        taken = (sets[timeline.slot] == timeline.uploads).astype(float)
        if taken.sum() != len(timeline.value):
            raise ValueError("no decision of some slot has the uploads of the start")
        return dict(enumerate(taken.tolist()))

    legend = (
        SETS.replace("A", "V"),
        "upload_T_V = 1: exactly V uploads in slot T, up[T, M] >= 0; its cost holds the best sum rate with V, and "
        "bs, rb and the blocks in up are those of that best",
        f"flow_G_A_B: users of group G ({groups} groups of equal coverage) are refreshed in slots A - 1 and B - 1 and "
        "not between (no field)",
    )
    return Form(
        model=replace(timeline.model(), names=names), legend=legend, decision=decision, chosen=chosen, gap=gap,
        note="The state between slots is that of the whole horizon.",
    )  # fmt: skip
