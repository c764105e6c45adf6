"""Self-describing netCDF files of arrays: each variable with its dimensions, unit and meaning.

The same content gives the same bytes. Reading never runs anything: plain numbers, texts and attributes only.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np
import numpy.typing as npt

from dtbench.arrays import Batched
from dtbench.errors import DtbenchError
from dtbench.files import write_safely

MEMORY = "/dev/shm"  # noqa: S108  a folder in memory


@dataclass(frozen=True)
class Variable:
    """Values with the names of all their axes, a unit and a line of meaning."""

    dims: tuple[str, ...]
    values: npt.NDArray[Any]
    unit: str
    doc: str


@dataclass(frozen=True)
class Content:
    """What a file holds: variables, attributes, and named groups of scalars (variables and attributes again)."""

    variables: Mapping[str, Variable]
    attributes: Mapping[str, Any]
    groups: Mapping[str, Content] = field(default_factory=dict)


def variables_of(data: Batched, lead: tuple[str, ...] = ()) -> dict[str, Variable]:
    """The array fields of a dataclass as variables; ``lead`` names its leading axes."""
    return {
        name: Variable((*lead, *spec.dims), stored(value), spec.unit, spec.doc) for name, spec, value in data.arrays()
    }


def stored(value: Any) -> npt.NDArray[Any]:
    """A value as it is written: netCDF has no booleans, int8 stands for them."""
    array = np.asarray(value)
    return array.astype(np.int8) if array.dtype == np.bool_ else array


def write(path: Path, content: Content) -> None:
    """Write a file; an existing one is replaced when the new one is complete.

    Raises
    ------
    OSError
        If it cannot be written; it names ``path``.
    """
    write_safely(path, to_bytes(content))


def to_bytes(content: Content) -> bytes:
    """The file of some content. It is made in memory if there is a folder: HDF5 fails badly where a disk is full."""
    with tempfile.NamedTemporaryFile(dir=MEMORY if os.access(MEMORY, os.W_OK) else None, prefix="dtbench-") as file:
        with h5netcdf.File(file.name, "w", track_order=False) as data:
            _write(data, content)
        return file.read()


def _write(group: Any, content: Content) -> None:
    for name, value in content.attributes.items():
        group.attrs[name] = value
    for name, variable in content.variables.items():
        for dim, length in zip(variable.dims, variable.values.shape, strict=True):
            if dim not in group.dimensions:
                group.dimensions[dim] = length
        values = variable.values
        packed: dict[str, Any] = {"compression": "gzip", "shuffle": True} if values.size > 64 else {}
        item = group.create_variable(name, variable.dims, data=values, dtype=values.dtype, **packed)
        item.attrs["units"] = variable.unit
        item.attrs["long_name"] = variable.doc
    for name, part in content.groups.items():
        _write(group.create_group(name), part)


def read(path: Path) -> Content:
    """Read a whole file.

    Raises
    ------
    DtbenchError
        If it is missing, truncated, or not netCDF.
    """
    if not path.is_file():
        raise DtbenchError(f"'{path}' does not exist or is not a file.")
    try:
        with h5netcdf.File(path, "r") as file:
            return _read(file)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise DtbenchError(
            f"'{path}' cannot be read as netCDF-4: truncated, changed or another format ({error})."
        ) from error


def _read(group: Any) -> Content:
    variables = {}
    for name, item in group.variables.items():
        attrs = dict(item.attrs)
        variables[name] = Variable(
            tuple(item.dimensions), np.asarray(item[...]), str(attrs.get("units", "")), str(attrs.get("long_name", ""))
        )
    attributes = {name: _plain(value) for name, value in group.attrs.items()}
    return Content(variables, attributes, {name: _read(part) for name, part in group.groups.items()})


def _plain(value: Any) -> Any:
    return (
        value.item() if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.size == 1) else value
    )
