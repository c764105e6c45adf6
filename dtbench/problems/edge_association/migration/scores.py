"""The encoding ``scores`` of ``edge-migration``: the papers' decoder, for one controller that sees the whole slot.

Servers of Lu et al. (2021) score users, and each user goes to the admissible server that scores it highest; those who
find no place go where there is one. Here one controller gives all scores, users first. So a learner may have the
network of ``matching`` with the decoder of ``agents``. What is imitated is the best decision at the worths of
``matching``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.core import AnyProblem, Limits
from dtbench.encoding import Bounds, Box, Encoding, Group, Observation
from dtbench.layout import Clock, Head, Layout, Part
from dtbench.problems.edge_association.migration import matching
from dtbench.problems.edge_association.migration.instance import MigrationInstance
from dtbench.problems.edge_association.migration.matching import CONTROLLER, NEAR
from dtbench.problems.edge_association.migration.model import MigrationDecision, MigrationSlot
from dtbench.problems.edge_association.migration.repair import repair
from dtbench.problems.edge_association.system import one_hot

FIRM = 20.0  # scores are cut at it
HERE = 3.0  # features of a pair are cut at it


@cache
def layout(n_users: int, n_servers: int, horizon: int) -> Layout:
    """What is seen as in ``matching``, with what a move to each server costs, and the score of each pair."""
    seen = matching.layout(n_users, n_servers, horizon)
    return Layout(
        axes=seen.axes,
        parts=(
            Part("now", ("user", "server"), 3),
            Part("allowed", ("user", "server"), 1),
            Part("room", ("server",), 1),
            *seen.parts,
        ),
        heads=(Head("score", ("user", "server"), "matching", allowed="allowed", room="room"),),
        clock=Clock("left", horizon, NEAR),
    )


def encoding(n_users: int, n_servers: int, horizon: int) -> Encoding:
    """One controller: a score in [-20, 20] of each pair, users first."""
    sets = layout(n_users, n_servers, horizon)
    group = Group(CONTROLLER, 1, Box(sets.action_size, -FIRM, FIRM), sets.state_size)
    first, room, rest = sets.start_of("room"), n_servers, sets.start_of("pair")
    seen: Bounds = ((first, -HERE, HERE), (room, 0.0, np.inf), (sets.state_size - rest - 1, -HERE, HERE), (1, 0.0, 1.0))
    bounds = {CONTROLLER: seen, "state": seen}
    return Encoding((group,), decode, encode, observe=observe, bounds=bounds, layout=sets, teacher=teacher)


def observe(slot: MigrationSlot) -> Observation:
    """The state, in the order of :func:`layout`.

    Now: the slot's utility less the user's greatest, X_ik / tau_i, whether the twin is on k; cut to [-3, 3]. Allowed:
    whether k is admissible. Room: N_k. Then what ``matching`` shows.
    """
    slot = slot[...]
    users, servers = slot.n_users, slot.n_servers
    sets = layout(users, servers, slot.params.horizon)
    tau = np.maximum(slot.deadline, 1e-9)[..., None]
    utility = slot.utility - slot.utility.max(axis=-1, keepdims=True)
    now = np.stack([utility, slot.migration / tau, one_hot(slot.prev, servers)], axis=-1)
    before = matching.layout(users, servers, slot.params.horizon).split_state(matching.observe(slot).state)
    parts = {"now": np.clip(now, -HERE, HERE), "allowed": slot.admissible, "room": slot.cap} | before
    state = sets.join_state(parts, slot.batch_shape)
    return Observation(agents={CONTROLLER: state[..., None, :]}, masks={}, state=state)


def decode(slot: MigrationSlot, x: npt.NDArray[Any]) -> MigrationDecision:
    """The association (..., N) of scores (..., N K): the best admissible server of each user, repaired by scores."""
    slot, x = slot[...], np.asarray(x, dtype=np.float64)
    score = x.reshape(*x.shape[:-1], slot.n_users, slot.n_servers)
    allowed = np.where(slot.admissible, score, -np.inf)
    return repair(slot, MigrationDecision(assoc=allowed.argmax(axis=-1)), order=-score)


def encode(slot: MigrationSlot, decision: MigrationDecision) -> npt.NDArray[Any]:
    """Scores of an association: 1 for the server of each user, -1 for the others."""
    chosen = one_hot(decision.assoc, slot.n_servers)
    return np.where(chosen, 1.0, -1.0).reshape(*chosen.shape[:-2], -1)


def teacher(
    problem: AnyProblem, instance: MigrationInstance, limits: Limits
) -> Callable[[int, MigrationSlot], npt.NDArray[Any]]:
    """Who says scores (N K,) in a slot of a trace, whatever state it is in: the best decision at the worths."""
    worth = matching.worths(problem, instance, limits)

    def answer(t: int, slot: MigrationSlot) -> npt.NDArray[Any]:
        said = worth(t, slot)
        nothing = bool(np.isnan(said).all())
        return said if nothing else encode(slot, matching.decode(slot, np.nan_to_num(said)))

    return answer
