"""A feasible placement near any decision of ``stin-deployment``."""

from __future__ import annotations

import numpy as np

from dtbench.problems.stin_deployment.model import StinDecision, StinSlot


def repair(slot: StinSlot, decision: StinDecision) -> StinDecision:
    """Entries out of range go to the own device; so do users beyond N_j on a device, counted in increasing index."""
    cloud = slot.n_nodes - 1
    node = np.where((decision.node < 0) | (decision.node > cloud), 0, decision.node)
    here = node[..., None] == np.arange(1, cloud)
    late = here & (np.cumsum(here, axis=-2) > slot.cap_end[..., None, :])
    return StinDecision(node=np.where(late.any(axis=-1), 0, node))
