"""The agent of ``satellite-offloading``: one central controller, and the action modes it may act in.

Li and Han (2025), Sec. 3.1 and Eqs. (18), (20), (22)-(29). An encoding for each mode:

- ``agents``, the mode *raw*: features in [-1, 1] for any off-the-shelf agent, brought into C2-C5 as in (22)-(29);
- ``strict``: the same features, rewarded for the decision as asked for, less penalties: nothing is gained from repair;
- ``structured``: channels as reals and the M x N matrix of shares, as the paper's actor gives them;
- ``penalty``: no coordination between entries; the agent is rewarded for the decision as asked for, less penalties.

In all of them satellite phi_i is the row of the largest entry of column i, the lowest on ties. A decoded decision is
repaired; an environment's ``info`` says what was wrong with the one asked for.

With ``obs = "ordered"`` UAVs are shown, and decided for, by falling data: numbers mean nothing (relabelling UAVs
changes no value), so an agent need not learn the same anew for each order of the same data.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, IntArray, spread, take
from dtbench.core import Outcome
from dtbench.encoding import Bounds, Box, Encoding, Group, Observation
from dtbench.problems.satellite_offloading import association
from dtbench.problems.satellite_offloading.allocation import proportional, round_channels
from dtbench.problems.satellite_offloading.genes import search_encoding
from dtbench.problems.satellite_offloading.instance import OffloadingInstance, OffloadingParams
from dtbench.problems.satellite_offloading.model import (
    OffloadingDecision,
    OffloadingSlot,
    channel_rate,
    evaluate,
    violations,
)
from dtbench.problems.satellite_offloading.repair import mend, repair

LEAST = 1e-3  # features count as at least this, in absolute value
COMMON = 2  # entries at the end of an observation that are no UAV's, unless it has the data only
WORST = 5.0  # an objective, or a violation, counts as at most this as asked for

Ask = Callable[[OffloadingSlot, npt.NDArray[Any]], OffloadingDecision]


def encodings(instance: OffloadingInstance) -> Mapping[str, Encoding]:
    """``agents``, ``strict``, ``structured`` and ``penalty``, see above, ``search``, and ``association``."""
    p = instance.params
    n, m = p.n_uav, p.n_sat
    seen = n if p.obs == "paper" else 2 * n + COMMON
    features = Group("controller", 1, Box(n + m * n + 1 + m), seen)
    plain = Group("controller", 1, Box(n + m * n), seen)
    matrices = Group("channels", 1, Box(n, 0.0, float(p.n_channel))), Group("shares", 1, Box(m * n, 0.0, 1.0))
    return {
        "agents": _mode((features,), ask_raw),
        "strict": _mode((features,), ask_raw, pays=penalised_reward),
        "structured": _mode(matrices, ask_structured),
        "penalty": _mode((plain,), ask_penalty, pays=penalised_reward),
        "search": search_encoding(n, m, p.n_channel),
        "association": association.encoding(p),
    }


def _mode(groups: tuple[Group, ...], plain: Ask, pays: Callable[[Ask, Any, Any], Array] | None = None) -> Encoding:
    def ask(slot: OffloadingSlot, x: npt.NDArray[Any]) -> OffloadingDecision:
        return plain(slot, as_numbered(slot, x))

    return Encoding(
        groups, lambda slot, x: repair(slot, ask(slot, x)), info=lambda slot, x: explained(ask, slot, x)[1], ask=ask,
        decode_explained=partial(explained, ask), reward=None if pays is None else partial(pays, ask),
        keep_by="objective" if pays is None else "reward",
    )  # fmt: skip


def as_numbered(slot: OffloadingSlot, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Joint actions (..., size) with the columns of channels and shares in the order of UAVs' numbers."""
    if slot.params.obs != "ordered":
        return x
    columns = x[..., : slot.n_uav * (1 + slot.n_sat)].reshape(*x.shape[:-1], 1 + slot.n_sat, slot.n_uav)
    place = np.argsort(slot.by_data, axis=-1)[..., None, :]  # where each UAV stands in the agent's order
    shape = np.broadcast_shapes(place.shape, columns.shape)
    numbered = take(spread(columns, shape), place)
    rest = x[..., slot.n_uav * (1 + slot.n_sat) :]
    parts = [numbered.reshape(*shape[:-2], -1), spread(rest, (*shape[:-2], rest.shape[-1]))]
    return np.concatenate(parts, axis=-1)


def _rows(slot: OffloadingSlot, x: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], Array]:
    """Satellites (..., N) and largest entries (..., N) of the columns of matrices (..., M N), row by row."""
    matrix = np.asarray(x, dtype=np.float64).reshape(*x.shape[:-1], slot.n_sat, slot.n_uav)
    return matrix.argmax(axis=-2), matrix.max(axis=-2)


