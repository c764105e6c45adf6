"""Algorithm 1 of Yu et al. (2025): base stations choose RBs in turn, for the users and uploads that they were given."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dtbench.arrays import Array, BoolArray, IntArray, spread
from dtbench.problems.dnt_spectrum.board import Board
from dtbench.problems.dnt_spectrum.model import DntDecision, DntSlot, rate

DIGITS = 10  # of a rate that count when rates are compared
TIE = 1e-9  # bit/s: among equal assignments, low RBs are used, and users of low index get the lower ones


def allocate(slot: DntSlot, assoc: IntArray, flags: BoolArray, passes: int | None = None) -> DntDecision:
    """RBs for associations (..., U), -1 = none, and upload flags (..., M); always feasible.

    Base stations choose in order, given those before them (Eqs. 17, 18): first the RB of greatest rate for the upload,
    which is dropped where none keeps the delay limit, then a maximum-weight assignment of its users to the other RBs.
    Ours: RBs where a base station would break an upload that is placed are closed to it (the algorithm ignores 8g).
    The harm done to users placed before stays: it is part of the method. In further ``passes`` everybody sees all
    others.
    """
    lead = np.broadcast_shapes(assoc.shape[:-1], flags.shape[:-1])
    board = Board(slot, lead)
    users, stations = slot.n_users, slot.n_bs
    assoc = spread(assoc, (*board.lead, users)).reshape(-1, users)
    flags = spread(flags, (*board.lead, stations)).reshape(-1, stations)
    for turn in range(slot.params.passes if passes is None else passes):
        for m in range(stations):
            if turn > 0:
                board.clear(m)
            if flags[:, m].any():
                station, load = np.full(board.size, m), board.cloud_load()
                possible = board.allowed(station, upload=True, disturbance=load)
                rates = np.where(possible, board.upload_rate(station, load).round(DIGITS), -1.0)
                board.put_upload(flags[:, m] & possible.any(axis=-1), station, rates.argmax(axis=-1))
            assign_users(board, m, assoc == m)
    return board.decision()


def assign_users(board: Board, m: int, mine: BoolArray) -> None:
    """Maximum-weight assignment of the users of base station m (B, U) to its open RBs, member by member."""
    from scipy.optimize import linear_sum_assignment  # its import takes as long as that of all the rest

    if not mine.any():
        return
    opened = board.allowed(np.full(board.size, m), upload=False)
    weights = rates_at(board, m).round(DIGITS)
    users, blocks = weights.shape[1:]
    weights += _preference(users, blocks)
    for b in np.flatnonzero(mine.any(axis=-1)):
        claimants, free = mine[b].nonzero()[0], opened[b].nonzero()[0]
        row, column = linear_sum_assignment(weights[b][claimants[:, None], free], maximize=True)
        user, block = claimants[row], free[column]
        board.bs[b][user], board.rb[b][user] = m, block
        board.active[b, m][block] = True
        board.occupant[b, m][block] = user
        board.occupant_gain[b, m][block] = board.gain[b, :, m][user]


@lru_cache(maxsize=64)
def _preference(users: int, blocks: int) -> Array:
    """What assignments (U, N) are worth beside their rate [bit/s], see :data:`TIE`."""
    worth = TIE * (2.0 - np.arange(users) / users)[:, None] * np.arange(blocks)[::-1]
    worth.setflags(write=False)
    return worth


def rates_at(board: Board, m: int) -> Array:
    """Rate (B, U, N) [bit/s] that each user would get from base station m on each RB, given the others' links."""
    p = board.params
    load = np.where(board.different[m], board.received(board.gain), 0.0).sum(axis=-2)
    return rate(p, p.tx_power * board.gain[..., m, None], p.tx_power * load)


def strongest(slot: DntSlot, claims: BoolArray) -> IntArray:
    """Association (..., U) of users to the strongest base station that claims them (..., U, M), -1 if none does."""
    chosen = np.where(claims, slot.gain, -1.0).argmax(axis=-1)
    return np.where(claims.any(axis=-1), chosen, -1)
