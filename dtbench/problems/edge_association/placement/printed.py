"""Agents of ``edge-placement`` that observe what Lu et al. (2021) print in Eq. (22), and nothing else.

Actions are those of the encoding ``agents``. That one tells processors, room, deadlines and effective data besides,
which decide what a placement costs.
"""

from __future__ import annotations

import math

import numpy as np

from dtbench.encoding import Box, Encoding, Group, Observation
from dtbench.problems.edge_association.placement.agents import decode
from dtbench.problems.edge_association.placement.model import PlacementSlot
from dtbench.problems.edge_association.system import distances, one_hot


def encoding(n_users: int, n_bs: int) -> Encoding:
    """The group ``bs``: the logit of opening and a score per user."""
    pairs = n_users * n_bs
    length = 3 * pairs + n_users + n_bs
    seen = ((2 * pairs, 0.0, math.inf), (n_users, 0.0, math.inf), (n_bs + pairs, 0.0, 1.0))
    return Encoding(
        (Group("bs", n_bs, Box(1 + n_users), length),), decode, observe=see, bounds={"bs": seen, "state": seen}
    )


def see(slot: PlacementSlot) -> Observation:
    """What every base station sees, the same for all (..., M, 3NM + N + M), which is the global state too, Eq. (22).

    d_ij / (area sqrt 2); the rate of a hertz, log2(1 + p h_ij / (W N0)) / 16; D_i / 25e6; previous open servers pl^0;
    previous association l^0 one-hot, both zeros before the first slot.
    """
    slot, p = slot[...], slot.params
    lead = slot.batch_shape
    snr = p.tx_power * slot.gain / (p.bandwidth * p.noise_psd)
    parts = [
        distances(slot.user_xy, slot.bs_xy) / (p.area * math.sqrt(2.0)),
        np.log2(1.0 + snr) / 16.0,
        slot.data_bits / 25e6,
        slot.prev_open,
        one_hot(slot.prev_assoc, slot.n_bs),
    ]
    state = np.concatenate([part.reshape(*lead, -1) for part in parts], axis=-1).astype(np.float32)
    seen = np.broadcast_to(state[..., None, :], (*lead, slot.n_bs, state.shape[-1]))
    return Observation(agents={"bs": seen}, masks={}, state=state)
