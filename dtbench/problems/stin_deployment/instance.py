"""Parameters and sizes of ``stin-deployment`` (Tao et al. 2025, Table 2 and Sec. 6.1).

Where the paper is silent the value is ours; the documentation of a parameter says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dtbench.arrays import Array, IntArray, array
from dtbench.core import Instance
from dtbench.params import Params, param

BITS_PER_MB = 8e6  # decimal megabyte


@dataclass(frozen=True, kw_only=True)
class StinParams(Params):
    """Scalar parameters; ``paper`` column of Table 2 where it has one, otherwise our choice."""

    n_users: int = param(20, "1", "I, users; paper 20", low=1, high=10_000)
    n_end: int = param(3, "1", "J, end-side devices; paper 3", low=1, high=1000)
    horizon: int = param(50, "slot", "T, slots of the horizon; ours", low=1, high=100_000)
    area: float = param(500.0, "m", "side of the square; paper 500", low=1.0)
    slot: float = param(5.0, "s", "length of a slot; ours", low=1e-3)
    speed_min: float = param(0.5, "m/s", "least speed of a user; ours", low=0.0)
    speed_max: float = param(5.0, "m/s", "greatest speed of a user; ours", low=0.0)
    data_mb_min: float = param(0.5, "MB", "least D_i(t), 1 MB = 8e6 bit; paper 0.5", low=0.0)
    data_mb_max: float = param(2.0, "MB", "greatest D_i(t); paper 2", low=0.0)
    data_mb_fixed: float = param(0.0, "MB", "every D_i(t) is this value (Fig. 7); 0 = drawn", low=0.0)
    cycles_min: float = param(50.0, "cycle/bit", "least mu_i; paper 50", low=0.0)
    cycles_max: float = param(150.0, "cycle/bit", "greatest mu_i; paper 150", low=0.0)
    f_local_min: float = param(0.5e9, "cycle/s", "least f_i; paper 0.5 GHz", low=1.0)
    f_local_max: float = param(10e9, "cycle/s", "greatest f_i; ours: lower half of the printed range", low=1.0)
    f_end_min: float = param(10e9, "cycle/s", "least F_j; ours: upper half of the printed range", low=1.0)
    f_end_max: float = param(20e9, "cycle/s", "greatest F_j; paper 20 GHz", low=1.0)
    f_cloud: float = param(20e9, "cycle/s", "f_C per twin, not shared; ours", low=1.0)
    cap_min: int = param(1, "twin", "least N_j; ours", low=0)
    cap_max: int = param(3, "twin", "greatest N_j; ours", low=0)
    p_user: float = param(0.2, "W", "P_i, transmit power of a user; paper at most 200 mW", low=0.0)
    n0: float = param(10.0**-20.4, "W/Hz", "N0, noise density; paper -174 dBm/Hz", low=1e-30)
    w_end: float = param(40e6, "Hz", "W, band of one end-side link; ours", low=1.0)
    pl0_db: float = param(40.05, "dB", "path loss at 1 m, free space at 2.4 GHz; ours")
    pl_exp: float = param(3.0, "1", "path loss exponent; ours", low=0.0)
    rice_end: float = param(4.0, "1", "Rician K of end-side links; ours", low=0.0)
    fade_floor: float = param(0.1, "1", "least fading power; ours: deep fades average out over a transfer", low=0.0)
    w_sat: float = param(150e6, "Hz", "W^is, satellite band of all users; ours: 7.5 MHz per nominal user", low=1.0)
    fc_up: float = param(30e9, "Hz", "uplink carrier, Ka band; ours", low=1.0)
    g_user_dbi: float = param(34.0, "dBi", "user terminal's antenna gain; ours")
    g_sat_dbi: float = param(38.5, "dBi", "satellite's antenna gain; ours")
    loss_db: float = param(3.0, "dB", "pointing, polarisation and atmosphere; ours")
    rice_sat: float = param(10.0, "1", "Rician K of the satellite link; ours", low=0.0)
    altitude: float = param(550e3, "m", "h, altitude of the satellite; ours", low=1e3)
    el_min: float = param(40.0, "deg", "elevation of the hand-over; ours", low=0.0, high=89.0)
    gw_offset: float = param(200e3, "m", "gateway's along-track distance; ours")
    w_feed: float = param(400e6, "Hz", "W^sc, feeder band; ours", low=1.0)
    p_sat: float = param(2.0, "W", "P_s, satellite's transmit power; ours", low=0.0)
    g_gw_dbi: float = param(45.0, "dBi", "gateway's antenna gain; ours")
    fc_feed: float = param(20e9, "Hz", "feeder carrier; ours", low=1.0)
    w_delay: float = param(0.7, "1", "alpha, weight of latency in the reward; paper 0.7", low=0.0)
    w_cost: float = param(0.3, "1", "beta, weight of cost in the reward; paper 0.3", low=0.0)
    unit_cost: float = param(0.1, "s", "zeta, cost of one twin in the reward; ours", low=0.0)
    cost_count: str = param(
        "all", "1", "twins that cost: all (eq. 17 as printed), or hosted off the own device", choices=("all", "hosted")
    )
    sat_share: str = param(
        "active", "1", "satellite band divided among its active users, or among all users", choices=("active", "all")
    )
    split: str = param(
        "even", "1", "split of an end-side processor: even (paper), or the optimal one", choices=("even", "optimal")
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_ranges()


SIZES: Mapping[str, StinParams] = {
    "tiny": StinParams(n_users=5, n_end=2, horizon=10, area=250.0, w_sat=37.5e6),
    "small": StinParams(n_users=10, n_end=3, horizon=20, area=350.0, w_sat=75e6),
    "paper": StinParams(),
    "large": StinParams(n_users=100, n_end=15, horizon=20, area=1100.0, w_sat=750e6),
    # 30 times the paper's users, devices, area and satellite band: density, load and shares are as there. Five slots of
    # links between users and devices are 2 MB.
    "city": StinParams(n_users=600, n_end=90, horizon=5, area=2739.0, w_sat=4.5e9),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class StinInstance(Instance):
    """Frozen data: the network, and the trace of demands, positions, channels and the satellite."""

    cycles_per_bit: Array = array("user", unit="cycle/bit", doc="mu_i, work per bit of the twin's data", low=0.0)
    f_local: Array = array("user", unit="cycle/s", doc="f_i, processor of the own device", low=1.0)
    f_end: Array = array("end_device", unit="cycle/s", doc="F_j, processor of an end-side device", low=1.0)
    cap_end: IntArray = array("end_device", unit="twin", doc="N_j, twins that a device takes", kind="int", low=0)
    end_xy: Array = array("end_device", "xy", unit="m", doc="position of an end-side device")
    user_xy: Array = array("time", "user", "xy", unit="m", doc="position of a user")
    data_bits: Array = array("time", "user", unit="bit", doc="D_i, data that builds the twin", low=0.0)
    r_end: Array = array(
        "time", "user", "end_device", unit="bit/s", doc="r_ij, rate to an end-side device (2)", low=0.0
    )
    g_us: Array = array("time", "user", unit="1", doc="gain of the user-satellite link", low=0.0)
    r_sc: Array = array("time", unit="bit/s", doc="r_sc, rate of the satellite-gateway link (7)", low=0.0)
    d_us: Array = array("time", unit="m", doc="distance user-satellite", low=0.0)
    d_sc: Array = array("time", unit="m", doc="distance satellite-gateway", low=0.0)