def ask_raw(slot: OffloadingSlot, x: npt.NDArray[Any]) -> OffloadingDecision:
    """Mode *raw*: channel features (N), share features (M N), channel total (1), row factors (M), before repair.

    With |x| not below 1e-3 no sum is 0, so the 1e-8 that guards (22) and (28) in a network is left out: it would cost
    the last channel.
    """
    n, m, n_channel = slot.n_uav, slot.n_sat, slot.params.n_channel
    x = np.asarray(x, dtype=np.float64)
    size = np.maximum(np.abs(x), LEAST)
    total = n + (n_channel - n) * (x[..., n + m * n, None] + 1.0) / 2.0
    channels = total * size[..., :n] / size[..., :n].sum(axis=-1, keepdims=True)  # Eqs. (22), (23)
    assoc, kept = _rows(slot, size[..., n : n + m * n])  # Eqs. (25)-(27)
    factor = np.maximum((x[..., n + m * n + 1 :] + 1.0) / 2.0, LEAST)
    share = proportional(kept, assoc, m) * take(factor, assoc)  # Eqs. (28), (29)
    return OffloadingDecision(channels=round_channels(channels, n_channel), assoc=assoc, share=share)


def ask_structured(slot: OffloadingSlot, x: npt.NDArray[Any]) -> OffloadingDecision:
    """Mode *structured*: channels (N) in [0, xi_total], shares (M N) in [0, 1], before repair."""
    assoc, share = _rows(slot, x[..., slot.n_uav :])
    channels = round_channels(x[..., : slot.n_uav], slot.params.n_channel)
    return OffloadingDecision(channels=channels, assoc=assoc, share=share)


def ask_penalty(slot: OffloadingSlot, x: npt.NDArray[Any]) -> OffloadingDecision:
    """Mode *penalty*: every entry in [-1, 1] on its own range, whatever they add up to."""
    part = (np.asarray(x, dtype=np.float64) + 1.0) / 2.0
    assoc, share = _rows(slot, part[..., slot.n_uav :])
    channels = np.round(1.0 + part[..., : slot.n_uav] * (slot.params.n_channel - slot.n_uav)).astype(np.int64)
    return OffloadingDecision(channels=channels, assoc=assoc, share=share)


def explained(ask: Ask, slot: OffloadingSlot, x: npt.NDArray[Any]) -> tuple[OffloadingDecision, dict[str, Any]]:
    """The repaired decision of joint actions (..., size), and what an environment's ``info`` says of the repair.

    ``repaired`` (...,): the decision asked for, its channels rounded, is infeasible. ``repaired_threshold`` (...,): it
    breaks C6 or C7 even when the rest is mended. ``raw_violations``: ``{constraint: (...,)}``.
    """
    asked = ask(slot, x)
    broken, kept = violations(slot, asked)
    decision, _, missed = mend(slot, asked, kept)
    return decision, {"repaired": ~kept, "repaired_threshold": missed, "raw_violations": broken}


def penalised_reward(ask: Ask, slot: OffloadingSlot, x: npt.NDArray[Any]) -> Array:
    """Reward (...,) of what is asked for, unrepaired: -min(objective, 5) less all violations, each at most 5."""
    outcome = evaluate(slot, ask(slot, x))
    broken = dict(outcome.violations)
    broken["channel_total"] = broken["channel_total"] / slot.params.n_channel
    penalties = sum(np.minimum(value, WORST) for value in broken.values())
    return np.asarray(-np.minimum(outcome.objective, WORST) - penalties)


def observe(slot: OffloadingSlot) -> Observation:
    """What the controller sees, which is the global state too: (..., 2N + 2), or (..., N) with ``obs = "paper"``.

    D_i / D_max; b_i over the rate at the mean gain; T_th / T_max; E_th / E_max. Eq. (18) has the data only.
    """
    slot, p = slot[...], slot.params
    parts = [slot.data_bits / p.data_max]
    if p.obs != "paper":
        limits = np.stack([slot.deadline / p.t_norm, slot.energy_limit / p.e_norm], axis=-1)
        parts += [slot.rate / mean_rate(p), limits]
    if p.obs == "ordered":
        order = slot.by_data
        parts[:2] = [take(spread(part, order.shape), order) for part in parts[:2]]
    state = np.concatenate(parts, axis=-1).astype(np.float32)
    return Observation(agents={"controller": state[..., None, :]}, masks={}, state=state)


@lru_cache(maxsize=64)
def mean_rate(params: OffloadingParams) -> float:
    """Rate [bit/s] of one channel at the mean gain."""
    return float(channel_rate(params, np.asarray(10.0 ** (params.gain_db / 10.0))))


def bounds(instance: OffloadingInstance) -> Mapping[str, Bounds]:
    """Between which values :func:`observe` stays: nothing is less than 0."""
    p = instance.params
    data: Bounds = ((p.n_uav, 0.0, 1.0),)
    seen = data if p.obs == "paper" else (*data, (p.n_uav + COMMON, 0.0, math.inf))
    return {"controller": seen, "state": seen}


def reward(slot: OffloadingSlot, outcome: Outcome) -> Array:
    """-objective (...,), Eq. (20); the paper cites (17) for it."""
    return -outcome.objective


def uav_entries(n_uav: int, n_sat: int, state: int) -> IntArray:
    """Where each UAV stands in state and then joint action (N, n): its data and, if seen, rate, channels, shares.

    For critics that judge UAVs alike, :class:`dtbench.learning.ddpg.critics.ItemCritic`; ``state`` is the length of
    the state, see :func:`observe`.
    """
    seen = np.arange(2 if state == 2 * n_uav + COMMON else 1) * n_uav
    decided = state + np.arange(1 + n_sat) * n_uav
    return np.concatenate([seen, decided]) + np.arange(n_uav)[:, None]
