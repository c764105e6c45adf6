"""Agents of ``dnt-spectrum``: base stations that say whether they upload and whom they claim.

Yu et al. (2025), Sec. III.C.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array
from dtbench.core import Outcome
from dtbench.encoding import Bounds, Categorical, Encoding, Group, Observation
from dtbench.problems.dnt_spectrum import uploads
from dtbench.problems.dnt_spectrum.allocation import allocate, strongest
from dtbench.problems.dnt_spectrum.genes import search_encoding
from dtbench.problems.dnt_spectrum.instance import DntInstance, DntParams
from dtbench.problems.dnt_spectrum.model import MANY, DntDecision, DntSlot

USER_RATE = 5.0  # bit/s per Hz: typical, scales the reward
OLDEST = 10  # slots: greatest age that is told
WORST = 25.0  # m^2: greatest error that is told


def encodings(instance: DntInstance) -> Mapping[str, Encoding]:
    """``agents``: per base station an upload flag and U claims. ``search``: per user a link, per base station an RB.

    ``uploads``, of few base stations: what uploads are worth later, the rest is exact.
    """
    p = instance.params
    length = {"extended": 4 * p.n_users + 2, "twin": 4 * p.n_users + 3, "paper": 3 * p.n_users}
    stations = Group("bs", p.n_bs, Categorical((2,) * (1 + p.n_users)), length[p.obs])
    known = {"agents": Encoding((stations,), decode), "search": search_encoding(p)}
    return known if p.n_bs > MANY else {**known, "uploads": uploads.encoding(p)}


def decode(slot: DntSlot, x: npt.NDArray[Any]) -> DntDecision:
    """From flags and claims (..., M (1 + U)) to a decision: strongest claimant, then Algorithm 1 or its optimum.

    Claims are first brought within the mask: nobody claims a user whom it does not cover, and a user whom only one base
    station covers is claimed by it (``force_single``).
    """
    x = np.asarray(x)
    action = x.reshape(*x.shape[:-1], slot.n_bs, 1 + slot.n_users) > 0
    claims = (np.swapaxes(action[..., 1:], -1, -2) & slot.cover) | slot.forced
    assoc, flags = strongest(slot, claims), action[..., 0]
    if slot.params.allocator == "exact":
        from dtbench.problems.dnt_spectrum.exact import best_allocation

        decision = best_allocation(slot, assoc, flags)
    else:
        decision = allocate(slot, assoc, flags)
    return replace(decision, claims=claims)


def observe(slot: DntSlot) -> Observation:
    """What base stations see, their masks, and the global state.

    ``extended`` (..., M, 4U + 2): positions of covered users relative to the base station / radius (2U, else 0),
    coverage (U), coverage by this and another one (U), min(age, 10) / 10, covered users / U. ``twin`` (..., M, 4U + 3):
    these, but -1 for coverage by this and another one that is stronger; and the weighted error of its block in units of
    a typical user's weighted rate: what an upload would mend. A base station knows the true positions, where the other
    ones stand and what it has uploaded. ``paper`` (..., M, 3U): positions of covered users / half the area's length,
    coverage. Masks (..., M, 2 (1 + U)): no claim of users who are not covered, and forced ones. State: positions,
    coverage, min(e, 25) / 25, log10 o, min(age, 10) / 10, t / T.
    """
    slot = slot[...]
    p, lead = slot.params, slot.batch_shape
    cover = np.swapaxes(slot.cover, -1, -2)  # (..., M, U)
    age = np.minimum(slot.age, OLDEST) / OLDEST
    here = slot.position[..., None, :, :]
    if p.obs != "paper":
        shared = cover & (slot.covering > 1)[..., None, :]
        relative = np.where(cover[..., None], (here - p.bs_xy[:, None]) / p.radius, 0.0)
        if p.obs == "twin":
            best = strongest(slot, slot.cover)[..., None, :] == np.arange(p.n_bs)[:, None]
            shared = np.where(shared & ~best, -1.0, shared)
        share = cover.mean(axis=-1)
        parts = [relative.reshape(*cover.shape[:-1], -1), cover, shared, age[..., None], share[..., None]]
        if p.obs == "twin":
            parts.append((p.error_weight * slot.block_error / (scale(p) / p.n_users))[..., None])
    else:
        seen = np.where(cover[..., None], here / p.half_length, 0.0)
        parts = [seen.reshape(*cover.shape[:-1], -1), cover]
    state = [
        (slot.position / p.half_length).reshape(*lead, -1), slot.cover.reshape(*lead, -1),
        np.minimum(slot.error, WORST) / WORST, np.log10(np.maximum(slot.fading, 1e-12)), age,
        slot.elapsed[..., None] / p.horizon,
    ]  # fmt: skip
    must = np.swapaxes(slot.forced, -1, -2)
    claim = np.stack([~must, cover], axis=-1).reshape(*cover.shape[:-1], -1)
    upload = np.ones((*cover.shape[:-1], 2), dtype=bool)
    return Observation(
        agents={"bs": np.concatenate(parts, axis=-1).astype(np.float32)},
        masks={"bs": np.concatenate([upload, claim], axis=-1)},
        state=np.concatenate(state, axis=-1).astype(np.float32),
    )


def bounds(instance: DntInstance) -> Mapping[str, Bounds]:
    """Between which values :func:`observe` stays."""
    p, users, stations = instance.params, instance.params.n_users, instance.params.n_bs
    far = max(1.0, p.half_height / p.half_length)
    flags: Bounds = ((users, 0.0, 1.0),)
    seen = {
        "extended": ((2 * users, -1.0, 1.0), *flags, *flags, (2, 0.0, 1.0)),
        "twin": ((2 * users, -1.0, 1.0), *flags, (users, -1.0, 1.0), (2, 0.0, 1.0), (1, 0.0, math.inf)),
        "paper": ((2 * users, -far, far), *flags),
    }
    state = (
        (2 * users, -far, far), (users * stations, 0.0, 1.0), *flags, (users, -12.0, math.inf),
        (stations + 1, 0.0, 1.0),
    )  # fmt: skip
    return {"bs": seen[p.obs], "state": state}


def scale(params: DntParams) -> float:
    """What rewards are divided by: the weighted rates of U users of 5 bit/s."""
    return USER_RATE * params.bandwidth * max(params.rate_weight, 1e-12) * params.n_users


def reward(slot: DntSlot, outcome: Outcome) -> Array:
    """Team reward (...,), Eq. (16): the objective if every user is claimed once, else rho for every double claim.

    As printed, a slot with an unclaimed user and no double claim earns 0. ``reward="objective"``: always the objective.
    """
    p = slot.params
    if p.reward == "objective":
        return np.asarray(outcome.objective / scale(p))
    claimed = outcome.metrics["claims"].sum(axis=-1)
    fine = (claimed == 1).all(axis=-1)
    penalty = p.penalty * np.where(claimed > 1, claimed, 0).sum(axis=-1)
    return np.asarray(np.where(fine, outcome.objective, penalty) / scale(p))


def agent_rewards(slot: DntSlot, outcome: Outcome) -> Array:
    """Local rewards (..., M) of the paper's independent learners, which it names without a definition; these are ours.

    M times the part of the objective that is a base station's own: the weighted rates of the users it serves less the
    weighted errors of its block if it does not upload. With ``reward="paper"``, M rho times the number of its claims on
    users whom others claim too, if there are any.
    """
    p, stations = slot.params, slot.n_bs
    mine = outcome.metrics["server"][..., None] == np.arange(stations)
    rates = np.where(mine, outcome.metrics["rates"][..., None], 0.0).sum(axis=-2)
    errors = np.where(outcome.metrics["uploads"], 0.0, slot.block_error)
    earned = p.rate_weight * rates - p.error_weight * errors
    if p.reward == "paper":
        claims = outcome.metrics["claims"]
        doubled = (claims & (claims.sum(axis=-1, keepdims=True) > 1)).sum(axis=-2)
        earned = np.where(doubled > 0, p.penalty * doubled, earned)
    return np.asarray(stations * earned / scale(p))
