"""Exact methods for one slot of ``stin-deployment``: who solves what, and what it proves.

``strong``: the model on occupancy levels with HiGHS, started and pruned by local search. ``enumeration``: levels as
prices, an assignment problem for each vector of prices; no MILP solver takes part. ``cpsat``: the strong model with
CP-SAT. ``reference``: the paper's own model (:mod:`.reference`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from scipy.optimize import linear_sum_assignment

from dtbench import anytime
from dtbench.anytime import Teller
from dtbench.arrays import Array, IntArray
from dtbench.core import AnyProblem, Certificate, Limits, relative_gap
from dtbench.errors import Declined
from dtbench.exact.certificate import tightened, with_target
from dtbench.exact.linear import LinearModel, MilpResult
from dtbench.exact.proof import Proof
from dtbench.problems.stin_deployment import crowds, curved
from dtbench.problems.stin_deployment.formulation import Layout, Levels, level_model, levels
from dtbench.problems.stin_deployment.heuristics import greedy_marginal, local_search
from dtbench.problems.stin_deployment.model import StinDecision, StinSlot, evaluate

SEARCHED = 0.6
"""Part of the time that local search may take of a large slot; the bound by crowds needs some as well."""

MAX_PRICES = 5_000_000
"""Vectors of prices times users that enumeration holds in memory at once (40 MB)."""


class Search(Proof):
    """One slot to solve. The incumbent, a placement, is that of local search until a method hands in a better one."""

    @property
    def left(self) -> Limits:
        """What a back end may still spend."""
        return tightened(self.limits, self.seconds)

    def hand_in(
        self, decision: StinDecision | None, bound: float, backend: str, details: Mapping[str, int | str | float]
    ) -> None:
        """Take what a method gives back: its best placement, if it has any, and its bound [s], NaN if it has none.

        The method's placement wins a tie with that of local search.
        """
        if decision is not None:
            value = float(self.problem.evaluate(self.slot, decision).objective)
            if value <= self.objective:
                self.incumbent, self.objective = decision, value
                anytime.report(decision)
        self.prove(bound)
        self.backend, self.details = backend, dict(details)


def solve(
    problem: AnyProblem, slot: StinSlot, limits: Limits, method: str, start: StinDecision | None = None
) -> Certificate:
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
        One of ``problem.exactness.methods``.
    start
        Where local search begins, instead of its own start.

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
    rooms = int(np.minimum(slot.cap_end, slot.n_users).sum())
    large = slot.n_users * (slot.n_users + rooms) > crowds.LARGE
    until = began + limits.seconds * (SEARCHED if large else 1.0)
    if large and start is None:  # from there it is a third of the way
        start = greedy_marginal(slot)
    search = Search(problem, slot, limits, limits.gap or 0.0, began, local_search(slot, start, until=until))
    search.objective = float(evaluate(slot, search.incumbent).objective)
    floor = float(levels(slot, search.objective).floor.sum())  # of every placement as good as local search's
    anytime.report(bound=floor)
    if large:
        search.prove(crowds.crowd_bound(slot, search.objective, began + limits.seconds))
    METHODS[method](search)
    search.prove(floor)
    return search.certificate(method)


def _strong(search: Search) -> None:
    """HiGHS on the level model; under the optimal split, tangents are added until bound and value meet."""
    layout = Layout.of(levels(search.slot, search.objective))
    if layout.table.curved.size:
        _outer(search, layout)
    else:
        _hand_in_columns(search, _highs(level_model(layout), search, layout.point(search.incumbent), layout), layout)


def _highs(model: LinearModel, search: Search, start: Array, layout: Layout) -> MilpResult:
    """HiGHS without presolve: the relaxation is nearly integral, and presolve takes longer than all the rest."""
    from dtbench.exact.highs import solve_highs

    return solve_highs(model, search.left, start, presolved=False, teller=Teller(layout.decision))


def _outer(search: Search, layout: Layout) -> None:
    """Outer approximation: solve, add the tangents at the incumbent, repeat until bound and value meet.

    Each round solves a relaxation, so each bound holds. A placement that comes back has its tangents already: then
    only the solver's tolerances stand between bound and value, and another round would not help.
    """
    best, value, bound = search.incumbent, search.objective, -math.inf
    model = _with_tangents(curved.tangent_model(layout), layout, best)
    seen = {best.node.tobytes()}
    while True:
        result = _highs(model, search, curved.tangent_point(layout, best), layout)
        bound = float(np.fmax(bound, result.bound))
        placement = best if result.x is None else layout.decision(result.x)
        reached = float(evaluate(search.slot, placement).objective)
        best, value = (placement, reached) if reached < value else (best, value)
        met = value - bound <= search.limits.gap_abs or relative_gap(value, bound) <= search.aim
        if met or result.status != "optimal" or placement.node.tobytes() in seen:
            break
        seen.add(placement.node.tobytes())
        model = _with_tangents(model, layout, placement)
    search.hand_in(best, bound, result.backend, {**result.details, "rounds": len(seen)})


def _with_tangents(model: LinearModel, layout: Layout, decision: StinDecision) -> LinearModel:
    level, total, _ = curved.roots_at(layout, decision)
    return curved.with_tangents(model, layout, level, total)


def _hand_in_columns(search: Search, result: MilpResult, layout: Layout) -> None:
    decision = None if result.x is None else layout.decision(result.x)
    search.hand_in(decision, result.bound, result.backend, result.details)


def _cpsat(search: Search) -> None:
    """CP-SAT on the same columns. Costs are floored at a scale that loses at most half of the wanted gap."""
    from dtbench.exact.cpsat import solve_cpsat

    layout = Layout.of(levels(search.slot, search.objective))
    if layout.table.curved.size:
        model, start = curved.pair_model(layout), curved.pair_point(layout, search.incumbent)
    else:
        model, start = level_model(layout), layout.point(search.incumbent)
    limits = search.left
    wanted = max((limits.gap or 0.0) * search.objective, limits.gap_abs)
    rooms = np.minimum(search.slot.cap_end, search.slot.n_users)
    ones = search.slot.n_users + int((rooms * (rooms - 1) // 2).sum())  # columns at 1 that cost, with all pairs
    half = replace(limits, gap=0.5 * (limits.gap or 0.0), gap_abs=0.5 * limits.gap_abs)
    scale, teller = min(1e-7, 0.5 * wanted / ones), Teller(layout.decision)
    _hand_in_columns(search, solve_cpsat(model, half, scale, start, teller=teller), layout)


def _reference(search: Search) -> None:
    """The paper's model, Eq. (13), through Pyomo; it knows nothing of the start."""
    from dtbench.exact.pyomo_backend import solve_pyomo, too_long
    from dtbench.problems.stin_deployment import reference

    if (unwritten := too_long(reference.terms(search.slot), search.seconds)) is not None:
        search.hand_in(None, unwritten.bound, unwritten.backend, {"native": unwritten.native})
        return
    model = reference.build(search.slot)
    result = solve_pyomo(model, search.left, decision=lambda: reference.decision(model))
    decision = None if result.x is None else reference.decision(model)
    search.hand_in(decision, result.bound, result.backend, result.details)


