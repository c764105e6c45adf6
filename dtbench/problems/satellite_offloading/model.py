"""The equations of ``satellite-offloading``: delay and energy of a round, what it violates (Li and Han 2025, Sec. 2).

UAV i uploads D_i over xi_i channels to satellite j = phi_i, which gives the share rho_i of its processor to the UAV's
twin. Shares on other satellites would be waste, so the paper's M x N matrix of shares is a vector here, and C3 and C4
hold by this encoding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, BoolArray, IntArray, array, pick, spread, take
from dtbench.core import Decision, Outcome, Slot, State
from dtbench.problems.satellite_offloading.instance import OffloadingParams

TOLERANCE = 1e-6  # a violation up to this counts as none


@dataclass(frozen=True, kw_only=True, eq=False)
class OffloadingState(State):
    """Nothing: no decision changes a later slot."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OffloadingSlot(Slot):
    """One slot, a round of training: data sets, channels, processors, limits."""

    params: OffloadingParams
    gain: Array = array("uav", unit="1", doc="h_i")
    f_sat: Array = array("sat", unit="cycle/s", doc="f_j")
    deadline: Array = array(unit="s", doc="T_th")
    energy_limit: Array = array(unit="J", doc="E_th")
    data_bits: Array = array("uav", unit="bit", doc="D_i")

    @cached_property
    def n_uav(self) -> int:
        """N."""
        return int(np.shape(self.data_bits)[-1])

    @cached_property
    def n_sat(self) -> int:
        """M."""
        return int(np.shape(self.f_sat)[-1])

    @cached_property
    def by_data(self) -> IntArray:
        """UAVs (..., N) by falling data, the lowest number first on ties."""
        return np.argsort(-self.data_bits, axis=-1, kind="stable")

    @cached_property
    def rate(self) -> Array:
        """b_i (..., N) [bit/s], rate of one channel, Eq. (3)."""
        return channel_rate(self.params, self.gain)

    @cached_property
    def work(self) -> Array:
        """a_ij = D_i C_j / f_j (..., N, M) [s]: training of twin i on the whole of satellite j, Eq. (7)."""
        return self.data_bits[..., None] * self.params.cycles_per_bit / np.asarray(self.f_sat)[..., None, :]

    @cached_property
    def power(self) -> Array:
        """alpha_j f_j^3 (..., M) [W]: power of a fully used processor, Sec. 2.5.3."""
        return np.asarray(self.params.kappa_cpu * np.asarray(self.f_sat) ** 3)

    @property
    def model_delay(self) -> float:
        """log2(M) omega / r_inter [s]: what each UAV on the fullest satellite adds to (5)."""
        return math.log2(self.n_sat) * self.params.model_bits / self.params.r_inter

    @property
    def block_spread(self) -> float:
        """log2(M_g) D_B / r_inter [s], second term of (5)."""
        p = self.params
        return math.log2(p.n_producer or self.n_sat) * p.block_bits / p.r_inter

    @property
    def t_down(self) -> float:
        """omega / r_down [s]."""
        return self.params.model_bits / self.params.r_down

    @cached_property
    def t_block(self) -> Array:
        """T_block (...,) [s], Eq. (8)."""
        p = self.params
        return np.asarray(p.block_bits * p.block_cycles_per_bit / np.asarray(self.f_sat)).max(axis=-1)


@dataclass(frozen=True, kw_only=True, eq=False)
class OffloadingDecision(Decision):
    """Channels, satellite and share of its processor for every UAV."""

    channels: IntArray = array("uav", unit="1", doc="xi_i, channels of UAV i", kind="int", low=1)
    assoc: IntArray = array("uav", unit="1", doc="satellite of UAV i in [0, M)", kind="int", low=0)
    share: Array = array("uav", unit="1", doc="rho_i, share of twin i on its satellite", low=0.0, high=1.0)


def channel_rate(params: OffloadingParams, gain: Array) -> Array:
    """b_i (..., N) [bit/s] of gains (..., N) [1], Eq. (3) for one channel."""
    return np.asarray(params.bandwidth * np.log2(1.0 + gain * params.p_tx / params.noise))


