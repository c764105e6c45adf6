"""Scores decisions over a horizon: plays a policy slot by slot, and scores stored decisions again.

A decision that is not feasible is scored after ``repair``; the share of such slots stands beside the score.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from time import perf_counter as clock  # as it is before a solver's file runs, which may replace time.perf_counter
from typing import Any

import numpy as np

from dtbench import anytime
from dtbench.anytime import Curve, Listener, Log
from dtbench.arrays import Array, BoolArray
from dtbench.core import (
    AnyProblem,
    Certificate,
    Decision,
    Instance,
    Outcome,
    Slot,
    State,
    check_decision,
    check_decisions,
)
from dtbench.progress import Step, untold
from dtbench.regime import Regime, handed, shown
from dtbench.view import View


@dataclass(frozen=True)
class Scores:
    """What decisions are worth, slot by slot.

    ``objective`` (..., T) after repair; ``repaired`` (..., T) whether the decision as given was infeasible;
    ``feasible`` (..., T) whether the scored one is feasible (False only where no repair exists). Leading axes are runs.
    """

    objective: Array
    repaired: BoolArray
    feasible: BoolArray

    @property
    def mean(self) -> float:
        """The horizon's objective: the mean over slots."""
        return float(self.objective.mean())


@dataclass(frozen=True)
class Trajectory:
    """A played horizon: decisions as given (leading time axis), scores, seconds and certificates per slot.

    ``horizon`` is the certificate of a method that planned all slots at once. ``curve``: what was known when, if
    somebody listened, see :mod:`dtbench.anytime`. Its seconds are of the whole horizon if that was ``planned``, else of
    each slot.
    """

    decisions: Decision
    scores: Scores
    seconds: Array
    certificates: tuple[Certificate | None, ...]
    horizon: Certificate | None = None
    curve: Curve | None = None
    planned: bool = False


def judge(problem: AnyProblem, slot: Slot, decision: Decision) -> tuple[Decision, Outcome, BoolArray]:
    """Score decisions of any batch shape: the repaired decisions, their outcome, and which had to be repaired."""
    outcome = problem.evaluate(slot, decision)
    repaired = ~outcome.feasible
    if not repaired.any():
        return decision, outcome, repaired
    scored = problem.repair(slot, decision)
    return scored, problem.evaluate(slot, scored), repaired


def slots(problem: AnyProblem, instance: Instance) -> Slot:
    """All slots of the horizon along a leading time axis, each with the state before the first slot.

    Whole horizons can be handled at once like this only where slots are not coupled.
    """
    start = problem.start(instance)
    state = start[(None,)] if start.batch_shape == () else start
    slot: Slot = problem.slot(instance, np.arange(instance.horizon), state)
    return slot


def walk(
    problem: AnyProblem, instance: Instance, decide: Callable[[int, Slot], Decision]
) -> tuple[list[Decision], Scores]:
    """Play slot by slot; ``decide(t, slot)`` gives the decision. Returns the decisions as given, and their scores.

    The slot is the referee's own, whose arrays are views of the trace: who does not trust ``decide`` hands on a copy.
    """
    given: list[Decision] = []

    def checked(t: int, slot: Slot) -> Decision:
        given.append(check_decision(problem, instance, slot, decide(t, slot)))
        return given[-1]

    return given, _follow(problem, instance, checked)


def _follow(problem: AnyProblem, instance: Instance, decide: Callable[[int, Slot], Decision]) -> Scores:
    """Score what is decided slot by slot; decisions may have leading axes (...,), scores are then (..., T)."""
    state: State = problem.start(instance)
    verdicts: list[tuple[Array, BoolArray, BoolArray]] = []
    for t in range(instance.horizon):
        slot = problem.slot(instance, t, state)
        scored, outcome, repaired = judge(problem, slot, decide(t, slot))
        state = problem.advance(slot, scored)
        verdicts.append((outcome.objective, repaired, outcome.feasible))
    return Scores(*(np.stack(column, axis=-1) for column in zip(*verdicts, strict=True)))


