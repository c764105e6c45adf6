"""Files of weights (safetensors): a JSON text and named arrays. The header is checked before any array is made.

What is written is written by ``safetensors``; nothing in a file is run, and reading needs no torch.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.errors import DtbenchError, shown
from dtbench.outside import parse_json, read_bytes

HEADER = "dtbench"  # key of our JSON text in the metadata
MOST_BYTES = 2**28  # of a file; trained policies have some MB, resume files up to a hundred
MOST_HEADER = 2**24
MOST_ARRAYS = 10_000
MOST_AXES = 8
BYTES = {
    "F64": 8, "F32": 4, "F16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1,
    "BOOL": 1,
}  # fmt: skip

Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Stored:
    """What a file holds: our JSON text, empty if there is none; the arrays; the file's checksum."""

    text: str
    arrays: Arrays
    sha256: str


def read(file: Path, remedy: str) -> Stored:
    """Read a file of weights.

    Raises
    ------
    DtbenchError
        If it is missing, truncated, changed or of another format; the message names the file and ends with ``remedy``.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        content = read_bytes(file, MOST_BYTES)
        header = _header(content)
        try:
            arrays = load(content)
        except (SafetensorError, ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise DtbenchError(f"{type(error).__name__}: {str(error)[:200]}") from None
        if set(arrays) != set(header) - {"__metadata__"}:
            raise DtbenchError("its header names arrays twice")
    except DtbenchError as error:
        reason = str(error).rstrip(".")
        reason = reason.removeprefix(f"'{file}' ") if reason.startswith(f"'{file}'") else (
            f"cannot be read as safetensors: truncated, changed or another format ({reason})"
        )  # fmt: skip
        raise DtbenchError(f"'{file}' {reason}. {remedy}") from None
    text = header.get("__metadata__", {}).get(HEADER, "")
    return Stored(text, {name: value.copy() for name, value in arrays.items()}, hashlib.sha256(content).hexdigest())


def _header(content: bytes) -> dict[str, Any]:
    """The header, if it is one of arrays that the file can hold."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > len(content) - 8:
        raise DtbenchError(f"it has {len(content)} bytes, its header should have {length}")
    if length > MOST_HEADER:
        raise DtbenchError(f"its header has {length} bytes; at most {MOST_HEADER} are read")
    header = parse_json(content[8 : 8 + length], "its header")
    if not isinstance(header, dict) or len(header) > MOST_ARRAYS:
        raise DtbenchError("its header is no table of arrays")
    metadata = header.get("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise DtbenchError("its metadata are no texts")
    for name, entry in header.items():
        if name != "__metadata__":
            _check_array(name, entry, len(content) - 8 - length)
    return header


def _check_array(name: str, entry: Any, size: int) -> None:
    """Refuse an array of an unknown type, or one that the file's ``size`` bytes cannot hold."""
    if not isinstance(entry, Mapping):
        raise DtbenchError(f"array {shown(name)} is {shown(entry)}")
    code, shape, ends = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(code, str) or code not in BYTES:
        raise DtbenchError(f"array {shown(name)} is of type {shown(code)}, expected one of {', '.join(BYTES)}")
    for values in (shape, ends):
        if not isinstance(values, list) or not all(type(value) is int and value >= 0 for value in values):
            raise DtbenchError(f"array {shown(name)} has shape {shown(shape)} and offsets {shown(ends)}")
    assert isinstance(shape, list)  # noqa: S101  checked above
    assert isinstance(ends, list)  # noqa: S101
    fits = len(ends) == 2 and ends[1] - ends[0] == math.prod(shape) * BYTES[code] and ends[1] <= size
    if len(shape) > MOST_AXES or not fits:
        raise DtbenchError(f"array {shown(name)} has shape {shown(shape)} and offsets {shown(ends)}")


def check_finite(file: Path, arrays: Mapping[str, npt.NDArray[Any]], remedy: str) -> None:
    """Refuse arrays with NaN or inf.

    Raises
    ------
    DtbenchError
        It names file and array.
    """
    for name, value in arrays.items():
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            raise DtbenchError(f"'{file}': array '{name}' holds NaN or inf. {remedy}")
