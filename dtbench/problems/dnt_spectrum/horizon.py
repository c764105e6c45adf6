"""The clairvoyant optimum of ``dnt-spectrum``: a table of best rates per slot and set of uploads, then one MILP.

Only who uploads is carried from slot to slot. Where users are predicted jointly (``gru``) or errors are counted per
block, the best that a perfect twin allows is the bound, and the policy that solves every slot is the incumbent.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any, cast

import numpy as np

from dtbench import anytime, referee
from dtbench.arrays import IntArray
from dtbench.core import AnyProblem, Certificate, CertificateStatus, Limits, relative_gap
from dtbench.exact.certificate import ROUNDING, with_target
from dtbench.exact.linear import MilpResult
from dtbench.problems.dnt_spectrum.active_sets import few_stations
from dtbench.problems.dnt_spectrum.allocation import allocate, strongest
from dtbench.problems.dnt_spectrum.best_rates import BestRates
from dtbench.problems.dnt_spectrum.exact import best_of, by_highs, form_of
from dtbench.problems.dnt_spectrum.heuristics import greedy
from dtbench.problems.dnt_spectrum.instance import DntInstance
from dtbench.problems.dnt_spectrum.model import MANY, DntDecision, DntSlot
from dtbench.problems.dnt_spectrum.packing import members
from dtbench.problems.dnt_spectrum.timeline import Timeline

CEILING_USERS = 10  # users in several discs of whom all associations are tried


def solve(problem: AnyProblem, instance: DntInstance, limits: Limits) -> Certificate:
    """Optimum or bound of the horizon mean, with decisions of leading time axis.

    Raises
    ------
    ValueError
        If the instance has leading axes, or the referee does not confirm the trajectory.
    """
    if instance.batch_shape != ():
        raise ValueError(f"the instance has leading axes {instance.batch_shape}; exact methods take one instance")
    limits, began = with_target(problem, limits), time.perf_counter()
    p, until = instance.params, began + limits.seconds
    slots = perfect(problem, instance)
    if p.n_bs > MANY:
        return by_clusters(problem, instance, slots, limits, began)
    if p.predictor not in ("hold", "drift") or p.error_scope != "user":
        return perfect_twin(problem, instance, slots, limits, began)
    rates = BestRates.of(slots, began + limits.seconds / 2.0)  # the other half: the timeline, or a bound without it
    if rates is None:
        return perfect_twin(problem, instance, slots, limits, began)
    anytime.report(bound=float(rates.value.max(axis=1).mean()))
    found = settled(instance, rates, limits, until)
    if found is None or not (found.closed or found.result.status == "infeasible"):  # out of time
        return perfect_twin(problem, instance, slots, limits, began, float(rates.value.max(axis=1).mean()))
    result, chosen, infeasible = found.result, found.chosen, found.result.status == "infeasible"
    plan = [decision for entry in chosen if (decision := rates.decision[entry]) is not None]
    decisions = DntDecision.stack(plan) if plan else None
    details = {"model": "timeline", "rounds": found.rounds, **result.details}
    return certified(problem, instance, decisions, result.bound, limits, began, details, infeasible=infeasible)


@dataclass(frozen=True)
class Settled:
    """A timeline, what HiGHS says of it, the entries (slot, V) that it uses, and whether all of them are settled."""

    timeline: Timeline
    result: MilpResult
    chosen: list[tuple[int, int]]
    rounds: int
    closed: bool


def settled(instance: DntInstance, rates: BestRates, limits: Limits, until: float) -> Settled | None:
    """Solve the timeline and settle the rates that it uses, until none of them falls; None if time ends before.

    The rates of other entries are bounds that do not matter then. ``until`` [s, of ``time.perf_counter``].
    """
    rounds, fell = 0, True
    while fell:
        if time.perf_counter() > until:
            return None
        timeline = Timeline.of(instance, rates.value)
        result, uploads = timeline.solve(limits, until - time.perf_counter())
        chosen = [] if uploads is None else [(t, int(v)) for t, v in enumerate(uploads)]
        fell = sum(rates.settle(t, v, replace(limits, seconds=until - time.perf_counter())) for t, v in chosen) > 0
        rounds += 1
    closed = bool(chosen) and all(entry in rates.decision for entry in chosen)
    return Settled(timeline, result, chosen, rounds, closed)


def perfect(problem: AnyProblem, instance: DntInstance) -> DntSlot:
    """All slots (T,) with a twin that is always right: their objectives are weighted rates alone."""
    slots = cast(DntSlot, referee.slots(problem, instance))[...]
    return replace(slots, estimate=slots.position)


def by_clusters(
    problem: AnyProblem, instance: DntInstance, slots: DntSlot, limits: Limits, began: float
) -> Certificate:
    """Many base stations: bounds of ``slots`` with a perfect twin by clusters; the incumbent is played by rules.

    Half of the time is for the bounds, each slot has its part of what is left.

    Raises
    ------
    Declined
        If interference is as printed.
    """
    from dtbench.problems.dnt_spectrum import clusters

    few_stations(instance.params.n_bs if instance.params.interference == "printed" else 0, "links as printed")
    horizon, until = instance.horizon, began + limits.seconds

    def share(t: int, end: float) -> float:
        now = time.perf_counter()
        return now + (end - now) / (horizon - t)

    half = began + 0.5 * limits.seconds
    bound = float(np.mean([clusters.relax(slots[t], share(t, half)).bound for t in range(horizon)]))
    anytime.report(bound=bound)

    def decide(t: int, slot: Any) -> DntDecision:
        end = share(t, until)
        with anytime.unheard():
            return clusters.best_links(slot, end, clusters.relax(slot, share(horizon - 2, end)).links)

    given, _ = referee.walk(problem, instance, decide)
    decisions = DntDecision.stack(cast(list[DntDecision], given))
    return certified(problem, instance, decisions, bound, limits, began, {"model": "clusters"})


def perfect_twin(
    problem: AnyProblem, instance: DntInstance, slots: DntSlot, limits: Limits, began: float, bound: float = np.nan
) -> Certificate:
    """Bound by the best rates without any twin error; the incumbent solves every slot in the state that it has made.

    When time is over, slots are decided by ``greedy``; ``bound`` is taken unless all slots gave a better one.
    """
    printed, until = instance.params.interference == "printed", began + limits.seconds

    def left() -> float:
        return until - time.perf_counter()

    bounds: list[float] = []
    while len(bounds) < instance.horizon and left() > 0.0:
        model = form_of(slots[len(bounds)], patterns=printed).model()
        bounds.append(by_highs(model, replace(limits, seconds=left())).bound)
    if len(bounds) == instance.horizon:
        bound = float(np.fmin(np.mean(bounds), bound))
        anytime.report(bound=bound)

    def decide(_: int, slot: Any) -> DntDecision:
        if left() <= 0.0:
            return greedy(slot)
        form = form_of(slot, patterns=printed)
        return best_of(form, form.model(), left())

    given, _ = referee.walk(problem, instance, decide)
    decisions = DntDecision.stack(cast(list[DntDecision], given))
    return certified(problem, instance, decisions, bound, limits, began, {"model": "perfect twin"})


def certified(
    problem: AnyProblem, instance: DntInstance, decisions: DntDecision | None, bound: float, limits: Limits,
    began: float, details: dict[str, Any], *, infeasible: bool = False,
) -> Certificate:  # fmt: skip
    """The referee plays the trajectory; ``optimal`` is said only when the bound proves it."""
    backend = f"HiGHS {version('highspy')}"
    if decisions is None:
        status: CertificateStatus = "infeasible" if infeasible else "unknown"
        return Certificate(np.nan, bound, status, time.perf_counter() - began, "horizon", backend, details=details)
    scores = referee.rescore(problem, instance, decisions)
    objective = scores.mean
    if bound < objective - 10.0 * ROUNDING * max(1.0, abs(objective)):
        raise ValueError(f"bound {bound!r} of 'dnt-spectrum' is below the objective {objective!r} of a trajectory")
    bound = bound if np.isnan(bound) else max(bound, objective)
    close = bound - objective <= limits.gap_abs or relative_gap(objective, bound) <= (limits.gap or 0.0)
    status = "optimal" if close and scores.feasible.all() else "feasible"
    seconds = time.perf_counter() - began
    return Certificate(objective, bound, status, seconds, "horizon", backend, decisions, details)


def ceiling(problem: AnyProblem, instance: DntInstance, limits: Limits | None = None) -> Certificate:
    """The clairvoyant best of the paper's action space: uploads and associations free, RBs by Algorithm 1.

    What an agent loses beyond this, it loses by its choices; what this loses against the optimum, Algorithm 1 does. For
    predictors ``hold`` and ``drift`` and errors per user.

    Raises
    ------
    ValueError
        If the twin is another, or more than 10 users of a slot are in several discs.
    Declined
        If there are too many base stations.
    """
    p, began = instance.params, time.perf_counter()
    if p.predictor not in ("hold", "drift") or p.error_scope != "user":
        raise ValueError("the ceiling is defined for predictors 'hold' and 'drift' and errors per user")
    few_stations(p.n_bs, "the best uploads")
    limits = with_target(problem, limits or Limits())
    slots, flags = perfect(problem, instance), members(p.n_bs)
    table = np.full((instance.horizon, len(flags)), -np.inf)
    best: list[DntDecision] = []
    for t in range(instance.horizon):
        allocated = allocate(slots[t], associations(slots[t])[:, None], flags)
        placed = ((allocated.up >= 0) == flags).all(axis=-1)
        worth = np.where(placed, problem.evaluate(slots[t], allocated).objective, -np.inf)
        table[t] = worth.max(axis=0)
        best.append(allocated[worth.argmax(axis=0), np.arange(len(flags))])
    result, uploads = Timeline.of(instance, table).solve(limits, limits.seconds)
    decisions = None if uploads is None else DntDecision.stack([best[t][int(v)] for t, v in enumerate(uploads)])
    infeasible = result.status == "infeasible"
    return certified(
        problem, instance, decisions, result.bound, limits, began, {"model": "ceiling"}, infeasible=infeasible
    )


def associations(slot: DntSlot) -> IntArray:
    """Every association (C, U) of users to base stations that cover them; -1 for users whom none covers."""
    several = np.flatnonzero(slot.covering > 1)
    if len(several) > CEILING_USERS:
        raise ValueError(
            f"{len(several)} users are in several discs; associations of at most {CEILING_USERS} are tried"
        )
    base = strongest(slot, slot.cover)
    choices = [np.flatnonzero(slot.cover[u]) for u in several]
    grid = np.stack(np.meshgrid(*choices, indexing="ij"), axis=-1).reshape(-1, len(several)) if choices else None
    bs = np.repeat(base[None], 1 if grid is None else len(grid), axis=0)
    if grid is not None:
        bs[:, several] = grid
    return bs
