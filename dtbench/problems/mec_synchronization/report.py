"""What a played horizon of ``mec-synchronization`` means: the quantities of the paper's figures.

An energy is comparable only at an equal failure ratio, so both stand side by side.
"""

from __future__ import annotations

import numpy as np

from dtbench import referee
from dtbench.core import AnyProblem, Limits
from dtbench.problems.mec_synchronization.instance import MecInstance
from dtbench.problems.mec_synchronization.model import MecDecision


def summary(
    problem: AnyProblem, instance: MecInstance, decisions: MecDecision, regret: Limits | None = None
) -> dict[str, float]:
    """Figures of decisions with a leading time axis; infeasible ones are scored after repair.

    Parameters
    ----------
    regret
        With limits per slot, also the regret along the policy's own path: mean (J - J*) / mean J*, with J* the
        certified lower bound of the slots that it met, hence an upper bound of the regret.

    Returns
    -------
    dict
        ``objective`` (mean J), ``energy`` [J] per user and slot, ``failure_ratio`` (failures per user and slot, mean
        over users), ``worst_failure_ratio``, ``share_above_eps`` of users, ``request_failure_ratio`` (failures per
        request), ``migrations`` per user and frame, ``queue`` (mean); ``regret`` where asked for.
    """
    p, state = instance.params, problem.start(instance)
    failed, energy, objective, queue, best = [], [], [], [], []
    migrations = 0
    for t in range(instance.horizon):
        slot = problem.slot(instance, t, state)
        scored, outcome, _ = referee.judge(problem, slot, decisions[t])
        failed.append(outcome.metrics["failed"])
        energy.append(float(outcome.metrics["mean_energy"]))
        objective.append(float(outcome.objective))
        queue.append(float(np.mean(slot.queue)))
        migrations += int(outcome.metrics["migrations"])
        if regret is not None:
            best.append(problem.exact(slot, regret).bound)
        state = problem.advance(slot, scored)
    ratio = np.mean(failed, axis=0)
    found = {
        "objective": float(np.mean(objective)),
        "energy": float(np.mean(energy)),
        "failure_ratio": float(ratio.mean()),
        "worst_failure_ratio": float(ratio.max()),
        "share_above_eps": float((ratio > p.eps).mean()),
        "request_failure_ratio": float(np.sum(failed) / max(int(instance.request.sum()), 1)),
        "migrations": migrations / (p.n_users * p.n_frames),
        "queue": float(np.mean(queue)),
    }
    if regret is not None:
        found["regret"] = float(np.mean(objective) / max(float(np.mean(best)), 1e-12) - 1.0)
    return found
