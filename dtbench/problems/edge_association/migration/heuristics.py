"""Rules for ``edge-migration``: functions of a slot, for any leading axes; every one ends in ``repair``.

Rules that look at the migration latency see this slot only: none of them knows where users will go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np

from dtbench import referee
from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.core import AnyProblem, Instance
from dtbench.problems.edge_association.migration.model import MigrationDecision, MigrationSlot
from dtbench.problems.edge_association.migration.repair import repair
from dtbench.problems.edge_association.system import one_hot
from dtbench.referee import Scores

LOOK_AHEAD = 3.0  # slots over which ``amortised`` spreads a move; chosen on paper-size instances


def play(
    problem: AnyProblem, instance: Instance, policy: Callable[[MigrationSlot], MigrationDecision]
) -> tuple[MigrationDecision, Scores]:
    """Follow a rule over the horizon: its decisions, with a leading time axis, and their scores."""
    given, scores = referee.walk(problem, instance, lambda _, slot: policy(cast(MigrationSlot, slot)))
    return MigrationDecision.stack(cast(list[MigrationDecision], given)), scores


def stay(slot: MigrationSlot) -> MigrationDecision:
    """Nobody moves but those whose server has become too slow: what migration is worth is the distance to this."""
    return repair(slot, MigrationDecision(assoc=slot.prev))


def nearest(slot: MigrationSlot) -> MigrationDecision:
    """The server nearest to the access base station, the paper's baseline; the distance also orders the repair."""
    length = slot.wire_length
    return repair(slot, MigrationDecision(assoc=length.argmin(axis=-1)), order=length)


def greedy(slot: MigrationSlot) -> MigrationDecision:
    """Target server selection, the paper's Algorithm 3, with capacities and the comparison that its text means.

    Users in index order; each takes the admissible server of greatest utility among its own and those with a free
    place; moves count at once.
    """
    return select(slot, slot.utility, printed=False)


def greedy_nocost(slot: MigrationSlot) -> MigrationDecision:
    """``greedy`` that ranks servers as if moves cost nothing."""
    return select(slot, slot.utility_at(0.0), printed=False)


def greedy_printed(slot: MigrationSlot) -> MigrationDecision:
    """Algorithm 3 as printed: compares with the *initial* utility, so a user ends on the last server no worse."""
    return select(slot, slot.utility, printed=True)


def select(slot: MigrationSlot, value: Array, *, printed: bool) -> MigrationDecision:
    """Users in index order choose by ``value`` (..., N, K) among their own server and those with a free place."""
    slot = slot[...]
    users, servers = slot.n_users, slot.n_servers
    assoc = slot.prev.copy()
    stays = one_hot(assoc, servers)
    free = slot.cap - stays.sum(axis=-2)
    for user in range(users):
        here = stays[..., user, :]
        possible = slot.admissible[..., user, :] & (here | (free > 0))
        worth = np.where(possible, value[..., user, :], -np.inf)
        if printed:
            initial = np.where(here, value[..., user, :], -np.inf).max(axis=-1, keepdims=True)
            no_worse = possible & (worth >= initial)
            target = servers - 1 - no_worse[..., ::-1].argmax(axis=-1)
            moves = no_worse.any(axis=-1)
        else:
            target, moves = worth.argmax(axis=-1), possible.any(axis=-1)
        target = np.where(moves, target, assoc[..., user])
        free = free + here - one_hot(target, servers)
        assoc[..., user] = target
    return repair(slot, MigrationDecision(assoc=assoc))


def best(slot: MigrationSlot, migration_weight: float = 1.0) -> MigrationDecision:
    """The association of greatest mean utility when X_ik counts ``migration_weight`` times; an assignment problem.

    1: the optimum of the slot, ``myopic_opt``. 0: as if moves cost nothing, ``myopic_nocost``. 1 / H: a move pays if it
    helps for H slots, ``amortised``. Members of a batch are solved one by one.
    """
    slot = slot[...]
    value = slot.utility if migration_weight == 1.0 else slot.utility_at(migration_weight * slot.migration)
    assoc = slot.prev.copy()
    for member in np.ndindex(*slot.batch_shape):
        assigned = assign(value[member], slot.admissible[member], slot.cap[member])
        if assigned is not None:
            assoc[member] = assigned
    return repair(slot, MigrationDecision(assoc=assoc))


def myopic_opt(slot: MigrationSlot) -> MigrationDecision:
    """The optimum of each slot in the state that this policy itself has made."""
    return best(slot)


def myopic_nocost(slot: MigrationSlot) -> MigrationDecision:
    """The optimum of each slot as if moving were free: where the users are, the twins go."""
    return best(slot, 0.0)


def amortised(slot: MigrationSlot, look_ahead: float = LOOK_AHEAD) -> MigrationDecision:
    """The optimum of each slot with the cost of moving spread over H slots: X_ik / H in the exponential.

    H is ``look_ahead`` [slot].
    """
    return best(slot, 1.0 / look_ahead)


def assign(value: Array, admissible: BoolArray, cap: IntArray) -> IntArray | None:
    """Association (N,) of greatest total ``value`` (N, K) on admissible servers within capacities (K,).

    A linear assignment of users to places, N_k equal columns per server: the transportation problem has only integral
    vertices, so this is its exact optimum. None if there is no assignment.
    """
    users = len(value)
    places = np.repeat(np.arange(len(cap)), np.minimum(cap, users))
    if len(places) < users:
        return None
    from scipy.optimize import linear_sum_assignment  # its import takes as long as that of all the rest

    cost = np.where(admissible, -value, np.inf)[:, places]
    try:
        _, column = linear_sum_assignment(cost)
    except ValueError:  # scipy's word for a matrix without a finite assignment
        return None
    return np.asarray(places[column], dtype=np.int64)
