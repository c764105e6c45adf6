"""One slot to proven optimality: ours, and Pyomo, linopy and SCIP on the model that we export.

The exported model is the paper's own. ``pyomo`` and ``linopy``: its columns and rows are written in that language, and
solved by HiGHS (``appsi_highs``; in memory). ``scip``: its LP file is read and solved. Of the peers, what is counted is
from there to the optimum, so neither the export nor its tangents; of ours, all from the slot on.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dtbench.core import AnyProblem, Limits, Slot
from dtbench.exact.export import write_model
from dtbench.exact.form import form_of
from dtbench.exact.linear import INFINITE, LinearModel
from studies.peers.cost import Cost
from studies.peers.ours import fresh_slot
from studies.peers.settings import OURS, Pair

SECONDS = 300.0  # wall time of one slot


def run(pair: Pair, side: str, seed: int, cost: Cost) -> dict[str, float]:
    """Solve the first slots of ``slots`` fresh traces; the mean of the optima."""
    s = pair.settings
    solve = {OURS: by_dtbench, "pyomo": by_pyomo, "linopy": by_linopy, "scip": by_scip}[side]
    tiny = dataclasses.replace(pair, instance=f"{pair.instance.partition('/')[0]}/tiny")
    problem, slot, _ = fresh_slot(tiny, seed)
    solve(problem, slot, s, Cost())  # what is imported and set up at the first solve is not the slot's
    found = []
    for number in range(s["slots"]):
        problem, slot, _ = fresh_slot(pair, 1000 * seed + number)
        found.append(solve(problem, slot, s, cost))
    return {"frames": s["slots"], "objective": float(np.mean(found))}


def by_dtbench(problem: AnyProblem, slot: Slot, s: Any, cost: Cost) -> float:
    """The problem's first exact method, with its certificate."""
    with cost.counted():
        found = problem.exact(slot, Limits(seconds=SECONDS, gap=s["gap"], threads=1))
    if found.status != "optimal":
        raise RuntimeError(f"dtbench says {found.status}.")
    return float(found.objective)


def by_pyomo(problem: AnyProblem, slot: Slot, s: Any, cost: Cost) -> float:
    """Columns and rows of the exported model in Pyomo, solved through its interface to HiGHS."""
    import pyomo.environ as pyo
    from pyomo.core.expr import LinearExpression

    given = exported(problem, slot, s)
    rows, lower, upper = given.rows, _or_none(given.lower), _or_none(given.upper)
    sides = list(zip(_or_none(given.row_lower), _or_none(given.row_upper), strict=True))
    with cost.counted():
        model = pyo.ConcreteModel()
        model.x = pyo.Var(
            range(given.n_columns), bounds=lambda _, j: (lower[j], upper[j]),
            domain=lambda _, j: pyo.Integers if given.integer[j] else pyo.Reals,
        )  # fmt: skip

        def row(_: Any, i: int) -> Any:
            part = slice(rows.indptr[i], rows.indptr[i + 1])
            coefficients = rows.data[part].tolist()
            left = LinearExpression(
                constant=0.0, linear_coefs=coefficients, linear_vars=[model.x[j] for j in rows.indices[part].tolist()]
            )
            low, high = sides[i]
            return left == low if low == high else (low, left, high)

        model.rows = pyo.Constraint(range(given.n_rows), rule=row)
        total = LinearExpression(
            constant=given.offset, linear_coefs=given.cost.tolist(), linear_vars=list(model.x.values())
        )
        model.total = pyo.Objective(expr=total, sense=pyo.minimize if given.sense == "min" else pyo.maximize)
        solver = pyo.SolverFactory("appsi_highs")
        solver.options = {"mip_rel_gap": s["gap"], "threads": 1, "time_limit": SECONDS}
        result = solver.solve(model)
    pyo.assert_optimal_termination(result)
    return float(pyo.value(model.total))


def _or_none(values: Any) -> list[float | None]:
    """Bounds as Pyomo takes them: none where they are infinite."""
    return [None if abs(value) >= INFINITE else value for value in values.tolist()]


