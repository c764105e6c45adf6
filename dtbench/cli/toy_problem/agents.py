"""Who acts, what they see, what they are paid; and the vector that searches work on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array
from dtbench.core import Outcome
from dtbench.encoding import Categorical, Encoding, Group, Observation

from .instance import ToyInstance
from .model import ToyDecision, ToySlot
from .repair import repair


def encodings(instance: ToyInstance) -> Mapping[str, Encoding]:
    """`agents`: each user chooses its server. `search`: the same vector."""
    p = instance.params

    def decode(slot: ToySlot, x: npt.NDArray[Any]) -> ToyDecision:
        return repair(slot, ToyDecision(server=np.asarray(x, dtype=np.int64)))

    def encode(slot: ToySlot, decision: ToyDecision) -> npt.NDArray[Any]:
        return decision.server

    users = Group("user", p.n_users, Categorical((p.n_servers,)), observation=p.n_servers)
    encoding = Encoding((users,), decode, encode)
    return {"agents": encoding, "search": encoding}


def observe(slot: ToySlot) -> Observation:
    """A user sees its own delay at each server, in tenths of a second; the global state is all of them in a row."""
    slot = slot[...]
    seen = (slot.delay / 0.1).astype(np.float32)
    masks = {"user": np.ones(seen.shape, dtype=bool)}
    return Observation(agents={"user": seen}, masks=masks, state=seen.reshape(*slot.batch_shape, -1))


def reward(slot: ToySlot, outcome: Outcome) -> Array:
    """The team's reward (...,): less delay is more."""
    return -outcome.objective
