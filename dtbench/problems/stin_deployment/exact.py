"""Exact methods for one slot of ``stin-deployment``: who solves what, and what it proves.

``strong``: the model on occupancy levels with HiGHS, started and pruned by local search. ``enumeration``: levels as
prices, an assignment problem for each vector of prices; no MILP solver takes part. ``cpsat``: the strong model with
CP-SAT. ``reference``: the paper's own model (:mod:`.reference`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from dtbench.arrays import Array, IntArray
from dtbench.core import AnyProblem, Certificate, Limits, relative_gap
from dtbench.errors import Declined
from dtbench.exact.certificate import certify, tightened, with_target
from dtbench.exact.linear import LinearModel, MilpResult
from dtbench.problems.stin_deployment import curved
from dtbench.problems.stin_deployment.formulation import Layout, Levels, level_model, levels
from dtbench.problems.stin_deployment.heuristics import local_search
from dtbench.problems.stin_deployment.model import StinDecision, StinSlot, evaluate

MAX_PRICES = 5_000_000
"""Vectors of prices times users that enumeration holds in memory at once (40 MB)."""


@dataclass(frozen=True)
class Job:
    """One slot to solve: a feasible start, its value [s], and what may be spent until when."""

    slot: StinSlot
    start: StinDecision
    upper: float
    limits: Limits
    deadline: float  # of time.perf_counter

    @property
    def solver_limits(self) -> Limits:
        """What is left for a back end."""
        return tightened(self.limits, self.deadline - time.perf_counter())


@dataclass(frozen=True)
class Proof:
    """What a method hands back: the best placement it found, if any, and a bound [s], NaN if none."""

    decision: StinDecision | None
    bound: float
    backend: str
    details: Mapping[str, Any] = field(default_factory=dict)


def solve(problem: AnyProblem, slot: StinSlot, limits: Limits, method: str) -> Certificate:
    """Solve one slot and certify it.

    Parameters
    ----------
    problem
        Whose referee scores the incumbent.
    slot
        Without leading axes.
    limits
        Wall seconds over all steps, gaps (the problem's target where none is given), threads.
    method
        One of ``problem.exact_methods``.

    Returns
    -------
    Certificate
        The incumbent is local search's where the method found none better in time.

    Raises
    ------
    ValueError
        On an unknown method or a slot with leading axes.
    Declined
        If the method does not take this slot.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method '{method}'; known: {', '.join(METHODS)}")
    if slot.batch_shape != ():
        raise ValueError(f"one slot at a time; this one has leading axes {slot.batch_shape}")
    began = time.perf_counter()
    limits = with_target(problem, limits)
    start = local_search(slot)
    upper = float(evaluate(slot, start).objective)
    proof = METHODS[method](Job(slot, start, upper, limits, began + limits.seconds))
    incumbent = start
    if proof.decision is not None and float(evaluate(slot, proof.decision).objective) <= upper:
        incumbent = proof.decision
    floor = float(levels(slot, upper).floor.sum())  # of every placement as good as the start
    return certify(
        problem,
        slot,
        incumbent,
        float(np.fmax(proof.bound, floor)),
        limits,
        seconds=time.perf_counter() - began,
        method=method,
        backend=proof.backend,
        details=proof.details,
    )


def strong_model(slot: StinSlot) -> LinearModel:
    """The strong model of one slot, with names; under the optimal split with products of pairs. Exact in both cases."""
    layout = Layout.of(levels(slot))
    if slot.params.split == "optimal":
        return replace(curved.pair_model(layout), names=curved.pair_names(layout))
    return replace(level_model(layout), names=layout.names())


def _strong(job: Job) -> Proof:
    """HiGHS on the level model; under the optimal split, tangents are added until bound and value meet."""
    layout = Layout.of(levels(job.slot, job.upper))
    if layout.table.curved.size:
        return _outer(job, layout)
    return _proof(_highs(level_model(layout), job, layout.point(job.start)), layout)


def _highs(model: LinearModel, job: Job, start: Array) -> MilpResult:
    """HiGHS without presolve: the relaxation is nearly integral, and presolve takes longer than all the rest."""
    from dtbench.exact.highs import solve_highs

    return solve_highs(model, job.solver_limits, start, presolved=False)


def _outer(job: Job, layout: Layout) -> Proof:
    """Outer approximation: solve, add the tangents at the incumbent, repeat until bound and value meet.

    Each round solves a relaxation, so each bound holds. A placement that comes back has its tangents already: then
    only the solver's tolerances stand between bound and value, and another round would not help.
    """
    best, value, bound = job.start, job.upper, -math.inf
    model = _with_tangents(curved.tangent_model(layout), layout, best)
    seen = {best.node.tobytes()}
    while True:
        result = _highs(model, job, curved.tangent_point(layout, best))
        bound = float(np.fmax(bound, result.bound))
        found = best if result.x is None else layout.decision(result.x)
        reached = float(evaluate(job.slot, found).objective)
        best, value = (found, reached) if reached < value else (best, value)
        met = value - bound <= job.limits.gap_abs or relative_gap(value, bound) <= (job.limits.gap or 0.0)
        if met or result.status != "optimal" or found.node.tobytes() in seen:
            break
        seen.add(found.node.tobytes())
        model = _with_tangents(model, layout, found)
    return Proof(best, bound, result.backend, {**result.details, "rounds": len(seen)})


def _with_tangents(model: LinearModel, layout: Layout, decision: StinDecision) -> LinearModel:
    level, total, _ = curved.roots_at(layout, decision)
    return curved.with_tangents(model, layout, level, total)


def _proof(result: MilpResult, layout: Layout) -> Proof:
    decision = None if result.x is None else layout.decision(result.x)
    return Proof(decision, result.bound, result.backend, result.details)


def _cpsat(job: Job) -> Proof:
    """CP-SAT on the same columns. Costs are floored at a scale that loses at most half of the wanted gap."""
    from dtbench.exact.cpsat import solve_cpsat

    layout = Layout.of(levels(job.slot, job.upper))
    if layout.table.curved.size:
        model, start = curved.pair_model(layout), curved.pair_point(layout, job.start)
    else:
        model, start = level_model(layout), layout.point(job.start)
    limits = job.solver_limits
    wanted = max((limits.gap or 0.0) * job.upper, limits.gap_abs)
    rooms = np.minimum(job.slot.cap_end, job.slot.n_users)
    ones = job.slot.n_users + int((rooms * (rooms - 1) // 2).sum())  # columns at 1 that cost, with all pairs
    half = replace(limits, gap=0.5 * (limits.gap or 0.0), gap_abs=0.5 * limits.gap_abs)
    return _proof(solve_cpsat(model, half, min(1e-7, 0.5 * wanted / ones), start), layout)


def _reference(job: Job) -> Proof:
    """The paper's model, Eq. (13), through Pyomo; it knows nothing of the start."""
    from dtbench.exact.pyomo_backend import solve_pyomo
    from dtbench.problems.stin_deployment import reference

    model = reference.build(job.slot)
    result = solve_pyomo(model, job.solver_limits)
    decision = None if result.x is None else reference.decision(model)
    return Proof(decision, result.bound, result.backend, result.details)


def _enumeration(job: Job) -> Proof:
    """Minimum over vectors of levels used as prices; for a fixed vector, an assignment problem.

    A price level n_k sells at most n_k places on node k at the latency that n_k twins have there. Latencies do not
    fall with n, so a price is never below the true cost, and the vector of the optimum's own levels is exact. Vectors
    are taken in the order of a bound (everyone at the cheapest node, however crowded) until it passes the best value.

    The optimal split has no such price: a user pays s_i S, where S depends on who else is there, not on how many.
    A price P for S >= S_j would need the side constraint S_j <= P, a knapsack, and then it is no assignment problem.
    """
    if job.slot.params.split == "optimal" and (np.minimum(job.slot.cap_end, job.slot.n_users) > 1).any():
        raise Declined("enumeration needs latencies that depend on how many share a device; split 'optimal' has none")
    table = levels(job.slot, job.upper)
    base, base_node = _unshared(table)
    nodes = [np.flatnonzero((table.node == k) & table.counted & table.used) for k in np.unique(table.node)]
    nodes = [group for group in nodes if group.size]
    size = math.prod(group.size for group in nodes)
    if size * base.size > MAX_PRICES:
        raise Declined(
            f"enumeration of {size:.3g} vectors of levels is out of reach; it grows exponentially in devices"
        )
    cost = np.where(table.keep, table.cost, np.inf)
    bounds = _price_bounds(base, cost, nodes)
    order = np.argsort(bounds, axis=None, kind="stable")
    shape = bounds.shape
    best, value, solved, bound = job.start, job.upper, 0, math.inf
    for flat in order.tolist():
        bound = float(bounds.flat[flat])
        if bound >= value:
            break
        if time.perf_counter() > job.deadline:
            return Proof(best, bound, _scipy(), {"vectors": size, "solved": solved})
        vector = np.unravel_index(flat, shape)
        chosen = np.array([group[v] for group, v in zip(nodes, vector, strict=True)], dtype=np.int64)
        total, node = _assign(base, base_node, cost[:, chosen], table.n[chosen], table.node[chosen])
        solved += 1
        if total < value:
            best, value = StinDecision(node=node), total
    return Proof(best, value, _scipy(), {"vectors": size, "solved": solved})


def _unshared(table: Levels) -> tuple[Array, IntArray]:
    """Latency and node (I,) of each user on the better of the nodes that nobody else can slow."""
    free = np.flatnonzero(~table.counted)
    options = np.concatenate([table.own[:, None], np.where(table.keep, table.cost, np.inf)[:, free]], axis=1)
    nodes = np.concatenate([[0], table.node[free]])
    return options.min(axis=1), nodes[options.argmin(axis=1)]


def _price_bounds(base: Array, cost: Array, nodes: list[IntArray]) -> Array:
    """Bound (L_1, .., L_r) of each vector of levels: every user at the cheapest node at its price."""
    least = base
    for group in nodes:
        least = np.minimum(least[..., None, :], cost[:, group].T)
    return np.asarray(least.sum(axis=-1))


def _assign(base: Array, base_node: IntArray, price: Array, places: IntArray, node: IntArray) -> tuple[float, IntArray]:
    """Cheapest placement (I,) at prices (I, r) with so many places (r,) on nodes (r,); others stay at ``base``."""
    column = np.repeat(np.arange(places.size), places)
    saving = np.maximum(base[:, None] - price, 0.0)[:, column]
    user, place = linear_sum_assignment(saving, maximize=True)
    gains = saving[user, place] > 0
    user, column = user[gains], column[place[gains]]
    cost, placement = base.copy(), base_node.copy()
    cost[user], placement[user] = price[user, column], node[column]
    return float(cost.sum()), placement


def _scipy() -> str:
    import scipy

    return f"SciPy {scipy.__version__} linear_sum_assignment"


METHODS: Mapping[str, Callable[[Job], Proof]] = {
    "strong": _strong,
    "enumeration": _enumeration,
    "cpsat": _cpsat,
    "reference": _reference,
}
