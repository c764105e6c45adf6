"""When to upload, all slots at once: every user walks from refresh to refresh, the uploads of a slot join the users.

With a predictor that looks at each user alone (``hold``, ``drift``) the twin's error depends only on when the user was
last refreshed. Each user is a unit of flow through nodes 0 (warm-up), 1 .. T (refresh in slot t - 1) and T + 1 (end);
an arc from a to b costs the errors of the slots between. Binary z[t, V] says which base stations upload in slot t.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dtbench.anytime import Teller
from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.core import Limits
from dtbench.exact.certificate import tightened
from dtbench.exact.linear import LinearModel, MilpResult
from dtbench.problems.dnt_spectrum.instance import DntInstance


def stale_errors(instance: DntInstance) -> Array:
    """E[u, a, t] (U, T + 1, T) [m^2]: error in slot t >= a of users last refreshed in slot a - 1."""
    p, horizon = instance.params, instance.horizon
    known = np.concatenate([instance.warm[-1:], instance.position])  # by node a = 0 .. T
    steps = np.arange(horizon) - np.arange(horizon + 1)[:, None] + 1
    move = instance.drift if p.predictor == "drift" else np.zeros_like(instance.drift)
    estimate = known[:, None] + steps[..., None, None] * move
    return np.asarray(np.moveaxis(((instance.position - estimate) ** 2).sum(axis=-1), -1, 0))


@dataclass(frozen=True)
class Timeline:
    """Columns of the model: z of the possible (slot, V), then the flows of groups of users with equal coverage.

    ``value`` (T, 2^M): worth of a slot's links if exactly the base stations in V upload, -inf where impossible.
    ``slot``, ``uploads``: of the columns z. ``tail``, ``head`` (A,): nodes of an arc. ``cost`` (G, A).
    ``cover`` (G, T, M).
    """

    value: Array
    slot: IntArray
    uploads: IntArray
    tail: IntArray
    head: IntArray
    cost: Array
    cover: BoolArray

    @classmethod
    def of(cls, instance: DntInstance, value: Array) -> Timeline:
        """The model of an instance without leading axes."""
        horizon, users = instance.horizon, instance.params.n_users
        sequence = np.swapaxes(instance.cover, 0, 1)  # (U, T, M)
        cover, group = np.unique(sequence.reshape(users, -1), axis=0, return_inverse=True)
        tail, head = np.triu_indices(horizon + 2, 1)
        keep = tail <= horizon
        tail, head = tail[keep], head[keep]
        errors = stale_errors(instance)
        upto = np.concatenate([np.zeros((users, horizon + 1, 1)), np.cumsum(errors, axis=-1)], axis=-1)
        each = upto[:, tail, np.maximum(head - 1, tail)] - upto[:, tail, tail]  # slots tail .. head - 2
        cost = np.zeros((len(cover), len(tail)))
        np.add.at(cost, group.ravel(), instance.params.error_weight * each)
        slot, uploads = np.nonzero(np.isfinite(value))
        return cls(value, slot, uploads, tail, head, cost, cover.reshape(-1, *sequence.shape[1:]))

    def model(self) -> LinearModel:
        """max mean of value - cost; one V per slot; a path per group whose nodes are the slots that refresh it."""
        from scipy import sparse  # to look at stale errors needs none

        horizon, (groups, arcs) = len(self.value), self.cost.shape
        stations = self.cover.shape[-1]
        n_z, nodes = len(self.slot), horizon + 1
        bits = (self.uploads[:, None] >> np.arange(stations)) & 1 == 1  # (n_z, M)
        meets = (self.cover[:, self.slot] & bits).any(axis=-1)  # (G, n_z)
        at, column = np.nonzero(meets)
        arc = np.tile(np.arange(arcs), groups)
        of = np.repeat(np.arange(groups), arcs)
        flow = n_z + of * arcs + arc
        inner = self.head[arc] <= horizon
        first = np.cumsum([0, horizon, groups * nodes, groups * horizon])
        entries = [  # (row, column, coefficient): one V per slot; conservation, 1 out of node 0; refreshes
            (self.slot, np.arange(n_z), 1.0),
            (first[1] + of * nodes + self.tail[arc], flow, 1.0),
            ((first[1] + of * nodes + self.head[arc])[inner], flow[inner], -1.0),
            ((first[2] + of * horizon + self.head[arc] - 1)[inner], flow[inner], 1.0),
            (first[2] + at * horizon + self.slot[column], column, -1.0),
        ]
        row, columns = (np.concatenate([e[i] for e in entries]) for i in (0, 1))
        coefficient = np.concatenate([np.full(len(e[0]), e[2]) for e in entries])
        size = n_z + groups * arcs
        right = np.zeros(first[-1])
        right[:horizon] = 1.0
        right[first[1] : first[2] : nodes] = 1.0
        integer = np.zeros(size, dtype=bool)
        integer[:n_z] = True
        return LinearModel(
            cost=np.concatenate([self.value[self.slot, self.uploads], -self.cost.ravel()]) / horizon,
            lower=np.zeros(size), upper=np.ones(size), integer=integer, row_lower=right, row_upper=right.copy(),
            rows=sparse.csr_array((coefficient, (row, columns)), shape=(int(first[-1]), size)), sense="max",
        )  # fmt: skip

    def solve(self, limits: Limits, seconds: float) -> tuple[MilpResult, IntArray | None]:
        """Result of HiGHS, and the set V (T,) that uploads in each slot."""
        from dtbench.exact.highs import solve_highs  # to look at stale errors needs no solver

        result = solve_highs(self.model(), tightened(limits, seconds), teller=Teller())
        if result.x is None:
            return result, None
        chosen = np.flatnonzero(result.x[: len(self.slot)] > 0.5)
        return result, self.uploads[chosen[np.argsort(self.slot[chosen])]]
