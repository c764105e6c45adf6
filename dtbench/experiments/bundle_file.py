"""Results in one file: what a stranger sends, what the repository keeps, and how it is taken in.

A bundle is a tar archive, compressed by xz, of

    bundle.json               who made it, with which code, and the checksum of every other file; it comes first
    plan.json                 the part of the plan that it answers for
    records/<stem>.json, .nc  records that hold, and their decisions
    instances/<name>          instances that are not the library's, and their best known values
    policies/<stem>           policies that were trained for them, and what that cost
    solvers/<name>            source of solvers that are not dtbench's, for people to read; it is never run

The same results give the same bytes. Nothing is unpacked before its checksum is known to fit, and no name leads out of
these folders.
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import re
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Literal

from pydantic import Field, ValidationError

from dtbench.errors import DtbenchError
from dtbench.experiments.record import Strict

HEAD = "bundle.json"
MOST_FILES = 400_000
MOST_BYTES = 2**33  # all files together
MOST_EACH = 2**28
NAME = re.compile(
    r"plan\.json|records/[\w.=%@+-]+\.(json|nc)|instances/[\w.=%@+-]+|policies/[\w.=%@+-]+\.(json|safetensors)|solvers/[\w.-]+\.py"
)
XZ = 6
TEXT = {"who": 200, "code": 500, "note": 2000}  # most characters


class Machine(Strict):
    """A machine that cells ran on, and how many."""

    cpu: str
    cores: int
    platform: str
    speed: float | None
    cells: int


class Method(Strict):
    """A solver in the bundle: its label, its file, and the regimes that its records tell."""

    label: str
    solver: str
    file: str
    sha256: str
    sees: tuple[str, ...]
    cells: int


class Head(Strict):
    """What a bundle says of itself."""

    schema_version: Literal[1] = 1
    dtbench: str
    who: str = Field(max_length=TEXT["who"])
    code: str = Field(default="", max_length=TEXT["code"])
    note: str = Field(default="", max_length=TEXT["note"])
    methods: tuple[Method, ...] = ()
    machines: tuple[Machine, ...] = ()
    planned: int
    records: int
    files: dict[str, str]

    @property
    def sha256(self) -> str:
        """Checksum of all of it, and so of every file."""
        return hashlib.sha256(to_json(self)).hexdigest()


def to_json(head: Head) -> bytes:
    """A head as JSON."""
    return json.dumps(head.model_dump(mode="json"), indent=1, ensure_ascii=False, sort_keys=True).encode() + b"\n"


def archive(content: Mapping[str, bytes]) -> bytes:
    """A tar archive, compressed by xz: the same content gives the same bytes."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in content.items():
            facts = tarfile.TarInfo(name)
            facts.size, facts.mode = len(data), 0o644
            tar.addfile(facts, io.BytesIO(data))
    return lzma.compress(raw.getvalue(), preset=XZ)


def head_of(file: Path) -> Head:
    """What a bundle says of itself; its files are not looked at.

    Raises
    ------
    DtbenchError
        If it is no bundle; the message names the file.
    """
    with _opened(file) as stream:
        for name, data in _members(file, stream):
            return _head(file, name, data)
    raise DtbenchError(f"'{file}' is no bundle: it is empty.")


def unpack(file: Path, folder: Path) -> Head:
    """Write a bundle's files to an empty folder, each after its checksum was found to fit.

    Raises
    ------
    DtbenchError
        If it is no bundle, a file is missing, was changed, is too large, or has a name that no bundle has.
    """
    with _opened(file) as stream:
        members = _members(file, stream)
        first = next(members, None)
        if first is None:
            raise DtbenchError(f"'{file}' is no bundle: it is empty.")
        head = _head(file, *first)
        missing = dict(head.files)
        for name, data in members:
            if NAME.fullmatch(name) is None or ".." in name:
                raise DtbenchError(f"'{file}': '{name[:100]}' is no name of a file in a bundle.")
            if missing.pop(name, None) != hashlib.sha256(data).hexdigest():
                raise DtbenchError(f"'{file}': '{name}' was changed, is there twice, or is not in {HEAD}.")
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
    if missing:
        raise DtbenchError(f"'{file}': '{next(iter(missing))}' is missing.")
    return head


def _opened(file: Path) -> IO[bytes]:
    if not file.is_file():
        raise DtbenchError(f"'{file}' does not exist or is not a file.")
    return file.open("rb")


def _members(file: Path, stream: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of an archive's plain files, one after the other, bounded in number and size."""
    size = count = 0
    try:
        with tarfile.open(fileobj=stream, mode="r|xz") as tar:
            for each in tar:
                size, count = size + each.size, count + 1
                if count > MOST_FILES or size > MOST_BYTES or each.size > MOST_EACH:
                    raise DtbenchError(f"'{file}' is larger than a bundle may be.")
                opened = tar.extractfile(each) if each.isreg() else None
                if opened is None:
                    raise DtbenchError(f"'{file}': '{each.name[:100]}' is no plain file.")
                yield each.name, opened.read()
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError, ValueError) as error:
        raise DtbenchError(f"'{file}' is no bundle, or is damaged: {error}. Pack or fetch it again.") from None


def _head(file: Path, name: str, data: bytes) -> Head:
    if name != HEAD:
        raise DtbenchError(f"'{file}' is no bundle: its first file is '{name[:100]}', expected {HEAD}.")
    try:
        return Head.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "bundle"
        raise DtbenchError(f"'{file}', {HEAD}: {key}: {first['msg']}.") from None
