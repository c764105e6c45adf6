"""Where like items stand in state and joint action, for :class:`dtbench.learning.critics.ItemCritic`.

Positions count through the state and then the joint action, see the problems' ``observe`` and ``encodings``.
"""

from __future__ import annotations

import numpy as np

from dtbench.arrays import IntArray


def uavs(n_uav: int, n_sat: int, state: int) -> IntArray:
    """``satellite-offloading`` (N, n): a UAV's data and, if seen, rate, its channels and share of each satellite."""
    seen = np.arange(2 if state == 2 * n_uav + 2 else 1) * n_uav
    decided = state + np.arange(1 + n_sat) * n_uav
    return np.concatenate([seen, decided]) + np.arange(n_uav)[:, None]


def users(n_users: int, n_servers: int, features: int) -> IntArray:
    """``edge-migration`` (N, n): a user's features at every server, and every server's score of it."""
    user, server = np.arange(n_users)[:, None], np.arange(n_servers)
    seen = server[:, None] * n_users * features + np.arange(features)
    scores = n_servers * n_users * features + server * n_users
    return np.concatenate([seen.ravel() + user * features, scores + user], axis=1)


def stations(n_users: int, n_bs: int) -> IntArray:
    """``edge-placement`` (M, n): a station's pairs with users, its processor, room and state, what it decides."""
    station, user = np.arange(n_bs)[:, None], np.arange(n_users)
    pairs = [start * n_users * n_bs + user * n_bs + station for start in range(3)]  # distance, channel, previous twins
    own = 3 * n_users * n_bs + 3 * n_users + np.arange(3) * n_bs + station
    state = 3 * n_users * n_bs + 3 * n_users + 3 * n_bs
    decided = state + station * (1 + n_users) + np.arange(1 + n_users)
    return np.concatenate([*pairs, own, decided], axis=1)
