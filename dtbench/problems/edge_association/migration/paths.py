"""The horizon of ``edge-migration`` as paths: a user walks through a time-expanded graph of servers.

Node (t, k) is server k in slot t; an arc from (t-1, k') to (t, k) is worth U_i(t, k', k). Values are sums over users
and slots, as the referee's equations give them; the objective is their N T-th part.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import cast

import numpy as np

from dtbench import referee
from dtbench.arrays import Array, IntArray
from dtbench.core import AnyProblem
from dtbench.problems.edge_association.migration.instance import MigrationInstance
from dtbench.problems.edge_association.migration.model import MigrationSlot


@dataclass(frozen=True)
class Graph:
    """Worth of every arc; -inf where the server is inadmissible.

    ``first`` (N, K): into slot 0. ``step`` (T - 1, K, N, K): from server (second axis) to server (last axis).
    ``cap`` (K,): N_k.
    """

    first: Array
    step: Array
    cap: IntArray

    @classmethod
    def of(cls, problem: AnyProblem, instance: MigrationInstance) -> Graph:
        """The graph of an instance without leading axes, from the tables of its slots."""
        slots = cast(MigrationSlot, referee.slots(problem, instance))
        servers, users = slots.n_servers, slots.n_users
        origin = np.broadcast_to(np.arange(servers)[:, None], (servers, users))
        step = np.empty((instance.horizon - 1, servers, users, servers))
        for t in range(instance.horizon - 1):  # one by one: tables of all slots are several times as large
            later = dataclasses.replace(slots[t + 1, None], prev=origin)
            step[t] = np.where(later.admissible, later.utility, -np.inf)
        begin = slots[0]
        return cls(np.where(begin.admissible, begin.utility, -np.inf), step, instance.cap)

    @staticmethod
    def size(instance: MigrationInstance) -> int:
        """Arcs of an instance's graph, those of inadmissible servers included."""
        servers = len(instance.servers)
        return (instance.horizon - 1) * servers**2 * instance.params.n_users

    @property
    def shape(self) -> tuple[int, int, int]:
        """(T, N, K)."""
        return (len(self.step) + 1, *self.first.shape)

    @property
    def n_arcs(self) -> int:
        """Arcs that may be taken."""
        return int(np.isfinite(self.first).sum() + np.isfinite(self.step).sum())

    def worth(self, users: IntArray, paths: IntArray) -> Array:
        """Value (P,) of paths (P, T), each of the user in ``users`` (P,)."""
        total = self.first[users, paths[:, 0]]
        for t, step in enumerate(self.step, start=1):
            total = total + step[paths[:, t - 1], users, paths[:, t]]
        return np.asarray(total)

    def usage(self, paths: IntArray) -> IntArray:
        """Twins per slot and server (T, K) of one path per user (N, T)."""
        return np.asarray((paths[..., None] == np.arange(self.shape[2])).sum(axis=0))

    def price(self, prices: Array) -> tuple[Array, IntArray]:
        """Every user's best path when a place on k in slot t costs ``prices`` (T, K): values (N,) and paths (N, T).

        Viterbi's recursion, all users at once, O(T N K^2).
        """
        horizon, users, _ = self.shape
        value = self.first - prices[0]
        came = np.empty((horizon, *value.shape), dtype=np.int64)
        for t, step in enumerate(self.step, start=1):
            through = value.T[:, :, None] + step
            came[t] = through.argmax(axis=0)
            value = np.take_along_axis(through, came[t][None], axis=0)[0] - prices[t]
        paths, each = np.empty((users, horizon), dtype=np.int64), np.arange(users)
        paths[:, -1] = value.argmax(axis=-1)
        for t in range(horizon - 1, 0, -1):
            paths[:, t - 1] = came[t, each, paths[:, t]]
        return value.max(axis=-1), paths

    def ahead(self, prices: Array) -> list[Array]:
        """Per slot, the worth (N, K) of each user's best way on from each server, at prices (T, K) of later places."""
        ahead = [np.zeros_like(self.first)]
        for t in range(len(self.step), 0, -1):
            ahead.append((self.step[t - 1] + (ahead[-1] - prices[t])).max(axis=-1).T)
        ahead.reverse()
        return ahead

    def within(self, prices: Array, loss: float) -> Graph:
        """The graph without arcs on which every path of the user costs more than ``loss`` against its best one.

        At prices (T, K) whose Lagrangian bound lies ``loss`` above an incumbent, no better trajectory uses such an arc
        (reduced-cost fixing).
        """
        ahead = self.ahead(prices)
        value = self.first - prices[0]
        least = (value + ahead[0]).max(axis=-1)[:, None] - loss  # (N, 1)
        first = np.where(value + ahead[0] >= least, self.first, -np.inf)
        step = np.empty_like(self.step)
        for t, worth in enumerate(self.step, start=1):
            through = value.T[:, :, None] + worth - prices[t]
            step[t - 1] = np.where(through + ahead[t] >= least, worth, -np.inf)
            value = through.max(axis=0)
        return Graph(first, step, self.cap)


class Columns:
    """A growing set of distinct (user, path) columns with their values."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.known: dict[bytes, int] = {}
        self.users = np.empty(0, dtype=np.int64)
        self.paths = np.empty((0, graph.shape[0]), dtype=np.int64)
        self.worth = np.empty(0)

    def add(self, paths: IntArray) -> int:
        """Take one path per user (N, T); returns how many were new, which come last."""
        size = len(self.known)
        keys = (np.append(user, path).tobytes() for user, path in enumerate(paths))
        new = [user for user, key in enumerate(keys) if self.known.setdefault(key, len(self.known)) >= size]
        users = np.array(new, dtype=np.int64)
        self.users = np.concatenate([self.users, users])
        self.paths = np.concatenate([self.paths, paths[users]])
        self.worth = np.concatenate([self.worth, self.graph.worth(users, paths[users])])
        return len(new)

    def index(self, paths: IntArray) -> IntArray:
        """Columns (N,) of one known path per user (N, T)."""
        return np.array([self.known[np.append(u, p).tobytes()] for u, p in enumerate(paths)], dtype=np.int64)