def rescore(problem: AnyProblem, instance: Instance, decisions: Decision) -> Scores:
    """Score decisions (..., T) of a whole horizon again, those of many runs at once: scores are (..., T).

    Raises
    ------
    InvalidDecision
        If they are none of this instance.
    """
    lead = decisions.batch_shape[:-1]
    decisions = check_decisions(problem, instance, (*lead, instance.horizon), decisions)
    if problem.coupled(instance.params):
        return _follow(problem, instance, lambda t, _: decisions[..., t])
    _, outcome, repaired = judge(problem, slots(problem, instance), decisions)
    return Scores(outcome.objective, repaired, outcome.feasible)


def metric_means(problem: AnyProblem, instance: Instance, decisions: Decision) -> dict[str, float]:
    """Means over slots of the referee's metrics that are one number per slot, for decisions (leading time axis)."""
    found = metric_series(problem, instance, decisions)
    return {name: float(np.mean(values)) for name, values in found.items()}


def metric_series(problem: AnyProblem, instance: Instance, decisions: Decision) -> dict[str, list[float]]:
    """The referee's metrics that are one number per slot, slot by slot, for decisions (leading time axis)."""
    by_name: dict[str, list[float]] = {}
    state: State = problem.start(instance)
    for t in range(instance.horizon):
        slot = problem.slot(instance, t, state)
        scored, outcome, _ = judge(problem, slot, decisions[t])
        state = problem.advance(slot, scored)
        for name, value in outcome.metrics.items():
            if np.ndim(value) == 0:
                by_name.setdefault(name, []).append(float(value))
    return by_name


Values = tuple[list[tuple[float, float]], list[tuple[float, float]]]  # seconds with objectives, and with bounds


def _values(log: Log, score: Callable[[Decision], float]) -> Values:
    """What a log's decisions are worth, without those that ``score`` finds NaN; and its bounds."""
    told = [(seconds, _worth(given, score)) for seconds, given in log.decisions.values()]
    return [(seconds, value) for seconds, value in told if math.isfinite(value)], list(log.bounds.values())


def _worth(given: Any, score: Callable[[Decision], float]) -> float:
    """The objective of what was told; NaN if it is no feasible decision. What is told is believed by nobody."""
    try:
        decision = given() if callable(given) else given
        return math.nan if decision is None else score(decision)
    except Exception:
        return math.nan


def _of_slot(problem: AnyProblem, instance: Instance, slot: Slot) -> Callable[[Decision], float]:
    """Objective of decisions of one slot, NaN for infeasible ones."""

    def score(decision: Decision) -> float:
        outcome = problem.evaluate(slot, check_decision(problem, instance, slot, decision))
        return float(outcome.objective) if outcome.feasible.all() else math.nan

    return score


def _of_horizon(problem: AnyProblem, instance: Instance) -> Callable[[Decision], float]:
    """Mean objective of decisions with a leading time axis, NaN if one is infeasible."""

    def score(decision: Decision) -> float:
        scores = rescore(problem, instance, decision)
        return math.nan if scores.repaired.any() else scores.mean

    return score


def _of_all(problem: AnyProblem, instance: Instance, heard: Listener) -> list[Values]:
    """What was told of each slot where all of them were decided in one call."""
    every = slots(problem, instance)
    told: list[Values] = [([], []) for _ in range(instance.horizon)]
    for seconds, given in heard.whole.decisions.values():
        table: list[float] = []

        def score(decision: Decision, into: list[float] = table) -> float:
            outcome = problem.evaluate(every, check_decision(problem, instance, every, decision))
            into += np.where(outcome.feasible, outcome.objective, np.nan).tolist()
            return 0.0

        _worth(given, score)
        for (found, _), value in zip(told, table, strict=False):
            found += [(seconds, value)] * math.isfinite(value)
    for t, log in heard.single.items():
        found, bounds = _values(log, _of_slot(problem, instance, every[t]))
        told[t][0].extend(found)
        told[t][1].extend(bounds)
    return told


