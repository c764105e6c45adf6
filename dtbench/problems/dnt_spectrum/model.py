"""The equations of ``dnt-spectrum``: rates, upload delays, twin error, objective (Yu et al. 2025, Sec. II).

Every base station uses each of N resource blocks (RB) for at most one link: a user it covers, or its upload to the
cloud. Indices count from 0; -1 is none.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, BoolArray, IntArray, array, pick, rows, spread
from dtbench.core import Decision, Outcome, Slot, State
from dtbench.problems.dnt_spectrum.instance import DntParams
from dtbench.problems.dnt_spectrum.predictor import predict

MANY = 8  # base stations, above which no model with columns for all sets of them is made
TOLERANCE = 1e-9  # of every constraint; of the delay in seconds


@dataclass(frozen=True, kw_only=True, eq=False)
class DntState(State):
    """The twin: its last K statuses, its estimate of the next; and the clocks that agents and rules look at."""

    history: Array = array("lag", "user", "xy", unit="m", doc="last K twin statuses, the newest last")
    estimate: Array = array("user", "xy", unit="m", doc="the twin's prediction for this slot")
    age: IntArray = array("station", unit="slot", doc="slots since the base station's own upload", kind="int")
    elapsed: IntArray = array(unit="slot", doc="t, slots played", kind="int")


@dataclass(frozen=True, kw_only=True, eq=False)
class DntSlot(Slot):
    """One slot: gains, coverage, true positions and the twin's estimate. Tables are computed once per slot."""

    params: DntParams
    drift: Array = array("user", "xy", unit="m", doc="mean move of a user")
    gain_cloud: Array = array("station", unit="1", doc="h_m(l_C)")
    fading: Array = array("user", unit="1", doc="o_u")
    position: Array = array("user", "xy", unit="m", doc="l_u")
    gain: Array = array("user", "station", unit="1", doc="h_m(l_u)")
    cover: BoolArray = array("user", "station", unit="1", doc="whether a base station covers a user", kind="bool")
    history: Array = array("lag", "user", "xy", unit="m", doc="last K twin statuses")
    estimate: Array = array("user", "xy", unit="m", doc="the twin's prediction for this slot")
    age: IntArray = array("station", unit="slot", doc="slots since the base station's own upload", kind="int")
    elapsed: IntArray = array(unit="slot", doc="t, slots played", kind="int")

    @cached_property
    def n_users(self) -> int:
        """U."""
        return int(np.shape(self.gain)[-2])

    @cached_property
    def n_bs(self) -> int:
        """M."""
        return int(np.shape(self.gain)[-1])

    @cached_property
    def n_rb(self) -> int:
        """N."""
        return self.params.n_rb

    @cached_property
    def covering(self) -> IntArray:
        """Base stations that cover a user (..., U)."""
        return np.asarray(self.cover.sum(axis=-1))

    @cached_property
    def forced(self) -> BoolArray:
        """Claims (..., U, M) that a base station must make, being the only one that covers the user."""
        return np.asarray(self.cover & (self.covering == 1)[..., None] & self.params.force_single)

    @cached_property
    def error(self) -> Array:
        """e_u (..., U) [m^2], squared distance between position and estimate."""
        return np.asarray(((self.position - self.estimate) ** 2).sum(axis=-1))

    @cached_property
    def block_error(self) -> Array:
        """Sum of e_u over the users that a base station covers (..., M) [m^2]."""
        return np.asarray((self.error[..., None] * self.cover).sum(axis=-2))


@dataclass(frozen=True, kw_only=True, eq=False)
class DntDecision(Decision):
    """Who serves whom where, and who uploads where.

    ``claims`` matter to the reward (16) only: which base stations asked for the user, z of the paper. For methods that
    do not claim, :meth:`of` takes the links themselves.
    """

    bs: IntArray = array("user", unit="1", doc="base station that serves the user, -1 = none", kind="int")
    rb: IntArray = array("user", unit="1", doc="its resource block, -1 = none", kind="int")
    up: IntArray = array("station", unit="1", doc="resource block of the upload, -1 = no upload", kind="int")
    claims: BoolArray = array(
        "user", "station", unit="1", doc="z, whether a base station asked for the user", kind="bool"
    )

    @classmethod
    def of(cls, bs: IntArray, rb: IntArray, up: IntArray) -> DntDecision:
        """A decision whose claims are its links."""
        claims = np.asarray(bs)[..., None] == np.arange(np.shape(up)[-1])
        return cls(bs=bs, rb=rb, up=up, claims=claims)


