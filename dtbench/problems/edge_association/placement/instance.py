"""Parameters, sizes and data of ``edge-placement`` (Lu et al. 2021, Tab. II and Sec. VI).

Where the paper is silent the value is ours; the documentation of a parameter says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dtbench.arrays import Array, IntArray, array
from dtbench.core import Instance
from dtbench.params import param
from dtbench.problems.edge_association.system import EdgeParams


@dataclass(frozen=True, kw_only=True)
class PlacementParams(EdgeParams):
    """The shared system, and what placing twins adds to it."""

    update_weight: float = param(0.5, "1", "eta, weight of updates in a user's cost (13); ours", low=0.0)
    update_gap: float = param(0.2, "1", "Delta t, unit slots between updates (12); ours: five per slot", low=1e-6)
    cap_min: float = param(1.5, "1", "least N_k relative to N/M; ours", low=1.0)
    cap_max: float = param(3.0, "1", "greatest N_k relative to N/M; ours", low=1.0)
    tau_share: float = param(0.8, "1", "share of the mean processor that a deadline counts on; ours", low=1e-3)
    kappa_min: float = param(1.0, "1", "least factor of a user's processing time in its deadline; ours", low=0.0)
    kappa_max: float = param(1.5, "1", "greatest such factor; ours", low=0.0)
    latency_weight: float = param(1.0, "1", "alpha, weight of the mean latency in (26); ours", low=1e-9)
    cost_weight: float = param(1.0, "1", "beta, weight of fees and energy in (26); ours", low=0.0)
    open_cost: float = param(0.15, "1", "fee of an open server, the unit cost factor in (25); ours", low=0.0)
    objective: str = param(
        "cost", "1", "latency and cost (26), or latency alone (P1: beta = 0)", choices=("cost", "latency")
    )
    latency_norm: str = param(
        "N", "1", "latency summed over users divided by N (13), or by M N (17 as printed)", choices=("N", "MN")
    )
    wired_factor: int = param(1, "1", "times the wire counts in (10); 2 = as printed", low=1, high=2)
    cpu_split: str = param(
        "optimal", "1", "split of a server's processor: the best one, or even (evaluation only)",
        choices=("optimal", "even"),
    )  # fmt: skip
    residual: bool = param(False, "1", "agents' scores are added to a prior, the negative transport cost")


SIZES: Mapping[str, PlacementParams] = {
    "tiny": PlacementParams(n_users=6, n_bs=3, horizon=10, tau_share=0.5),
    "small": PlacementParams(n_users=20, n_bs=5, horizon=20),
    "paper": PlacementParams(),
    "large": PlacementParams(n_users=300, n_bs=20, horizon=10),
    # Eight times the paper's users, base stations and area: density and load are as there. Its five slots of links
    # between users and base stations are 3 MB.
    "city": PlacementParams(n_users=800, n_bs=80, horizon=5, area=4243.0),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class PlacementInstance(Instance):
    """Frozen data: the network, and the trace of positions, channels, processors, data and deadlines."""

    bs_xy: Array = array("bs", "xy", unit="m", doc="position of a base station")
    cap: IntArray = array("bs", unit="twin", doc="N_k, twins that a server takes", kind="int", low=1)
    user_xy: Array = array("time", "user", "xy", unit="m", doc="position of a user")
    gain: Array = array("time", "user", "bs", unit="1", doc="h_ij, gain of a radio link", low=0.0)
    access: IntArray = array("time", "user", unit="1", doc="j(i), access base station", kind="int", low=0)
    rate: Array = array("time", "user", unit="bit/s", doc="r_i, rate to the access base station (3)", low=1e-9)
    cpu: Array = array("time", "bs", unit="cycle/s", doc="F_k, processor of a server", low=1.0)
    data_bits: Array = array("time", "user", unit="bit", doc="D_i, data that builds the twin", low=1e-9)
    update_bits: Array = array("time", "user", unit="bit", doc="Delta D_i, data of one update", low=0.0)
    deadline: Array = array("time", "user", unit="s", doc="tau_i, limit of the construction latency (15)", low=0.0)
    safe: IntArray = array("time", "user", unit="1", doc="a feasible association", kind="int", low=0)
