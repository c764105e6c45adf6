"""The equations of ``mec-synchronization``: interference, latency, failure, energy, queue (Liu et al. 2025).

User k sends to its nearest base station m(k); its twin runs on the server of base station h(k), its host. All users
share one band, so one user's power is another's interference. Failed transmissions radiate and cost energy too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, BoolArray, IntArray, array, pick, spread, take
from dtbench.core import Decision, Outcome, Slot, State
from dtbench.problems.mec_synchronization.generator import nearest
from dtbench.problems.mec_synchronization.instance import MecParams

TOLERANCE = 1e-6  # of a scaled violation, and relative of a deadline
FAINT = 1e-9  # signal-to-noise ratio below which log2(1 + x) is x / ln 2


@dataclass(frozen=True, kw_only=True, eq=False)
class MecState(State):
    """What is carried in the closed protocol; the slots of the reference protocol do not read it."""

    queue: Array = array("user", unit="1", doc="Y_k, virtual queue")
    queue_frame: Array = array("user", unit="1", doc="Y_k at the start of the frame")
    host: IntArray = array("user", unit="1", doc="base station whose server holds the twin", kind="int")
    moving: IntArray = array("user", unit="slot", doc="slots for which the twin's migration goes on", kind="int")


@dataclass(frozen=True, kw_only=True, eq=False)
class MecSlot(Slot):
    """One slot: requests, channels, queues, and where twins are before a decision."""

    params: MecParams
    bs_xy: Array = array("bs", "xy", unit="m", doc="position of a base station")
    cycles: Array = array("user", unit="cycle/bit", doc="C_k")
    user_xy: Array = array("user", "xy", unit="m", doc="position of a user")
    request: BoolArray = array("user", unit="1", doc="a_k", kind="bool")
    data_bits: Array = array("user", unit="bit", doc="D_k")
    deadline: Array = array("user", unit="s", doc="tau_k")
    gain: Array = array("user", "bs", unit="1", doc="gain of user k to base station m")
    queue: Array = array("user", unit="1", doc="Y_k")
    queue_frame: Array = array("user", unit="1", doc="Y_k at the start of the frame")
    host: IntArray = array("user", unit="1", doc="base station that holds the twin", kind="int")
    moving: IntArray = array("user", unit="slot", doc="slots for which the migration goes on", kind="int")
    frame_start: BoolArray = array(unit="1", doc="whether a frame begins", kind="bool")
    phase: Array = array(unit="1", doc="share of the frame that is over, in [0, 1)")

    @cached_property
    def n_users(self) -> int:
        """K."""
        return int(np.shape(self.request)[-1])

    @cached_property
    def n_bs(self) -> int:
        """M."""
        return int(np.shape(self.bs_xy)[-2])

    @property
    def hosts_open(self) -> BoolArray:
        """(...,) whether hosts are decided: at the start of a frame of the closed protocol."""
        return np.asarray(self.frame_start & self.params.closed)

    @cached_property
    def access(self) -> IntArray:
        """m(k) (..., K): the nearest base station."""
        return nearest(self.user_xy, self.bs_xy)

    @cached_property
    def own_gain(self) -> Array:
        """g_{k,m(k)} (..., K)."""
        return np.asarray(pick(self.gain, self.access))

    @property
    def weight(self) -> Array:
        """Yw_k (..., K): the queue that weighs a failure in Eq. (19)."""
        return self.queue_frame if self.params.queue == "frame" else self.queue


@dataclass(frozen=True, kw_only=True, eq=False)
class MecDecision(Decision):
    """Power, wired rate and processor share of every user; hosts count at the start of a frame only."""

    power: Array = array("user", unit="W", doc="p_k, transmit power")
    wire: Array = array("user", unit="bit/s", doc="w_k, rate on the wire from m(k) to the host")
    cpu: Array = array("user", unit="cycle/s", doc="f_k, share of the host's processor")
    host: IntArray = array("user", unit="1", doc="beta_k, base station that holds the twin", kind="int")


@dataclass(frozen=True)
class Transmission:
    """What a decision makes of a slot, all (..., K): hosts and migration in force, rates, latencies [s], energy [J]."""

    host: IntArray
    moving: IntArray
    active: BoolArray  # requests that may be served: c_k
    remote: BoolArray
    sinr: Array
    rate: Array
    uplink: Array
    wired: Array
    compute: Array
    failed: BoolArray
    energy: Array


def placement(slot: MecSlot, host: npt.NDArray[Any]) -> tuple[IntArray, IntArray]:
    """Hosts and slots of migration (..., K) in force: those decided at the start of a frame, else those carried."""
    decided = slot.hosts_open[..., None]
    named = host if np.asarray(host).dtype.kind in "iu" else np.nan_to_num(host)
    wanted = np.minimum(np.maximum(named, 0), slot.n_bs - 1).astype(np.int64)
    placed = np.where(decided, wanted, slot.host)
    moving = np.where(decided & (placed != slot.host), slot.params.migration_slots, slot.moving)
    return placed, moving


def interference(slot: MecSlot, power: Array) -> Array:
    """I_k (..., K) [W], Eq. (7).

    ``physical``: gains of the interferers to the base station of user k. ``printed``: to their own ones.
    """
    arriving = power * slot.own_gain
    if slot.params.interference == "printed":
        received = arriving.sum(axis=-1, keepdims=True)
    else:
        received = pick((power[..., None, :] @ slot.gain), slot.access)
    return np.asarray(np.maximum(received - arriving, 0.0))


def transmit(slot: MecSlot, decision: MecDecision) -> Transmission:
    """Rates, latencies, failures and energies of decisions, Eqs. (7)-(9), (12), (13)."""
    p = slot.params
    host, moving = placement(slot, decision.host)
    active = slot.request & (moving == 0)
    remote = host != slot.access
    power = np.maximum(decision.power, 0.0)
    bits = slot.data_bits
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        disturbance = interference(slot, power) + p.noise
        sinr = power * slot.own_gain / disturbance  # Eq. (7)
        rate = p.bandwidth * np.log1p(sinr) / np.log(2.0)  # Eq. (8)
        uplink = np.where(active, bits / rate, 0.0)
        wired = np.where(active & remote, bits / np.maximum(decision.wire, 0.0), 0.0)
        compute = np.where(active, bits * slot.cycles / np.maximum(decision.cpu, 0.0), 0.0)
        late = ~(uplink + wired + compute <= slot.deadline * (1.0 + TOLERANCE))  # Eqs. (9), (12)
        if p.energy_cap:
            energy = np.where(active, power * np.minimum(uplink, p.slot), 0.0)
        else:  # Eq. (13); where the rate vanishes, its limit, and 0 for those who are silent
            limit = np.log(2.0) * bits * disturbance / (p.bandwidth * slot.own_gain)
            energy = np.where(sinr > FAINT, power * uplink, limit)
            energy = np.where(active & (power > 0.0), energy, 0.0)
    failed = slot.request & ((moving > 0) | late)
    return Transmission(host, moving, active, remote, sinr, rate, uplink, wired, compute, failed, energy)


def evaluate(slot: MecSlot, decision: MecDecision) -> Outcome:
    """J of decisions (..., K), and what they violate; from Eq. (19) with energies in units of E_0.

    The printed weight 1 / (Q K T) makes energy irrelevant beside queues; ours is 1 / (K E_0). The term -eps is left
    out, so that J is not negative; ``metrics["xi"]`` has it.
    """
    p = slot.params
    sent = transmit(slot, decision)
    weight = p.eta * slot.weight
    objective = price(slot, sent)
    excess = excesses(slot, decision, sent.host, sent.active, sent.remote)
    violations = {name: np.where(v > TOLERANCE, v, 0.0) for name, v in excess.items()}
    metrics: dict[str, npt.NDArray[Any]] = {
        "energy": sent.energy,
        "failed": sent.failed,
        "uplink": sent.uplink,
        "wired": sent.wired,
        "compute": sent.compute,
        "rate": sent.rate,
        "sinr": sent.sinr,
        "host": sent.host,
        "mean_energy": sent.energy.mean(axis=-1),
        "failures": sent.failed.sum(axis=-1),
        "migrations": (sent.host != slot.host).sum(axis=-1),
        "xi": objective - p.eps * spread(weight, sent.energy.shape).mean(axis=-1),
    }
    return Outcome(objective, _kept(excess), violations, metrics)


def feasible(slot: MecSlot, decision: MecDecision) -> BoolArray:
    """Whether decisions keep all constraints (...,): what :func:`evaluate` says, and nothing else of it."""
    host, moving = placement(slot, decision.host)
    return _kept(excesses(slot, decision, host, slot.request & (moving == 0), host != slot.access))


def _kept(excess: dict[str, Array]) -> BoolArray:
    return np.asarray(np.logical_and.reduce([value <= TOLERANCE for value in excess.values()]))


def cost(slot: MecSlot, decision: MecDecision) -> Array:
    """J (...,) of decisions, and nothing else of :func:`evaluate`."""
    return price(slot, transmit(slot, decision))


def price(slot: MecSlot, sent: Transmission) -> Array:
    """J (...,), from Eq. (19) with energies in units of E_0."""
    return np.asarray((sent.energy / slot.params.e0 + slot.params.eta * slot.weight * sent.failed).mean(axis=-1))


def excesses(
    slot: MecSlot, decision: MecDecision, host: IntArray, active: BoolArray, remote: BoolArray
) -> dict[str, Array]:
    """Scaled excess (...,) of every constraint family; infinite where a number is none.

    ``host``, ``active`` and ``remote`` (..., K) are those of :class:`Transmission`.
    """
    p, bs = slot.params, slot.n_bs
    on_wire = active & remote
    link = slot.access * bs + host
    cpu_sum = sums(decision.cpu, host, bs)
    wire_sum = sums(np.where(remote, decision.wire, 0.0), link, bs * bs)
    idle = np.where(active, 0.0, np.abs(decision.cpu)) / p.f_max
    unwired = np.where(on_wire, 0.0, np.abs(decision.wire)) / p.w_link
    outside = (decision.host < 0) | (decision.host >= bs)
    frozen = ~slot.hosts_open[..., None] & (decision.host != slot.host)
    excess = {
        "power": np.maximum(-decision.power, decision.power - p.p_max).max(axis=-1) / p.p_max,  # Eq. (14d)
        "idle_power": np.where(active, 0.0, np.abs(decision.power)).sum(axis=-1) / p.p_max,
        "cpu": np.maximum((-decision.cpu).max(axis=-1), (cpu_sum - p.f_max).max(axis=-1))
        / p.f_max,  # Eqs. (14g), (14h)
        "link": np.maximum((-decision.wire).max(axis=-1), (wire_sum - p.w_link).max(axis=-1))
        / p.w_link,  # (14e), (14f)
        "idle_share": (idle + unwired).sum(axis=-1),
        "host_range": outside.sum(axis=-1).astype(np.float64),  # Eq. (14c)
        "host_frozen": frozen.sum(axis=-1).astype(np.float64),
    }
    return {name: np.where(np.isnan(v), np.inf, np.maximum(v, 0.0)) for name, v in excess.items()}


def advance(slot: MecSlot, decision: MecDecision) -> MecState:
    """Queues by Eq. (15), hosts, and migrations that go on; the reference protocol carries nothing."""
    if not slot.params.closed:
        shape = (*np.broadcast_shapes(slot.batch_shape, decision.batch_shape), slot.n_users)
        names = ("queue", "queue_frame", "host", "moving")
        return MecState(**{name: spread(getattr(slot, name), shape) for name in names})
    sent = transmit(slot, decision)
    return MecState(
        queue=np.maximum(slot.queue + sent.failed - slot.params.eps, 0.0),
        queue_frame=np.broadcast_to(slot.queue_frame, sent.failed.shape),
        host=sent.host,
        moving=np.maximum(sent.moving - 1, 0),
    )


def sums(value: Array, group: IntArray, count: int) -> Array:
    """Sums (..., count) of values (..., K) by group (..., K) in [0, count)."""
    shape = np.broadcast_shapes(value.shape, group.shape)
    value, group = spread(value, shape), spread(group, shape)
    rows = value.size // shape[-1]
    place = group if rows == 1 else group.reshape(rows, -1) + count * np.arange(rows)[:, None]
    total = np.bincount(place.ravel(), weights=value.ravel(), minlength=rows * count)
    return np.asarray(total.reshape(*shape[:-1], count), dtype=np.float64)


def pick_rows(table: Array, group: IntArray, shape: tuple[int, ...]) -> Array:
    """Entry ``group`` (..., K) of the last axis of a table (..., count)."""
    return np.asarray(take(table, spread(group, shape)))
