"""The greedy rule that looks at the true objective: it inserts the link that helps most until none helps."""

from __future__ import annotations

import time

import numpy as np

from dtbench.arrays import Array
from dtbench.problems.dnt_spectrum.allocation import DIGITS, rates_at
from dtbench.problems.dnt_spectrum.board import Board
from dtbench.problems.dnt_spectrum.model import DntDecision, DntSlot, rate


def greedy_marginal(slot: DntSlot, until: float = np.inf) -> DntDecision:
    """From nothing, insert one (user, base station, RB) or (upload, RB) after the other, the best for the slot first.

    A link's worth is the change of the slot's objective: its own rate or the errors it removes, less what others lose.
    The lowest index on ties; ends when no link is worth more than 0, or at ``until`` [s, of ``time.perf_counter``].
    """
    board = Board(slot)
    error = np.broadcast_to(slot.error, (*board.lead, slot.n_users)).reshape(board.size, -1)
    users, stations, blocks = slot.n_users, slot.n_bs, slot.n_rb
    for _ in range(users + stations):
        if time.perf_counter() >= until:
            break
        lost = losses(board)
        worth = np.concatenate(
            [user_worth(board, lost).reshape(board.size, -1), upload_worth(board, lost, error).reshape(board.size, -1)],
            axis=1,
        ).round(DIGITS)
        best = worth.argmax(axis=1)
        helps = worth[board.rows, best] > 0.0
        if not helps.any():
            break
        is_upload = best >= users * stations * blocks
        place = np.where(is_upload, best - users * stations * blocks, best)
        user, station, block = np.unravel_index(place, (max(users, 1), stations, blocks))
        board.put_user(helps & ~is_upload, user, station, block)
        board.put_upload(helps & is_upload, station, block)
    return board.decision()


def losses(board: Board) -> Array:
    """Rate (B, 2 or 1 + U, M, N) [bit/s] that others lose by a link of a base station on an RB.

    First by an upload, then by a link to a user; as (3) is printed, that differs from user to user.
    """
    p = board.params
    stations = board.cloud.shape[1]
    gain = board.gain[board.rows[:, None, None], board.occupant]  # (B, M, N, M), anything where there is no occupant
    different = ~np.eye(stations, dtype=bool)
    if board.printed:
        weight = board.gain.shape[1] - 1
        received = (
            np.swapaxes(board.occupant_gain, 1, 2)[:, None] + weight * np.swapaxes(board.uploads, 1, 2)[:, None] * gain
        )
        added = [
            weight * gain,
            *(np.broadcast_to(g[:, None, None, :], gain.shape) for g in np.moveaxis(board.gain, 1, 0)),
        ]
    else:
        received = np.swapaxes(board.active, 1, 2)[:, None] * gain
        added = [gain, gain]
    load = np.where(different[:, None, :], received, 0.0).sum(axis=-1)  # (B, M, N) of the occupants
    signal = p.tx_power * board.occupant_gain
    before = rate(p, signal, p.tx_power * load)
    concerned = (board.occupant >= 0)[..., None] & different[:, None, :]
    lost = []
    for extra in added:
        after = rate(p, signal[..., None], p.tx_power * (load[..., None] + extra))
        lost.append(np.swapaxes(np.where(concerned, before[..., None] - after, 0.0).sum(axis=1), 1, 2))
    return np.stack(lost, axis=1)


def user_worth(board: Board, lost: Array) -> Array:
    """Change (B, U, M, N) of the objective by a link to a user; -inf where it is not possible."""
    stations = board.cloud.shape[1]
    rates = np.stack([rates_at(board, m) for m in range(stations)], axis=2)
    allowed = np.stack([board.allowed(np.full(board.size, m), upload=False) for m in range(stations)], axis=1)
    possible = (board.cover & (board.bs < 0)[..., None])[..., None] & allowed[:, None]
    return np.where(possible, board.params.rate_weight * (rates - lost[:, 1:]), -np.inf)


def upload_worth(board: Board, lost: Array, error: Array) -> Array:
    """Change (B, M, N) of the objective by an upload, errors (B, U); -inf where it is not possible."""
    p, stations = board.params, board.cloud.shape[1]
    uploading = board.up >= 0
    open_error = error
    if p.error_scope == "user":
        open_error = np.where((board.cover & uploading[:, None, :]).any(axis=-1), 0.0, error)
    removed = (board.cover * open_error[..., None]).sum(axis=1)
    allowed = np.stack([board.allowed(np.full(board.size, m), upload=True) for m in range(stations)], axis=1)
    worth = p.error_weight * removed[..., None] - p.rate_weight * lost[:, 0]
    return np.where(allowed & ~uploading[..., None], worth, -np.inf)
