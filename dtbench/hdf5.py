"""HDF5 files from outside: their structure is checked before any value is read.

Allowed is what a netCDF file of plain arrays needs: groups, arrays of numbers, attributes that are numbers or texts.
Each object has one hard link. Arrays lie in the file itself, packed by gzip at most, no larger than their dimensions
and no more than gzip can have packed. The HDF5 library may still loop or crash in a damaged file, so :func:`serve`
reads files in a process of its own, under limits of time and memory; see :mod:`dtbench.hdf5_process`.

This file is run as a script there, and so imports nothing of dtbench.
"""

from __future__ import annotations

import json
import math
import resource
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from h5py import h5a, h5d, h5f, h5g, h5l, h5o, h5r, h5s, h5t, h5z

MOST_BYTES = 2**28  # of all values in a file
MOST_PACKED = 1100  # bytes that one byte of gzip can stand for; 1032 by its definition
MOST_OBJECTS = 1000
MOST_ATTRIBUTES = 100  # of one object
MOST_TEXT = 2**16  # bytes of one attribute
MOST_DIMENSIONS = 8
MOST_DEPTH = 4  # of groups in groups
GROWING_CHUNK = (
    2**22
)  # bytes of a chunk along a dimension without a limit; the netCDF library takes some more than needed
FILTERS = {h5z.FILTER_DEFLATE: "gzip", h5z.FILTER_SHUFFLE: "shuffle", h5z.FILTER_FLETCHER32: "fletcher32"}
LAYOUTS = (h5d.COMPACT, h5d.CONTIGUOUS, h5d.CHUNKED)
NOT_READ = {"REFERENCE_LIST", "_Netcdf4Dimid", "_Netcdf4Coordinates", "_NCProperties", "_nc3_strict"}  # bookkeeping
DIMENSIONS = "DIMENSION_LIST"
ONLY_A_DIMENSION = "This is a netCDF dimension but not a netCDF variable"

MEMORY = 2**30  # bytes of address space of the process
STRUCTURE_SECONDS = 1.0  # of processor time to check a file
BYTES_PER_SECOND = 2e7  # at which values are read at least


class Refused(Exception):
    """The file is not one that is read; the message says where in it and why."""


@dataclass
class Variable:
    """An array: names of its dimensions, shape, type of its numbers in native byte order, attributes, values."""

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    attributes: dict[str, Any]
    dataset: Any = None
    values: npt.NDArray[Any] = field(default_factory=lambda: np.empty(0))


@dataclass
class Group:
    """A group: attributes, variables and groups by name."""

    attributes: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)

    def every(self) -> Iterator[Variable]:
        """All variables, those of inner groups last."""
        yield from self.variables.values()
        for group in self.groups.values():
            yield from group.every()


def parse(
    image: bytes,
    attributes: Sequence[str] | None = None,
    variables: Sequence[str] | None = None,
    described: bool = True,
    checked: Callable[[int], None] = lambda _: None,
) -> Group:
    """Check a file and read its values.

    Parameters
    ----------
    image
        The file's bytes.
    attributes
        Names of those attributes of the file that are wanted, and none of its variables'; all by default, which takes
        three times as long.
    variables
        Names of those variables that are wanted, without names of their dimensions: those are '?'. Nothing else is
        opened, which takes half of the time. All by default.
    described
        Whether attributes of variables are wanted.
    checked
        Told the bytes of all values once the structure holds, before any value is read.

    Raises
    ------
    Refused
        If the file is damaged, or has what is not allowed.
    """
    if not image.startswith(b"\x89HDF\r\n\x1a\n"):
        raise Refused("it does not begin as an HDF5 file does")
    try:
        file = h5f.open_file_image(image)
        try:
            structure = _Structure(file, len(image), attributes, variables, described)
            root = structure.group(h5g.open(file, b"/"), "", 0)
            structure.name_dimensions(root)
            checked(structure.bytes)
            for variable in root.every():
                variable.values = np.empty(variable.shape, variable.dtype)
                variable.dataset.read(h5s.ALL, h5s.ALL, variable.values)
                variable.dataset = None
        finally:
            file.close()
    except Refused:
        raise
    except Exception as error:  # h5py raises nearly every kind of exception on damaged files
        raise Refused(f"HDF5 cannot read it ({type(error).__name__}: {_line(error)})") from None
    return root


