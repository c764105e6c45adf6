"""Exact methods for ``satellite-offloading``, with a certificate for each slot.

``strong``: outer approximation over MILPs of :mod:`formulation` with HiGHS. ``enumeration``: all partitions, see
:mod:`enumeration`. ``reference``: outer approximation over the naive form in Pyomo, see :mod:`reference`.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Protocol

import numpy as np

from dtbench.anytime import Teller
from dtbench.arrays import Array, IntArray
from dtbench.core import AnyProblem, Certificate, Limits
from dtbench.exact.linear import MilpResult
from dtbench.problems.satellite_offloading.allocation import min_delay
from dtbench.problems.satellite_offloading.completion import Search, complete, completed
from dtbench.problems.satellite_offloading.enumeration import enumerate_partitions
from dtbench.problems.satellite_offloading.formulation import Formulation
from dtbench.problems.satellite_offloading.heuristics import descend, starts
from dtbench.problems.satellite_offloading.model import OffloadingDecision, OffloadingSlot
from dtbench.problems.satellite_offloading.terms import Terms

TIGHT, TIGHT_GAP = 7, 2e-6  # up to so many UAVs the optimum itself is looked for
LARGE, LARGE_GAP = 12, 1e-3  # above so many UAVs 1e-4 takes minutes
VAST = 2000  # pairs of UAV and satellite, above which a MILP takes hours
WRITING = 60.0  # seconds that a vast MILP must have, as writing it down takes some
ROUNDING = 1e-9  # relative, of a bound in closed form
RELAXATIONS = 12  # most rounds of cuts on the LP relaxation
VIOLATION = 1e-4  # a cut of the relaxation counts from this part of T
MASTER_GAP, LARGE_MASTER_GAP = 0.3, 0.8  # part of the wanted gap that a MILP may leave open


class Master(Protocol):
    """A MILP whose shares are bounded by cuts."""

    def cut(self, share: Array) -> None:
        """Add the tangents at shares (N,), for every satellite."""

    def forbid(self, assoc: IntArray) -> None:
        """Take an association (N,) out."""

    def solve(self, limits: Limits, start: OffloadingDecision | None) -> tuple[MilpResult, IntArray | None]:
        """Solve with the cuts so far: the result, its bound in the objective's unit, and the best association (N,)."""


def solve(
    problem: AnyProblem, slot: OffloadingSlot, limits: Limits, method: str, start: OffloadingDecision | None = None
) -> Certificate:
    """Solve one slot (no leading axes).

    Parameters
    ----------
    limits
        Without a relative gap: that of the problem, 1e-3 for slots of more than 12 UAVs. For up to 7 UAVs a smaller one
        is worked for. What is left between objective and bound is what decisions could gain from the referee's
        tolerance: about 1e-6, more where a limit leaves little room.
    method
        ``"strong"``, ``"enumeration"`` or ``"reference"``. The MILPs know (7) and (14) as printed only; slots of
        another reading are enumerated whatever the method.
    start
        At whose association the local search of ``"strong"`` begins, instead of its own starts.

    Raises
    ------
    ValueError
        On an unknown method.
    DtbenchError
        If there are too many partitions to enumerate.
    """
    if method not in problem.exactness.methods:
        raise ValueError(f"method is '{method}'; expected one of {', '.join(problem.exactness.methods)}")
    began, aim = time.perf_counter(), limits.gap
    if limits.gap is None:
        limits = replace(limits, gap=LARGE_GAP if slot.n_uav > LARGE else problem.exactness.target_gap)
        aim = TIGHT_GAP if slot.n_uav <= TIGHT else limits.gap
    search = Search(problem, slot, limits, aim or 0.0, began)
    terms, relaxed = Terms.of(slot), Terms.of(slot, relaxed=True)
    if method == "enumeration" or not terms.printed:
        enumerate_partitions(search, terms, relaxed)
        return search.certificate(method)
    if slot_is_vast(slot):
        search.prove(relaxed.bound() * (1.0 - ROUNDING))
    master = _by_pyomo(search, terms, relaxed) if method == "reference" else _by_highs(search, terms, relaxed, start)
    if master is not None:
        outer_approximation(search, terms, relaxed, master)
    return search.certificate(method)


