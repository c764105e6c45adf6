"""Exact methods for one slot of ``mec-synchronization``, with certificates.

``search``: branch and bound over success sets, every set priced by its convex program; above 26 candidates also a
linear relaxation, and above 80, where that is slow, the sum of the bounds of clusters instead. ``enumeration``: all
success sets, depth first; only ``E(S) <= E(S')`` for S within S' prunes.
``cuts``: another model and other solvers, :mod:`.cuts`.
``levels`` and ``reference`` bracket the optimum by a MILP on levels of uplink time, fast and line by line in Pyomo.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from dtbench import anytime
from dtbench.anytime import Teller
from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.core import AnyProblem, Certificate, Limits
from dtbench.exact.certificate import MARGIN, certify, with_target
from dtbench.problems.mec_synchronization import cuts, heuristics
from dtbench.problems.mec_synchronization.branch_and_bound import MOST, branch_and_bound
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.convex import Priced, blas, served
from dtbench.problems.mec_synchronization.model import MecDecision, MecSlot
from dtbench.problems.mec_synchronization.pooled import pooled
from dtbench.problems.mec_synchronization.sets import Prices, Tell, untold

BACKEND = f"dtbench interior point, numpy {np.__version__}"
CLUSTER = 16  # candidates of a cluster
CLUSTER_TIME = 0.3  # share of the time that the clusters' bounds may take
WIDE_CLUSTER, WIDE_TIME = 70, 0.5  # the same where there are so many candidates that a search hardly begins
MANY = 150  # candidates; above, the wide ones count


def solve(
    problem: AnyProblem, slot: MecSlot, limits: Limits, method: str, start: MecDecision | None = None
) -> Certificate:
    """Solve one slot (no leading axes).

    At the start of a frame of the closed protocol, moving a twin for a slot at least is not better than not serving
    its user, so hosts stay. Only where migration takes no time (``mig_slots = 0``) may a move pay at once; then the
    bound is that of one server for all (:mod:`.pooled`).

    Those who send in ``start`` are the set at which ``"search"`` begins, instead of the greedy one.

    Raises
    ------
    ValueError
        On an unknown method, or a slot with leading axes.
    """
    if slot.batch_shape != ():
        raise ValueError(f"the slot has leading axes {slot.batch_shape}; exact methods take one slot")
    methods: Mapping[str, Callable[[AnyProblem, MecSlot, Limits], Certificate]] = {
        "search": partial(by_search, start=start),
        "cuts": cuts.solve,
        "enumeration": by_enumeration,
        "levels": by_levels,
        "reference": by_reference,
    }
    if method not in methods:
        raise ValueError(f"unknown method '{method}' of '{problem.id}'. Known: {', '.join(methods)}")
    with blas().limit(limits=limits.threads):
        return methods[method](problem, slot, with_target(problem, limits))


def by_search(problem: AnyProblem, slot: MecSlot, limits: Limits, start: MecDecision | None = None) -> Certificate:
    """Branch and bound over success sets."""
    began = time.perf_counter()
    candidates = Candidates.of(slot, slot.host)
    lost, gap = float(candidates.lost), MARGIN * (limits.gap or 0.0)
    bound = 0.0
    if start is None:
        first = heuristics.admitted(candidates)
    else:
        first = candidates.valid & (np.asarray(start.power) > 0.0)[candidates.user]
    if candidates.count > MOST:
        share = WIDE_TIME if candidates.count > MANY else CLUSTER_TIME
        bound = cluster_bound(slot, candidates, gap, share * limits.seconds)
    tell = teller(slot, candidates)
    tell(None, bound)
    left = limits.seconds - (time.perf_counter() - began)
    result = branch_and_bound(candidates, first, gap, left, lost, tell)
    bound = max(bound, result.bound)
    if slot.hosts_open and slot.params.migration_slots == 0:
        bound = min(bound, free_hosts_bound(slot, gap, limits.seconds - (time.perf_counter() - began)))
    details = {"nodes": result.nodes, "programs": result.programs, "candidates": int(candidates.valid.sum())}
    return certified(problem, slot, candidates, result.best, bound + lost, limits, began, "search", details)


def by_enumeration(problem: AnyProblem, slot: MecSlot, limits: Limits) -> Certificate:
    """All success sets; those of which a subset already costs more than the best are left out."""
    began = time.perf_counter()
    candidates = Candidates.of(slot, slot.host)
    prices, users, tell = Prices(candidates), np.flatnonzero(candidates.valid), teller(slot, candidates)
    best = prices.of(np.zeros(candidates.count, dtype=bool))
    tell(best, np.nan)
    cost = floor = float(prices.value.sum())
    stack = [(np.zeros(candidates.count, dtype=bool), 0, 0.0)]  # members, users decided, worth of those left out
    while stack:
        member, decided, lost = stack.pop()
        priced = prices.of(member)
        if priced.lower + lost >= cost or time.perf_counter() - began > limits.seconds:
            floor = min(floor, priced.lower + lost)
            continue
        if decided == len(users):
            floor = min(floor, priced.lower + lost)
            if priced.upper + lost < cost:
                best, cost = priced, priced.upper + lost
                tell(best, np.nan)
            continue
        k = users[decided]
        inside = member.copy()
        inside[k] = True
        stack.append((member, decided + 1, lost + float(prices.value[k])))
        stack.append((inside, decided + 1, lost))
    if slot.hosts_open and slot.params.migration_slots == 0:
        left = limits.seconds - (time.perf_counter() - began)
        floor = min(floor, free_hosts_bound(slot, limits.gap or 0.0, left))
    lost = float(candidates.lost)
    details = {"programs": len(prices.sets), "candidates": len(users)}
    return certified(problem, slot, candidates, best, min(floor, cost) + lost, limits, began, "enumeration", details)


def by_levels(problem: AnyProblem, slot: MecSlot, limits: Limits) -> Certificate:
    """The MILP on levels by HiGHS: its bound, and its set at the true price."""
    from dtbench.problems.mec_synchronization import formulation as levels

    began = time.perf_counter()
    candidates = Candidates.of(slot, slot.host)

    def of(member: BoolArray) -> MecDecision:
        return decision_of(slot, candidates, slot.host, attainable(Prices(candidates), member))

    result = levels.solve(candidates, levels.LEVELS, limits, Teller(of, lambda bound: bound / slot.n_users))
    priced = attainable(Prices(candidates), result.member, began + limits.seconds)
    bound = result.bound + float(candidates.lost)
    return certified(problem, slot, candidates, priced, bound, limits, began, "levels", result.details, result.backend)


def by_reference(problem: AnyProblem, slot: MecSlot, limits: Limits) -> Certificate:
    """The Pyomo model on levels by HiGHS."""
    from dtbench.exact.pyomo_backend import solve_pyomo, too_long
    from dtbench.problems.mec_synchronization import reference

    began = time.perf_counter()
    candidates = Candidates.of(slot, slot.host)
    if (unwritten := too_long(reference.terms(slot), limits.seconds)) is not None:
        nobody = Prices(candidates).of(np.zeros(candidates.count, dtype=bool))
        details = {"native": unwritten.native}
        return certified(problem, slot, candidates, nobody, 0.0, limits, began, "reference", details, unwritten.backend)
    model = reference.build(slot)

    def of() -> MecDecision:
        priced = attainable(Prices(candidates), reference.members(model, slot))
        return decision_of(slot, candidates, slot.host, priced)

    limits_left = replace(limits, seconds=limits.seconds - (time.perf_counter() - began))
    result = solve_pyomo(model, limits_left, decision=of)
    member = reference.members(model, slot) if result.x is not None else np.zeros(candidates.count, dtype=bool)
    priced = attainable(Prices(candidates), member, began + limits.seconds)
    bound = result.bound * slot.n_users
    return certified(
        problem, slot, candidates, priced, bound, limits, began, "reference", result.details, result.backend
    )  # fmt: skip


def attainable(prices: Prices, member: BoolArray, until: float = np.inf) -> Priced:
    """The set without the users of lowest worth that stand in its way; nobody after ``until`` [s]."""
    member = member.copy()
    while np.isinf(prices.of(member).upper):
        if time.perf_counter() >= until:
            return prices.of(np.zeros_like(member))
        member[np.where(member, prices.value, np.inf).argmin()] = False
    return prices.of(member)


def certified(
    problem: AnyProblem,
    slot: MecSlot,
    candidates: Candidates,
    priced: Priced,
    bound: float,
    limits: Limits,
    began: float,
    method: str,
    details: Mapping[str, Any],
    backend: str = BACKEND,
) -> Certificate:
    """Certificate of a set and a bound [E_0, sum over users].

    Prices ``cpu`` (M,) and ``wire`` (M^2,): what the whole of a server or wire once more would save, to first order.
    """
    decision = decision_of(slot, candidates, slot.host, priced)
    prices = {"cpu": priced.cpu_price / slot.n_users, "wire": priced.wire_price / slot.n_users}
    found = certify(
        problem, slot, decision, bound / slot.n_users, limits, seconds=time.perf_counter() - began, method=method,
        backend=backend, details=details,
    )  # fmt: skip
    return replace(found, prices=prices)


def teller(slot: MecSlot, candidates: Candidates) -> Tell:
    """Tells whoever listens of sets, and of bounds [E_0, sum over users] where hosts stay, so that they are bounds."""
    if not anytime.heard():
        return untold
    proves = not (slot.hosts_open and slot.params.migration_slots == 0)
    lost = float(candidates.lost)

    def tell(best: Priced | None, bound: float) -> None:
        made = None if best is None else lambda: decision_of(slot, candidates, slot.host, best)
        anytime.report(made, bound=(bound + lost) / slot.n_users if proves else None)

    return tell


def decision_of(slot: MecSlot, candidates: Candidates, host: IntArray, priced: Priced) -> MecDecision:
    """The decision that serves a priced set."""
    return candidates.decision(slot, host, priced.member, priced.power, *served(candidates, priced))


def free_hosts_bound(slot: MecSlot, gap: float, seconds: float) -> float:
    """A bound [E_0] for all hosts at once."""
    candidates = pooled(slot)
    return branch_and_bound(candidates, np.zeros(candidates.count, dtype=bool), gap, seconds).bound


def cluster_bound(slot: MecSlot, candidates: Candidates, gap: float, seconds: float) -> float:
    """Sum of the bounds of clusters of base stations [E_0]; every cluster may use all servers and wires alone.

    Valid because E is superadditive over disjoint sets.
    """
    total, until = 0.0, time.perf_counter() + seconds
    most = WIDE_CLUSTER if candidates.count > MANY else CLUSTER
    groups = clusters(np.asarray(slot.bs_xy), candidates.link // candidates.n_bs, candidates.valid, most)
    for number, part in enumerate(groups):
        mine = candidates.valid & np.isin(candidates.link // candidates.n_bs, part)
        few = restricted(candidates, mine)
        left = (until - time.perf_counter()) / (len(groups) - number)
        least = float(np.where(few.valid, np.minimum(few.value, few.alone()), 0.0).sum())  # none disturbs another
        if left > 0.0:
            least = max(least, branch_and_bound(few, heuristics.admitted(few), gap, left).bound)
        total += least
    return total


def restricted(candidates: Candidates, mine: BoolArray) -> Candidates:
    """Only some of the candidates of a slot (no leading axes)."""
    keep = np.flatnonzero(mine)
    return candidates.only(keep if keep.size else np.zeros(1, dtype=np.int64), bool(keep.size))


def clusters(bs_xy: Array, access: IntArray, valid: BoolArray, most: int = CLUSTER) -> list[IntArray]:
    """Base stations, halved along their longer side until a cluster serves ``most`` candidates or fewer."""
    done, todo = [], [np.arange(len(bs_xy))]
    while todo:
        part = todo.pop()
        if len(part) == 1 or int((valid & np.isin(access, part)).sum()) <= most:
            done.append(part)
            continue
        axis = int(np.ptp(bs_xy[part], axis=0).argmax())
        order = part[np.argsort(bs_xy[part, axis], kind="stable")]
        todo += [order[: len(order) // 2], order[len(order) // 2 :]]
    return done