@dataclass(frozen=True)
class Links:
    """Which links a decision switches on: entries out of range, or with one index only, are none.

    ``user`` (..., U) and ``upload`` (..., M) bool; ``bs``, ``rb`` (..., U) and ``up`` (..., M) in range everywhere.
    ``active`` (..., M, N): links of a base station on an RB, more than 1 if it breaks (8f).
    """

    user: BoolArray
    upload: BoolArray
    bs: IntArray
    rb: IntArray
    up: IntArray
    active: Array

    @classmethod
    def of(cls, slot: DntSlot, decision: DntDecision) -> Links:
        """The links of decisions of any batch shape."""
        m, n = slot.n_bs, slot.n_rb
        lead = np.broadcast_shapes(slot.gain.shape[:-2], decision.bs.shape[:-1])
        bs, rb, up = (spread(v, lead + v.shape[-1:]) for v in (decision.bs, decision.rb, decision.up))
        user = (bs >= 0) & (bs < m) & (rb >= 0) & (rb < n)
        upload = (up >= 0) & (up < n)
        bs, rb, up = np.where(user, bs, 0), np.where(user, rb, 0), np.where(upload, up, 0)
        active = scatter(bs * n + rb, user, m * n) + scatter(np.arange(m) * n + up, upload, m * n)
        return cls(user, upload, bs, rb, up, active.reshape(*lead, m, n))


def scatter(place: IntArray, weight: npt.NDArray[Any], size: int) -> Array:
    """Sums (..., size) of ``weight`` (..., I) at places (..., I) in [0, size)."""
    lead = place.shape[:-1]
    count = math.prod(lead)
    if count > 1:
        place = size * np.arange(count)[:, None] + place.reshape(count, -1)
    sums = np.bincount(place.ravel(), weight.ravel(), minlength=count * size)  # int where there is nothing at all
    return np.asarray(sums.reshape(*lead, size), dtype=np.float64)


def user_rates(slot: DntSlot, links: Links) -> Array:
    """c_u (..., U) [bit/s], Eqs. (2), (3); 0 for users without a link.

    (3) prints the gain of an interferer to *its own* user, and counts uploads U - 1 times. The default is the gain to
    the victim and every link once; ``interference="printed"`` is (3) literally.
    """
    p, n = slot.params, slot.n_rb
    stations = np.arange(slot.n_bs)
    other = links.bs[..., None] != stations  # (..., U, M)
    if p.interference == "physical":
        load = rows(np.swapaxes(links.active, -1, -2), links.rb)
        received = load * slot.gain
    else:
        gain = np.take_along_axis(np.broadcast_to(slot.gain, other.shape), links.bs[..., None], axis=-1)[..., 0]
        served = scatter(links.bs * n + links.rb, gain * links.user, slot.n_bs * n).reshape(links.active.shape)
        uploads = scatter(stations * n + links.up, links.upload, slot.n_bs * n).reshape(links.active.shape)
        at = links.rb[..., None]
        served, uploads = (np.take_along_axis(np.swapaxes(v, -1, -2), at, axis=-2) for v in (served, uploads))
        received = served + (slot.n_users - 1) * uploads * slot.gain
    power = p.tx_power * np.where(other, received, 0.0).sum(axis=-1)
    signal = p.tx_power * np.where(other, 0.0, slot.gain).sum(axis=-1)
    return np.where(links.user, rate(p, signal, power), 0.0)


def upload_rates(slot: DntSlot, links: Links) -> Array:
    """c^C_m (..., M) [bit/s], Eqs. (4), (5); 0 for base stations that do not upload.

    (5) puts uploads inside the sum over users, which counts them U times; the default counts every link once.
    """
    p, n = slot.params, slot.n_rb
    stations = np.arange(slot.n_bs)
    active = links.active
    if p.interference == "printed":
        uploads = scatter(stations * n + links.up, links.upload, slot.n_bs * n).reshape(active.shape)
        active = active + (slot.n_users - 1) * uploads
    load = rows(np.swapaxes(active, -1, -2), links.up)  # (..., M, M) of others
    received = np.where(stations[:, None] != stations, load * slot.gain_cloud[..., None, :], 0.0).sum(axis=-1)
    rates = rate(p, p.tx_power * slot.gain_cloud, p.tx_power * received)
    return np.where(links.upload, rates, 0.0)


def rate(params: DntParams, signal: Array, interference: Array) -> Array:
    """Shannon rate [bit/s] of an RB at received powers [W], Eqs. (2), (4)."""
    noise = params.bandwidth * params.noise_psd
    return np.asarray(params.bandwidth * np.log2(1.0 + signal / (interference + noise)))


