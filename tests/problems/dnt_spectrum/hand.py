"""The hand example of the definition: 2 base stations 100 m apart, 2 users, 1 resource block; and random slots."""

import dataclasses
import itertools

import numpy as np

from dtbench.problems import problem
from dtbench.problems.dnt_spectrum.generator import distances
from dtbench.problems.dnt_spectrum.instance import DntParams
from dtbench.problems.dnt_spectrum.model import DntDecision, DntSlot

DNT = problem("dnt-spectrum")


def make_slot(position, estimate, *, fading=None, age=None, elapsed=0, **params) -> DntSlot:
    """A slot of users at ``position`` (U, 2) whom the twin sees at ``estimate`` (U, 2)."""
    position, estimate = np.asarray(position, dtype=float), np.asarray(estimate, dtype=float)
    p = DntParams(n_users=len(position), world=0, **params)
    fading = np.ones(len(position)) if fading is None else np.asarray(fading, dtype=float)
    length = distances(position, p.bs_xy)
    return DntSlot(
        params=p,
        drift=np.zeros_like(position),
        gain_cloud=np.maximum(distances(p.bs_xy, p.cloud_xy[None])[:, 0], 1.0) ** -p.path_loss_exp,
        fading=fading,
        position=position,
        gain=fading[:, None] * np.maximum(length, 1.0) ** -p.path_loss_exp,
        cover=length <= p.radius,
        history=np.broadcast_to(estimate, (p.history, *estimate.shape)),
        estimate=estimate,
        age=np.zeros(p.n_bs, dtype=int) if age is None else np.asarray(age),
        elapsed=np.asarray(elapsed),
    )


def hand_slot(**params) -> DntSlot:
    """Users (-40, 0) and (60, 30), seen at (-41, 0) and (60, 28): e = (1, 4), each covered by one base station."""
    return make_slot([[-40.0, 0.0], [60.0, 30.0]], [[-41.0, 0.0], [60.0, 28.0]], **{"n_bs": 2, "n_rb": 1} | params)


def links(bs, rb, up) -> DntDecision:
    """A decision from lists."""
    return DntDecision.of(np.array(bs), np.array(rb), np.array(up))


def random_slot(seed, size="tiny", spread=2.0, **overrides) -> DntSlot:
    """A slot of a random instance whose twin is off by normal errors of deviation ``spread`` [m] per coordinate."""
    instance = DNT.generate(size, seed, **overrides)
    rng = np.random.default_rng(seed)
    slot = DNT.slot(instance, int(rng.integers(instance.horizon)), DNT.start(instance))
    noise = spread * rng.standard_normal(slot.position.shape)
    return dataclasses.replace(slot, estimate=slot.position + noise)


def all_decisions(slot: DntSlot) -> DntDecision:
    """Every choice of a covering base station and RB per user, or none, and of an RB per upload, or none."""
    blocks = range(slot.n_rb)
    users = [[(-1, -1), *itertools.product(np.flatnonzero(row).tolist(), blocks)] for row in slot.cover]
    choices = [*(np.array(options) for options in users), *([np.arange(-1, slot.n_rb)] * slot.n_bs)]
    grid = np.indices([len(c) for c in choices]).reshape(len(choices), -1)
    picked = [options[index] for options, index in zip(choices, grid, strict=True)]
    user = np.stack(picked[: slot.n_users], axis=1)
    return DntDecision.of(user[..., 0], user[..., 1], np.stack(picked[slot.n_users :], axis=1))


def brute_force(slot: DntSlot) -> float:
    """The greatest objective of a feasible decision."""
    outcome = DNT.evaluate(slot, all_decisions(slot))
    return float(np.where(outcome.feasible, outcome.objective, -np.inf).max())


def mirrored(slot: DntSlot) -> DntSlot:
    """The slot of three base stations with left and right exchanged."""
    flip = np.array([-1.0, 1.0])
    return dataclasses.replace(
        slot, position=slot.position * flip, estimate=slot.estimate * flip, gain=slot.gain[:, ::-1],
        cover=slot.cover[:, ::-1], gain_cloud=slot.gain_cloud[::-1],
    )  # fmt: skip


def mirrored_links(decision: DntDecision) -> DntDecision:
    """A decision for it."""
    return DntDecision.of(np.where(decision.bs >= 0, 2 - decision.bs, -1), decision.rb, decision.up[::-1])
