"""Rules: functions of a slot, for any leading axes. `problem.py` lists each by the name of its solver."""

from __future__ import annotations

import numpy as np

from .model import ToyDecision, ToySlot
from .repair import fill


def greedy(slot: ToySlot) -> ToyDecision:
    """Users in order: each takes what is fastest for itself, of the servers with room."""
    nobody = np.zeros((*slot.batch_shape, slot.params.n_users), dtype=np.int64)
    return fill(slot, nobody, kept=np.zeros(nobody.shape, dtype=bool))
