"""A feasible decision near a given one: uploads first, then users, each on the next RB where it breaks nothing."""

from __future__ import annotations

import numpy as np

from dtbench.problems.dnt_spectrum.board import Board, first_from
from dtbench.problems.dnt_spectrum.model import DntDecision, DntSlot


def repair(slot: DntSlot, decision: DntDecision) -> DntDecision:
    """Place the wanted links one by one on empty RBs.

    Uploads in the order of base stations, then users by decreasing gain to the base station that they want (lowest
    index on ties): each takes the wanted RB or the next one cyclically that is free at its base station and leaves all
    uploads placed so far, and its own, within the delay limit; where there is none, the link is dropped. Links that
    name no base station or RB, or a base station that does not cover the user, are dropped. Feasible decisions come
    back unchanged: fewer links never disturb more. ``serve_all`` is not looked at, claims stay as they are.
    """
    lead = np.broadcast_shapes(decision.bs.shape[:-1], decision.up.shape[:-1])
    board = Board(slot, lead)
    users, stations, blocks = slot.n_users, slot.n_bs, slot.n_rb
    up = np.broadcast_to(decision.up, (*board.lead, stations)).reshape(-1, stations)
    bs, rb = (np.broadcast_to(v, (*board.lead, users)).reshape(-1, users) for v in (decision.bs, decision.rb))
    for m in range(stations):
        station = np.full(board.size, m)
        wanted = (up[:, m] >= 0) & (up[:, m] < blocks)
        block, fits = first_from(np.where(wanted, up[:, m], 0), board.allowed(station, upload=True))
        board.put_upload(wanted & fits, station, block)

    named = (bs >= 0) & (bs < stations) & (rb >= 0) & (rb < blocks)
    target = np.where(named, bs, 0)
    gain = np.take_along_axis(board.gain, target[..., None], axis=-1)[..., 0]
    asks = named & np.take_along_axis(board.cover, target[..., None], axis=-1)[..., 0]
    order = np.argsort(np.where(asks, -gain, np.inf), axis=-1, kind="stable")
    for step in range(int(asks.sum(axis=-1).max(initial=0))):
        user = order[:, step]
        station = target[board.rows, user]
        wanted = asks[board.rows, user]
        start = np.where(wanted, rb[board.rows, user], 0)
        block, fits = first_from(start, board.allowed(station, upload=False))
        board.put_user(wanted & fits, user, station, block)
    return board.decision(decision.claims)
