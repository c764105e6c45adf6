"""The equations of ``edge-migration``: latency, migration, energy, utility (Lu et al. 2021, P2).

Every user's twin is on one of K servers; servers are numbered 0..K-1, ``servers`` gives their base stations. Latencies
are in seconds, also inside the exponential of (20), whose value depends on that unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, BoolArray, IntArray, array, pick, rows, spread
from dtbench.core import Decision, Outcome, Slot, State
from dtbench.problems.edge_association.migration.instance import MigrationParams
from dtbench.problems.edge_association.system import distances, one_hot

TOLERANCE = 1e-6  # relative, of a deadline


@dataclass(frozen=True, kw_only=True, eq=False)
class MigrationState(State):
    """Where the twins are, and where users were (observations only)."""

    prev: IntArray = array("user", unit="1", doc="server index of each twin in the previous slot", kind="int")
    prev_xy: Array = array("user", "xy", unit="m", doc="position of a user in the previous slot")


@dataclass(frozen=True, kw_only=True, eq=False)
class MigrationSlot(Slot):
    """One slot: rates, processors, data, deadlines, and where twins are. Tables are computed once per slot."""

    params: MigrationParams
    bs_xy: Array = array("bs", "xy", unit="m", doc="position of a base station")
    servers: IntArray = array("server", unit="1", doc="base station of a twin server", kind="int")
    cap: IntArray = array("server", unit="twin", doc="N_k", kind="int")
    u_ref: Array = array(unit="1", doc="scale of the reward")
    user_xy: Array = array("user", "xy", unit="m", doc="position of a user")
    access: IntArray = array("user", unit="1", doc="j(i), access base station", kind="int")
    rate: Array = array("user", unit="bit/s", doc="r_i")
    cpu: Array = array("server", unit="cycle/s", doc="F_k")
    data_bits: Array = array("user", unit="bit", doc="D_i")
    update_bits: Array = array("user", unit="bit", doc="Delta D_i")
    deadline: Array = array("user", unit="s", doc="tau_i")
    prev: IntArray = array("user", unit="1", doc="server index of each twin in the previous slot", kind="int")
    prev_xy: Array = array("user", "xy", unit="m", doc="position of a user in the previous slot")

    @cached_property
    def n_users(self) -> int:
        """N."""
        return int(np.shape(self.rate)[-1])

    @cached_property
    def n_servers(self) -> int:
        """K."""
        return int(np.shape(self.servers)[-1])

    @cached_property
    def server_xy(self) -> Array:
        """Position of every server (..., K, 2) [m]."""
        return np.asarray(rows(self.bs_xy, self.servers))

    @cached_property
    def wire_length(self) -> Array:
        """d(j(i), k) (..., N, K) [m]: wire from the access base station of user i to server k."""
        return np.asarray(rows(distances(self.bs_xy, self.server_xy), self.access))

    @cached_property
    def latency(self) -> Array:
        """T_ik (..., N, K) [s]: interaction latency, Eq. (10).

        (21) has no constraint on processors. A twin on k has the guaranteed share F_k / N_k, which at most N_k twins
        never exhaust (18c), so that utilities do not depend on the others.
        """
        p = self.params
        bits = self.data_bits if p.interaction == "eq10" else self.update_bits
        upload = 1.0 / self.rate[..., None]  # Eq. (4)
        wired = p.wire * self.wire_length  # Eq. (5)
        compute = (p.cycles * self.cap / self.cpu)[..., None, :]  # Eq. (9)
        return np.asarray(bits[..., None] * (upload + wired + compute))

    @cached_property
    def migration(self) -> Array:
        """X_ik (..., N, K) [s]: time to send the twin from its previous server to k, by the wire of Eq. (5).

        Ours: the paper speaks of migration overhead and prints none (``mig = 0``).
        """
        p = self.params
        length = rows(distances(self.server_xy, self.server_xy), np.clip(self.prev, 0, self.n_servers - 1))
        return np.asarray(p.mig * p.wire * p.mig_size * self.data_bits[..., None] * length)

    @cached_property
    def energy(self) -> Array:
        """E_ik (..., N, K) [J], Eq. (19): transmit power times the time on the radio (or radio and wire) for D_i."""
        p = self.params
        seconds = (self.data_bits / self.rate)[..., None]
        if p.energy_term == "total":
            seconds = seconds + p.wire * self.data_bits[..., None] * self.wire_length
        return np.asarray(np.broadcast_to(p.tx_power * seconds, self.latency.shape))

    def utility_at(self, migration: Array | float) -> Array:
        """U_ik (..., N, K), Eq. (20), if moving delayed the interaction by ``migration`` (..., N, K) [s]."""
        p = self.params
        gain = np.exp(self.deadline[..., None] - self.latency - migration)
        return np.asarray(p.beta_u * gain - (1.0 - p.beta_u) * self.energy)

    @cached_property
    def utility(self) -> Array:
        """U_ik (..., N, K), Eq. (20), with the migration latency."""
        return self.utility_at(self.migration)

    @cached_property
    def admissible(self) -> BoolArray:
        """Whether T_ik <= tau_i (..., N, K), Eq. (21c). Migration runs in the background, outside the limit."""
        return np.asarray(self.latency <= self.deadline[..., None] * (1.0 + TOLERANCE))


@dataclass(frozen=True, kw_only=True, eq=False)
class MigrationDecision(Decision):
    """Which server holds each twin."""

    assoc: IntArray = array("user", unit="1", doc="server index in [0, K)", kind="int")


def evaluate(slot: MigrationSlot, decision: MigrationDecision) -> Outcome:
    """Mean utility of associations (..., N), Eq. (21), and what they violate.

    (21) prints U_i without a sum; the mean over users is meant. Entries out of range are scored as the nearest server,
    and flagged.
    """
    last = slot.n_servers - 1
    assoc = np.clip(decision.assoc, 0, last)
    latency, migration = pick(slot.latency, assoc), pick(slot.migration, assoc)
    utility, energy = pick(slot.utility, assoc), pick(slot.energy, assoc)
    held = one_hot(assoc, slot.n_servers).sum(axis=-2)

    out = ((decision.assoc < 0) | (decision.assoc > last)).sum(axis=-1).astype(np.float64)
    full = np.maximum(held - slot.cap, 0).sum(axis=-1).astype(np.float64)
    late = np.where(pick(slot.admissible, assoc), 0.0, latency - slot.deadline).sum(axis=-1)
    violations = {
        "assigned": out,  # Eq. (21b), printed as (18b)
        "capacity": full,  # Eq. (21a)
        "delay": late,  # Eq. (21c)
    }
    metrics: dict[str, npt.NDArray[Any]] = {
        "utility": utility,
        "mean_latency": latency.mean(axis=-1),
        "mean_migration": migration.mean(axis=-1),
        "mean_energy": energy.mean(axis=-1),
        "moved": (assoc != slot.prev).sum(axis=-1),
        "occupancy": held,
    }
    return Outcome(utility.mean(axis=-1), (out == 0) & (full == 0) & (late == 0), violations, metrics)


def advance(slot: MigrationSlot, decision: MigrationDecision) -> MigrationState:
    """The association becomes the previous one."""
    assoc = np.clip(decision.assoc, 0, slot.n_servers - 1)
    lead = np.broadcast_shapes(assoc.shape[:-1], slot.user_xy.shape[:-2])
    return MigrationState(prev=assoc, prev_xy=spread(slot.user_xy, lead + slot.user_xy.shape[-2:]))
