"""One server for all: a slot's bound that holds whatever the hosts are.

With hosts free, M servers serve no more than one of M F_max, wires cost no time, and nobody migrates. The pooled slot
is a slot with one server; its exact bound is one for every placement.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.model import MecSlot


def pooled(slot: MecSlot) -> Candidates:
    """The candidates of a slot (...,), all those who request, on one server."""
    still = replace(slot, moving=np.zeros_like(slot.moving))
    candidates = Candidates.of(still, slot.host)
    p = slot.params
    return replace(
        candidates,
        params=p.replace({"f_max": p.f_max * slot.n_bs}),
        n_bs=1,
        remote=np.zeros_like(candidates.remote),
        server=np.zeros_like(candidates.server),
        link=np.zeros_like(candidates.link),
    )