def _line(error: Exception) -> str:
    text = "".join(c if c.isprintable() else " " for c in str(error))
    return text if len(text) <= 200 else text[:197] + "..."


class _Structure:
    """What is collected while a file is walked: objects that were met, dimensions, bytes of values."""

    def __init__(
        self, file: Any, size: int, attributes: Sequence[str] | None, variables: Sequence[str] | None, described: bool
    ) -> None:
        self.file = file
        self.size = size
        self.of_file = attributes
        every = attributes is None and described
        self.of_variable = None if every else (DIMENSIONS,) if variables is None else ()
        self.wanted = None if variables is None else [name.encode() for name in variables]
        self.met: set[int] = set()
        self.dimensions: dict[int, tuple[str, int | None]] = {}  # address -> name, length; None if it may grow
        self.bytes = 0

    def meet(self, item: Any, where: str) -> int:
        """Note an object's address; refuse one that was met before."""
        address = int(h5o.get_info(item).addr)
        if address in self.met:
            raise Refused(f"{where or 'its root'} is linked more than once; each object may have one link")
        self.met.add(address)
        if len(self.met) > MOST_OBJECTS:
            raise Refused(f"it has more than {MOST_OBJECTS} objects")
        return address

    def group(self, group: Any, where: str, depth: int) -> Group:
        """A group and all below it, without values."""
        if depth > MOST_DEPTH:
            raise Refused(f"'{where}' lies in more than {MOST_DEPTH} groups")
        self.meet(group, where)
        content = Group(dict(_attributes(group, where or "/", self.of_file)))
        if group.get_num_objs() > MOST_OBJECTS:
            raise Refused(f"it has more than {MOST_OBJECTS} objects")
        for encoded in group if self.wanted is None else [name for name in self.wanted if name in group]:
            name = encoded.decode("utf-8", "backslashreplace")
            path = f"{where}/{name}"
            if not name.isprintable() or len(name) > 256:
                raise Refused(f"the name {name[:40]!r} is not a printable one of at most 256 characters")
            kind = group.links.get_info(encoded).type
            if kind != h5l.TYPE_HARD:
                words = {h5l.TYPE_SOFT: "a soft", h5l.TYPE_EXTERNAL: "an external"}.get(kind, "an unknown")
                raise Refused(f"'{path}' is {words} link; only objects of the file itself are read")
            item = h5o.open(group, encoded)
            if isinstance(item, h5g.GroupID):
                content.groups[name] = self.group(item, path, depth + 1)
            elif isinstance(item, h5d.DatasetID):
                variable = self.dataset(item, name, path)
                if variable is not None:
                    content.variables[name] = variable
            else:
                raise Refused(f"'{path}' is neither a group nor an array")
        return content

    def dataset(self, item: Any, name: str, where: str) -> Variable | None:
        """An array, without values; None where it stands for a dimension only, whose values mean nothing."""
        address = self.meet(item, where)
        shape, most = _shape(item.get_space(), where)
        attributes = dict(_attributes(item, where, self.of_variable))
        dims = attributes.pop(DIMENSIONS, ("?",) * len(shape))
        if h5a.exists(item, b"CLASS"):  # a dimension, perhaps with values
            if len(shape) != 1:
                raise Refused(f"dimension '{where}' has {len(shape)} axes, expected 1")
            self.dimensions[address] = name, shape[0] if most == shape else None
            if self.of_variable is not None or str(attributes.pop("NAME", "")).startswith(ONLY_A_DIMENSION):
                return None
            dims = (name,)
        if len(dims) != len(shape):
            raise Refused(f"'{where}' has {len(shape)} axes, but names of {len(dims)}")
        dtype = _number_type(item.get_type(), f"'{where}'")
        self._check_storage(item, shape, most, dtype, where)
        return Variable(dims, shape, dtype, attributes, item)

    def _check_storage(
        self, item: Any, shape: tuple[int, ...], most: tuple[int, ...], dtype: np.dtype[Any], where: str
    ) -> None:
        """Refuse values that lie elsewhere, are packed by an unknown filter, or cannot be as many as is said."""
        declared = math.prod(shape) * dtype.itemsize
        self.bytes += declared
        if self.bytes > MOST_BYTES:
            raise Refused(f"'{where}' with shape {shape} makes its values more than {MOST_BYTES} bytes")
        plan = item.get_create_plist()
        layout = plan.get_layout()
        if layout not in LAYOUTS:
            raise Refused(f"'{where}' is a virtual array; its values must lie in the file")
        if plan.get_external_count():
            raise Refused(f"'{where}' has its values in another file; they must lie in this one")
        codes = [plan.get_filter(number)[0] for number in range(plan.get_nfilters())]
        for code in codes:
            if code not in FILTERS or codes.count(code) > 1:
                known = ", ".join(FILTERS.values())
                raise Refused(f"'{where}' is packed by filter {FILTERS.get(code, code)}; expected {known}, once each")
        stored = item.get_storage_size()
        if layout == h5d.CHUNKED:
            chunk = plan.get_chunk()
            grows = [limit != length for limit, length in zip(most, shape, strict=True)]
            size = math.prod(chunk) * dtype.itemsize
            beyond = any(c > s and not g for c, s, g in zip(chunk, shape, grows, strict=True))
            if beyond or size > max(declared, GROWING_CHUNK):
                raise Refused(f"'{where}' has chunks {chunk}, larger than its shape {shape}")
            possible = stored * (MOST_PACKED if h5z.FILTER_DEFLATE in codes else 1)
        else:
            possible = stored
        if stored > self.size or declared > possible:
            raise Refused(f"'{where}' with shape {shape} has {declared} bytes, but {stored} are stored")

    def name_dimensions(self, group: Group) -> None:
        """Replace references to dimensions by their names; refuse lengths that are not theirs."""
        for name, variable in group.variables.items():
            named: list[str] = []
            for reference, length in zip(variable.dims, variable.shape, strict=True):
                if isinstance(reference, str):
                    named.append(reference)
                    continue
                target = h5r.dereference(reference, self.file)
                known = self.dimensions.get(int(h5o.get_info(target).addr)) if target is not None else None
                if known is None:
                    raise Refused(f"'{name}' has a dimension that is not one of the file's")
                if known[1] not in (length, None):
                    raise Refused(f"'{name}' has {length} along '{known[0]}', which has {known[1]}")
                named.append(known[0])
            variable.dims = tuple(named)
        for inner in group.groups.values():
            self.name_dimensions(inner)


