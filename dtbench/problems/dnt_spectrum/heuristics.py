"""Rules for ``dnt-spectrum``: functions of a slot, for any leading axes; all give feasible decisions.

None of them knows that an upload also helps later slots; ``exact_kappa`` guesses it by one factor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from dtbench.arrays import BoolArray
from dtbench.problems.dnt_spectrum.allocation import DIGITS, allocate, strongest
from dtbench.problems.dnt_spectrum.board import Board
from dtbench.problems.dnt_spectrum.model import DntDecision, DntSlot

THRESHOLD = 1.5  # of the weighted error of a block, in units of epsilon B: what an RB is worth
PERIOD = 5  # slots between uploads
KAPPA = 1.5  # factor on errors: what an upload is worth beyond its slot


def due(slot: DntSlot, threshold: float = THRESHOLD) -> BoolArray:
    """Whether the weighted error of a block (..., M) is above ``threshold`` epsilon B."""
    p = slot.params
    return np.asarray(p.error_weight * slot.block_error > threshold * p.rate_weight * p.bandwidth)


def greedy(slot: DntSlot) -> DntDecision:
    """Selfish: uploads that are due on the RB in least use, then users by decreasing gain on their own best RB.

    Users go to the strongest base station that covers them; nobody looks at the harm done to others.
    """
    board, flags = Board(slot), due(slot).reshape(-1, slot.n_bs)
    for m in range(slot.n_bs):
        station = np.full(board.size, m)
        allowed = board.allowed(station, upload=True)
        use = np.where(allowed, board.active.sum(axis=1), slot.n_bs + 1)
        board.put_upload(flags[:, m] & allowed.any(axis=-1), station, use.argmin(axis=-1))
    covered: BoolArray = np.asarray(board.cover.any(axis=-1))
    reach = np.where(board.cover, board.gain, -1.0)
    nearest, best = reach.argmax(axis=-1), reach.max(axis=-1)
    order = np.argsort(-best, axis=-1, kind="stable")
    for step in range(slot.n_users):
        user = order[:, step]
        station = nearest[board.rows, user]
        allowed = board.allowed(station, upload=False)
        rates = np.where(allowed, board.user_rate(user, station).round(DIGITS), -1.0)
        board.put_user(covered[board.rows, user] & allowed.any(axis=-1), user, station, rates.argmax(axis=-1))
    return board.decision()


def hungarian(slot: DntSlot, flags: BoolArray) -> DntDecision:
    """Nearest base station and Algorithm 1, with upload flags (..., M)."""
    return allocate(slot, strongest(slot, slot.cover), flags)


def hungarian_always(slot: DntSlot) -> DntDecision:
    """Everybody uploads in every slot."""
    return hungarian(slot, np.ones(slot.n_bs, dtype=bool))


def hungarian_never(slot: DntSlot) -> DntDecision:
    """Nobody ever uploads."""
    return hungarian(slot, np.zeros(slot.n_bs, dtype=bool))


def hungarian_round_robin(slot: DntSlot) -> DntDecision:
    """Base station t mod M uploads."""
    return hungarian(slot, np.asarray(slot.elapsed)[..., None] % slot.n_bs == np.arange(slot.n_bs))


def hungarian_every_5(slot: DntSlot) -> DntDecision:
    """Everybody uploads in every fifth slot, the first included."""
    clock = np.asarray(slot.elapsed)[..., None] % PERIOD
    return hungarian(slot, clock + np.zeros(slot.n_bs, dtype=np.int64) == 0)


def hungarian_threshold(slot: DntSlot) -> DntDecision:
    """Who is due uploads."""
    return hungarian(slot, due(slot))


UPLOADS: Mapping[str, Callable[[DntSlot], DntDecision]] = {
    "always": hungarian_always,
    "never": hungarian_never,
    "round-robin": hungarian_round_robin,
    "every-5": hungarian_every_5,
    "threshold": hungarian_threshold,
}
"""``hungarian`` with each of its rules of who uploads."""


def exact_kappa(slot: DntSlot, kappa: float = KAPPA) -> DntDecision:
    """The optimum of the slot as if errors were ``kappa`` times what they are; members of a batch one by one."""
    from dtbench.problems.dnt_spectrum.exact import planned

    return planned(slot, kappa)