def on_satellite(assoc: IntArray, n_sat: int) -> BoolArray:
    """phi_ij (..., N, M) of associations (..., N); all False where one is out of range."""
    return np.asarray(np.asarray(assoc)[..., None] == np.arange(n_sat))


def per_satellite(values: Array, here: BoolArray) -> Array:
    """Sums (..., M) of values (..., N) over the UAVs of each satellite, ``here`` (..., N, M)."""
    return np.asarray(np.where(here, values[..., None], 0.0).sum(axis=-2))


def training_delay(slot: OffloadingSlot, work: Array, share: Array, here: BoolArray) -> Array:
    """T_train (...,) [s], Eq. (7): the satellite whose twins take longest; ``work`` a_i, ``share`` rho_i (..., N).

    The paper adds the delays of a satellite's twins although their shares are held at once: trained one after the
    other, each at its reserved clock. ``train_delay = "max"`` trains them in parallel.
    """
    each = work / (share + slot.params.eps)
    if slot.params.train_delay == "max":
        return np.asarray(np.where(here, each[..., None], 0.0).max(axis=(-1, -2)))
    return np.asarray(per_satellite(each, here).max(axis=-1))


def computing_energy(slot: OffloadingSlot, work: Array, share: Array, assoc: IntArray, here: BoolArray) -> Array:
    """E_cmp (...,) [J], Eq. (14): its last form, or with ``energy_model = "pooled"`` P_j T_j with T_j of (15).

    The two forms that (14) equates differ: alpha C D_i (rho_i f)^2 summed is the energy of running each twin at its own
    clock, which is the execution that (7) times. Sums run over associated UAVs only, which the paper leaves out.
    """
    if slot.params.energy_model == "pooled":
        used = per_satellite(share, here)
        return np.asarray((slot.power * per_satellite(work, here) * used**2).sum(axis=-1))
    return np.asarray((take(slot.power, assoc) * work * share**2).sum(axis=-1))


def evaluate(slot: OffloadingSlot, decision: OffloadingDecision) -> Outcome:
    """Weighted delay and energy of decisions, Eq. (17), and what they violate, C2-C7.

    Entries out of range are scored as the nearest valid ones (channels below 1 as 1, shares below 0 as 0), and flagged.
    """
    p, given = slot.params, Round.of(slot, decision)
    e_cmp = computing_energy(slot, given.work, given.share, given.assoc, given.here)  # Eq. (14)
    e_total = given.e_uav + e_cmp  # Eq. (16)
    objective = (1.0 - p.mu) * given.t_total / p.t_norm + p.mu * e_total / p.e_norm  # Eq. (17)

    violations = _violations(slot, decision, given)
    shape = np.broadcast_shapes(objective.shape, *(value.shape for value in violations.values()))
    objective = spread(objective, shape)
    measured = {name: spread(value, shape) for name, value in violations.items()}
    components = {
        "t_total": given.t_total, "t_up": given.t_up, "t_inter": given.t_inter, "t_down": np.asarray(slot.t_down),
        "t_train": given.t_train, "t_block": slot.t_block, "e_total": e_total, "e_uav": given.e_uav,
        "e_com": given.e_com, "e_hover": given.e_hover, "e_cmp": e_cmp, "n_sat_max": given.n_sat_max,
    }  # fmt: skip
    metrics: dict[str, npt.NDArray[Any]] = {n: spread(v, shape) for n, v in components.items()}
    return Outcome(objective, _kept(measured), measured, metrics)


def violations(slot: OffloadingSlot, decision: OffloadingDecision) -> tuple[dict[str, Array], BoolArray]:
    """By how much decisions break each of C2-C7, and whether they keep all of them, (...,) each.

    What :func:`evaluate` says, and nothing else of it.
    """
    broken = _violations(slot, decision, Round.of(slot, decision))
    kept = _kept(broken)
    return {name: spread(value, kept.shape) for name, value in broken.items()}, kept


def feasible(slot: OffloadingSlot, decision: OffloadingDecision) -> BoolArray:
    """Whether decisions keep C2-C7 (...,)."""
    return violations(slot, decision)[1]