def _shape(space: Any, where: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Lengths of an array's axes, and the greatest that they may grow to."""
    if space.get_simple_extent_type() not in (h5s.SIMPLE, h5s.SCALAR):
        raise Refused(f"'{where}' has no values")
    shape, most = space.get_simple_extent_dims(), space.get_simple_extent_dims(1)
    if len(shape) > MOST_DIMENSIONS:
        raise Refused(f"'{where}' has {len(shape)} axes; at most {MOST_DIMENSIONS} are read")
    return shape, most


def _number_type(kind: Any, where: str) -> np.dtype[Any]:
    """The native type of numbers as the file has them, whatever their byte order."""
    if kind.get_class() not in (h5t.INTEGER, h5t.FLOAT):
        raise Refused(f"{where} does not hold plain numbers")
    dtype = kind.dtype
    if not kind.equal(h5t.py_create(dtype)):
        raise Refused(f"{where} holds numbers of an unusual form, expected integers or floats of 8, 16, 32 or 64 bit")
    return np.dtype(dtype.newbyteorder("="))


def _attributes(item: Any, where: str, wanted: Sequence[str] | None) -> Iterator[tuple[str, Any]]:
    """Attributes as plain numbers, texts and lists; references to dimensions as they are. None wants all."""
    count = h5a.get_num_attrs(item)
    if count > MOST_ATTRIBUTES:
        raise Refused(f"'{where}' has {count} attributes; at most {MOST_ATTRIBUTES} are read")
    if wanted is not None:
        for name in wanted:
            if h5a.exists(item, name.encode()):
                yield (
                    name,
                    _value(h5a.open(item, name.encode()), f"attribute '{name}' of '{where}'", name == DIMENSIONS),
                )
        return
    for number in range(count):
        attribute = h5a.open(item, index=number)
        name = attribute.name.decode("utf-8", "backslashreplace")
        if name not in NOT_READ:
            yield name, _value(attribute, f"attribute '{name[:40]}' of '{where}'", name == DIMENSIONS)


def _value(attribute: Any, where: str, references: bool) -> Any:
    space, kind = attribute.get_space(), attribute.get_type()
    if space.get_simple_extent_type() == h5s.NULL:
        return ""  # how the netCDF library writes an empty text
    shape = space.get_simple_extent_dims()
    if math.prod(shape) * kind.get_size() > MOST_TEXT:
        raise Refused(f"{where} is larger than {MOST_TEXT} bytes")
    if references:
        return _references(attribute, shape, kind, where)
    if kind.get_class() == h5t.STRING:
        return _texts(attribute, shape, kind, where)
    values = np.empty(shape, _number_type(kind, where))
    attribute.read(values)
    return values.item() if values.size == 1 else values.tolist()


def _texts(attribute: Any, shape: tuple[int, ...], kind: Any, where: str) -> Any:
    """One text, or a list; of fixed or variable length, padded with zeros or spaces."""
    values = np.empty(shape, kind.dtype)
    attribute.read(values)
    texts = []
    for value in values.ravel().tolist():
        encoded = value if isinstance(value, bytes) else b"" if value is None else str(value).encode()
        if len(encoded) > MOST_TEXT:
            raise Refused(f"{where} is larger than {MOST_TEXT} bytes")
        try:
            text = encoded.decode()
        except UnicodeDecodeError:
            raise Refused(f"{where} is not UTF-8") from None
        texts.append(
            text.rstrip("\0") if kind.is_variable_str() or kind.get_strpad() != h5t.STR_SPACEPAD else text.rstrip(" ")
        )
    return texts[0] if len(texts) == 1 else texts


def _references(attribute: Any, shape: tuple[int, ...], kind: Any, where: str) -> tuple[Any, ...]:
    """The dimensions of an array, one reference for each axis."""
    plain = kind.get_class() == h5t.VLEN and kind.get_super().get_class() == h5t.REFERENCE
    if not plain or not kind.get_super().equal(h5t.STD_REF_OBJ) or len(shape) != 1:
        raise Refused(f"{where} is no list of dimensions")
    values = np.empty(shape, kind.dtype)
    attribute.read(values)
    if any(len(entry) != 1 for entry in values):
        raise Refused(f"{where} does not name one dimension for each axis")
    return tuple(entry[0] for entry in values)


def within_limits(image: bytes, attributes: Sequence[str] | None, variables: Sequence[str] | None) -> Group:
    """What :func:`parse` gives. A file that takes too long ends this process, by the signal ``SIGPROF``."""
    _allow(STRUCTURE_SECONDS)
    try:
        return parse(
            image, attributes, variables, checked=lambda size: _allow(STRUCTURE_SECONDS + size / BYTES_PER_SECOND)
        )
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _allow(seconds: float) -> None:
    """End this process after so much more processor time."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


# The process that reads files. A request is a line of JSON, {"size": bytes of the file, "attributes": those wanted,
# "variables": likewise}, and the file; the answer is the length of a JSON text, that text, and the values of
# all variables in order.


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer requests until there are no more. A file that takes too long or too much memory ends the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the caller's to handle
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer: dict[str, Any]
    no_values: list[npt.NDArray[Any]] = []
    while line := source.readline():
        request = json.loads(line)
        image = source.read(request["size"])
        try:
            root = within_limits(image, request["attributes"], request["variables"])
        except Refused as refused:
            answer, parts = {"refused": str(refused)}, no_values
        else:
            answer, parts = {"content": _described(root)}, [variable.values for variable in root.every()]
        text = json.dumps(answer).encode()
        sink.write(len(text).to_bytes(8, "big") + text)
        for values in parts:
            sink.write(np.ascontiguousarray(values).data)
        sink.flush()


def _described(group: Group) -> dict[str, Any]:
    return {
        "attributes": group.attributes,
        "variables": {n: [v.dims, v.shape, v.dtype.str, v.attributes] for n, v in group.variables.items()},
        "groups": {name: _described(inner) for name, inner in group.groups.items()},
    }


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
