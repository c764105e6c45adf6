"""Self-describing netCDF files of arrays: each variable with its dimensions, unit and meaning.

The same content gives the same bytes. Texts are written as fixed characters, as the netCDF C library does by default:
Octave and others cannot read the strings of variable length that HDF5 has besides. Every dimension has a coordinate
variable, which counts from 0. Reading never runs anything: plain numbers, texts and attributes only, from files that
were checked first (:mod:`dtbench.hdf5`).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Batched
from dtbench.errors import DtbenchError
from dtbench.files import write_safely
from dtbench.outside import read_bytes

if TYPE_CHECKING:
    from dtbench import hdf5

MEMORY = "/dev/shm"  # noqa: S108  a folder in memory
MOST_BYTES = 2**27  # of a file that is read
CONVENTIONS = "ACDD-1.3"  # of attributes; not CF, whose list of units knows no twin and no slot
KEYWORDS = "digital twin, edge computing, optimisation benchmark"
MEANING = {"time": "slot of the horizon", "xy": "axis of a position: 0 = x, 1 = y"}  # of coordinates


@dataclass(frozen=True)
class Variable:
    """Values with the names of all their axes, a unit and a line of meaning."""

    dims: tuple[str, ...]
    values: npt.NDArray[Any]
    unit: str
    doc: str
    attributes: Mapping[str, Any] = field(default_factory=dict)  # all that a file says of it


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


def header(title: str, summary: str, **more: Any) -> dict[str, Any]:
    """Attributes of a file: those that :data:`CONVENTIONS` asks for, and more."""
    return {"Conventions": CONVENTIONS, "title": title, "summary": summary, "keywords": KEYWORDS} | more


def whole(value: int) -> np.integer[Any]:
    """A whole number as an attribute: of 32 bit where that is enough, as R knows no longer ones."""
    return np.int32(value) if abs(value) < 2**31 else np.int64(value)


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
    import h5netcdf  # with h5py, a tenth of a second: not for those who only ask what there is

    with tempfile.NamedTemporaryFile(dir=MEMORY if os.access(MEMORY, os.W_OK) else None, prefix="dtbench-") as file:
        with h5netcdf.File(file.name, "w", track_order=False) as data:
            _write(data, content)
        return file.read()


def _write(group: Any, content: Content) -> None:
    for name, value in content.attributes.items():
        group.attrs[name] = _characters(value)
    coordinates = coordinates_of(content.variables)
    for name, coordinate in coordinates.items():
        group.dimensions[name] = len(coordinate.values)
    for name, variable in (coordinates | dict(content.variables)).items():
        values = variable.values
        packed: dict[str, Any] = {"compression": "gzip", "shuffle": True} if values.size > 64 else {}
        item = group.create_variable(name, variable.dims, data=values, dtype=values.dtype, **packed)
        item.attrs["units"] = _characters(variable.unit)
        item.attrs["long_name"] = _characters(variable.doc)
    for name, part in content.groups.items():
        _write(group.create_group(name), part)


def coordinates_of(variables: Mapping[str, Variable]) -> dict[str, Variable]:
    """A variable for each dimension of some variables, with the numbers 0, 1, ... along it."""
    lengths: dict[str, int] = {}
    for variable in variables.values():
        for dim, length in zip(variable.dims, variable.values.shape, strict=True):
            lengths.setdefault(dim, length)
    return {
        dim: Variable(
            (dim,),
            np.arange(length),
            "1",
            MEANING.get(dim, f"number of the {dim.replace('_', ' ')}") + ", counted from 0",
        )
        for dim, length in lengths.items()
    }


def _characters(value: Any) -> Any:
    """A text as HDF5 holds fixed characters; an empty one has no values, as in files of the netCDF C library."""
    if not isinstance(value, str):
        return value
    import h5py

    encoded = value.encode()
    kind = h5py.string_dtype("ascii" if value.isascii() else "utf-8", max(len(encoded), 1))
    return np.array(encoded, kind) if encoded else h5py.Empty(kind)


def read(path: Path, *, known: bool = False) -> Content:
    """Read a whole file.

    Parameters
    ----------
    path
        The file.
    known
        Whether its checksum says that it is one of ours. Others are read in a process of their own.

    Raises
    ------
    DtbenchError
        If it is missing, truncated, not netCDF, or has what :mod:`dtbench.hdf5` does not allow.
    """
    return _content(_parsed(read_bytes(path, MOST_BYTES), path, None, known))


def parse_arrays(
    image: bytes, path: Path, attributes: Sequence[str], variables: Sequence[str] | None = None
) -> Content:
    """The variables of a file and some of its attributes, without units and meaning: a third of the time of a whole.

    Parameters
    ----------
    image
        The file's bytes.
    path
        What errors call it.
    attributes
        Names of those of the file that are wanted.
    variables
        Names of those of the file that are wanted, without names of their dimensions; all by default.

    Raises
    ------
    DtbenchError
        As :func:`read` does.
    """
    return _content(_parsed(image, path, attributes, False, variables))


def _parsed(
    image: bytes, path: Path, attributes: Sequence[str] | None, known: bool, variables: Sequence[str] | None = None
) -> hdf5.Group:
    from dtbench import hdf5, hdf5_process

    try:
        return (hdf5 if known else hdf5_process).parse(image, attributes, variables)
    except hdf5.Refused as refused:
        raise DtbenchError(
            f"'{path}' cannot be read as netCDF-4: {refused}. It is truncated, changed or of another format."
        ) from None


def _content(group: hdf5.Group) -> Content:
    variables = {
        name: Variable(v.dims, v.values, str(v.attributes.get("units", "")), str(v.attributes.get("long_name", "")),
                       v.attributes)
        for name, v in group.variables.items()
    }  # fmt: skip
    return Content(variables, group.attributes, {name: _content(part) for name, part in group.groups.items()})
