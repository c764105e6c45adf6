"""Parameters, sizes and data of ``satellite-offloading`` (Li and Han 2025, Sec. 2 and 4.1).

Where the paper is silent the value is ours; the documentation of a parameter says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dtbench.arrays import Array, array
from dtbench.core import Instance
from dtbench.errors import DtbenchError
from dtbench.params import Params, param


@dataclass(frozen=True, kw_only=True)
class OffloadingParams(Params):
    """Scalar parameters; the paper's values are in its Sec. 4.1. 1 MB = 8e6 bit."""

    n_uav: int = param(11, "1", "N, UAVs; paper 6..11", low=1, high=10_000)
    n_sat: int = param(3, "1", "M, satellites; paper 3", low=1, high=1000)
    n_channel: int = param(32, "1", "xi_total, uplink channels; paper 32", low=1, high=1_000_000)
    horizon: int = param(20, "slot", "T, slots of the horizon; ours", low=1, high=100_000)
    geometry_seed: int = param(-1, "1", "seed of the channel gains; -1 = the instance's seed", low=-1)
    fresh_geometry: bool = param(False, "1", "training traces have channel gains of their own")
    data_min: float = param(8e8, "bit", "least D_i; paper 100 MB", low=1.0)
    data_max: float = param(8e9, "bit", "greatest D_i; paper 1000 MB", low=1.0)
    bandwidth: float = param(2e6, "Hz", "B_up, band of one channel; paper 2 MHz", low=1.0)
    p_tx: float = param(1.0, "W", "P_u, transmit power of a UAV; paper 1", low=1e-9)
    noise: float = param(2e6 * 10.0**-20.4, "W", "N0, noise power: -174 dBm/Hz over 2 MHz; ours", low=1e-30)
    gain_db: float = param(-126.0, "dB", "mean gain: free space of 600 km at 2 GHz, and antennas; ours")
    shadow_db: float = param(3.0, "dB", "standard deviation of shadowing, cut at two of them; ours", low=0.0)
    cycles_per_bit: float = param(12.5, "cycle/bit", "C_j; paper 1e2 per data sample, read as a byte", low=1e-9)
    f_sat: float = param(4e9, "cycle/s", "f_j, processor of a satellite; paper 4 GHz", low=1.0)
    f_rel: str = param("", "1", "factors of f_sat of each satellite, separated by commas; empty = all 1; ours")
    kappa_cpu: float = param(1e-25, "W s^3", "alpha_j, effective capacitance; paper 1e-25", low=0.0)
    p_hover: float = param(100.0, "W", "P_hover, hover power of a UAV; paper 100", low=1e-9)
    r_inter: float = param(1e9, "bit/s", "r_inter, laser link between satellites; paper 1 Gbit/s", low=1.0)
    model_bits: float = param(3.2e9, "bit", "omega, size of a model; ours: 1e8 float32 parameters", low=0.0)
    r_down: float = param(100e6, "bit/s", "r_down, downlink; ours", low=1.0)
    block_bits: float = param(1.2e8, "bit", "D_B, size of a block; paper 15 MB", low=0.0)
    n_producer: int = param(0, "1", "M_g, block producers; 0 = all satellites (ours)", low=0, high=1000)
    block_cycles_per_bit: float = param(10.0, "cycle/bit", "f_block, work of checking a block; ours", low=0.0)
    eps: float = param(1e-9, "1", "epsilon in (7); ours", low=0.0, high=1e-6)
    mu: float = param(0.5, "1", "mu, weight of energy; paper sweeps it up to 0.99", low=0.0, high=1.0)
    t_norm: float = param(1200.0, "s", "T_max, delay that counts as 1; ours", low=1e-9)
    e_norm: float = param(900e3, "J", "E_max, energy that counts as 1; ours", low=1e-9)
    kappa_th: float = param(1.2, "1", "limits relative to the reference round with D_max everywhere; ours", low=0.0)
    t_max_allowed: float = param(0.0, "s", "T_th; 0 = derived from kappa_th", low=0.0)
    e_max_allowed: float = param(0.0, "J", "E_th; 0 = derived from kappa_th", low=0.0)
    train_delay: str = param(
        "sum", "1", "training delay of a satellite: sum of its twins' (eq. 7), or their maximum",
        choices=("sum", "max"),
    )  # fmt: skip
    energy_model: str = param(
        "per_dt", "1", "eq. (14): its last form, or P_j T_j with the pooled time (15)", choices=("per_dt", "pooled")
    )
    obs: str = param(
        "full", "1", "observation: data, rates and limits; only the data (eq. 18); or all, with UAVs by falling data",
        choices=("full", "paper", "ordered"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.n_channel < self.n_uav:
            raise DtbenchError(
                f"parameter 'n_channel' is {self.n_channel}, below 'n_uav' = {self.n_uav}; every UAV needs a channel."
            )
        if self.data_min > self.data_max:
            raise DtbenchError(
                f"parameter 'data_min' is {self.data_min:g}, above 'data_max' = {self.data_max:g}; "
                "set both so that the range is not empty."
            )
        _ = self.speeds

    @property
    def speeds(self) -> tuple[float, ...]:
        """Factors of ``f_sat``, one per satellite.

        Raises
        ------
        DtbenchError
            If ``f_rel`` is not as many positive numbers as there are satellites.
        """
        if not self.f_rel:
            return (1.0,) * self.n_sat
        try:
            factors = tuple(float(text) for text in self.f_rel.split(","))
        except ValueError:
            factors = ()
        if len(factors) != self.n_sat or not all(0.0 < f < float("inf") for f in factors):
            raise DtbenchError(
                f"parameter 'f_rel' is '{self.f_rel}'; expected {self.n_sat} positive numbers separated by commas."
            )
        return factors


SIZES: Mapping[str, OffloadingParams] = {
    "tiny": OffloadingParams(n_uav=4, n_sat=2, n_channel=8, kappa_th=0.6),
    "small": OffloadingParams(n_uav=7, n_sat=3, n_channel=20, kappa_th=0.7),
    "paper": OffloadingParams(),
    "large": OffloadingParams(n_uav=32, n_sat=8, n_channel=96, horizon=10),
    "city": OffloadingParams(n_uav=320, n_sat=80, n_channel=960, horizon=5),  # ten times `large`, four UAVs a satellite
}


@dataclass(frozen=True, kw_only=True, eq=False)
class OffloadingInstance(Instance):
    """Frozen data: channel gains, processors, the limits of a round, and the trace of data sets."""

    gain: Array = array("uav", unit="1", doc="h_i, gain of a UAV's channels", low=1e-30)
    f_sat: Array = array("sat", unit="cycle/s", doc="f_j, processor of a satellite", low=1.0)
    deadline: Array = array(unit="s", doc="T_th, limit of the total delay (C6)", low=0.0)
    energy_limit: Array = array(unit="J", doc="E_th, limit of the UAVs' energy (C7)", low=0.0)
    data_bits: Array = array("time", "uav", unit="bit", doc="D_i, data set of a UAV", low=1.0)
