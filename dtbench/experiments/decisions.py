"""Decisions of a horizon as netCDF: one variable per field with dimensions, unit and meaning."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dtbench import netcdf
from dtbench.arrays import DTYPES, specs
from dtbench.core import AnyProblem, Decision
from dtbench.errors import DtbenchError
from dtbench.netcdf import Content
from dtbench.outside import read_bytes


def write(path: Path, problem: AnyProblem, decisions: Decision) -> None:
    """Write decisions with a leading time axis. The same decisions give the same bytes."""
    variables = netcdf.variables_of(decisions, lead=("time",))
    header = netcdf.header(
        f"{problem.title}: decisions of a solver, as it gave them",
        f"One decision of {problem.id} for each slot of the horizon, before any repair.",
        problem=problem.id,
    )
    netcdf.write(path, Content(variables, header))


def read(path: Path, problem: AnyProblem) -> Decision:
    """Read decisions (leading time axis) back.

    Raises
    ------
    DtbenchError
        As :func:`parse` does, and if the file is missing.
    """
    return parse(read_bytes(path, netcdf.MOST_BYTES), path, problem)


def parse(image: bytes, path: Path, problem: AnyProblem, *, strict: bool = True) -> Decision:
    """Decisions (leading time axis) from the bytes of the file ``path``.

    Parameters
    ----------
    image, path, problem
        The file, its name in messages, and the problem that is decided.
    strict
        Whether the file may hold nothing else, and dimensions have their names. Otherwise only the decision's fields
        are looked at, in half of the time: enough where a record names the file's checksum, and shapes are checked.

    Raises
    ------
    DtbenchError
        If the file is damaged, of another problem, or does not hold exactly the decision's fields.
    """
    wanted = specs(problem.Decision)
    content = netcdf.parse_arrays(image, path, ("problem",), None if strict else tuple(wanted))
    if content.attributes.get("problem") != problem.id:
        raise DtbenchError(f"'{path.name}' is not a file of decisions of '{problem.id}'.")
    foreign = sorted({*content.variables, *content.groups} - set(wanted))  # coordinates are not among them
    if foreign:
        raise DtbenchError(f"'{path.name}': unknown variable '{foreign[0]}'. Expected: {', '.join(wanted)}.")
    new = {}
    for name, spec in wanted.items():
        if name not in content.variables:
            raise DtbenchError(f"'{path.name}': variable '{name}' ({spec.doc}) is missing.")
        given = content.variables[name]
        if strict and given.dims != ("time", *spec.dims):
            raise DtbenchError(f"'{path.name}': variable '{name}' has dimensions {given.dims}, expected time first.")
        kind = np.dtype(np.int8 if spec.kind == "bool" else DTYPES[spec.kind])
        if given.values.dtype != kind:
            raise DtbenchError(f"'{path.name}': variable '{name}' holds {given.values.dtype}, expected {kind}.")
        values = given.values.astype(DTYPES[spec.kind], copy=False)
        if not np.isfinite(values).all() or (given.values != values).any():
            raise DtbenchError(f"'{path.name}': variable '{name}' holds what no {spec.kind} is.")
        new[name] = values
    decision: Decision = problem.Decision(**new)
    return decision
