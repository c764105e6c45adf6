"""Exact methods for ``edge-placement``: outer approximation over MILPs, with a certificate for each slot."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Protocol

import numpy as np

from dtbench.anytime import Teller
from dtbench.arrays import IntArray
from dtbench.core import AnyProblem, Certificate, Limits
from dtbench.exact.linear import LinearModel, MilpResult
from dtbench.exact.proof import Proof
from dtbench.problems.edge_association.placement.formulation import Cuts, Formulation
from dtbench.problems.edge_association.placement.heuristics import greedy, try_sets
from dtbench.problems.edge_association.placement.lagrangian import ascend
from dtbench.problems.edge_association.placement.local_search import local_search, relocate
from dtbench.problems.edge_association.placement.model import PlacementDecision, PlacementSlot, of_assoc
from dtbench.problems.edge_association.placement.repair import repair

LARGE = 3000  # pairs of user and base station above which a slot counts as large
VAST = 20_000  # pairs above which prices come before all else, as a relaxation takes minutes
LEAST_GAIN = 1e-10  # relative, of a move
LARGE_GAP = 1e-4  # the target of size ``large``
RELAXATIONS = 60  # most rounds of cuts on the continuous relaxation
VIOLATION = 1e-5  # a cut of the relaxation counts from this part of the objective, divided by M


class Master(Protocol):
    """A MILP whose server costs are bounded by cuts."""

    def add(self, cuts: Cuts) -> None:
        """Take more cuts."""

    def solve(self, limits: Limits, start: IntArray | None) -> tuple[MilpResult, PlacementDecision | None]:
        """Solve with the cuts so far, from an association (N,) if there is one."""


class Search(Proof):
    """The state of an outer approximation."""

    @property
    def left(self) -> Limits:
        """What a MILP may spend, and the gap it must prove: half of the wanted one, as cuts may cost the other half."""
        gap = 0.5 * (self.limits.gap or 0.0)
        return replace(self.limits, seconds=self.seconds, gap=gap, gap_abs=0.5 * self.limits.gap_abs)


def solve(
    problem: AnyProblem, slot: PlacementSlot, limits: Limits, method: str, start: PlacementDecision | None = None
) -> Certificate:
    """Solve one slot (no leading axes).

    Parameters
    ----------
    limits
        Without a relative gap: that of the problem, and 1e-4 for large slots.
    method
        ``"strong"``: the strong formulation with HiGHS; ``"cpsat"``: the same with CP-SAT; ``"reference"``: the paper's
        constraints in Pyomo, solved with HiGHS.
    start
        Where local search begins, instead of its own start; ``"reference"`` has no local search.

    Raises
    ------
    ValueError
        On an unknown method.
    """
    if method not in problem.exactness.methods:
        raise ValueError(f"method is '{method}'; expected one of {', '.join(problem.exactness.methods)}")
    began = time.perf_counter()
    if limits.gap is None:
        large = slot.n_users * slot.n_bs > LARGE
        limits = replace(limits, gap=LARGE_GAP if large else problem.exactness.target_gap)
    search = Search(problem, slot, limits, limits.gap or 0.0, began)
    if slot.n_users * slot.n_bs > VAST:
        start = by_prices(search, start)
    form = Formulation(slot)
    if method == "reference":
        master = _by_pyomo(search)
    else:
        search.consider(local_search(slot, start, until=began + limits.seconds))
        cuts = relaxation_cuts(search, form)
        if method == "cpsat":
            from dtbench.problems.edge_association.placement.formulation_cpsat import CpSatMaster

            master = CpSatMaster(form, cuts)
        else:
            master = HighsMaster(form, cuts)
    if master is not None:
        outer_approximation(search, form, master)
    return search.certificate(method)


def by_prices(search: Search, start: PlacementDecision | None) -> PlacementDecision:
    """Prove the bound of :mod:`lagrangian`; the best placement on its sets of servers, after moves of single twins."""
    slot, until = search.slot, search.began + search.limits.seconds
    rule = greedy(slot) if start is None else start
    search.consider(rule)
    found = ascend(slot, float(search.problem.evaluate(slot, rule).objective), until)
    search.prove(found.bound)
    trials = slot[None, None]
    for opened in found.opened:
        if not search.seconds:
            break
        placed = try_sets(trials, opened[None, None])[1][0]
        placed = repair(slot, PlacementDecision(open=opened[None], assoc=placed)).assoc
        search.consider(of_assoc(relocate(trials, placed, LEAST_GAIN, until)[0][0], slot.n_bs))
    return rule if search.incumbent is None else search.incumbent


def _by_pyomo(search: Search) -> Master | None:
    """The paper's constraints; None if there is no time to write them down."""
    from dtbench.exact.pyomo_backend import too_long
    from dtbench.problems.edge_association.placement import reference

    if (unwritten := too_long(reference.terms(search.slot), search.seconds)) is not None:
        search.backend, search.details["native"] = unwritten.backend, unwritten.native
        return None
    return reference.PyomoMaster(search.slot)


