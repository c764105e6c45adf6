"""The equations of ``edge-placement``: cost of a placement, what it violates (Lu et al. 2021, Sec. III-IV, P1).

Twin i lives on server k = a_i. Data travels by radio to the access BS j(i), by wire to k, and is processed there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, BoolArray, IntArray, array, pick, spread, take
from dtbench.core import Decision, Outcome, Slot, State
from dtbench.problems.edge_association.placement.instance import PlacementParams
from dtbench.problems.edge_association.placement.waterfill import TOLERANCE, balance
from dtbench.problems.edge_association.system import access_distance, counts, one_hot

LATE = 1e-6  # relative: a latency may exceed its deadline by this much


@dataclass(frozen=True, kw_only=True, eq=False)
class PlacementState(State):
    """The previous placement; it feeds observations only."""

    prev_open: BoolArray = array("bs", unit="1", doc="servers of the previous slot, none before the first", kind="bool")
    prev_assoc: IntArray = array(
        "user", unit="1", doc="server of each twin in the previous slot, -1 before the first", kind="int"
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class PlacementSlot(Slot):
    """One slot: channels, processors, data, deadlines. The tables below are computed once per slot."""

    params: PlacementParams
    bs_xy: Array = array("bs", "xy", unit="m", doc="position of a base station")
    cap: IntArray = array("bs", unit="twin", doc="N_k", kind="int")
    user_xy: Array = array("user", "xy", unit="m", doc="position of a user")
    gain: Array = array("user", "bs", unit="1", doc="h_ij")
    access: IntArray = array("user", unit="1", doc="j(i)", kind="int")
    rate: Array = array("user", unit="bit/s", doc="r_i")
    cpu: Array = array("bs", unit="cycle/s", doc="F_k")
    data_bits: Array = array("user", unit="bit", doc="D_i")
    update_bits: Array = array("user", unit="bit", doc="Delta D_i")
    deadline: Array = array("user", unit="s", doc="tau_i")
    safe: IntArray = array("user", unit="1", doc="a feasible association", kind="int")
    prev_open: BoolArray = array("bs", unit="1", doc="servers of the previous slot", kind="bool")
    prev_assoc: IntArray = array("user", unit="1", doc="association of the previous slot", kind="int")

    @cached_property
    def n_users(self) -> int:
        """N."""
        return int(np.shape(self.data_bits)[-1])

    @cached_property
    def n_bs(self) -> int:
        """M."""
        return int(np.shape(self.cpu)[-1])

    @property
    def fee_weight(self) -> float:
        """beta; 0 with ``objective = "latency"``, the paper's P1."""
        return 0.0 if self.params.objective == "latency" else self.params.cost_weight

    @property
    def user_weight(self) -> float:
        """Weight alpha / N of one user's cost in the objective, or alpha / (M N) as (17) prints it."""
        divisor = self.n_users * (self.n_bs if self.params.latency_norm == "MN" else 1)
        return self.params.latency_weight / divisor

    @cached_property
    def effective_bits(self) -> Array:
        """B_i = D_i + (eta / Delta t) Delta D_i (..., N) [bit], from Eqs. (12), (13)."""
        return self.data_bits + self.params.update_weight / self.params.update_gap * self.update_bits

    @cached_property
    def root(self) -> Array:
        """sqrt(w_i) (..., N) [cycle^0.5], with the effective work w_i = c B_i."""
        return np.sqrt(self.params.cycles * self.effective_bits)

    @cached_property
    def transport(self) -> Array:
        """q_ik = 1/r_i + phi d(j(i), k) (..., N, M) [s/bit], Eqs. (4), (5), (7), (8).

        As printed, (10) adds the wire of (5) to a time (8) that holds it already; ``wired_factor = 2`` is that reading.
        """
        wire = self.params.wire * self.params.wired_factor
        return 1.0 / self.rate[..., None] + wire * access_distance(self.bs_xy, self.access)

    @cached_property
    def carry(self) -> Array:
        """B_i q_ik (..., N, M) [s]: radio and wire part of a user's cost (13)."""
        return self.effective_bits[..., None] * self.transport

    @cached_property
    def floor(self) -> Array:
        """g_ik = c D_i / (tau_i - D_i q_ik) (..., N, M) [cycle/s], least share that meets (15); inf = no share does."""
        left = self.data_bits[..., None] * self.transport
        left = np.subtract(self.deadline[..., None], left, out=left)
        with np.errstate(divide="ignore"):
            work = self.params.cycles * self.data_bits[..., None]
            return np.divide(work, np.maximum(left, 0.0, out=left), out=left)

    @cached_property
    def energy(self) -> Array:
        """E = mean of p D_i / r_i (...,) [J], Eq. (19) for the radio; the same for every decision."""
        return np.asarray(self.params.tx_power * self.data_bits / self.rate).mean(axis=-1)

    @cached_property
    def ranking(self) -> tuple[IntArray, Array, Array]:
        """Users of every server in decreasing order of g_ik / sqrt(w_i), as :func:`waterfill.level` wants them.

        The order, their floors (inf counts as 0) and their sqrt(w); (..., M, N) each.
        """
        floor = np.swapaxes(np.where(np.isinf(self.floor), 0.0, self.floor), -1, -2)
        root = np.broadcast_to(self.root[..., None, :], floor.shape)
        order = np.argsort(-floor / root, axis=-1, kind="stable")
        return order, take(floor, order), take(root, order)


