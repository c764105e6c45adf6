"""Where a search begins: at the decision of a rule, or of a learned agent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from dtbench.core import AnyProblem, Decision, Instance, Slot
from dtbench.errors import Declined, DtbenchError, near
from dtbench.plugins.discovery import SolverEntry, discover, find, load_solver

Start = Callable[[Slot], Decision]
POLICY_SEED = 0  # of the shipped policy that a start plays, whatever the seed of the search


class LearnedStart:
    """What a trained policy decides in a slot, made feasible; slots of a batch one by one, in their order.

    The policy is the one of the file ``checkpoint``, or the one of seed 0 that is shipped or was trained before:
    nothing is trained here.

    Raises
    ------
    DtbenchError
        If the solver does not learn, or the file cannot be played here.
    Declined
        If there is no such policy, or the agent does not take the instance.
    """

    def __init__(self, problem: AnyProblem, instance: Instance, entry: SolverEntry, checkpoint: str = "") -> None:
        from dtbench.learning.solver import LearnedSolver

        cls = load_solver(entry)
        if not issubclass(cls, LearnedSolver):
            raise DtbenchError(f"option 'start' names '{entry.name}', which is no learned agent and no rule.")
        given = {"checkpoint": checkpoint} if checkpoint else {}
        self.problem, self.solver = problem, cls(problem, instance, seed=POLICY_SEED, **given)
        if not checkpoint and self.solver.shipped() is None and self.solver.place.kept() is None:
            raise Declined(
                f"no trained policy of '{entry.name}' for {problem.id}, size {instance.size}, is at hand; train one "
                f"(`dtbench train {entry.name} {problem.id} {instance.size}`) or name a file with the option checkpoint"
            )
        self.solver.train()

    def __call__(self, slot: Slot) -> Decision:
        members = [self.solver.decide(slot[index]) for index in np.ndindex(slot.batch_shape)]
        stacked = type(members[0]).stack(members)
        shaped = {name: value.reshape(*slot.batch_shape, *value.shape[1:]) for name, _, value in stacked.arrays()}
        repaired: Decision = self.problem.repair(slot, type(members[0])(**shaped))
        return repaired


def start_of(problem: AnyProblem, instance: Instance, name: str, checkpoint: str = "") -> Start:
    """What decides where a search of slots begins, by its name; see :func:`starts_of`."""
    return starts_of(problem, instance, name, checkpoint)[0]


def starts_of(problem: AnyProblem, instance: Instance, names: str, checkpoint: str = "") -> list[Start]:
    """What decides where searches of slots begin: rules of the problem and learned agents, separated by commas.

    ``checkpoint`` is a file of the policy that the learned one among them plays.

    Raises
    ------
    DtbenchError
        If a name is neither a rule of the problem nor an agent, or there is not one agent for the file; see also
        :class:`LearnedStart`.
    Declined
        See :class:`LearnedStart`.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    entries = discover() if set(wanted) - set(problem.heuristics) else {}
    agents = [each.name for each in entries.values() if each.trains and each.takes(problem.id)]
    for name in wanted:
        if name not in problem.heuristics and name not in agents:
            known = [*problem.heuristics, *agents]
            raise DtbenchError(f"option 'start' names '{name}'; '{problem.id}' has {', '.join(known)}."
                               f"{near(name, known)}")  # fmt: skip
    if checkpoint and sum(name in agents for name in wanted) != 1:
        raise DtbenchError(f"option 'checkpoint' is the policy of one learned start; 'start' names '{names}'.")
    return [
        LearnedStart(problem, instance, find(name, entries), checkpoint) if name in agents else problem.heuristics[name]
        for name in wanted
    ]
