"""Agents of ``edge-placement`` with hybrid actions: each base station says whether it opens, and scores users.

Not in Lu et al. (2021), whose base stations give a logit and all scores at once and see the whole state each. Opening
is a choice of two here, so that it is explored whatever the noise of the scores; and what is seen is made of the same
quantities for every base station and every pair, so that one small network can serve them all.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.encoding import Box, Categorical, Encoding, Group, Observation
from dtbench.problems.edge_association.placement.agents import by_score, carried, observe, state_bounds
from dtbench.problems.edge_association.placement.model import PlacementDecision, PlacementSlot
from dtbench.problems.edge_association.system import one_hot

OF_STATION, OF_PAIR = 9, 10  # quantities that an opener sees, and those of each user that a scorer sees
FARTHEST = 5.0  # quantities are cut here


def encoding(n_users: int, n_bs: int) -> Encoding:
    """Groups ``open`` (M choices of two) and ``score`` (M, a score in [-1, 1] per user)."""
    openers = Group("open", n_bs, Categorical((2,)), OF_STATION)
    scorers = Group("score", n_bs, Box(n_users), OF_PAIR * n_users)
    seen = {"open": ((OF_STATION, -FARTHEST, FARTHEST),), "score": ((OF_PAIR * n_users, -FARTHEST, FARTHEST),)}
    return Encoding((openers, scorers), decode, observe=see, bounds=seen | {"state": state_bounds(n_users, n_bs)})


def decode(slot: PlacementSlot, x: npt.NDArray[Any]) -> PlacementDecision:
    """From choices and scores (..., M (1 + N)) to a repaired placement; if nobody opens, the fastest server does.

    Scores are always added to the negative transport cost, whatever ``residual`` says.
    """
    x = np.asarray(x, dtype=np.float64)
    wanted = x[..., : slot.n_bs] > 0.0
    fastest = one_hot(slot.cpu.argmax(axis=-1), slot.n_bs)
    opened = np.where(wanted.any(axis=-1, keepdims=True), wanted, fastest)
    scores = np.swapaxes(x[..., slot.n_bs :].reshape(*x.shape[:-1], slot.n_bs, slot.n_users), -1, -2)
    return by_score(slot, opened, scores - carried(slot))


def see(slot: PlacementSlot) -> Observation:
    """What openers (..., M, 9) and scorers (..., M, 10 N) see, cut at 5; the global state is the problem's.

    Of a base station: F_k / 24e9; F_k over the mean F; N_k / N; whether it was open; means over users of B_i q_ik and
    of what it is above the least of that user; the share of users with the least at k, what these would lose with the
    next best, per user; all work c sum B_i over the sum of F, in s. B_i q_ik is told over its mean in all of these.

    Of a pair: B_i q_ik; what it is above the least of user i; g_ik / F_k, the share that the deadline needs;
    D_i / 25e6; B_i / 25e6; sqrt(w_i) over its mean; F_k / 24e9; F_k over the mean F; whether twin i was on k; whether
    k was open.
    """
    slot = slot[...]
    lead, users, stations = slot.batch_shape, slot.n_users, slot.n_bs
    shape = (*lead, users, stations)
    carry, cpu = carried(slot), slot.cpu / 24e9
    relative = slot.cpu / slot.cpu.mean(axis=-1, keepdims=True)
    least = np.sort(carry, axis=-1)[..., : min(2, stations)]
    here = one_hot(carry.argmin(axis=-1), stations)
    loss = np.where(here, (least[..., -1] - least[..., 0])[..., None], 0.0)
    work = slot.params.cycles * slot.effective_bits.sum(axis=-1) / slot.cpu.sum(axis=-1)
    above = carry - least[..., :1]
    of_station = [
        cpu, relative, slot.cap / users, slot.prev_open, carry.mean(axis=-2), above.mean(axis=-2), here.mean(axis=-2),
        loss.mean(axis=-2), np.broadcast_to(work[..., None], cpu.shape),
    ]  # fmt: skip
    root = slot.root / slot.root.mean(axis=-1, keepdims=True)
    of_pair = [
        carry, above, slot.floor / slot.cpu[..., None, :], slot.data_bits[..., None] / 25e6,
        slot.effective_bits[..., None] / 25e6, root[..., None], cpu[..., None, :], relative[..., None, :],
        one_hot(slot.prev_assoc, stations), slot.prev_open[..., None, :],
    ]  # fmt: skip
    pairs = np.stack([np.broadcast_to(part, shape) for part in of_pair], axis=-1)  # (..., N, M, 10)
    agents = {
        "open": np.stack(np.broadcast_arrays(*of_station), axis=-1),
        "score": np.swapaxes(pairs, -3, -2).reshape(*lead, stations, -1),
    }
    return Observation(
        agents={name: np.clip(value, -FARTHEST, FARTHEST).astype(np.float32) for name, value in agents.items()},
        masks={"open": np.ones((*lead, stations, 2), dtype=bool)},
        state=observe(slot).state,
    )
