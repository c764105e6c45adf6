"""Exact methods for one slot of ``dnt-spectrum``.

``active-sets``: the strong model by HiGHS. ``cpsat``: the same in integers by CP-SAT. ``patterns``: the pattern model
by HiGHS, the default where interference is as printed (CP-SAT then takes it too). ``reference``: the paper's problem in
Pyomo.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np

from dtbench.anytime import Teller
from dtbench.arrays import BoolArray, IntArray
from dtbench.core import AnyProblem, Certificate, Limits
from dtbench.exact.certificate import certify, left, tightened, with_target
from dtbench.exact.linear import LinearModel, MilpResult
from dtbench.problems.dnt_spectrum.active_sets import ActiveSets
from dtbench.problems.dnt_spectrum.board import flattened
from dtbench.problems.dnt_spectrum.model import DntDecision, DntSlot
from dtbench.problems.dnt_spectrum.patterns import Patterns

METHODS = ("active-sets", "patterns", "cpsat", "reference")
TICK = 1e-11  # of the objective, least unit of CP-SAT's costs
LARGEST = 2.0**51  # greatest sum of costs in that unit
GAP = 1e-9  # relative, of the rules that solve a slot
BONUS = 1e3  # of an upload that is wanted: above any objective


def solve(problem: AnyProblem, slot: DntSlot, limits: Limits, method: str | None) -> Certificate:
    """Solve one slot (no leading axes); the default method is the strongest that knows the slot's interference.

    Raises
    ------
    ValueError
        On an unknown method, one that does not know the slot's interference, or a slot with leading axes.
    """
    if slot.batch_shape != ():
        raise ValueError(f"the slot has leading axes {slot.batch_shape}; exact methods take one slot")
    printed = slot.params.interference == "printed"
    method = method or ("patterns" if printed else "active-sets")
    if method not in METHODS:
        raise ValueError(f"unknown method '{method}' of 'dnt-spectrum'. Known: {', '.join(METHODS)}")
    if printed and method == "active-sets":
        raise ValueError("method 'active-sets' is of physical interference; take 'patterns'")
    limits = with_target(problem, limits)
    if method == "reference":
        return by_reference(problem, slot, limits)
    began = time.perf_counter()
    form = form_of(slot, patterns=printed or method == "patterns")
    model = form.model(whole=method == "cpsat")
    rest = replace(limits, seconds=limits.seconds - (time.perf_counter() - began))
    teller = Teller(form.decision)
    result = by_cpsat(model, rest, teller) if method == "cpsat" else by_highs(model, rest, teller)
    decision = None if result.x is None else form.decision(result.x)
    return certify(
        problem, slot, decision, result.bound, limits, seconds=time.perf_counter() - began, method=method,
        backend=result.backend, infeasible=result.status == "infeasible", details=result.details,
    )  # fmt: skip


def form_of(slot: DntSlot, *, patterns: bool) -> ActiveSets | Patterns:
    """The model of a slot by active sets or by patterns."""
    return Patterns.of(slot) if patterns else ActiveSets.of(slot)


def by_highs(model: LinearModel, limits: Limits, teller: Teller | None = None) -> MilpResult:
    """Solve with HiGHS."""
    from dtbench.exact.highs import solve_highs

    return solve_highs(model, tightened(limits, limits.seconds), teller=teller)


def by_cpsat(model: LinearModel, limits: Limits, teller: Teller | None = None) -> MilpResult:
    """Solve with CP-SAT, all columns integer."""
    from dtbench.exact.cpsat import solve_cpsat

    reach = float((np.abs(model.cost) * model.upper).sum())
    return solve_cpsat(model, tightened(limits, limits.seconds), max(TICK, reach / LARGEST), teller=teller)


def by_reference(problem: AnyProblem, slot: DntSlot, limits: Limits) -> Certificate:
    """The Pyomo model by HiGHS."""
    from dtbench.exact.pyomo_backend import solve_pyomo
    from dtbench.problems.dnt_spectrum import reference

    began = time.perf_counter()
    model = reference.build(slot)
    result = solve_pyomo(model, left(limits, began), decision=lambda: reference.decision(model, slot))
    decision = None if result.x is None else reference.decision(model, slot)
    return certify(
        problem, slot, decision, result.bound, limits, seconds=time.perf_counter() - began, method="reference",
        backend=result.backend, infeasible=result.status == "infeasible", details=result.details,
    )  # fmt: skip


def planned(slot: DntSlot, kappa: float) -> DntDecision:
    """The optimum of slots with any leading axes as if errors were ``kappa`` times what they are; one by one."""
    flat = flattened(slot)
    blown = replace(flat, estimate=flat.position + np.sqrt(kappa) * (flat.estimate - flat.position))
    decisions = []
    for member in range(len(flat.gain)):
        form = form_of(blown[member], patterns=slot.params.interference == "printed")
        decisions.append(best_of(form, form.model()))
    return joined(decisions, slot.batch_shape)


def best_allocation(slot: DntSlot, assoc: IntArray, flags: BoolArray) -> DntDecision:
    """Optimal RBs for associations (..., U), -1 = none, and upload flags (..., M); physical interference.

    As many of the flagged uploads as possible are placed, then the objective is greatest. Members one by one.
    """
    lead = np.broadcast_shapes(slot.batch_shape, assoc.shape[:-1], flags.shape[:-1])
    flat = flattened(slot, lead)
    wanted = np.broadcast_to(assoc, (*lead, slot.n_users)).reshape(-1, slot.n_users)
    upload = np.broadcast_to(flags, (*lead, slot.n_bs)).reshape(-1, slot.n_bs)
    decisions = []
    for member in range(len(flat.gain)):
        form = ActiveSets.of(flat[member], serve=wanted[member][:, None] == np.arange(slot.n_bs))
        decisions.append(best_of(form, form.model(upload=upload[member], at_most=True, bonus=BONUS)))
    return joined(decisions, lead)


def best_of(form: ActiveSets | Patterns, model: LinearModel, seconds: float = Limits().seconds) -> DntDecision:
    """An optimal decision of a model; no links where it has none, which ``serve_all`` or the time may cause."""
    result = by_highs(model, Limits(gap=GAP, seconds=seconds))
    if result.x is not None:
        return form.decision(result.x)
    none = np.full(form.slot.n_users, -1)
    return DntDecision.of(none, none, np.full(form.slot.n_bs, -1))


def joined(decisions: list[DntDecision], lead: tuple[int, ...]) -> DntDecision:
    """Decisions of all members as one with leading axes."""
    whole = DntDecision.stack(decisions)
    arrays: dict[str, Any] = {name: value.reshape(*lead, *value.shape[1:]) for name, _, value in whole.arrays()}
    return replace(whole, **arrays)
