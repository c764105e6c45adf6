"""Scores decisions over a horizon: plays a policy slot by slot, and scores stored decisions again.

A decision that is not feasible is scored after ``repair``; the share of such slots stands beside the score.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter as clock  # as it is before a solver's file runs, which may replace time.perf_counter
from typing import Any

import numpy as np

from dtbench.arrays import Array, BoolArray
from dtbench.core import AnyProblem, Certificate, Decision, Instance, Outcome, Slot, State, check_decision
from dtbench.progress import Step, untold


@dataclass(frozen=True)
class Scores:
    """What decisions are worth, slot by slot.

    ``objective`` (T,) after repair; ``repaired`` (T,) whether the decision as given was infeasible; ``feasible`` (T,)
    whether the scored one is feasible (False only where no repair exists).
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

    ``horizon`` is the certificate of a method that planned all slots at once.
    """

    decisions: Decision
    scores: Scores
    seconds: Array
    certificates: tuple[Certificate | None, ...]
    horizon: Certificate | None = None


def judge(problem: AnyProblem, slot: Slot, decision: Decision) -> tuple[Decision, Outcome, BoolArray]:
    """Score decisions of any batch shape: the repaired decisions, their outcome, and which had to be repaired."""
    repaired = ~problem.evaluate(slot, decision).feasible
    scored = problem.repair(slot, decision) if repaired.any() else decision
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
    """Play slot by slot; ``decide(t, slot)`` gives the decision. Returns the decisions as given, and their scores."""
    state: State = problem.start(instance)
    given: list[Decision] = []
    outcomes: list[tuple[float, bool, bool]] = []
    for t in range(instance.horizon):
        slot = problem.slot(instance, t, state)
        theirs = problem.slot(instance, t, state).read_only()  # whatever a solver does to it, ours stays as it is
        decision = check_decision(problem, instance, slot, decide(t, theirs))
        scored, outcome, repaired = judge(problem, slot, decision)
        state = problem.advance(slot, scored)
        given.append(decision)
        outcomes.append((float(outcome.objective), bool(repaired), bool(outcome.feasible)))
    objective, repaired_, feasible = (np.array(column) for column in zip(*outcomes, strict=True))
    return given, Scores(objective, repaired_, feasible)


def rescore(problem: AnyProblem, instance: Instance, decisions: Decision) -> Scores:
    """Score decisions (leading time axis) of a whole horizon again."""
    if problem.coupled(instance.params):
        return walk(problem, instance, lambda t, _: decisions[t])[1]
    horizon = slots(problem, instance)
    decisions = check_decision(problem, instance, horizon, decisions)
    _, outcome, repaired = judge(problem, horizon, decisions)
    return Scores(outcome.objective, repaired, outcome.feasible)


def metric_means(problem: AnyProblem, instance: Instance, decisions: Decision) -> dict[str, float]:
    """Means over slots of the referee's metrics that are one number per slot, for decisions (leading time axis)."""
    by_name: dict[str, list[float]] = {}
    state: State = problem.start(instance)
    for t in range(instance.horizon):
        slot = problem.slot(instance, t, state)
        scored, outcome, _ = judge(problem, slot, decisions[t])
        state = problem.advance(slot, scored)
        for name, value in outcome.metrics.items():
            if np.ndim(value) == 0:
                by_name.setdefault(name, []).append(float(value))
    return {name: float(np.mean(values)) for name, values in by_name.items()}


def play(problem: AnyProblem, instance: Instance, solver: Any, progress: Step = untold) -> Trajectory:
    """Let a solver decide the whole horizon; ``progress`` is told of each slot.

    Raises
    ------
    InvalidDecision
        If what it returns is not a decision.
    """
    horizon = instance.horizon
    progress(0, horizon, "slots")
    began = clock()
    planned = solver.plan(instance)
    certificate = solver.certificate
    if planned is None and solver.batched and not problem.coupled(instance.params):
        planned = solver.decide(slots(problem, instance).read_only())
    if planned is not None:
        seconds = np.full(horizon, (clock() - began) / horizon)
        planned = check_decision(problem, instance, slots(problem, instance), planned)
        return Trajectory(planned, rescore(problem, instance, planned), seconds, (None,) * horizon, certificate)

    seconds, certificates = np.zeros(horizon), []

    def decide(t: int, slot: Slot) -> Decision:
        began = clock()
        decision: Decision = solver.decide(slot)
        seconds[t] = clock() - began
        certificates.append(solver.certificate)
        progress(t + 1, horizon, "slots")
        return decision

    given, scores = walk(problem, instance, decide)
    return Trajectory(type(given[0]).stack(given), scores, seconds, tuple(certificates))
