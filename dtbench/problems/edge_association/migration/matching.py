"""The encoding ``matching`` of ``edge-migration``: what servers are worth to users later, then the best matching.

The decision maximises the slot's utilities plus these worths, U_ik + W_ik, within the servers' places: an assignment
problem. With W = 0 this is ``myopic-opt``. What is imitated is the clairvoyant optimum: at the prices of its linear
program for places in later slots, users do not depend on each other, and W_ik is what a user's best way on from server
k is worth. It depends on no decision, so one answer serves whatever state a slot is in.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array
from dtbench.core import AnyProblem, Limits
from dtbench.encoding import Bounds, Box, Encoding, Group, Observation
from dtbench.layout import Clock, Head, Layout, Part
from dtbench.problems.edge_association.migration import forecast
from dtbench.problems.edge_association.migration.heuristics import assign
from dtbench.problems.edge_association.migration.instance import MigrationInstance
from dtbench.problems.edge_association.migration.model import MigrationDecision, MigrationSlot
from dtbench.problems.edge_association.migration.repair import repair
from dtbench.problems.edge_association.system import distances, one_hot

CONTROLLER = "controller"
STEPS = (1.0, 2.0, 3.0, 5.0)  # slots after which servers are looked at
CUT = 3.0  # of features
NEAR = 8  # slots: the end of the horizon is not felt from further away
WORTH = 100.0  # greatest W_ik


@cache
def layout(n_users: int, n_servers: int, horizon: int) -> Layout:
    """What is seen of pairs, users and servers, and the worth of each pair: see :func:`observe`."""
    return Layout(
        axes={"user": n_users, "server": n_servers},
        parts=(
            Part("pair", ("user", "server"), 4 + 2 * len(STEPS)),
            Part("user", ("user",), 5),
            Part("server", ("server",), 2),
            Part("left", (), 1),
        ),
        heads=(Head("worth", ("user", "server"), "value"),),
        clock=Clock("left", horizon, NEAR),
    )


def encoding(n_users: int, n_servers: int, horizon: int) -> Encoding:
    """One controller: W_ik in [-100, 100] for each pair, users first."""
    sets = layout(n_users, n_servers, horizon)
    group = Group(CONTROLLER, 1, Box(sets.action_size, -WORTH, WORTH), sets.state_size)
    seen: Bounds = ((sets.state_size - 1, -CUT, CUT), (1, 0.0, 1.0))
    bounds = {CONTROLLER: seen, "state": seen}
    return Encoding(
        (group,), decode, encode, observe=observe, bounds=bounds, layout=sets, teacher=worths
    )  # fmt: skip


def observe(slot: MigrationSlot) -> Observation:
    """The state, in the order of :func:`layout`, all cut to [-3, 3]. Where twins are is not seen: W is free of it.

    Pair: gain beta exp(tau - T) less the user's greatest, T / tau - 1, whether k is admissible, distance from user to
    server / area; gain (less the greatest) and T / tau - 1 as :func:`forecast.ahead` sees them after each of
    :data:`STEPS`. User: log of the greatest gain, speed / v_max, tau / 2, D / 25e6, T's mean / tau. Server:
    c N_k / F_k 1e8 / 2, K N_k / N. The clock, which the policy sets.
    """
    slot, p = slot[...], slot.params
    tau = np.maximum(slot.deadline, forecast.LEAST)[..., None]
    gain = p.beta_u * np.exp(slot.deadline[..., None] - slot.latency)
    greatest = gain.max(axis=-1, keepdims=True)
    pair = [
        gain - greatest,
        slot.latency / tau - 1.0,
        slot.admissible,
        distances(slot.user_xy, slot.server_xy) / p.area,
    ]
    later, late = forecast.ahead(slot, STEPS)
    less = later - later.max(axis=-1, keepdims=True)
    for step in range(len(STEPS)):
        pair += [less[..., step, :, :], late[..., step, :, :]]
    moved = np.sqrt(((slot.user_xy - slot.prev_xy) ** 2).sum(axis=-1)) / max(p.v_max * p.slot, 1.0)
    user = [
        np.log(np.maximum(greatest[..., 0], forecast.LEAST)), moved, slot.deadline / 2.0, slot.data_bits / 25e6,
        slot.latency.mean(axis=-1) / tau[..., 0],
    ]  # fmt: skip
    room = slot.cap * slot.n_servers / slot.n_users
    server = [p.cycles * slot.cap / slot.cpu * 1e8 / 2.0, np.broadcast_to(room, slot.cpu.shape)]
    sets = layout(slot.n_users, slot.n_servers, p.horizon)
    parts = {"pair": pair, "user": user, "server": server}
    stacked = {name: np.clip(np.stack(values, axis=-1), -CUT, CUT) for name, values in parts.items()}
    state = sets.join_state(stacked | {"left": np.zeros(1)}, slot.batch_shape)
    return Observation(agents={CONTROLLER: state[..., None, :]}, masks={}, state=state)


def decode(slot: MigrationSlot, x: npt.NDArray[Any]) -> MigrationDecision:
    """The association (..., N) of greatest U + W for W (..., N K); members are matched one by one."""
    slot = slot[...]
    x = np.asarray(x, dtype=np.float64)
    value = slot.utility + x.reshape(*x.shape[:-1], slot.n_users, slot.n_servers)
    lead = value.shape[:-2]
    admissible, cap = np.broadcast_to(slot.admissible, value.shape), np.broadcast_to(slot.cap, (*lead, slot.n_servers))
    assoc, complete = np.array(np.broadcast_to(slot.prev, (*lead, slot.n_users))), True
    for member in np.ndindex(*lead):
        assigned = assign(value[member], admissible[member], cap[member])
        if assigned is None:
            complete = False
        else:
            assoc[member] = assigned
    decision = MigrationDecision(assoc=assoc)
    return decision if complete else repair(slot, decision)


def encode(slot: MigrationSlot, decision: MigrationDecision) -> npt.NDArray[Any]:
    """Worths (..., N K) that outweigh all utilities: the greatest where the twin goes, the least elsewhere."""
    chosen = one_hot(decision.assoc, slot.n_servers)
    return np.where(chosen, WORTH, -WORTH).reshape(*chosen.shape[:-2], -1)


def worths(problem: AnyProblem, instance: MigrationInstance, limits: Limits) -> Callable[[int, MigrationSlot], Array]:
    """Who says W (N K,) in a slot of a trace: NaN where k is not admissible, and with mean 0 over a user's others."""
    from dtbench.problems.edge_association.migration.horizon import ways_on

    later = ways_on(problem, instance, limits)

    def answer(t: int, slot: MigrationSlot) -> Array:
        if later is None:
            return np.full(slot.n_users * slot.n_servers, np.nan)
        worth = np.where(slot.admissible, later[t], np.nan)
        return (worth - np.nanmean(worth, axis=-1, keepdims=True)).ravel()

    return answer
