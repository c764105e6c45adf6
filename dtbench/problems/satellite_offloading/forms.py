"""Models of ``satellite-offloading`` for other solvers, and what their columns say of a decision.

Delay and energy of a share are convex and enter through tangents. As many are written as bring the model's optimum
within :data:`dtbench.exact.form.WORK_GAP` of the problem's, if there is time. A decision takes its association from the
columns, and the channels and shares that are best for it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from dtbench.arrays import Array, IntArray
from dtbench.core import AnyProblem, Limits, relative_gap
from dtbench.errors import DtbenchError
from dtbench.exact.form import WORK_GAP, Chosen, Form, pyomo_form
from dtbench.exact.linear import LinearModel
from dtbench.problems.satellite_offloading import reference
from dtbench.problems.satellite_offloading.completion import Search, complete
from dtbench.problems.satellite_offloading.exact import HighsMaster, outer_approximation
from dtbench.problems.satellite_offloading.formulation import Formulation
from dtbench.problems.satellite_offloading.heuristics import descend, starts
from dtbench.problems.satellite_offloading.model import OffloadingDecision, OffloadingSlot
from dtbench.problems.satellite_offloading.terms import Terms

NOTE = (
    "Training delay and energy of a share enter through tangents. A decision that is read back takes assoc from the "
    "columns, and the channels and shares that are best for it."
)


def slot_form(problem: AnyProblem, slot: OffloadingSlot, formulation: str, limits: Limits | None) -> Form:
    """The paper's own model or the strong one of a slot; exact if there was time for all tangents.

    Raises
    ------
    DtbenchError
        If (7) or (14) are not read as printed: the MILPs know no other reading.
    """
    terms, p = Terms.of(slot), slot.params
    if not terms.printed:
        raise DtbenchError(
            f"'satellite-offloading' has no MILP with train_delay '{p.train_delay}' and energy_model "
            f"'{p.energy_model}'; such slots are enumerated (dtbench solve INSTANCE exact --option method=enumeration)."
        )
    return (strong if formulation == "strong" else paper)(problem, slot, terms, limits)


def searching(problem: AnyProblem, slot: OffloadingSlot, limits: Limits) -> Search:
    """The state of a proof that works for the gap of exported models."""
    limits = replace(limits, gap=limits.gap or WORK_GAP)
    return Search(problem, slot, limits, limits.gap or 0.0, time.perf_counter())


def left_open(search: Search) -> float:
    """Relative distance between a model's optimum and the problem's, NaN if it is not known."""
    if search.infeasible:
        return 0.0
    known = math.isfinite(search.objective) and math.isfinite(search.bound)
    return relative_gap(search.objective, search.bound) if known else math.nan


def strong(problem: AnyProblem, slot: OffloadingSlot, terms: Terms, limits: Limits | None) -> Form:
    """The strong formulation with tangents, in the objective's unit."""
    form, gap = Formulation(terms), math.nan
    model: LinearModel = form.model()
    if limits is not None:
        search = searching(problem, slot, limits)
        search.offer(descend(terms, starts(slot), search.began + limits.seconds))
        master = HighsMaster(search, terms, terms)
        outer_approximation(search, terms, terms, master)
        if search.incumbent is not None:
            master.cut(search.incumbent.share)
        form, model, gap = master.form, master.model, left_open(search)
    pairs = [f"{i}_{j}" for i in range(form.n) for j in range(form.m)]
    names = [f"{letter}_{pair}" for letter in ("phi", "rho", "time", "square") for pair in pairs]
    names += ["t_train", "fullest"] + [f"channels_{p}" for p in range(form.p)]
    model = replace(model, cost=model.cost * terms.beta, offset=model.offset * terms.beta, names=names)

    def decision(x: Array) -> OffloadingDecision:
        point = int(x[form.z].argmax())
        assoc = form.assoc(x)
        share = x[form.rho][np.arange(form.n), assoc]
        return completed(terms, assoc, share, terms.channels[point])

    def chosen(given: OffloadingDecision) -> Chosen:
        check(slot, given)
        taken = dict.fromkeys(form.phi.ravel().tolist(), 0.0)
        taken |= dict.fromkeys(form.phi[np.arange(form.n), form.labelled(given.assoc)].tolist(), 1.0)
        same = (terms.channels == given.channels).all(axis=-1)
        if same.any():
            taken |= dict(zip(form.z.tolist(), same.astype(float).tolist(), strict=True))
        return taken

    vectors = "; ".join(f"{p}: {' '.join(map(str, v))}" for p, v in enumerate(terms.channels.tolist()))
    legend = (
        "phi_I_J = 1: assoc[I] = J" + ("; equal satellites are numbered by their largest UAV" * terms.identical),
        "rho_I_J: share[I] on satellite J",
        f"channels_P = 1: channels is vector P, of {vectors}",
        "time_I_J [s], square_I_J, t_train [s], fullest: no field",
    )
    return Form(model=model, legend=legend, decision=decision, chosen=chosen, gap=gap, note=NOTE)


def paper(problem: AnyProblem, slot: OffloadingSlot, terms: Terms, limits: Limits | None) -> Form:
    """Eq. (17) of the paper, with tangents."""
    gap = math.nan
    if limits is None:
        model = reference.build(slot)
    else:
        search = searching(problem, slot, limits)
        master = reference.PyomoMaster(slot, terms, relaxed=False)
        outer_approximation(search, terms, terms, master)
        if search.incumbent is not None:
            master.cut(search.incumbent.share)
        model, gap = master.model, left_open(search)

    def decision() -> OffloadingDecision:
        assoc = np.array([max(model.satellites, key=lambda j: model.phi[i, j].value) for i in model.uavs])
        share = np.array([model.rho[i, int(j)].value for i, j in enumerate(assoc)])
        channels = np.array([max(model.counts, key=lambda k: model.xi[i, k].value) for i in model.uavs])
        return completed(terms, assoc, share, channels)

    def chosen(given: OffloadingDecision) -> Iterator[tuple[Any, float]]:
        check(slot, given)
        for (i, j), variable in model.phi.items():
            yield variable, float(given.assoc[i] == j)
        for (i, k), variable in model.xi.items():
            yield variable, float(given.channels[i] == k)

    legend = (
        "phi_I_J = 1: assoc[I] = J",
        "xi_I_K = 1: channels[I] = K",
        "rho_I_J: share[I] on satellite J",
        "delay_I_J [s], square_I_J, t_up [s], t_train [s], fullest: no field",
    )
    return pyomo_form(model, legend, decision, chosen, gap, NOTE)


def check(slot: OffloadingSlot, given: OffloadingDecision) -> None:
    """Refuse indices out of range."""
    if ((given.assoc < 0) | (given.assoc >= slot.n_sat)).any():
        raise ValueError(f"a satellite is not one of 0 to {slot.n_sat - 1}")


def completed(terms: Terms, assoc: IntArray, share: Array, channels: IntArray) -> OffloadingDecision:
    """The best decision with an association (N,); with the shares and channels given where none keeps the limits."""
    done = complete(terms, assoc[None])
    if np.isfinite(done.objective[0]):
        return done.decision(0)
    return OffloadingDecision(assoc=assoc, share=np.clip(share, 0.0, 1.0), channels=channels)
