"""Decisions of a horizon as netCDF: one variable per field with dimensions, unit and meaning."""

from __future__ import annotations

from pathlib import Path

from dtbench import netcdf
from dtbench.arrays import DTYPES, specs
from dtbench.core import AnyProblem, Decision
from dtbench.errors import DtbenchError
from dtbench.netcdf import Content


def write(path: Path, problem: AnyProblem, decisions: Decision) -> None:
    """Write decisions with a leading time axis. The same decisions give the same bytes."""
    variables = netcdf.variables_of(decisions, lead=("time",))
    header = {"title": f"{problem.title}: decisions of a solver, as it gave them", "problem": problem.id}
    netcdf.write(path, Content(variables, header))


def read(path: Path, problem: AnyProblem) -> Decision:
    """Read decisions (leading time axis) back.

    Raises
    ------
    DtbenchError
        If the file is missing, damaged, of another problem, or does not hold exactly the decision's fields.
    """
    content = netcdf.read(path)
    if content.attributes.get("problem") != problem.id:
        raise DtbenchError(f"'{path.name}' is not a file of decisions of '{problem.id}'.")
    wanted = specs(problem.Decision)
    new = {}
    for name, spec in wanted.items():
        if name not in content.variables:
            raise DtbenchError(f"'{path.name}': variable '{name}' ({spec.doc}) is missing.")
        found = content.variables[name]
        if found.dims != ("time", *spec.dims):
            raise DtbenchError(f"'{path.name}': variable '{name}' has dimensions {found.dims}, expected time first.")
        new[name] = found.values.astype(DTYPES[spec.kind])
    decision: Decision = problem.Decision(**new)
    return decision
