"""The naive form of the horizon of ``edge-migration``: one binary per user and arc, for comparison with the paths.

Unions of one path per user are an integer multi-commodity flow; the places of the servers join the users. Its LP
bound is that of the paths, at many times the columns. On few arcs it closes the gap that the paths may leave.
"""

from __future__ import annotations

import time

import numpy as np
from scipy import sparse

from dtbench import referee
from dtbench.anytime import Teller
from dtbench.arrays import Array, IntArray
from dtbench.core import AnyProblem, Certificate, Limits, relative_gap
from dtbench.errors import Declined
from dtbench.exact.certificate import tightened, with_target
from dtbench.exact.highs import solve_highs
from dtbench.exact.linear import LinearModel
from dtbench.problems.edge_association.migration.instance import MigrationInstance
from dtbench.problems.edge_association.migration.model import MigrationDecision
from dtbench.problems.edge_association.migration.paths import Graph

MOST_ARCS = 10_000_000  # columns of an arc model, of which 8 GiB hold no more


def solve(problem: AnyProblem, instance: MigrationInstance, limits: Limits) -> Certificate:
    """Optimum or bound of the horizon mean by HiGHS on the arc model.

    Raises
    ------
    Declined
        If there are too many arcs.
    """
    limits, began = with_target(problem, limits), time.perf_counter()
    graph = Graph.of(problem, instance)
    if graph.n_arcs > MOST_ARCS:
        raise Declined(
            f"the arc model of this horizon has {graph.n_arcs:.3g} columns, more than {MOST_ARCS:.0e}; take 'paths'"
        )
    model, arcs = arc_model(graph)
    teller = Teller(lambda x: MigrationDecision(assoc=trajectory(graph, arcs, x)))
    result = solve_highs(model, tightened(limits, limits.seconds), teller=teller)
    seconds = time.perf_counter() - began
    if result.x is None:
        return Certificate(np.nan, result.bound, result.status, seconds, "arcs", result.backend, details=result.details)
    decision = MigrationDecision(assoc=trajectory(graph, arcs, result.x))
    objective = referee.rescore(problem, instance, decision).mean
    close = result.bound - objective <= limits.gap_abs or relative_gap(objective, result.bound) <= (limits.gap or 0.0)
    return Certificate(
        objective, max(result.bound, objective), "optimal" if close else "feasible", seconds, "arcs", result.backend,
        decision, result.details,
    )  # fmt: skip


def arc_model(graph: Graph) -> tuple[LinearModel, IntArray]:
    """max mean worth of the arcs taken: one start per user, conservation of flow, places; and the arcs (columns, 4).

    An arc is (slot, server before, user, server); into slot 0 the server before is 0.
    """
    horizon, users, servers = graph.shape
    first = np.argwhere(np.isfinite(graph.first))
    later = np.argwhere(np.isfinite(graph.step))
    zero = np.zeros(len(first), dtype=np.int64)
    arcs = np.concatenate([np.stack([zero, zero, first[:, 0], first[:, 1]], axis=1), later + np.array([1, 0, 0, 0])])
    worth = np.concatenate([graph.first[tuple(first.T)], graph.step[tuple(later.T)]])
    slot, before, user, server = arcs.T
    columns = np.arange(len(arcs))

    def block(chosen: Array, row: IntArray, n_rows: int, sign: float = 1.0) -> sparse.csr_array:
        data = np.full(int(chosen.sum()), sign)
        return sparse.csr_array((data, (row[chosen], columns[chosen])), shape=(n_rows, len(arcs)))

    n_flow = (horizon - 1) * users * servers
    begins, ends = slot == 0, slot < horizon - 1
    start = block(begins, user, users)
    arrive = block(ends, (slot * users + user) * servers + server, n_flow)
    leave = block(~begins, ((slot - 1) * users + user) * servers + before, n_flow, -1.0)
    room = block(np.ones(len(arcs), dtype=bool), slot * servers + server, horizon * servers)
    model = LinearModel(
        cost=worth / (users * horizon), lower=np.zeros(len(arcs)), upper=np.ones(len(arcs)),
        integer=np.ones(len(arcs), dtype=bool), rows=sparse.csr_array(sparse.vstack([start, arrive + leave, room])),
        row_lower=np.concatenate([np.ones(users), np.zeros(n_flow), np.full(horizon * servers, -np.inf)]),
        row_upper=np.concatenate([np.ones(users), np.zeros(n_flow), np.tile(graph.cap, horizon)]), sense="max",
    )  # fmt: skip
    return model, arcs


def trajectory(graph: Graph, arcs: IntArray, x: Array) -> IntArray:
    """Associations (T, N) of the arcs that a solution takes."""
    assoc = np.zeros(graph.shape[:2], dtype=np.int64)
    slot, _, user, server = arcs[x > 0.5].T
    assoc[slot, user] = server
    return assoc


def taken(arcs: IntArray, paths: IntArray) -> Array:
    """The point (columns,) of one path per user (N, T): 1 on its arcs; the inverse of :func:`trajectory`."""
    slot, before, user, server = arcs.T
    came = np.where(slot == 0, 0, paths[user, np.maximum(slot - 1, 0)])
    return np.where((paths[user, slot] == server) & (came == before), 1.0, 0.0)