def by_linopy(problem: AnyProblem, slot: Slot, s: Any, cost: Cost) -> float:
    """Columns and rows of the exported model, as arrays, in linopy."""
    import linopy
    import pandas as pd
    import xarray as xr

    given = exported(problem, slot, s)
    with cost.counted():
        model = linopy.Model()
        columns = pd.RangeIndex(given.n_columns, name="column")
        kinds = {"x": ~given.integer, "z": given.integer}
        parts = {}
        for name, some in kinds.items():
            where = columns[some]
            if len(where):
                bounds = [xr.DataArray(bound[some], coords=[where]) for bound in (given.lower, given.upper)]
                parts[name] = model.add_variables(*bounds, coords=[where], name=name, integer=name == "z")
        terms = _rows(given, kinds, parts)
        low, high = given.row_lower, given.row_upper
        for name, sign, side, some in (
            ("equal", "=", low, low == high),
            ("above", ">=", low, (low > -INFINITE) & (low != high)),
            ("below", "<=", high, (high < INFINITE) & (low != high)),
        ):
            if some.any():
                rows = np.flatnonzero(some)
                model.add_constraints(terms(rows), sign, xr.DataArray(side[rows], dims=["row"]), name=name)
        cost_of = [
            (xr.DataArray(given.cost[some], coords=parts[name].coords) * parts[name]).sum()
            for name, some in kinds.items()
            if name in parts
        ]
        model.add_objective(sum(cost_of[1:], start=cost_of[0]), sense=given.sense)
        status, why = model.solve(
            "highs", io_api="direct", mip_rel_gap=s["gap"], threads=1, time_limit=SECONDS, output_flag=False
        )
    if status != "ok" or why != "optimal":
        raise RuntimeError(f"linopy says {status}, {why}.")
    return float(model.objective.value) + given.offset


def _rows(given: LinearModel, kinds: Any, parts: Any) -> Callable[[Any], Any]:
    """What makes the left sides of rows, in linopy's arrays of terms."""
    import linopy
    import xarray as xr

    labels = np.full(given.n_columns, -1)
    for name, some in kinds.items():
        if name in parts:
            labels[some] = parts[name].labels.values
    (any_part, *_) = parts.values()

    def terms(rows: Any) -> Any:
        block = given.rows[rows]
        counts = np.diff(block.indptr)
        places = np.arange(len(block.data)) - np.repeat(block.indptr[:-1], counts)
        lines = np.repeat(np.arange(len(rows)), counts)
        coefficients, variables = np.full((len(rows), counts.max()), np.nan), np.full((len(rows), counts.max()), -1)
        coefficients[lines, places], variables[lines, places] = block.data, labels[block.indices]
        dims = ("row", "_term")
        data = xr.Dataset({"coeffs": (dims, coefficients), "vars": (dims, variables), "const": ("row", 0.0 * counts)})
        return linopy.LinearExpression(data, any_part.model)

    return terms


def by_scip(problem: AnyProblem, slot: Slot, s: Any, cost: Cost) -> float:
    """The LP file, as `dtbench export` writes it."""
    import pyscipopt

    given = exported(problem, slot, s)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "slot.lp"
        write_model(given, file, "lp")
        with cost.counted():
            model = pyscipopt.Model()
            model.hideOutput()
            model.readProblem(str(file))
            model.setParams(
                {"limits/gap": s["gap"], "limits/time": SECONDS, "lp/threads": 1, "parallel/maxnthreads": 1}
            )
            model.optimize()
    if model.getStatus() not in ("optimal", "gaplimit"):
        raise RuntimeError(f"SCIP says {model.getStatus()}.")
    return float(model.getObjVal()) * (1.0 if given.sense == "min" else -1.0)


def exported(problem: AnyProblem, slot: Slot, s: Any) -> LinearModel:
    """The model that `dtbench export --formulation` writes."""
    return form_of(problem, slot, s["formulation"], Limits(seconds=SECONDS)).model
