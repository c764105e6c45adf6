"""Parameters, sizes and data of ``edge-migration`` (Lu et al. 2021, P2).

Network, users, channels, processors and data are those of the shared system; where the paper is silent the value is
ours, and the documentation of a parameter says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dtbench.arrays import Array, IntArray, array
from dtbench.core import Instance
from dtbench.errors import DtbenchError
from dtbench.params import param
from dtbench.problems.edge_association.system import EdgeParams


@dataclass(frozen=True, kw_only=True)
class MigrationParams(EdgeParams):
    """The shared system's parameters and those of migration."""

    beta_u: float = param(0.5, "1", "beta, weight of latency in the utility; paper in (0, 1), value ours", high=1.0)
    cap_min: float = param(1.0, "1", "least N_k in units of N / K; ours", low=1.0)
    cap_max: float = param(1.5, "1", "greatest N_k in units of N / K; ours", low=1.0)
    cap_total: float = param(1.05, "1", "least sum of N_k in units of N; ours", low=1.0)
    kappa_min: float = param(0.8, "1", "least kappa_i, deadline over mean interaction latency; ours", low=0.0)
    kappa_max: float = param(1.3, "1", "greatest kappa_i; ours", low=0.0)
    interaction: str = param(
        "eq10",
        "1",
        "data of an interaction: D_i (eq. 10), or the update Delta D_i (eq. 11)",
        choices=("eq10", "update"),
    )
    energy_term: str = param(
        "uplink", "1", "transmission that costs energy (19): the radio, or radio and wire", choices=("uplink", "total")
    )
    mig: float = param(1.0, "1", "weight of the migration latency; the paper prints none, which is 0", low=0.0)
    mig_size: float = param(1.0, "1", "D^tw_i / D_i, what moves with a twin; ours: its whole history", low=0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_bs < 2:
            raise DtbenchError(f"parameter 'n_bs' is {self.n_bs}; expected at least 2, for two twin servers.")
        if not 0.0 < self.beta_u < 1.0:
            raise DtbenchError(f"parameter 'beta_u' is {self.beta_u:g}; expected a number inside (0, 1).")

    @property
    def n_servers(self) -> int:
        """K = max(2, ceil(0.6 M)), base stations that hold twins."""
        return max(2, -(-3 * self.n_bs // 5))


SIZES: Mapping[str, MigrationParams] = {
    "tiny": MigrationParams(n_users=4, n_bs=4, horizon=4, slot=30.0),  # few, long slots: users do move
    "small": MigrationParams(n_users=20, n_bs=5, horizon=20),
    "paper": MigrationParams(),
    "large": MigrationParams(n_users=400, n_bs=20, horizon=50),
    # 15 times the paper's users, base stations and area: density and load are as there. The arcs of all users between
    # the servers of two slots are 1 GB, which is what a clairvoyant method works on.
    "city": MigrationParams(n_users=1500, n_bs=150, horizon=10, area=5809.0),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class MigrationInstance(Instance):
    """Frozen data: the network with its servers, and the trace of positions, rates, processors, data and deadlines."""

    bs_xy: Array = array("bs", "xy", unit="m", doc="position of a base station")
    cpu_mean: Array = array("bs", unit="cycle/s", doc="mean of F_k over slots", low=1.0)
    servers: IntArray = array("server", unit="1", doc="base station of a twin server, ascending", kind="int", low=0)
    cap: IntArray = array("server", unit="twin", doc="N_k, twins that a server holds at most", kind="int", low=1)
    data_mean: Array = array("user", unit="bit", doc="mean of D_i over slots", low=0.0)
    slack: Array = array("user", unit="1", doc="kappa_i, deadline over mean interaction latency", low=0.0)
    assoc0: IntArray = array("user", unit="1", doc="server index of each twin before the first slot", kind="int", low=0)
    u_ref: Array = array(
        unit="1", doc="scale of the reward: mean utility of 'stay' over the slots of the frozen instance", low=1e-9
    )
    user_xy: Array = array("time", "user", "xy", unit="m", doc="position of a user")
    access: IntArray = array("time", "user", unit="1", doc="j(i), access base station: the nearest", kind="int", low=0)
    rate: Array = array("time", "user", unit="bit/s", doc="r_i, rate to the access base station (3)", low=1e-9)
    cpu: Array = array("time", "server", unit="cycle/s", doc="F_k, processor of a server", low=1.0)
    data_bits: Array = array("time", "user", unit="bit", doc="D_i, running data", low=0.0)
    update_bits: Array = array("time", "user", unit="bit", doc="Delta D_i, update of the running data", low=0.0)
    deadline: Array = array("time", "user", unit="s", doc="tau_i, greatest interaction latency", low=0.0)
