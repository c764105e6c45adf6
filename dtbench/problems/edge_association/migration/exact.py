"""Exact methods for one slot of ``edge-migration``: U_ik is a number once the previous servers are known.

``assignment``: linear assignment with N_k columns per server, a combinatorial optimum without gap. ``mip``: the same
transportation problem as arrays for HiGHS. ``reference``: the paper's model in Pyomo.
"""

from __future__ import annotations

import time

import numpy as np
from scipy import __version__ as scipy_version
from scipy import sparse

from dtbench.anytime import Teller
from dtbench.arrays import Array, IntArray
from dtbench.core import AnyProblem, Certificate, Limits
from dtbench.exact.certificate import certify, left, with_target
from dtbench.exact.linear import LinearModel, MilpResult
from dtbench.problems.edge_association.migration import heuristics
from dtbench.problems.edge_association.migration.heuristics import assign
from dtbench.problems.edge_association.migration.model import MigrationDecision, MigrationSlot


def solve(problem: AnyProblem, slot: MigrationSlot, limits: Limits, method: str) -> Certificate:
    """Solve one slot (no leading axes).

    Raises
    ------
    ValueError
        On an unknown method, or a slot with leading axes.
    """
    if slot.batch_shape != ():
        raise ValueError(f"the slot has leading axes {slot.batch_shape}; exact methods take one slot")
    methods = {"assignment": by_assignment, "mip": by_highs, "reference": by_reference}
    if method not in methods:
        raise ValueError(f"unknown method '{method}' of 'edge-migration'. Known: {', '.join(methods)}")
    return methods[method](problem, slot, with_target(problem, limits))


def by_assignment(problem: AnyProblem, slot: MigrationSlot, limits: Limits) -> Certificate:
    """scipy's shortest augmenting paths: the optimum itself is the bound."""
    began = time.perf_counter()
    assoc = assign(slot.utility, slot.admissible, slot.cap)
    decision, bound = None, np.nan
    if assoc is not None:
        decision = MigrationDecision(assoc=assoc)
        bound = float(np.take_along_axis(slot.utility, assoc[:, None], axis=1).mean())
    return certify(
        problem, slot, decision, bound, limits, seconds=time.perf_counter() - began,
        method="assignment", backend=f"scipy {scipy_version}", infeasible=assoc is None,
    )  # fmt: skip


def by_highs(problem: AnyProblem, slot: MigrationSlot, limits: Limits) -> Certificate:
    """The transportation problem by HiGHS."""
    from dtbench.exact.highs import solve_highs

    began = time.perf_counter()
    model, users, servers = transportation(slot)
    teller = Teller(lambda x: to_decision(x, users, servers, slot.n_users))
    result = solve_highs(model, left(limits, began), teller=teller)
    decision = None if result.x is None else to_decision(result.x, users, servers, slot.n_users)
    return certified(problem, slot, decision, result, limits, began, "mip")


def certified(
    problem: AnyProblem, slot: MigrationSlot, decision: MigrationDecision | None, result: MilpResult, limits: Limits,
    began: float, method: str,
) -> Certificate:  # fmt: skip
    """Certificate of what a back end found; the rule ``stay`` and a bound without places, where it found too little."""
    if result.status == "infeasible":
        rule, bound = None, result.bound
    else:
        rule = heuristics.stay(slot)
        bound = float(np.fmin(result.bound, alone(slot)))
    if decision is None and rule is not None and problem.evaluate(slot, rule).feasible:
        decision = rule
    return certify(
        problem, slot, decision, bound, limits, seconds=time.perf_counter() - began, method=method,
        backend=result.backend, infeasible=result.status == "infeasible",
        details={**result.details, "native": result.native},
    )  # fmt: skip


def alone(slot: MigrationSlot) -> float:
    """Mean utility if every user had the best admissible server for itself: an upper bound."""
    return float(np.where(slot.admissible, slot.utility, -np.inf).max(axis=-1).mean())


def by_reference(problem: AnyProblem, slot: MigrationSlot, limits: Limits) -> Certificate:
    """The Pyomo model by HiGHS."""
    from dtbench.exact.pyomo_backend import solve_pyomo, too_long
    from dtbench.problems.edge_association.migration import reference

    began = time.perf_counter()
    if (unwritten := too_long(reference.terms(slot), limits.seconds)) is not None:
        return certified(problem, slot, None, unwritten, limits, began, "reference")
    model = reference.build(slot)
    result = solve_pyomo(model, left(limits, began), decision=lambda: reference.decision(model))
    decision = None if result.x is None else reference.decision(model)
    return certified(problem, slot, decision, result, limits, began, "reference")


def transportation(slot: MigrationSlot) -> tuple[LinearModel, IntArray, IntArray]:
    """max mean U_ik x_ik, every user once (21b), at most N_k on k (21a); inadmissible pairs have no column (21c).

    Returns the model, and the user and server (columns,) of each of its columns.
    """
    users, servers = np.nonzero(slot.admissible)
    columns, ones = np.arange(len(users)), np.ones(len(users))
    once = sparse.csr_array((ones, (users, columns)), shape=(slot.n_users, len(users)))
    room = sparse.csr_array((ones, (servers, columns)), shape=(slot.n_servers, len(users)))
    model = LinearModel(
        cost=slot.utility[users, servers] / slot.n_users,
        lower=np.zeros(len(users)),
        upper=ones,
        integer=np.ones(len(users), dtype=bool),
        rows=sparse.csr_array(sparse.vstack([once, room], format="csr")),
        row_lower=np.concatenate([np.ones(slot.n_users), np.full(slot.n_servers, -np.inf)]),
        row_upper=np.concatenate([np.ones(slot.n_users), slot.cap]),
        sense="max",
    )
    return model, users, servers


def to_decision(x: Array, users: IntArray, servers: IntArray, n_users: int) -> MigrationDecision:
    """The association whose columns are near 1."""
    assoc = np.zeros(n_users, dtype=np.int64)
    chosen = x > 0.5
    assoc[users[chosen]] = servers[chosen]
    return MigrationDecision(assoc=assoc)