def _curve(
    problem: AnyProblem, told: Iterable[Values], seconds: Array, objective: Array,
    certificates: Iterable[Certificate | None],
) -> Curve:  # fmt: skip
    """The mean over slots of what was known of each. Where slots are coupled, no bound of a slot is to be given."""
    bounds = [math.nan if c is None else c.bound for c in certificates]
    ends = zip(seconds.tolist(), objective.tolist(), bounds, strict=True)
    curves = [anytime.settled(problem.sense, *each, end) for each, end in zip(told, ends, strict=True)]
    return anytime.mean(curves)


def _planned(
    problem: AnyProblem, instance: Instance, solver: Any, regime: Regime, known: Instance, listen: bool
) -> Trajectory | None:
    """What a solver decides in one call, for a whole horizon; None if it is to be asked slot by slot."""
    horizon, planned, ahead = instance.horizon, None, regime == "future"
    if ahead:
        with _listening(problem, listen) as heard:
            began = clock()
            planned = solver.plan(instance)
            took = clock() - began
    certificate = solver.certificate
    if planned is None and regime != "local" and solver.batched and not problem.coupled(instance.params):
        # The future is in these slots too: where no decision acts on a later slot, it says nothing about the present.
        ahead = False
        with _listening(problem, listen, horizon) as heard:
            began = clock()
            planned = solver.decide(handed(slots(problem, instance), known))
            took = clock() - began
    if planned is None:
        return None
    planned = check_decision(problem, instance, slots(problem, instance), planned)
    scores, seconds, curve = rescore(problem, instance, planned), np.full(horizon, took / horizon), None
    if heard is not None and ahead:
        told = [_values(heard.whole, _of_horizon(problem, instance))]
        curve = _curve(problem, told, np.array([took]), np.array([scores.mean]), [certificate])
    elif heard is not None:
        curve = _curve(problem, _of_all(problem, instance, heard), seconds, scores.objective, [None] * horizon)
    return Trajectory(planned, scores, seconds, (None,) * horizon, certificate, curve, ahead)


def play(
    problem: AnyProblem,
    instance: Instance,
    solver: Any,
    regime: Regime | None = None,
    progress: Step = untold,
    *,
    listen: bool = False,
) -> Trajectory:
    """Let a solver decide the whole horizon, with what its regime lets it see.

    A local one is never handed a slot: observing for it, and decoding what it chooses, count to its time.

    Parameters
    ----------
    progress
        Is told of each slot.
    regime
        That of the solver's class if not given. Who lets an untrusted solver play asks for it before it makes the
        solver, and makes it with the instance as :func:`dtbench.regime.shown`.
    listen
        Whether to hear what it tells while it decides, for :attr:`Trajectory.curve`. What it tells is scored outside of
        its time.

    Raises
    ------
    InvalidDecision
        If what it returns is not a decision, or it plans without seeing the future.
    """
    horizon = instance.horizon
    regime = regime or type(solver).regime()
    known = shown(problem, instance, regime)
    progress(0, horizon, "slots")
    planned = _planned(problem, instance, solver, regime, known, listen)
    if planned is not None:
        return planned
    seconds, certificates, every = np.zeros(horizon), [], []
    view = View(problem, known, *solver.acts_in(), whole=False) if regime == "local" else None

    def decide(t: int, slot: Slot) -> Decision:
        theirs = None if view is not None else handed(slot, known)
        with _listening(problem, listen) as heard:
            began = clock()
            decision: Decision = solver.decide(theirs) if view is None else view.decide(slot, solver)
            seconds[t] = clock() - began
        certificates.append(solver.certificate)
        if heard is not None:
            every.append(_values(heard.whole, _of_slot(problem, instance, slot)))
        progress(t + 1, horizon, "slots")
        return decision

    given, scores = walk(problem, instance, decide)
    curve = None
    if listen:
        claims = [None] * horizon if problem.coupled(instance.params) else certificates
        curve = _curve(problem, every, seconds, scores.objective, claims)
    return Trajectory(type(given[0]).stack(given), scores, seconds, tuple(certificates), None, curve)


def _listening(problem: AnyProblem, listen: bool, share: int = 1) -> Any:
    """A context that hears what is told while slots are decided; None is given if nobody is to listen."""
    return anytime.listening(problem.sense, share) if listen else nullcontext()