def _by_pyomo(search: Search, terms: Terms, relaxed: Terms) -> Master | None:
    """The naive form; None if there is no time to write it down, then the rule ``min-delay`` is the incumbent."""
    from dtbench.exact.pyomo_backend import too_long
    from dtbench.problems.satellite_offloading import reference

    if (unwritten := too_long(reference.size(search.slot), search.seconds)) is not None:
        search.backend, search.details["native"] = unwritten.backend, unwritten.native
        search.consider(min_delay(search.slot))
        return None
    return reference.PyomoMaster(search.slot, relaxed, exact=terms)


def _by_highs(search: Search, terms: Terms, relaxed: Terms, start: OffloadingDecision | None) -> Master | None:
    """The strong formulation, after local search; None if a vast slot is left too little time for it."""
    first = starts(search.slot) if start is None else np.asarray(start.assoc)[None]
    search.offer(descend(terms, first, search.began + search.limits.seconds))
    if slot_is_vast(search.slot) and (search.closed or search.seconds < WRITING):
        search.backend = "numpy"
        return None
    return HighsMaster(search, terms, relaxed)


def slot_is_vast(slot: OffloadingSlot) -> bool:
    """Whether MILPs of a slot say little for a long time: then the bound in closed form is proved first."""
    return slot.n_uav * slot.n_sat > VAST


def outer_approximation(search: Search, terms: Terms, relaxed: Terms, master: Master) -> None:
    """Solve the MILP, complete its association, add the tangents at its shares, until the gap is proved.

    The lower bound is the best dual bound so far. An association that is infeasible even under relaxed limits is taken
    out. One that comes twice has all its cuts: only a smaller gap of the MILP can help then.
    """
    gap = search.aim * (LARGE_MASTER_GAP if terms.n_uav > LARGE else MASTER_GAP)
    seen: set[bytes] = set()
    while True:
        limits = replace(search.limits, seconds=search.seconds, gap=gap, gap_abs=MASTER_GAP * search.limits.gap_abs)
        result, assoc = master.solve(limits, search.incumbent)
        search.backend = result.backend
        search.details["milps"] = int(search.details.get("milps", 0)) + 1
        search.details["native"] = result.native
        search.infeasible = result.status == "infeasible" and search.incumbent is None
        search.prove(result.bound)
        if assoc is None:
            return
        done = complete(terms, assoc[None])
        search.offer(done)
        if search.closed or search.seconds == 0.0:
            return
        wide = complete(relaxed, assoc[None])
        if not np.isfinite(wide.objective[0]):
            master.forbid(assoc)
        elif assoc.tobytes() in seen:
            if gap == 0.0:
                return
            gap = 0.0
        else:
            master.cut(wide.share[0])
            seen.add(assoc.tobytes())


class HighsMaster:
    """The strong formulation with HiGHS, with the cuts of its relaxation and of the incumbent."""

    def __init__(self, search: Search, terms: Terms, relaxed: Terms) -> None:
        self.form, self.terms = Formulation(relaxed), terms
        self.model = self.form.model()
        self._relaxation(search)
        if search.incumbent is not None:
            self.cut(search.incumbent.share)

    def _relaxation(self, search: Search) -> None:
        """Tangents where the LP relaxation breaks them; solved afresh each time, and no bound is taken from it."""
        from dtbench.exact.highs import solve_highs

        free = np.zeros(self.model.n_columns, dtype=bool)
        for _ in range(RELAXATIONS):
            limits = replace(search.limits, seconds=search.seconds)
            result = solve_highs(replace(self.model, integer=free), limits)
            if result.status != "optimal" or result.x is None:
                return
            cuts = self.form.violated(result.x, VIOLATION)
            if not len(cuts.at):
                return
            self.model = self.form.with_cuts(self.model, cuts)

    def cut(self, share: Array) -> None:
        self.model = self.form.with_cuts(self.model, self.form.cuts_of(share))

    def forbid(self, assoc: IntArray) -> None:
        self.model = self.form.without(self.model, assoc)

    def solve(self, limits: Limits, start: OffloadingDecision | None) -> tuple[MilpResult, IntArray | None]:
        from dtbench.exact.highs import solve_highs

        point = None if start is None else self.form.point(start.assoc, start.share, start.channels)
        teller = Teller(lambda x: completed(self.terms, self.form.assoc(x)), lambda bound: bound * self.form.terms.beta)
        result = solve_highs(self.model, limits, point, teller=teller)
        result = replace(result, bound=result.bound * self.form.terms.beta)
        return result, None if result.x is None else self.form.assoc(result.x)