def outer_approximation(search: Search, form: Formulation, master: Master) -> None:
    """Solve the MILP, add the cuts that are tight at its placement, until the gap is proved or time is up.

    The lower bound is the MILP's dual bound where its status proves one, the upper bound the referee's word. A
    placement that comes twice has all its cuts: nothing more is to be learned.
    """
    seen: set[bytes] = set()
    while True:
        start = None if search.incumbent is None else search.incumbent.assoc
        result, decision = master.solve(search.left, start)
        search.backend = result.backend
        search.details["milps"] = int(search.details.get("milps", 0)) + 1
        search.details["native"] = result.native
        search.infeasible = result.status == "infeasible" and search.incumbent is None
        search.prove(result.bound)
        if decision is None:
            return
        search.consider(decision)
        key = decision.assoc.tobytes()
        if search.closed or key in seen or search.left.seconds == 0.0:
            return
        seen.add(key)
        master.add(form.cuts_of(decision.assoc))


def relaxation_cuts(search: Search, form: Formulation) -> list[Cuts]:
    """Cuts at a few loads, those of the incumbent, and Kelley's on the continuous relaxation.

    Every relaxation is solved afresh: a warm start after adding rows can end HiGHS in a meaningless point. One that
    does not end optimal ends the rounds; no bound is taken from here.
    """
    from dtbench.exact.highs import solve_highs

    cuts = [form.first_cuts()]
    if search.incumbent is not None:
        cuts.append(form.cuts_of(search.incumbent.assoc))
    model = form.model()
    relaxed = replace(model, integer=np.zeros(model.n_columns, dtype=bool))
    for each in cuts:
        relaxed = with_cuts(form, relaxed, each)
    for _ in range(RELAXATIONS):
        if search.seconds == 0.0:
            break
        result = solve_highs(relaxed, search.left)
        if result.status != "optimal" or result.x is None:
            break
        tolerance = VIOLATION * abs(result.objective) / form.n_bs / form.slot.user_weight
        new = form.violated(result.x, tolerance)
        if not len(new.server):
            break
        cuts.append(new)
        relaxed = with_cuts(form, relaxed, new)
    return cuts


def with_cuts(form: Formulation, model: LinearModel, cuts: Cuts) -> LinearModel:
    """The model with more cuts."""
    count = len(cuts.server)
    return model.with_rows(form.cut_rows(cuts), np.full(count, -np.inf), np.zeros(count))


class HighsMaster:
    """The strong formulation with HiGHS."""

    def __init__(self, form: Formulation, cuts: list[Cuts]) -> None:
        self.form, self.model = form, form.model()
        self.cuts: list[Cuts] = []
        for each in cuts:
            self.add(each)

    def add(self, cuts: Cuts) -> None:
        """Take more cuts."""
        self.cuts.append(cuts)
        self.model = with_cuts(self.form, self.model, cuts)

    def solve(self, limits: Limits, start: IntArray | None) -> tuple[MilpResult, PlacementDecision | None]:
        """Solve with the cuts so far, from an association (N,) if there is one."""
        from dtbench.exact.highs import solve_highs

        point = None if start is None else self.form.point(start)
        result = solve_highs(self.model, limits, point, teller=Teller(self.form.decision))
        return result, None if result.x is None else self.form.decision(result.x)