def upload_delay(params: DntParams, rates: Array) -> Array:
    """T_m [s] at upload rates > 0, Eq. (6)."""
    delay = np.full(np.shape(rates), np.inf)
    np.divide(params.sync_bits, rates, out=delay, where=np.greater(rates, 0.0))
    return delay


def refreshed(slot: DntSlot, upload: BoolArray) -> BoolArray:
    """g_u (..., U): whether a base station that covers the user uploads (..., M), Eq. (7) per user."""
    return np.asarray((slot.cover & upload[..., None, :]).any(axis=-1))


def twin_error(slot: DntSlot, upload: BoolArray) -> Array:
    """E (...,) [m^2], squared twin error of (8) when base stations ``upload`` (..., M).

    A user in two blocks of the paper's status vector counts twice and could be true in one of them only. The default
    counts users once; ``error_scope="block"`` counts blocks, and users whom nobody covers once.
    """
    if slot.params.error_scope == "user":
        return np.asarray(np.where(refreshed(slot, upload), 0.0, slot.error).sum(axis=-1))
    alone = np.where(slot.cover.any(axis=-1), 0.0, slot.error).sum(axis=-1)
    return np.asarray(np.where(upload, 0.0, slot.block_error).sum(axis=-1) + alone)


def evaluate(slot: DntSlot, decision: DntDecision) -> Outcome:
    """Weighted sum of rates and twin error, Eq. (8), and what decisions violate."""
    p = slot.params
    links = Links.of(slot, decision)
    rates = user_rates(slot, links)
    delay = np.where(links.upload, upload_delay(p, upload_rates(slot, links)), 0.0)
    error = twin_error(slot, links.upload)
    total = rates.sum(axis=-1)
    objective = p.rate_weight * total - p.error_weight * error

    late = np.where(links.upload, np.minimum(delay, 1e9) - p.delay_limit, 0.0)
    covers = pick(slot.cover, links.bs)
    out = (decision.bs < -1) | (decision.bs >= slot.n_bs) | (decision.rb < -1) | (decision.rb >= slot.n_rb)
    half = (decision.bs == -1) != (decision.rb == -1)
    out_up = (decision.up < -1) | (decision.up >= slot.n_rb)
    violations = {
        "one_link_per_rb": np.maximum(links.active - 1.0, 0.0).sum(axis=(-2, -1)),  # Eqs. (8c), (8f)
        "coverage": (links.user & ~covers).sum(axis=-1).astype(np.float64),  # of the text, not of (8)
        "index": spread((out | half).sum(axis=-1) + out_up.sum(axis=-1), total.shape).astype(np.float64),
        "upload_delay": np.where(late > TOLERANCE, late, 0.0).sum(axis=-1),  # Eq. (8g), of those that upload
    }
    if p.serve_all:
        waiting = slot.cover.any(axis=-1) & ~links.user
        violations["all_served"] = waiting.sum(axis=-1).astype(np.float64)  # condition of Eq. (16)
    metrics: dict[str, npt.NDArray[Any]] = {
        "rate_sum": total,
        "rate_mean": total / slot.n_users,
        "sync_error": error / slot.n_users,
        "n_uploads": links.upload.sum(axis=-1),
        "n_served": links.user.sum(axis=-1),
        "upload_delay": delay,
        "rates": rates,
        "server": np.where(links.user, links.bs, -1),
        "uploads": links.upload,
        "claims": spread(decision.claims, (*total.shape, slot.n_users, slot.n_bs)),
    }
    feasible, *others = (value <= TOLERANCE for value in violations.values())
    for other in others:
        feasible = feasible & other
    return Outcome(objective, np.asarray(feasible), violations, metrics)


def advance(slot: DntSlot, decision: DntDecision) -> DntState:
    """The twin takes the positions of refreshed users and its own estimates of the others, Eq. (7), and predicts on."""
    upload = (decision.up >= 0) & (decision.up < slot.n_rb)
    status = np.where(refreshed(slot, upload)[..., None], slot.position, slot.estimate)
    past = spread(slot.history, status.shape[:-2] + slot.history.shape[-3:])
    history = np.concatenate([past[..., 1:, :, :], status[..., None, :, :]], axis=-3)
    return DntState(
        history=history,
        estimate=predict(slot.params, history, slot.drift),
        age=np.where(upload, 0, slot.age + 1),
        elapsed=spread(slot.elapsed + 1, upload.shape[:-1]),
    )
