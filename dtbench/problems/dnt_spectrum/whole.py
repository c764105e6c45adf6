"""The horizon of ``dnt-spectrum`` as one MILP: the strong models of all slots, joined by the twin's errors.

It shares with :mod:`.horizon` what a slot allows and what an old status costs, and nothing else: no table of best
rates, no sets of uploads, no groups of users. Every user walks from refresh to refresh, as in :mod:`.timeline`; whether
a slot refreshes them is told by the columns v of that slot. Slow, as a second opinion on small instances.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import sparse

from dtbench.anytime import Teller
from dtbench.arrays import Array
from dtbench.core import AnyProblem, Certificate, Limits
from dtbench.errors import DtbenchError
from dtbench.exact.certificate import tightened, with_target
from dtbench.exact.highs import solve_highs
from dtbench.exact.linear import LinearModel
from dtbench.problems.dnt_spectrum.active_sets import ActiveSets, few_stations
from dtbench.problems.dnt_spectrum.horizon import certified, perfect
from dtbench.problems.dnt_spectrum.instance import DntInstance
from dtbench.problems.dnt_spectrum.model import DntDecision
from dtbench.problems.dnt_spectrum.timeline import stale_errors


def solve(problem: AnyProblem, instance: DntInstance, limits: Limits) -> Certificate:
    """Optimum or bound of the horizon mean, with decisions of leading time axis.

    Raises
    ------
    ValueError
        If the instance has leading axes, or the referee does not confirm the trajectory.
    DtbenchError
        If users are predicted jointly, errors are counted per block, or interference is as printed.
    """
    if instance.batch_shape != ():
        raise ValueError(f"the instance has leading axes {instance.batch_shape}; exact methods take one instance")
    p, began = instance.params, time.perf_counter()
    if p.predictor not in ("hold", "drift") or p.error_scope != "user" or p.interference != "physical":
        raise DtbenchError(
            f"method 'whole' of '{problem.id}' takes predictor 'hold' or 'drift', error_scope 'user' and interference "
            f"'physical'; these are '{p.predictor}', '{p.error_scope}' and '{p.interference}'. Use method 'horizon'."
        )
    few_stations(p.n_bs, "models of whole horizons")
    limits, slots = with_target(problem, limits), perfect(problem, instance)
    parts = [ActiveSets.of(slots[t]) for t in range(instance.horizon)]
    ends = np.cumsum([part.starts[-1] for part in parts])

    def of(point: Array) -> DntDecision:
        values = np.split(point, ends)[: len(parts)]
        return DntDecision.stack([part.decision(x) for part, x in zip(parts, values, strict=True)])

    result = solve_highs(joined(instance, parts), tightened(limits, limits.seconds), teller=Teller(of))
    decisions = None if result.x is None else of(result.x)
    found = certified(
        problem, instance, decisions, result.bound, limits, began, {"model": "whole", **result.details},
        infeasible=result.status == "infeasible",
    )  # fmt: skip
    return replace(found, method="whole")


def joined(instance: DntInstance, parts: Sequence[ActiveSets]) -> LinearModel:
    """max mean over slots of rates - errors: columns of the slots, then r[t, u] and the flows (users, arcs).

    r[t, u] says whether slot t refreshes user u: at least v of each base station that covers it, at most their sum. The
    flow of a user leaves node 0, passes the nodes t + 1 of the slots with r[t, u] = 1, and goes on to the end.
    """
    horizon, users = len(parts), instance.params.n_users
    models = [part.model() for part in parts]
    first = np.cumsum([0, *(len(model.cost) for model in models)])
    tail, head = np.triu_indices(horizon + 2, 1)
    tail, head = tail[tail <= horizon], head[tail <= horizon]
    arcs, refresh = len(tail), first[-1] + np.arange(horizon * users).reshape(horizon, users)
    flow = first[-1] + horizon * users + np.arange(users * arcs).reshape(users, arcs)
    width = first[-1] + horizon * users + users * arcs

    upload = np.stack(
        [first[t] + np.arange(first[t + 1] - first[t])[part.upload_columns] for t, part in enumerate(parts)]
    )
    t, u, m = np.nonzero(instance.cover)
    slots = sparse.block_diag([model.rows for model in models])
    rows = [sparse.hstack([slots, sparse.csr_array((slots.shape[0], width - first[-1]))])]
    lower = [np.concatenate([model.row_lower for model in models])]
    upper = [np.concatenate([model.row_upper for model in models])]

    def add(row: Array, column: Array, value: Array, low: Array, high: Array) -> None:
        rows.append(sparse.csr_array((value, (row, column)), shape=(len(low), width)))
        lower.append(low)
        upper.append(high)

    each = np.arange(len(t))  # r >= v
    ones = np.ones(len(t))
    add(np.tile(each, 2), np.concatenate([refresh[t, u], upload[t, m]]), np.concatenate([ones, -ones]), 0 * ones,
        np.full(len(t), np.inf))  # fmt: skip
    every = np.arange(horizon * users)  # r <= sum of v
    add(np.concatenate([every, t * users + u]), np.concatenate([refresh.ravel(), upload[t, m]]),
        np.concatenate([np.ones(len(every)), -ones]), np.full(len(every), -np.inf), np.zeros(len(every)))  # fmt: skip
    nodes, inner = horizon + 1, head <= horizon
    who = np.arange(users)[:, None]
    add(  # what leaves a node is what comes in; 1 leaves node 0
        np.concatenate([(who * nodes + tail).ravel(), (who * nodes + head[inner]).ravel()]),
        np.concatenate([flow.ravel(), flow[:, inner].ravel()]),
        np.concatenate([np.ones(flow.size), -np.ones(users * int(inner.sum()))]),
        np.tile(np.arange(nodes) == 0, users).astype(float), np.tile(np.arange(nodes) == 0, users).astype(float),
    )  # fmt: skip
    add(  # what comes into node t + 1 is r[t, u]
        np.concatenate([(who * horizon + head[inner] - 1).ravel(), np.arange(users * horizon)]),
        np.concatenate([flow[:, inner].ravel(), refresh.T.ravel()]),
        np.concatenate([np.ones(users * int(inner.sum())), -np.ones(users * horizon)]),
        np.zeros(users * horizon), np.zeros(users * horizon),
    )  # fmt: skip
    upto = np.concatenate([np.zeros((users, nodes, 1)), np.cumsum(stale_errors(instance), axis=-1)], axis=-1)
    old = upto[:, tail, np.maximum(head - 1, tail)] - upto[:, tail, tail]  # slots tail .. head - 2
    cost = [*(model.cost for model in models), np.zeros(refresh.size), -instance.params.error_weight * old.ravel()]
    more = width - first[-1]
    return LinearModel(
        cost=np.concatenate(cost) / horizon, lower=np.concatenate([*(model.lower for model in models), np.zeros(more)]),
        upper=np.concatenate([*(model.upper for model in models), np.ones(more)]),
        integer=np.concatenate([*(model.integer for model in models), np.zeros(more, dtype=bool)]),
        rows=sparse.csr_array(sparse.vstack(rows)), row_lower=np.concatenate(lower), row_upper=np.concatenate(upper),
        offset=sum(model.offset for model in models) / horizon, sense="max",
    )  # fmt: skip
