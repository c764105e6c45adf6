"""The exact methods: `strong`, a MILP as arrays for HiGHS; `reference`, the model of reference.py."""

from __future__ import annotations

import time

import numpy as np
from scipy import sparse

from dtbench.core import AnyProblem, Certificate, Limits
from dtbench.exact.certificate import certify, tightened, with_target
from dtbench.exact.highs import solve_highs
from dtbench.exact.linear import LinearModel

from .model import ToyDecision, ToySlot


def model(slot: ToySlot) -> LinearModel:
    """Columns: user u at server s is column u S + s. Rows: each user is at one server; each server has room."""
    u, s = slot.params.n_users, slot.params.n_servers
    each_user = sparse.kron(sparse.eye_array(u), np.ones((1, s)))
    each_server = sparse.kron(np.ones((1, u)), sparse.eye_array(s))
    return LinearModel(
        cost=slot.delay.ravel() / u,
        lower=np.zeros(u * s),
        upper=np.ones(u * s),
        integer=np.ones(u * s, dtype=bool),
        rows=sparse.csr_array(sparse.vstack([each_user, each_server], format="csr")),
        row_lower=np.concatenate([np.ones(u), np.zeros(s)]),
        row_upper=np.concatenate([np.ones(u), np.full(s, slot.params.capacity)]),
    )


def solve(problem: AnyProblem, slot: ToySlot, limits: Limits, method: str) -> Certificate:
    """Solve one slot; the referee scores the incumbent, and the bound proves how good it is."""
    if method not in problem.exactness.methods:
        raise ValueError(f"unknown method '{method}'; known: {', '.join(problem.exactness.methods)}")
    began, limits = time.perf_counter(), with_target(problem, limits)
    wanted = tightened(limits, limits.seconds)
    if method == "reference":
        from dtbench.exact.pyomo_backend import solve_pyomo

        from . import reference

        built = reference.build(slot)
        result = solve_pyomo(built, wanted)
        decision = None if result.x is None else reference.decision(built)
    else:
        result = solve_highs(model(slot), wanted)
        decision = None if result.x is None else _decision(slot, result.x)
    seconds = time.perf_counter() - began
    return certify(
        problem, slot, decision, result.bound, limits, seconds=seconds, method=method, backend=result.backend
    )


def _decision(slot: ToySlot, x: np.ndarray) -> ToyDecision:
    return ToyDecision(server=x.reshape(slot.params.n_users, slot.params.n_servers).argmax(axis=-1))
