"""Whole horizons of ``mec-synchronization`` in the closed protocol: a bracket of the optimum.

A trajectory of a policy that knows the future of each frame, and a bound of every policy: no queue can be shorter than
the first one less eps per slot, and J grows with the queue, so each slot costs at least its pooled bound with that
queue. In the reference protocol slots do not touch each other: the mean of their optima is the horizon's.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from dtbench import anytime, referee
from dtbench.arrays import IntArray
from dtbench.core import AnyProblem, Certificate, Limits, relative_gap
from dtbench.exact.certificate import MARGIN, ROUNDING, with_target
from dtbench.problems.mec_synchronization import frame, heuristics
from dtbench.problems.mec_synchronization.branch_and_bound import branch_and_bound
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.convex import blas
from dtbench.problems.mec_synchronization.exact import BACKEND, decision_of
from dtbench.problems.mec_synchronization.instance import MecInstance
from dtbench.problems.mec_synchronization.model import MecDecision, MecSlot, MecState
from dtbench.problems.mec_synchronization.pooled import pooled

EAGER = (1.0, 1.5, 2.0, 3.0, 5.0)
"""Factors of the queue that the policies of the closed protocol try: a failure also costs later slots."""

Placing = Callable[[MecSlot], IntArray]


def solve(problem: AnyProblem, instance: MecInstance, limits: Limits) -> Certificate:
    """Bracket of the horizon mean in the closed protocol, with a trajectory.

    Raises
    ------
    ValueError
        If the instance has leading axes, or the referee does not confirm the trajectory or the bound.
    """
    if instance.batch_shape != ():
        raise ValueError(f"the instance has leading axes {instance.batch_shape}; exact methods take one instance")
    limits = with_target(problem, limits)
    began = time.perf_counter()
    with blas().limit(limits=limits.threads):
        decisions, bound, details = closed(problem, instance, limits)
    scores = referee.rescore(problem, instance, decisions)
    objective = scores.mean
    if scores.repaired.any():
        raise ValueError(f"the trajectory of '{problem.id}' is infeasible in {int(scores.repaired.sum())} slots")
    if bound > objective + ROUNDING * max(1.0, abs(objective)):
        raise ValueError(f"bound {bound!r} of '{problem.id}' is above the objective {objective!r} of a trajectory")
    bound = min(bound, objective)
    close = objective - bound <= limits.gap_abs or relative_gap(objective, bound) <= (limits.gap or 0.0)
    return Certificate(
        objective, bound, "optimal" if close else "feasible", time.perf_counter() - began, "closed", BACKEND, decisions,
        details=details,
    )  # fmt: skip


@dataclass(frozen=True)
class Policy:
    """Hosts per frame, a factor of the queue, and whether slots are searched or left to ``greedy``."""

    placing: Placing
    eager: float
    searched: bool = False

    def decide(self, slot: MecSlot, host: IntArray, gap: float, seconds: float) -> MecDecision:
        """The decision of one slot with these hosts."""
        more = replace(slot, queue=self.eager * slot.queue, queue_frame=self.eager * slot.queue_frame)
        if not self.searched:
            return heuristics.greedy(more, host)
        candidates = Candidates.of(more, host)
        best = branch_and_bound(candidates, heuristics.admitted(candidates), gap, seconds).best
        return decision_of(slot, candidates, host, best)


def closed(problem: AnyProblem, instance: MecInstance, limits: Limits) -> tuple[MecDecision, float, dict[str, float]]:
    """The best of several policies, and the bound of all; half of the time each."""
    began, gap = time.perf_counter(), MARGIN * (limits.gap or 0.0)
    half = limits.seconds / 2.0
    tried: list[tuple[float, MecDecision, Policy]] = []

    def attempt(policy: Policy) -> None:
        decisions, mean = follow(problem, instance, policy, gap, half / instance.horizon / len(EAGER))
        if all(mean < other for other, _, _ in tried):
            anytime.report(decisions)
        tried.append((mean, decisions, policy))

    def search_hosts(slots: MecSlot) -> IntArray:
        return frame.local_search(slots, np.asarray(slots[0].host), half / 4.0 / instance.params.n_frames)

    for placing in (keep, frame.nearest_at_start, search_hosts):
        attempt(Policy(placing, 1.0))
        if time.perf_counter() - began > half / 2.0:
            break
    best = min(tried, key=lambda one: one[0])[2]
    for eager in EAGER:
        if time.perf_counter() - began > half:
            break
        attempt(replace(best, eager=eager, searched=True))
    _mean, decisions, policy = min(tried, key=lambda one: one[0])
    left = limits.seconds - (time.perf_counter() - began)
    return decisions, queue_bound(problem, instance, gap, left), {"eager": policy.eager, "policies": len(tried)}


def keep(slots: MecSlot) -> IntArray:
    """The hosts before."""
    return np.asarray(slots[0].host)


def follow(
    problem: AnyProblem, instance: MecInstance, policy: Policy, gap: float, seconds: float
) -> tuple[MecDecision, float]:
    """Play a policy in the closed protocol: its decisions, with a leading time axis, and the mean of J."""
    p, state = instance.params, problem.start(instance)
    host, decisions, values = state.host, [], []
    for t in range(instance.horizon):
        if t % p.frame_slots == 0:
            host = policy.placing(frame_slots(problem, instance, t, state))
        slot = problem.slot(instance, t, state)
        decision = policy.decide(slot, host, gap, seconds)
        values.append(float(problem.evaluate(slot, decision).objective))
        decisions.append(decision)
        state = problem.advance(slot, decision)
    return MecDecision.stack(decisions), float(np.mean(values))


def frame_slots(problem: AnyProblem, instance: MecInstance, t: int, state: MecState) -> MecSlot:
    """All slots (S,) of the frame that begins at ``t``, with the queue and the hosts of its start."""
    still = MecState(queue=state.queue, queue_frame=state.queue, host=state.host, moving=np.zeros_like(state.moving))
    slots: MecSlot = problem.slot(instance, np.arange(t, t + instance.params.frame_slots), still[(None,)])
    return slots


def queue_bound(problem: AnyProblem, instance: MecInstance, gap: float, seconds: float) -> float:
    """A bound of the mean of J over all policies: pooled slots with the shortest queue that there can be.

    J is never below 0, which is all that is known of slots that no time is left for.
    """
    p, state, total = instance.params, problem.start(instance), 0.0
    until = time.perf_counter() + seconds
    for t in range(instance.horizon):
        elapsed = t - t % p.frame_slots if p.queue == "frame" else t
        least = np.maximum(state.queue - p.eps * elapsed, 0.0)
        if not least.any():
            continue
        left = (until - time.perf_counter()) / (instance.horizon - t)
        if left <= 0.0:
            break
        slot = replace(problem.slot(instance, t, state), queue=least, queue_frame=least)
        candidates = pooled(slot)
        total += branch_and_bound(candidates, heuristics.admitted(candidates), gap, left).bound / slot.n_users
        anytime.report(bound=total / instance.horizon)
    return total / instance.horizon
