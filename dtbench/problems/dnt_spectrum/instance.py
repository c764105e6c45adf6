"""Parameters, sizes and data of ``dnt-spectrum`` (Yu et al. 2025).

The paper's units are normalised (B = 1); they are read as Hz, W, m, s and bit. Where the paper gives no value, ours is
called so in the documentation of the parameter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dtbench.arrays import Array, BoolArray, array
from dtbench.core import Instance
from dtbench.params import Params, param


@dataclass(frozen=True, kw_only=True)
class DntParams(Params):
    """The network, its links, the walk of the users, the twin, and what agents see and earn."""

    n_bs: int = param(3, "1", "M, base stations on a line", low=1, high=1000)
    n_users: int = param(12, "1", "U, users; the paper has 10 and 12", low=1)
    n_rb: int = param(12, "1", "N, resource blocks, which all base stations share; the paper has 9 and 12", low=1)
    horizon: int = param(30, "1", "T, slots", low=1)
    world: int = param(-1, "1", "what stays between episodes: moves and fading; -1 = the seed modulo 5", low=-1)
    walk: int = param(-1, "1", "start and moves in it; -1 = seed // 5, or the seed where a world is named", low=-1)
    spacing: float = param(100.0, "m", "distance between neighbouring base stations", low=1.0)
    half_height: float = param(50.0, "m", "half the area's height; its length is M spacing", low=0.0)
    radius: float = param(60.0, "m", "coverage of a base station", low=0.0)
    confine: bool = param(True, "1", "whether users stay where they are covered; ours")
    cloud_x: float = param(0.0, "m", "position of the cloud server along the line of base stations")
    cloud_y: float = param(50.0, "m", "position of the cloud server across the line")
    bandwidth: float = param(1.0, "Hz", "B, of a resource block", low=1e-12)
    tx_power: float = param(1.0, "W", "P, of a base station on a resource block", low=0.0)
    noise_psd: float = param(1e-5, "W/Hz", "N0", low=1e-300)
    path_loss_exp: float = param(2.0, "1", "exponent of the Euclidean distance; the paper's printed d gives 1", low=0.0)
    min_distance: float = param(1.0, "m", "least distance in a gain; ours", low=1e-9)
    fading: str = param(
        "user",
        "1",
        "law of o_u: one value per user and world, fresh in every slot, or 1; the paper names Rayleigh only",
        choices=("user", "slot", "none"),
    )
    min_fading: float = param(0.1, "1", "least power gain o_u; ours, so that nobody is out of reach", low=0.0)
    step: float = param(1.0, "m", "Delta l, length of a move; ours, it fits the errors of the paper's Fig. 2", low=0.0)
    sync_bits: float = param(0.8, "bit", "D_m, size of an upload; ours", low=0.0)
    delay_limit: float = param(1.0, "s", "alpha, greatest delay of an upload; ours", low=0.0)
    rate_weight: float = param(0.25, "1", "epsilon, weight of the sum rate against the twin's error", low=0.0, high=1.0)
    history: int = param(5, "slot", "K, twin statuses that the predictor sees", low=1)
    predictor: str = param(
        "hold",
        "1",
        "the twin's prediction: its last status, that plus the mean move, or a trained network",
        choices=("hold", "drift", "gru", "gru_printed"),
    )
    interference: str = param(
        "physical", "1", "(3) and (5) as meant (gain to the victim) or as printed", choices=("physical", "printed")
    )
    error_scope: str = param(
        "user", "1", "twin error counted once per user, or once per block of a base station", choices=("user", "block")
    )
    serve_all: bool = param(False, "1", "whether every covered user must have a resource block, condition of (16)")
    obs: str = param("extended", "1", "what a base station sees", choices=("extended", "paper", "twin"))
    reward: str = param(
        "paper", "1", "(16) with its penalty of double claims, or the objective", choices=("paper", "objective")
    )
    penalty: float = param(-1.0, "1", "rho < 0, reward of a user's claim that is not the only one; ours", high=0.0)
    force_single: bool = param(True, "1", "whether a base station must claim users whom nobody else covers; ours")
    allocator: str = param(
        "hungarian",
        "1",
        "resource blocks of an action: the paper's Algorithm 1, or optimal",
        choices=("hungarian", "exact"),
    )
    passes: int = param(1, "1", "rounds of Algorithm 1; from the second on every base station sees all others", low=1)

    @cached_property
    def bs_xy(self) -> Array:
        """Positions (M, 2) of the base stations [m]: on a line, centred at the origin."""
        x = self.spacing * (np.arange(self.n_bs) - (self.n_bs - 1) / 2.0)
        xy = np.stack([x, np.zeros(self.n_bs)], axis=-1)
        xy.setflags(write=False)
        return xy

    @property
    def cloud_xy(self) -> Array:
        """Position (2,) of the cloud server [m]."""
        return np.array([self.cloud_x, self.cloud_y])

    @property
    def half_length(self) -> float:
        """Half the area's length [m]."""
        return self.spacing * self.n_bs / 2.0

    @property
    def error_weight(self) -> float:
        """(1 - epsilon) / U, weight of a squared error in (8) [1/m^2]."""
        return (1.0 - self.rate_weight) / self.n_users


SIZES: Mapping[str, DntParams] = {
    "tiny": DntParams(n_users=5, n_rb=3, horizon=8),
    "small": DntParams(n_users=8, n_rb=6, horizon=20),
    "paper": DntParams(),  # Figs. 5 and 6
    "paper9": DntParams(n_rb=9),  # Fig. 4
    "large": DntParams(n_bs=7, n_users=60, n_rb=18),
    # 17 times the paper's users and base stations on a longer line: density, load and ranges are as there. What reaches
    # the cloud from the line's ends is slow: with the paper's delay limit only seven base stations could ever upload.
    "city": DntParams(n_bs=50, n_users=200, horizon=10, delay_limit=40.0),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class DntInstance(Instance):
    """Frozen data: the world (moves, fading), K warm-up positions and the trace of positions, gains and coverage."""

    p_move: Array = array(
        "user", "move", unit="1", doc="p_u, chances to stay, go up, down, left, right", low=0.0, high=1.0
    )
    drift: Array = array("user", "xy", unit="m", doc="mean move of a user")
    gain_cloud: Array = array(
        "station", unit="1", doc="h_m(l_C), gain from a base station to the cloud server", low=0.0
    )
    warm: Array = array("lag", "user", "xy", unit="m", doc="positions in the K slots before the first, all uploaded")
    fading: Array = array("time", "user", unit="1", doc="o_u, power gain of fading", low=0.0)
    position: Array = array("time", "user", "xy", unit="m", doc="l_u, position of a user")
    gain: Array = array(
        "time", "user", "station", unit="1", doc="h_m(l_u), gain from a base station to a user", low=0.0
    )
    cover: BoolArray = array(
        "time", "user", "station", unit="1", doc="whether a base station covers a user", kind="bool"
    )
