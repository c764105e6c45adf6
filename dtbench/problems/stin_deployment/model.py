"""The equations of ``stin-deployment``: latency of a placement, and what it violates (Tao et al. 2025, Sec. 3-4).

Nodes: 0 = own device, 1..J = end-side device, J+1 = cloud behind the satellite; K = J + 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, IntArray, array, pick, take
from dtbench.core import Decision, Outcome, Slot, State
from dtbench.physics.radio import SPEED_OF_LIGHT, shannon_rate
from dtbench.problems.stin_deployment.instance import StinParams


@dataclass(frozen=True, kw_only=True, eq=False)
class StinState(State):
    """The previous placement; it feeds observations only."""

    prev_node: IntArray = array("user", unit="1", doc="node of the previous slot, 0 before the first", kind="int")
    prev_count: IntArray = array("node", unit="twin", doc="twins per node in the previous slot", kind="int")


@dataclass(frozen=True, kw_only=True, eq=False)
class StinSlot(Slot):
    """One slot: demands, processors, channels. The tables below are computed once per slot."""

    params: StinParams
    cycles_per_bit: Array = array("user", unit="cycle/bit", doc="mu_i")
    f_local: Array = array("user", unit="cycle/s", doc="f_i")
    f_end: Array = array("end_device", unit="cycle/s", doc="F_j")
    cap_end: IntArray = array("end_device", unit="twin", doc="N_j", kind="int")
    end_xy: Array = array("end_device", "xy", unit="m", doc="position of an end-side device")
    user_xy: Array = array("user", "xy", unit="m", doc="position of a user")
    data_bits: Array = array("user", unit="bit", doc="D_i")
    r_end: Array = array("user", "end_device", unit="bit/s", doc="r_ij")
    g_us: Array = array("user", unit="1", doc="gain of the user-satellite link")
    r_sc: Array = array(unit="bit/s", doc="r_sc")
    d_us: Array = array(unit="m", doc="distance user-satellite")
    d_sc: Array = array(unit="m", doc="distance satellite-gateway")
    prev_node: IntArray = array("user", unit="1", doc="node of the previous slot", kind="int")
    prev_count: IntArray = array("node", unit="twin", doc="twins per node in the previous slot", kind="int")

    @cached_property
    def n_users(self) -> int:
        """I."""
        return int(np.shape(self.data_bits)[-1])

    @cached_property
    def n_end(self) -> int:
        """J."""
        return int(np.shape(self.f_end)[-1])

    @cached_property
    def n_nodes(self) -> int:
        """K = J + 2."""
        return self.n_end + 2

    @cached_property
    def work(self) -> Array:
        """c_i = mu_i D_i (..., I) [cycle]."""
        return self.cycles_per_bit * self.data_bits

    @cached_property
    def own(self) -> Array:
        """u_i = c_i / f_i (..., I) [s]: latency on the own device, Eq. (1)."""
        return self.work / self.f_local

    @cached_property
    def link(self) -> Array:
        """e_ij = D_i / r_ij (..., I, J) [s]: transfer to an end-side device, Eq. (3); inf on a dead link."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.data_bits[..., None] > 0.0, self.data_bits[..., None] / self.r_end, 0.0)

    @cached_property
    def load(self) -> Array:
        """w_ij = c_i / F_j (..., I, J) [s]: processing of a twin that has the whole device, Eq. (4)."""
        return self.work[..., None] / self.f_end[..., None, :]


@dataclass(frozen=True, kw_only=True, eq=False)
class StinDecision(Decision):
    """Where each user's twin is built."""

    node: IntArray = array("user", unit="1", doc="a_i, node in [0, J+2)", kind="int")


def counts(node: IntArray, n_nodes: int) -> IntArray:
    """n_k: users per node (..., K) of placements (..., I) in range."""
    return (node[..., None] == np.arange(n_nodes)).sum(axis=-2)


def cloud_link(slot: StinSlot, n: npt.ArrayLike) -> Array:
    """Link and propagation part of the cloud latency (..., I) [s] when ``n`` users are on the cloud, Eqs. (6)-(8).

    ``n`` broadcasts with (..., I). The band is divided among the users on the satellite, or among all with
    ``sat_share = "all"`` (the paper's words fit both, its intent only the first: an idle share serves nobody).
    Full power goes into a narrower band, so the SNR of each rises as the band is divided.
    """
    return _cloud_link(slot, n, slot.data_bits, slot.g_us, 1)


def _cloud_link(slot: StinSlot, n: npt.ArrayLike, data: Array, gain: Array, own_axes: int) -> Array:
    """:func:`cloud_link` of ``data`` D_i and ``gain`` that have ``own_axes`` axes behind the slot's leading ones."""
    p, ones = slot.params, (1,) * own_axes
    share = p.w_sat / (np.maximum(n, 1) if p.sat_share == "active" else np.full(np.shape(n), slot.n_users))
    uplink = shannon_rate(share, p.p_user, gain, p.n0)  # Eq. (6)
    r_sc, wave = (value.reshape(value.shape + ones) for value in (np.asarray(slot.r_sc), propagation(slot)))
    with np.errstate(divide="ignore", invalid="ignore"):
        both = data / uplink + data / r_sc  # Eq. (7)
    return np.where(data > 0.0, both, 0.0) + wave


