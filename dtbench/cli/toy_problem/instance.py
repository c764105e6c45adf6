"""Parameters, sizes and data of an instance. Every number has a unit and a meaning; files are checked against them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dtbench.arrays import Array, array
from dtbench.core import Instance
from dtbench.errors import DtbenchError
from dtbench.params import Params, param


@dataclass(frozen=True, kw_only=True)
class ToyParams(Params):
    """Scalars, with default, unit, meaning and range: `--set n_users=30`."""

    n_users: int = param(20, "1", "U, users", low=1, high=10_000)
    n_servers: int = param(4, "1", "S, edge servers", low=1, high=1000)
    horizon: int = param(20, "slot", "T, slots", low=1, high=100_000)
    capacity: int = param(5, "user", "users that one server takes", low=1)
    cycles: float = param(500.0, "cycle/bit", "work per bit of a user's data", low=0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.capacity * self.n_servers < self.n_users:
            raise DtbenchError(
                f"parameter 'capacity' is {self.capacity}: {self.n_servers} servers take "
                f"{self.capacity * self.n_servers} users of {self.n_users}; set at least one of the three otherwise."
            )


SIZES: Mapping[str, ToyParams] = {
    "tiny": ToyParams(n_users=4, n_servers=2, horizon=6, capacity=2),
    "small": ToyParams(n_users=8, n_servers=3, horizon=10, capacity=3),
    "paper": ToyParams(),
    "large": ToyParams(n_users=60, n_servers=8, capacity=8),
}


@dataclass(frozen=True, kw_only=True, eq=False)
class ToyInstance(Instance):
    """Frozen data. What has a `time` axis changes from slot to slot; the slot (model.py) picks its part by name."""

    cpu: Array = array("server", unit="cycle/s", doc="processor that a server gives to each user", low=1.0)
    rate: Array = array("time", "user", "server", unit="bit/s", doc="rate from a user to a server", low=1.0)
    load: Array = array("time", "user", unit="bit", doc="data that a user sends", low=0.0)