def _enumeration(search: Search) -> None:
    """Minimum over vectors of levels used as prices; for a fixed vector, an assignment problem.

    A price level n_k sells at most n_k places on node k at the latency that n_k twins have there. Latencies do not
    fall with n, so a price is never below the true cost, and the vector of the optimum's own levels is exact. Vectors
    are taken in the order of a bound (everyone at the cheapest node, however crowded) until it passes the best value.

    The optimal split has no such price: a user pays s_i S, where S depends on who else is there, not on how many.
    A price P for S >= S_j would need the side constraint S_j <= P, a knapsack, and then it is no assignment problem.
    """
    if search.slot.params.split == "optimal" and (np.minimum(search.slot.cap_end, search.slot.n_users) > 1).any():
        raise Declined("enumeration needs latencies that depend on how many share a device; split 'optimal' has none")
    table = levels(search.slot, search.objective)
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
    best, value, solved, bound = search.incumbent, search.objective, 0, math.inf
    for flat in order.tolist():
        bound = float(bounds.flat[flat])
        anytime.report(bound=min(bound, value))
        if bound >= value:
            break
        if not search.seconds:
            search.hand_in(best, bound, _scipy(), {"vectors": size, "solved": solved})
            return
        vector = np.unravel_index(flat, shape)
        chosen = np.array([group[v] for group, v in zip(nodes, vector, strict=True)], dtype=np.int64)
        total, node = _assign(base, base_node, cost[:, chosen], table.n[chosen], table.node[chosen])
        solved += 1
        if total < value:
            best, value = StinDecision(node=node), total
            anytime.report(best)
    search.hand_in(best, value, _scipy(), {"vectors": size, "solved": solved})


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


METHODS: Mapping[str, Callable[[Search], None]] = {
    "strong": _strong,
    "enumeration": _enumeration,
    "cpsat": _cpsat,
    "reference": _reference,
}
