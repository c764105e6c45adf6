"""Parameters, sizes and data of ``mec-synchronization`` (Liu et al. 2025).

Values are those of the paper's Table I and Sec. V-A; where the paper is silent the value is ours, and the documentation
of a parameter says so. Names of the paper stand first in each documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dtbench.arrays import Array, BoolArray, IntArray, array
from dtbench.core import Instance
from dtbench.errors import DtbenchError
from dtbench.params import Params, param

TAU = {"physical": (12e-3, 20e-3), "printed": (25e-3, 40e-3)}
"""Range of deadlines [s] by interference mode; ours: capacity runs out where Fig. 8 says so."""


@dataclass(frozen=True, kw_only=True)
class MecParams(Params):
    """Scalar parameters of the network, its users and the two timescales."""

    n_users: int = param(30, "1", "K, mobile users", low=1, high=10_000)
    n_bs: int = param(5, "1", "M, base stations, each with a server", low=1, high=1000)
    frame_slots: int = param(100, "slot", "T, slots of a frame", low=1, high=100_000)
    n_frames: int = param(2, "frame", "Q, frames of the horizon; paper 50", low=1, high=100_000)
    slot: float = param(0.05, "s", "delta_t, length of a slot", low=1e-6)
    bandwidth: float = param(10e6, "Hz", "B, the band that all users share", low=1.0)
    w_link: float = param(10e6, "bit/s", "w_ij, capacity of the wire from one base station to another", low=1.0)
    f_max: float = param(10e9, "cycle/s", "f_max, processor of a server", low=1.0)
    p_max: float = param(0.5, "W", "P_max, greatest transmit power", low=1e-9)
    arrival: float = param(0.5, "1", "lambda, probability of a request per user and slot", low=0.0, high=1.0)
    rho0: float = param(1e-3, "1", "rho_0, gain at 1 m", low=1e-12)
    rician: float = param(10.0, "1", "kappa, Rician factor", low=0.0)
    noise: float = param(1e-9, "W", "sigma^2, noise over the whole band", low=1e-30)
    area: float = param(1000.0, "m", "W, side of the square", low=1.0)
    speed_min: float = param(2.0, "m/s", "least mean speed of a user", low=0.0)
    speed_max: float = param(10.0, "m/s", "greatest mean speed of a user", low=0.0)
    data_min: float = param(15e3, "bit", "least D_k", low=1.0)
    data_max: float = param(25e3, "bit", "greatest D_k", low=1.0)
    cycles_min: float = param(550.0, "cycle/bit", "least C_k", low=1e-9)
    cycles_max: float = param(700.0, "cycle/bit", "greatest C_k; per user, ours", low=1e-9)
    eps: float = param(0.2, "1", "epsilon, allowed share of failed slots", low=0.0, high=1.0)
    eta: float = param(1.0, "1", "eta, weight of the queue", low=0.0)
    path_loss: float = param(2.0, "1", "phi, path loss exponent; paper: at least 2, value ours", low=0.0)
    d_min: float = param(10.0, "m", "shorter distances count as this; ours", low=1e-3)
    tau_min: float = param(
        0.0, "s", "least deadline; ours. 0 = 12 ms (interference physical), 25 ms (printed)", low=0.0
    )
    tau_max: float = param(0.0, "s", "greatest deadline; ours. 0 = 20 ms (physical), 40 ms (printed)", low=0.0)
    mig_slots: int = param(-1, "slot", "G_k, slots that a migration takes; ours. -1 = max(1, 3 % of a frame)", low=-1)
    speed_memory: float = param(0.95, "1", "mu_1, influence of the last speed; ours", low=0.0, high=1.0)
    heading_memory: float = param(0.95, "1", "mu_2, influence of the last heading; ours", low=0.0, high=1.0)
    speed_noise: float = param(1.0, "m/s", "standard deviation of Phi_k; ours", low=0.0)
    heading_noise: float = param(0.3, "rad", "standard deviation of Psi_k; ours", low=0.0)
    e0: float = param(1e-4, "J", "E_0, energy that weighs as much as a queue of 1; ours", low=1e-30)
    y_max: float = param(30.0, "1", "greatest reference queue; ours", low=0.0)
    p_local: float = param(0.7, "1", "share of reference twins at the nearest server; ours", low=0.0, high=1.0)
    interference: str = param(
        "physical",
        "1",
        "gain of an interferer: to the receiving base station, or to its own (eq. 7 as printed)",
        choices=("physical", "printed"),
    )
    queue: str = param(
        "frame",
        "1",
        "Y in the objective: of the frame's first slot (eq. 19), or of the slot",
        choices=("frame", "live"),
    )
    energy_cap: bool = param(True, "1", "whether a transmission stops at the slot's end; eq. (13) has no such stop")
    protocol: str = param(
        "reference",
        "1",
        "reference: queue and hosts of every frame are given; closed: both are carried, hosts are decided per frame",
        choices=("reference", "closed"),
    )
    y0: str = param(
        "reference",
        "1",
        "first queue of the closed protocol: given, or 0 as in the paper",
        choices=("reference", "zero"),
    )
    observation: str = param(
        "extended",
        "1",
        "what agents see: with queue, channel and twin; eqs. (20)-(24); or, ours, users also their place in their cell",
        choices=("extended", "paper", "cell"),
    )
    power_action: str = param(
        "linear",
        "1",
        "power of a user's action u: P_max u; P_max 10^(-3 (1 - u)); or 0 to 30 dB above the least, ours",
        choices=("linear", "log", "margin"),
    )
    host_action: str = param(
        "categorical",
        "1",
        "control centre's action: a host per user, or a real in [0, 1] per user that is cut into hosts",
        choices=("categorical", "real"),
    )
    reward: str = param(
        "objective",
        "1",
        "minus the objective; minus Xi of eq. (28); or to each agent what it adds to minus the objective, ours",
        choices=("objective", "xi", "difference"),
    )
    reward_scale: float = param(0.05, "1", "factor of the reward; ours", low=0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        for low in ("speed_min", "data_min", "cycles_min", "tau_min"):
            high = low.removesuffix("_min") + "_max"
            if high == "tau_max" and self.tau_max == 0.0:
                continue
            if getattr(self, low) > getattr(self, high):
                raise DtbenchError(
                    f"parameter '{low}' is {getattr(self, low):g}; expected at most '{high}' = {getattr(self, high):g}."
                )
        if self.energy_cap and self.deadlines[1] > self.slot:
            raise DtbenchError(
                f"tau reaches {self.deadlines[1]:g} s, beyond the slot of {self.slot:g} s; change 'tau_max' or 'slot', "
                "or switch 'energy_cap' off: a transmission that outlasts its slot would be priced for the slot only."
            )
        if self.migration_slots >= self.frame_slots > 1:
            raise DtbenchError(
                f"parameter 'mig_slots' is {self.mig_slots}; expected less than 'frame_slots' = {self.frame_slots}."
            )

    @property
    def horizon(self) -> int:
        """Q T, slots of the horizon."""
        return self.frame_slots * self.n_frames

    @property
    def migration_slots(self) -> int:
        """G, slots that a migration takes."""
        return max(1, round(0.03 * self.frame_slots)) if self.mig_slots < 0 else self.mig_slots

    @property
    def deadlines(self) -> tuple[float, float]:
        """Least and greatest tau_k [s]."""
        low, high = TAU[self.interference]
        high = self.tau_max or max(high, self.tau_min)
        return self.tau_min or min(low, high), high

    @property
    def closed(self) -> bool:
        """Whether queue and hosts are carried from slot to slot."""
        return self.protocol == "closed"


TINY = MecParams(n_users=5, n_bs=2, area=500.0, arrival=0.9, frame_slots=5, n_frames=2)
SMALL = MecParams(n_users=12, n_bs=3, area=700.0, arrival=0.8, frame_slots=20, n_frames=2)
LARGE = MecParams(n_users=90, n_bs=15, area=1732.0, frame_slots=100, n_frames=1)
CITY = MecParams(n_users=600, n_bs=100, area=4472.0, frame_slots=5, n_frames=1)
"""20 times the paper's users, base stations and area; five slots of a frame."""