def in_time(slot: OffloadingSlot, decision: OffloadingDecision) -> BoolArray:
    """Whether decisions keep C6 and C7 (...,); of those that keep C2-C5, what :func:`feasible` says."""
    late, drained = _limits(slot, Round.of(slot, decision))
    return np.asarray((late <= TOLERANCE) & (drained <= TOLERANCE))


def _limits(slot: OffloadingSlot, given: Round) -> tuple[Array, Array]:
    """By how much the round exceeds its deadline, C6, and the UAVs' energy, C7: (...,) each, relative to the limits."""
    with np.errstate(divide="ignore"):
        return given.t_total / slot.deadline - 1.0, given.e_uav / slot.energy_limit - 1.0


def _kept(violations: Mapping[str, Array]) -> BoolArray:
    """Whether every violation (...,) is within the tolerance."""
    first, *others = (value <= TOLERANCE for value in violations.values())
    for other in others:
        first = first & other
    return np.asarray(first)


class Round(NamedTuple):
    """Times [s] and energies [J] of a round that constraints look at, (...,) each, and what they are made of.

    ``assoc`` and ``share`` (..., N) are in range; ``here`` (..., N, M); ``work`` a_i (..., N) [s].
    """

    assoc: IntArray
    share: Array
    here: BoolArray
    work: Array
    n_sat_max: IntArray
    t_up: Array
    t_inter: Array
    t_train: Array
    t_total: Array
    e_com: Array
    e_hover: Array
    e_uav: Array

    @classmethod
    def of(cls, slot: OffloadingSlot, decision: OffloadingDecision) -> Round:
        """The round of decisions; entries out of range count as the nearest valid ones."""
        p = slot.params
        assoc = np.minimum(np.maximum(decision.assoc, 0), slot.n_sat - 1)
        here = on_satellite(assoc, slot.n_sat)
        share = np.maximum(decision.share, 0.0)
        work = pick(slot.work, assoc)

        upload = slot.data_bits / (np.maximum(decision.channels, 1) * slot.rate)  # Eqs. (3), (4)
        t_up = upload.max(axis=-1)
        n_sat_max = here.sum(axis=-2).max(axis=-1)
        t_inter = slot.model_delay * n_sat_max + slot.block_spread  # Eq. (5)
        t_train = training_delay(slot, work, share, here)  # Eq. (7)
        t_total = t_up + t_inter + slot.t_down + t_train + slot.t_block  # Eqs. (6), (9), (10)

        e_com = p.p_tx * upload.sum(axis=-1)  # Eq. (11)
        e_hover = slot.n_uav * p.p_hover * t_total  # Eq. (12)
        e_uav = e_com + e_hover  # Eq. (13)
        return cls(
            assoc, share, here, work, n_sat_max, *map(np.asarray, (t_up, t_inter, t_train, t_total)),
            *map(np.asarray, (e_com, e_hover, e_uav)),
        )  # fmt: skip


def _violations(slot: OffloadingSlot, decision: OffloadingDecision, given: Round) -> dict[str, Array]:
    """How far each constraint is broken, (...,) each; C6 and C7 relative to their limits."""
    channels, share = decision.channels, decision.share
    fraction = np.maximum(1.0 - channels, 0.0)
    if channels.dtype.kind == "f":
        fraction = np.abs(channels - np.round(channels)) + fraction
    out = (decision.assoc < 0) | (decision.assoc >= slot.n_sat)
    used = per_satellite(share, given.here)
    late, drained = _limits(slot, given)
    return {
        "channel_integer": fraction.sum(axis=-1),
        "channel_total": np.maximum(channels.sum(axis=-1) - float(slot.params.n_channel), 0.0),  # C5
        "assoc_valid": out.sum(axis=-1).astype(np.float64),  # C3, C4
        "share_bounds": (np.maximum(-share, 0.0) + np.maximum(share - 1.0, 0.0)).sum(axis=-1),
        "share_capacity": np.maximum(used - 1.0, 0.0).sum(axis=-1),  # C2
        "deadline": np.maximum(late, 0.0),  # C6
        "uav_energy": np.maximum(drained, 0.0),  # C7
    }


def advance(slot: OffloadingSlot, decision: OffloadingDecision) -> OffloadingState:
    """There is no state."""
    return OffloadingState()