@dataclass(frozen=True, kw_only=True, eq=False)
class PlacementDecision(Decision):
    """Which base stations are twin servers, and the server of every twin. The CPU split follows."""

    open: BoolArray = array("bs", unit="1", doc="z_k, whether the base station is a twin server", kind="bool")
    assoc: IntArray = array("user", unit="1", doc="a_i, server of user i's twin in [0, M)", kind="int")


def of_assoc(assoc: IntArray, n_bs: int) -> PlacementDecision:
    """The decision that opens exactly the servers in use; ``assoc`` (..., N) in range."""
    return PlacementDecision(open=np.asarray(one_hot(assoc, n_bs).any(axis=-2)), assoc=assoc)


def shares(slot: PlacementSlot, assoc: IntArray) -> tuple[Array, Array]:
    """CPU shares f_i (..., N) [cycle/s] of associations in range, and by how much floors exceed F_k (..., M) [1].

    (18c) leaves f free under ``sum f <= F_k``; for an association the best f is unique, so it is derived.
    A server whose floors do not fit uses the plain square-root rule. ``cpu_split = "even"`` gives F_k / n_k.
    """
    floors = pick(slot.floor, assoc)
    floors = np.where(np.isinf(floors), 0.0, floors)
    assoc = spread(assoc, floors.shape)
    u, fits, held = balance(assoc, floors, slot.root, slot.cpu)
    excess = held / slot.cpu - 1.0
    if slot.params.cpu_split == "even":
        return take(slot.cpu / np.maximum(counts(assoc, slot.n_bs), 1), assoc), excess
    if not fits.all():
        floors = np.where(take(fits, assoc), floors, 0.0)
    return np.maximum(floors, take(u, assoc) * slot.root), excess


def nearest(assoc: IntArray, n_bs: int) -> IntArray:
    """Associations (..., N) within [0, M)."""
    return np.asarray(np.minimum(np.maximum(assoc, 0), n_bs - 1))


def counted(slot: PlacementSlot, decision: PlacementDecision) -> tuple[IntArray, dict[str, Array]]:
    """Twins per server (..., M), those out of range at the nearest; and what :func:`evaluate` finds by counting."""
    assoc = nearest(decision.assoc, slot.n_bs)
    count = counts(assoc, slot.n_bs)
    closed = ~np.asarray(decision.open, dtype=bool)
    return count, {
        "assigned": (assoc != decision.assoc).sum(axis=-1, dtype=np.float64),  # Eq. (18a)
        "open": take(closed, assoc).sum(axis=-1, dtype=np.float64),
        "capacity": np.maximum(count - slot.cap, 0).sum(axis=-1, dtype=np.float64),  # Eq. (18b)
    }


def feasible(slot: PlacementSlot, decision: PlacementDecision) -> BoolArray:
    """What :func:`evaluate` says of feasibility (...,); by counting alone for members that show to be infeasible."""
    _, violations = counted(slot, decision)
    broken = np.asarray(sum(violations.values()) > 0.0)
    good = ~broken
    if broken.all():
        return good
    alike = slot.batch_shape == decision.batch_shape == good.shape
    if not alike or 2 * np.count_nonzero(good) > good.size:
        return evaluate(slot, decision).feasible
    left = np.nonzero(good)
    good[left] = evaluate(slot[left], decision[left]).feasible
    return good


def evaluate(slot: PlacementSlot, decision: PlacementDecision) -> Outcome:
    """J = alpha T + beta (fee m + E) of placements, Eqs. (24)-(26), and what they violate, Eqs. (18a)-(18d), (15).

    Entries out of range are scored as the nearest base station, and flagged. A twin on a closed server is scored as if
    the server were open, without its fee, and flagged.
    """
    p, n_bs = slot.params, slot.n_bs
    assoc = nearest(decision.assoc, n_bs)
    opened = np.asarray(decision.open, dtype=bool)
    share, excess = shares(slot, assoc)
    time = pick(slot.transport, assoc) + p.cycles / share  # s/bit
    build = slot.data_bits * time  # t_i, Eqs. (9), (10)
    cost = slot.effective_bits * time  # L_i, Eqs. (11)-(13)
    n_open = opened.sum(axis=-1)  # the paper's m: "number of digital twins" would always be N
    total = slot.user_weight * cost.sum(axis=-1)  # alpha T, Eq. (17)
    objective = total + slot.fee_weight * (p.open_cost * n_open + slot.energy)

    count, violations = counted(slot, decision)
    late = np.where(build > slot.deadline * (1.0 + LATE), build - slot.deadline, 0.0)
    violations |= {
        "cpu": np.where(excess > TOLERANCE, excess, 0.0).sum(axis=-1),  # Eq. (18c)
        "delay": late.sum(axis=-1),  # Eqs. (15), (18d)
    }
    shape = np.broadcast_shapes(objective.shape, *(value.shape for value in violations.values()))
    objective, *broken = (spread(value, shape) for value in (objective, *violations.values()))
    metrics: dict[str, npt.NDArray[Any]] = {
        "latency": total / p.latency_weight,
        "energy": spread(slot.energy, objective.shape),
        "n_open": n_open,
        "build": build,
        "share": share,
        "count": count,
    }
    kept = broken[0] == 0.0
    for value in broken[1:]:
        kept = kept & (value == 0.0)
    return Outcome(objective, np.asarray(kept), dict(zip(violations, broken, strict=True)), metrics)


def advance(slot: PlacementSlot, decision: PlacementDecision) -> PlacementState:
    """The placement becomes the previous one."""
    return PlacementState(
        prev_open=np.asarray(decision.open, dtype=bool), prev_assoc=nearest(decision.assoc, slot.n_bs)
    )
