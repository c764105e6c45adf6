"""Reads what ``dtbench demonstrations`` has written: traces, and what an exact method decides on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dtbench import netcdf
from dtbench.arrays import specs
from dtbench.core import AnyProblem, Decision, Instance
from dtbench.errors import DtbenchError
from dtbench.library import instances

TRACES = "traces"  # the folder beside the file
LEAD = ("demonstration", "time")


def read(file: Path, problem: AnyProblem) -> Iterator[tuple[Instance, Decision]]:
    """Each trace with its decisions, along a leading time axis.

    Raises
    ------
    DtbenchError
        If the file is missing, damaged, of another problem, lacks a field, or a trace is missing beside it.
    """
    content = netcdf.read(file)
    owner = content.attributes.get("problem")
    if owner != problem.id:
        raise DtbenchError(f"'{file}' holds demonstrations of '{owner}', expected '{problem.id}'.")
    wanted = {name: (*LEAD, *spec.dims) for name, spec in specs(problem.Decision).items()} | {"trace": LEAD[:1]}
    for name, dims in wanted.items():
        if name not in content.variables or content.variables[name].dims != dims:
            raise DtbenchError(
                f"'{file}' has no variable '{name}' with the axes {', '.join(dims)}; write it with `dtbench "
                "demonstrations`."
            )
    fields = {name: content.variables[name].values for name in wanted if name != "trace"}
    for row, number in enumerate(content.variables["trace"].values.tolist()):
        yield _trace(file, int(number)), problem.Decision(**{name: value[row] for name, value in fields.items()})


def _trace(file: Path, number: int) -> Instance:
    """The trace of a number, which lies beside the file."""
    found = sorted((file.parent / TRACES).glob(f"*-trace{number:05d}.nc"))
    if len(found) != 1:
        raise DtbenchError(
            f"'{file}' needs the file of trace {number} in '{file.parent / TRACES}', where there are {len(found)}; "
            "keep the folder that `dtbench demonstrations` writes beside it."
        )
    return instances.load(found[0])