CLOSED = {"protocol": "closed"}

SIZES: Mapping[str, MecParams] = {
    "tiny": TINY,
    "small": SMALL,
    "paper": MecParams(),
    "large": LARGE,
    "city": CITY,
    "closed-tiny": TINY.replace(CLOSED),
    "closed-small": SMALL.replace(CLOSED),
    "closed-paper": MecParams().replace(CLOSED),
}
"""The four sizes of the slot protocol, and closed loops of the first three. Training takes more frames (paper: 50)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MecInstance(Instance):
    """Frozen data: the network, its users, the trace of positions, requests and gains, and the reference states."""

    bs_xy: Array = array("bs", "xy", unit="m", doc="q_m, position of a base station")
    cycles: Array = array("user", unit="cycle/bit", doc="C_k", low=1e-9)
    speed_mean: Array = array("user", unit="m/s", doc="s_bar of a user", low=0.0)
    user_xy: Array = array("time", "user", "xy", unit="m", doc="u_k, position of a user", low=0.0)
    request: BoolArray = array("time", "user", unit="1", doc="a_k, whether the user asks to synchronise", kind="bool")
    data_bits: Array = array("time", "user", unit="bit", doc="D_k", low=1.0)
    deadline: Array = array("time", "user", unit="s", doc="tau_k", low=1e-9)
    gain: Array = array("time", "user", "bs", unit="1", doc="|h_km|^2, gain of user k to base station m", low=1e-30)
    y_ref: Array = array("frame", "user", unit="1", doc="reference queue of a frame", low=0.0)
    host_ref: IntArray = array("frame", "user", unit="1", doc="reference host of a frame", kind="int", low=0)