def propagation(slot: StinSlot) -> Array:
    """(d_us + d_sc) / c (...,) [s], part of Eq. (8)."""
    return np.asarray((slot.d_us + slot.d_sc) / SPEED_OF_LIGHT)


def cloud_levels(slot: StinSlot, n: IntArray) -> Array:
    """q_i(n) (..., I, L) [s] of several numbers of users on the cloud, ``n`` (L,), see :func:`cloud_latency`."""
    added = slot.work / slot.params.f_cloud
    return _cloud_link(slot, n, slot.data_bits[..., None], slot.g_us[..., None], 2) + added[..., None]


def cloud_latency(slot: StinSlot, n: npt.ArrayLike) -> Array:
    """q_i(n) (..., I) [s]: latency in the cloud when ``n`` users are there, Eqs. (8)-(10)."""
    return cloud_link(slot, n) + slot.work / slot.params.f_cloud  # Eq. (9)


def cloud_table(slot: StinSlot) -> Array:
    """q_i(n) for n = 0..I as (..., I + 1, I) [s]; row 0 equals row 1 and nobody pays it."""
    levels = np.arange(slot.n_users + 1)
    return cloud_latency(slot[..., None], levels[:, None])


def evaluate(slot: StinSlot, decision: StinDecision) -> Outcome:
    """Total latency of placements (..., I), Eq. (12), and what they violate, Eqs. (13b)-(13e).

    Entries out of range are scored as the nearest valid node, and flagged. Eq. (13e) always holds: both splits use
    exactly F_j. Entries of tables are selected, never multiplied by a one-hot: unused ones may be infinite.
    """
    cloud = slot.n_nodes - 1
    node = np.minimum(np.maximum(decision.node, 0), cloud)
    n = counts(node, slot.n_nodes)
    link, compute = delays(slot, node, n)
    latency = link + compute  # Eqs. (5), (10)
    total = latency.sum(axis=-1)  # Eq. (12)

    out = ((decision.node < 0) | (decision.node > cloud)).sum(axis=-1).astype(np.float64)
    full = np.maximum(n[..., 1:cloud] - slot.cap_end, 0).sum(axis=-1).astype(np.float64)
    violations = {
        "node_range": out,  # Eqs. (13b), (13c)
        "capacity": full,  # Eq. (13d)
        "compute": np.zeros_like(total),  # Eq. (13e)
    }
    metrics: dict[str, npt.NDArray[Any]] = {
        "latency": latency,
        "comm": link.sum(axis=-1),
        "comp": compute.sum(axis=-1),
        "mean_latency": total / slot.n_users,
        "max_latency": latency.max(axis=-1),
        "occupancy": n,
    }
    return Outcome(total, (out == 0) & (full == 0), violations, metrics)


def delays(slot: StinSlot, node: IntArray, n: IntArray) -> tuple[Array, Array]:
    """Link and computing part of each user's latency (..., I) [s], of placements (..., I) in range with counts ``n``.

    ``n`` (..., K) is what :func:`counts` gives of them.
    """
    cloud, n_end = slot.n_nodes - 1, slot.n_end
    host = np.minimum(np.maximum(node - 1, 0), n_end - 1)  # end-side device, meaningless elsewhere
    on_end = (node > 0) & (node < cloud)
    link = np.where(on_end, pick(slot.link, host), np.where(node == cloud, cloud_link(slot, n[..., -1:]), 0.0))
    compute = np.where(node == cloud, slot.work / slot.params.f_cloud, slot.own)  # Eqs. (9), (1)
    return link, np.where(on_end, end_compute(slot, node, host, n), compute)


def end_compute(slot: StinSlot, node: IntArray, host: IntArray, n: IntArray) -> Array:
    """Processing time (..., I) [s] on end-side devices, Eq. (4), under the even or the optimal split of F_j.

    Optimal: f_ij = F_j sqrt(c_i) / S_j with S_j the sum of sqrt(c) on j, by Cauchy-Schwarz. Meaningless elsewhere.
    """
    alone = pick(slot.load, host)
    if slot.params.split == "even":
        return alone * take(n, node)
    root = np.sqrt(slot.load)
    here = node[..., None] == np.arange(1, slot.n_end + 1)
    total = np.where(here, root, 0.0).sum(axis=-2)
    return np.sqrt(alone) * take(total, host)


def advance(slot: StinSlot, decision: StinDecision) -> StinState:
    """The placement becomes the previous one."""
    node = np.minimum(np.maximum(decision.node, 0), slot.n_nodes - 1)
    return StinState(prev_node=node, prev_count=counts(node, slot.n_nodes))
