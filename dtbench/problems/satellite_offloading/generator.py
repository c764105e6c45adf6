"""Generator of ``satellite-offloading``: channel gains, data sets, and limits that the reference round meets.

Gains and trace have random generators of their own, so that agents can be trained on one network and many traces.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbench.arrays import Array
from dtbench.problems.satellite_offloading.allocation import min_delay
from dtbench.problems.satellite_offloading.instance import OffloadingInstance, OffloadingParams
from dtbench.problems.satellite_offloading.model import OffloadingSlot, evaluate

ROOM = 1.02  # limits are at least this times what the reference round of any slot needs


def draw(params: OffloadingParams, seed: int, size: str) -> OffloadingInstance:
    """The instance of a seed."""
    p = params
    geometry = np.random.default_rng([seed if p.geometry_seed < 0 else p.geometry_seed, 0])
    trace = np.random.default_rng([seed, 1])
    return assemble(p, draw_gain(p, geometry, ()), draw_data(p, trace, ()), size=size, seed=seed)


def fresh(instance: OffloadingInstance, rng: np.random.Generator, batch: tuple[int, ...]) -> OffloadingInstance:
    """Fresh traces (\\*batch) of the same network (of other networks with ``fresh_geometry``), with their limits."""
    p = instance.params
    gain = draw_gain(p, rng, batch) if p.fresh_geometry else instance.gain
    return assemble(p, gain, draw_data(p, rng, batch), size=instance.size, seed=-1)


def draw_gain(params: OffloadingParams, rng: np.random.Generator, batch: tuple[int, ...]) -> Array:
    """h_i (\\*batch, N): log-normal shadowing cut at two standard deviations."""
    shadow = rng.normal(0.0, params.shadow_db, (*batch, params.n_uav))
    limit = 2.0 * params.shadow_db
    return np.asarray(10.0 ** ((params.gain_db + np.clip(shadow, -limit, limit)) / 10.0))


def draw_data(params: OffloadingParams, rng: np.random.Generator, batch: tuple[int, ...]) -> Array:
    """D_i (\\*batch, T, N) [bit]: uniform, anew in every slot."""
    return rng.uniform(params.data_min, params.data_max, (*batch, params.horizon, params.n_uav))


def assemble(params: OffloadingParams, gain: Array, data_bits: Array, **header: Any) -> OffloadingInstance:
    """The instance of gains (..., N) and a trace (..., T, N)."""
    f_sat = params.f_sat * np.array(params.speeds)
    deadline, energy = limits(params, gain, data_bits, f_sat)
    return OffloadingInstance(
        problem="satellite-offloading", params=params, **header,
        gain=gain, f_sat=f_sat, deadline=deadline, energy_limit=energy, data_bits=data_bits,
    )  # fmt: skip


def limits(params: OffloadingParams, gain: Array, data_bits: Array, f_sat: Array) -> tuple[Array, Array]:
    """T_th [s] and E_th [J] (...,).

    ``kappa_th`` times what the reference round with D_max at every UAV needs, and at least :data:`ROOM` times what the
    reference round of any slot needs: every slot has a feasible decision. Given limits are taken as they are.
    """
    p = params
    most = np.full(data_bits[..., :1, :].shape, p.data_max)
    rounds = OffloadingSlot(
        params=p, gain=gain[..., None, :], f_sat=f_sat, deadline=np.array(np.inf), energy_limit=np.array(np.inf),
        data_bits=np.concatenate([most, data_bits], axis=-2),
    )  # fmt: skip
    needed = evaluate(rounds, min_delay(rounds)).metrics
    values = []
    for name, given in (("t_total", p.t_max_allowed), ("e_uav", p.e_max_allowed)):
        derived = np.maximum(p.kappa_th * needed[name][..., 0], ROOM * needed[name][..., 1:].max(axis=-1))
        values.append(np.full(derived.shape, given) if given > 0.0 else np.asarray(derived))
    return values[0], values[1]
