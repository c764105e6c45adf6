"""The system that both problems of Lu et al. (2021) share: base stations, moving users, channels, processors, data.

Users upload to their access base station (BS), the nearest one; wires join the base stations. Where the paper is silent
the value is ours; the documentation of a parameter says so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dtbench.arrays import Array, BoolArray, IntArray, rows
from dtbench.params import Params, param
from dtbench.physics.mobility import gauss_markov
from dtbench.physics.radio import log_distance_gain, shannon_rate

MIN_LINK = 10.0  # m, shorter radio links count as this long
TRIES = 200  # positions that one base station may refuse before the least distance shrinks


@dataclass(frozen=True, kw_only=True)
class EdgeParams(Params):
    """Scalar parameters of the shared system; the paper's values are in its Tab. II and Sec. VI."""

    n_users: int = param(100, "1", "N, users; paper 80 or 100", low=1, high=100_000)
    n_bs: int = param(10, "1", "M, base stations; paper 5 or 10", low=1, high=1000)
    horizon: int = param(25, "slot", "T, slots of the horizon; ours, the steps of Fig. 8", low=1, high=100_000)
    area: float = param(1500.0, "m", "side of the square; paper 1500", low=1.0)
    slot: float = param(10.0, "s", "length of a slot; ours", low=1e-3)
    v_max: float = param(20.0, "m/s", "greatest mean speed of a user; ours", low=0.0)
    v_memory: float = param(0.8, "1", "correlation of the velocity from slot to slot; ours", low=0.0, high=1.0)
    v_noise: float = param(3.0, "m/s", "standard deviation of the velocity about its mean; ours", low=0.0)
    bandwidth: float = param(20e6, "Hz", "W, band of a user's uplink; paper 20 MHz", low=1.0)
    bandwidth_mode: str = param(
        "user", "1", "W for every user (eq. 3 as printed), or W shared by the users of a BS", choices=("user", "shared")
    )
    tx_power: float = param(0.2, "W", "p, transmit power of a user; paper 0.2", low=1e-9)
    noise_psd: float = param(10.0**-20.4, "W/Hz", "N0, noise density; paper -174 dBm/Hz", low=1e-30)
    g0_db: float = param(-30.0, "dB", "gain at 1 m; ours")
    pl_exp: float = param(3.0, "1", "path loss exponent; ours", low=0.0)
    shadow_db: float = param(4.0, "dB", "standard deviation of shadowing, cut at two of them; ours", low=0.0)
    shadow_rho: float = param(0.8, "1", "correlation of shadowing from slot to slot; ours", low=0.0, high=1.0)
    cpu_min: float = param(8e9, "cycle/s", "least F_k; paper 8 GHz", low=1.0)
    cpu_max: float = param(24e9, "cycle/s", "greatest F_k; paper 24 GHz", low=1.0)
    cpu_spread: float = param(0.2, "1", "relative half-width of a slot's F_k about its mean; ours", low=0.0, high=0.99)
    wire: float = param(5e-11, "s/(bit m)", "phi, time per bit and metre of wire; ours: 500 m are 40 Mbit/s", low=0.0)
    cycles: float = param(30.0, "cycle/bit", "c, work per bit; missing in eqs. (6), (9), (11); ours", low=1e-9)
    data_min: float = param(5e6, "bit", "least mean of D_i; ours", low=1.0)
    data_max: float = param(25e6, "bit", "greatest mean of D_i; ours", low=1.0)
    data_spread: float = param(0.2, "1", "relative half-width of a slot's D_i about its mean; ours", low=0.0, high=0.99)
    update_min: float = param(0.05, "1", "least Delta D_i / D_i; ours", low=0.0)
    update_max: float = param(0.20, "1", "greatest Delta D_i / D_i; ours", low=0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_ranges()


@dataclass(frozen=True)
class Network:
    """What :func:`draw_network` draws; leading axes are the batch, T slots, N users, M base stations.

    ``bs_xy`` (..., M, 2) [m]; ``user_xy`` (..., T, N, 2) [m]; ``gain`` (..., T, N, M) [1]; ``access`` (..., T, N) in
    [0, M), j(i); ``rate`` (..., T, N) [bit/s], r_i to the access BS; ``cpu_mean`` (..., M) and ``cpu`` (..., T, M)
    [cycle/s], F_k; ``data_mean`` (..., N), ``data_bits`` and ``update_bits`` (..., T, N) [bit], D_i and Delta D_i.
    """

    bs_xy: Array
    user_xy: Array
    gain: Array
    access: IntArray
    rate: Array
    cpu_mean: Array
    cpu: Array
    data_mean: Array
    data_bits: Array
    update_bits: Array


def draw_network(
    params: EdgeParams,
    rng: np.random.Generator,
    batch: tuple[int, ...],
    *,
    bs_xy: Array | None = None,
    cpu_mean: Array | None = None,
    data_mean: Array | None = None,
) -> Network:
    """Draw networks (\\*batch) with their traces: steps 1 to 4 of the generator.

    Fresh traces of a given network: ``bs_xy``, ``cpu_mean`` and ``data_mean`` are then not drawn but taken as given.
    """
    p = params
    n, m, horizon = p.n_users, p.n_bs, p.horizon
    bs_xy = draw_positions(rng, batch, m, p.area) if bs_xy is None else np.broadcast_to(bs_xy, (*batch, m, 2))
    user_xy = gauss_markov(
        rng, batch, n, horizon, p.area, p.slot, speed=p.v_max, memory=p.v_memory, noise=p.v_noise
    )  # fmt: skip
    gap = distances(user_xy, bs_xy[..., None, :, :])
    shadow = draw_shadowing(p, rng, (*batch, horizon, n, m))
    gain = log_distance_gain(np.maximum(gap, MIN_LINK), -p.g0_db, p.pl_exp) * 10.0 ** (shadow / 10.0)
    access = gap.argmin(axis=-1)

    if cpu_mean is None:
        cpu_mean = rng.uniform(p.cpu_min, p.cpu_max, (*batch, m))
    swing = rng.uniform(1.0 - p.cpu_spread, 1.0 + p.cpu_spread, (*batch, horizon, m))
    if data_mean is None:
        data_mean = rng.uniform(p.data_min, p.data_max, (*batch, n))
    data_swing = rng.uniform(1.0 - p.data_spread, 1.0 + p.data_spread, (*batch, horizon, n))
    data_bits = data_mean[..., None, :] * data_swing
    return Network(
        bs_xy=bs_xy, user_xy=user_xy, gain=gain, access=access,
        rate=uplink_rate(p, gain, access),
        cpu_mean=np.broadcast_to(cpu_mean, (*batch, m)),
        cpu=np.clip(cpu_mean[..., None, :] * swing, p.cpu_min, p.cpu_max),
        data_mean=np.broadcast_to(data_mean, (*batch, n)), data_bits=data_bits,
        update_bits=data_bits * rng.uniform(p.update_min, p.update_max, data_bits.shape),
    )  # fmt: skip


def draw_positions(rng: np.random.Generator, batch: tuple[int, ...], n_bs: int, area: float) -> Array:
    """Base stations (\\*batch, M, 2) [m]: uniform, but none within ``0.5 area / sqrt(M)`` of an earlier one.

    After every :data:`TRIES` refusals in a layout its least distance shrinks by a tenth.
    """
    members = int(np.prod(batch))
    xy = np.empty((members, n_bs, 2))
    least = np.full(members, 0.5 * area / np.sqrt(n_bs))
    refused = np.zeros(members, dtype=np.int64)
    for k in range(n_bs):
        waiting = np.arange(members)
        while waiting.size:
            tried = rng.uniform(0.0, area, (waiting.size, 2))
            gap = np.sqrt(((xy[waiting, :k] - tried[:, None]) ** 2).sum(-1)).min(axis=-1, initial=np.inf)
            fits = gap >= least[waiting]
            xy[waiting[fits], k] = tried[fits]
            waiting = waiting[~fits]
            refused[waiting] += 1
            least[waiting] *= np.where(refused[waiting] % TRIES == 0, 0.9, 1.0)
    return xy.reshape(*batch, n_bs, 2)


def draw_shadowing(params: EdgeParams, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Shadowing (..., T, N, M) [dB]: an AR(1) process per link, stationary, cut at two standard deviations."""
    sigma, rho = params.shadow_db, params.shadow_rho
    value = rng.standard_normal(shape)
    value[..., 1:, :, :] *= np.sqrt(1.0 - rho**2)
    for t in range(1, shape[-3]):
        value[..., t, :, :] += rho * value[..., t - 1, :, :]
    return np.multiply(sigma, np.clip(value, -2.0, 2.0, out=value), out=value)


def uplink_rate(params: EdgeParams, gain: Array, access: IntArray) -> Array:
    """r_i (..., N) [bit/s] to the access BS, Eq. (3); its band divided among its users if that is asked for.

    ``gain`` (..., N, M) [1]; ``access`` (..., N) in [0, M). Users of one BS do not interfere.
    """
    here = access[..., None] == np.arange(gain.shape[-1])
    band: float | Array = params.bandwidth
    if params.bandwidth_mode == "shared":
        band = params.bandwidth / np.take_along_axis(here.sum(axis=-2), access, axis=-1)
    signal = np.take_along_axis(gain, access[..., None], axis=-1)[..., 0]
    return np.asarray(shannon_rate(band, params.tx_power, signal, params.noise_psd))


def distances(from_xy: Array, to_xy: Array) -> Array:
    """Distances [m] (..., I, J) between points (..., I, 2) and points (..., J, 2)."""
    east = from_xy[..., :, None, 0] - to_xy[..., None, :, 0]
    north = from_xy[..., :, None, 1] - to_xy[..., None, :, 1]
    east *= east
    north *= north
    east += north
    return np.sqrt(east, out=east)  # in place, and three times as quick as a sum over a last axis of two


def access_distance(bs_xy: Array, access: IntArray) -> Array:
    """d(j(i), k) [m] (..., N, M): wire from the access BS ``access`` (..., N) of user i to base station k."""
    return np.asarray(rows(distances(bs_xy, bs_xy), access))


def one_hot(index: IntArray, size: int) -> BoolArray:
    """(..., N, size): whether entry i of ``index`` (..., N) is k; all False where it is out of range."""
    return np.asarray(index[..., None] == np.arange(size))


def flat_index(index: IntArray, size: int) -> IntArray:
    """Entries of ``index`` (..., N) in [0, size) as one row, each member's moved to ``size`` numbers of its own.

    ``np.bincount`` of it sums over the entries of every member at once.
    """
    members = index.reshape(-1, index.shape[-1])
    if len(members) > 1:
        members = members + size * np.arange(len(members))[:, None]
    return members.ravel()


def counts(index: IntArray, size: int) -> IntArray:
    """(..., size): how many entries of ``index`` (..., N) in [0, size) are k."""
    shape = (*index.shape[:-1], size)
    return np.bincount(flat_index(index, size), minlength=math.prod(shape)).reshape(shape)
