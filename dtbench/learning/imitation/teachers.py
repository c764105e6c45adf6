"""Who answers what is best in a slot: the problem's exact method, or what its encoding makes of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.core import AnyProblem, Decision, Instance, Limits, Slot
from dtbench.encoding import Encoding
from dtbench.errors import DtbenchError

Answer = Callable[[int, Slot], npt.NDArray[Any]]  # slot's number, slot without leading axes -> targets (size,)


def teacher(problem: AnyProblem, encoding: Encoding, instance: Instance, limits: Limits, method: str) -> Answer:
    """Who answers on a trace (an instance without leading axes); a target is NaN where there is nothing to learn.

    The encoding's own teacher; else the optimum of the slot; where slots are coupled, what the optimal plan of the
    whole trace does in the slot, whatever state the slot is in.
    """
    if encoding.teacher is not None:
        answer: Answer = encoding.teacher(problem, instance, limits)
        return answer
    if problem.coupled(instance.params):
        proved = problem.exact_horizon(instance, limits)
        return follow(encoding, None if proved is None else proved.decision)
    encode = _inverse(encoding)

    def optimum(t: int, slot: Slot) -> npt.NDArray[Any]:
        decision = problem.exact(slot, limits, method or None).decision
        return np.full(encoding.size, np.nan) if decision is None else np.asarray(encode(slot, decision))

    return optimum


def follow(encoding: Encoding, plan: Decision | None) -> Answer:
    """What a plan, decisions with a leading time axis, says; nothing if there is none."""
    encode = _inverse(encoding)

    def planned(t: int, slot: Slot) -> npt.NDArray[Any]:
        return np.full(encoding.size, np.nan) if plan is None else np.asarray(encode(slot, plan[t]))

    return planned


def _inverse(encoding: Encoding) -> Callable[[Any, Any], npt.NDArray[Any]]:
    if encoding.encode is None:
        raise DtbenchError(
            "this encoding cannot say which joint action a decision is, so nobody can be imitated in it."
        )
    return encoding.encode
