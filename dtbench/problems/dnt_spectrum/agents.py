"""Agents of ``dnt-spectrum``: base stations that say whether they upload and whom they claim.

Yu et al. (2025), Sec. III.C. Also the encoding for search: a link per user and an RB per upload.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.core import Outcome
from dtbench.encoding import Categorical, Encoding, Group, Observation
from dtbench.problems.dnt_spectrum.allocation import allocate, strongest
from dtbench.problems.dnt_spectrum.instance import DntInstance, DntParams
from dtbench.problems.dnt_spectrum.model import DntDecision, DntSlot
from dtbench.problems.dnt_spectrum.repair import repair

USER_RATE = 5.0  # bit/s per Hz: typical, scales the reward
OLDEST = 10  # slots: greatest age that is told
WORST = 25.0  # m^2: greatest error that is told


def encodings(instance: DntInstance) -> Mapping[str, Encoding]:
    """``agents``: per base station an upload flag and U claims. ``search``: per user a link, per base station an RB."""
    p = instance.params
    choices, uploads = choices_of(p), Categorical((1 + p.n_rb,))
    length = {"extended": 4 * p.n_users + 2, "twin": 4 * p.n_users + 3, "paper": 3 * p.n_users}
    stations = Group("bs", p.n_bs, Categorical((2,) * (1 + p.n_users)), length[p.obs])
    links = Group("user", p.n_users, Categorical((1 + choices * p.n_rb,)))

    def draw(rng: np.random.Generator, batch: tuple[int, ...]) -> IntArray:
        """Every user on a uniform RB of a uniform base station; every base station uploads with probability 1/2."""
        link = rng.integers(1, 1 + choices * p.n_rb, (*batch, p.n_users))
        block = rng.integers(1, 1 + p.n_rb, (*batch, p.n_bs))
        return np.concatenate([link, np.where(rng.random(block.shape) < 0.5, block, 0)], axis=-1)

    return {
        "agents": Encoding((stations,), decode),
        "search": Encoding((links, Group("upload", p.n_bs, uploads)), decode_links, encode_links, draw),
    }


def choices_of(params: DntParams) -> int:
    """Values of a user's gene per RB: a multiple of every number of discs that can overlap on the line."""
    most = min(params.n_bs, int(2.0 * params.radius / params.spacing) + 1)
    return math.lcm(*range(1, most + 1))


def decode(slot: DntSlot, x: npt.NDArray[Any]) -> DntDecision:
    """From flags and claims (..., M (1 + U)) to a decision: strongest claimant, then Algorithm 1 or its optimum.

    Claims are first brought within the mask: nobody claims a user whom it does not cover, and a user whom only one base
    station covers is claimed by it (``force_single``).
    """
    x = np.asarray(x)
    action = x.reshape(*x.shape[:-1], slot.n_bs, 1 + slot.n_users) > 0
    claims = (np.swapaxes(action[..., 1:], -1, -2) & slot.cover) | forced(slot)
    assoc, flags = strongest(slot, claims), action[..., 0]
    if slot.params.allocator == "exact":
        from dtbench.problems.dnt_spectrum.exact import best_allocation

        found = best_allocation(slot, assoc, flags)
    else:
        found = allocate(slot, assoc, flags)
    return replace(found, claims=claims)


def forced(slot: DntSlot) -> BoolArray:
    """Claims (..., U, M) that a base station must make, being the only one that covers the user."""
    single = slot.cover.sum(axis=-1, keepdims=True) == 1
    return np.asarray(slot.cover & single & slot.params.force_single)


def decode_links(slot: DntSlot, x: npt.NDArray[Any]) -> DntDecision:
    """From genes (..., U + M) to a repaired decision.

    A user's gene is 0, no link, or 1 + k N + n: RB n of the k-th base station that covers the user, counted cyclically
    from the lowest index. A base station's gene is 0, no upload, or 1 + n.
    """
    x = np.asarray(x, dtype=np.int64)
    link, upload = x[..., : slot.n_users], x[..., slot.n_users :]
    rank, block = np.divmod(link - 1, slot.n_rb)
    covers = slot.cover.sum(axis=-1)
    order = np.argsort(~slot.cover, axis=-1, kind="stable")
    rank = np.where(link > 0, rank, 0) % np.maximum(covers, 1)
    order = np.broadcast_to(order, (*rank.shape, slot.n_bs))
    station = np.take_along_axis(order, rank[..., None], axis=-1)[..., 0]
    linked = (link > 0) & (covers > 0)
    bs, rb = np.where(linked, station, -1), np.where(linked, block, -1)
    found = repair(slot, DntDecision.of(bs, rb, upload - 1))
    return DntDecision.of(found.bs, found.rb, found.up)


def encode_links(slot: DntSlot, decision: DntDecision) -> npt.NDArray[Any]:
    """Genes (..., U + M) of a feasible decision."""
    before: IntArray = np.cumsum(slot.cover, axis=-1) - slot.cover  # covering base stations of lower index
    at = np.maximum(decision.bs, 0)[..., None]
    rank: IntArray = np.take_along_axis(np.broadcast_to(before, (*decision.bs.shape, slot.n_bs)), at, axis=-1)[..., 0]
    link = np.where(decision.bs >= 0, 1 + rank * slot.n_rb + decision.rb, 0)
    return np.concatenate([link, np.broadcast_to(decision.up, (*link.shape[:-1], slot.n_bs)) + 1], axis=-1)


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
        shared = cover & (slot.cover.sum(axis=-1) > 1)[..., None, :]
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
    must = np.swapaxes(forced(slot), -1, -2)
    claim = np.stack([~must, cover], axis=-1).reshape(*cover.shape[:-1], -1)
    upload = np.ones((*cover.shape[:-1], 2), dtype=bool)
    return Observation(
        agents={"bs": np.concatenate(parts, axis=-1).astype(np.float32)},
        masks={"bs": np.concatenate([upload, claim], axis=-1)},
        state=np.concatenate(state, axis=-1).astype(np.float32),
    )


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
    own = p.rate_weight * rates - p.error_weight * errors
    if p.reward == "paper":
        claims = outcome.metrics["claims"]
        doubled = (claims & (claims.sum(axis=-1, keepdims=True) > 1)).sum(axis=-2)
        own = np.where(doubled > 0, p.penalty * doubled, own)
    return np.asarray(stations * own / scale(p))
