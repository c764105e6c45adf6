"""The laws that instances are drawn from."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .instance import ToyInstance, ToyParams


def draw(params: ToyParams, rng: np.random.Generator, **header: Any) -> ToyInstance:
    """A network and its trace."""
    cpu = rng.uniform(5e9, 20e9, params.n_servers)
    return ToyInstance(problem="toy-problem", params=params, **header, cpu=cpu, **trace(params, rng, ()))


def fresh(instance: ToyInstance, rng: np.random.Generator, batch: tuple[int, ...]) -> ToyInstance:
    """Fresh traces (\\*batch) on the same network, for training."""
    return replace(instance, **trace(instance.params, rng, batch))


def trace(params: ToyParams, rng: np.random.Generator, batch: tuple[int, ...]) -> dict[str, Any]:
    """What changes from slot to slot, by the name of the field."""
    p = params
    return {
        "rate": rng.uniform(2e6, 20e6, (*batch, p.horizon, p.n_users, p.n_servers)),
        "load": rng.uniform(0.5e6, 2e6, (*batch, p.horizon, p.n_users)),
    }
