"""A folder of results: one JSON record per cell, its decisions beside it as netCDF.

    DIR/plan.json             the cells that were planned, and the suites that asked for them
    DIR/records/<stem>.json   the record, with the checksum of the decisions
    DIR/records/<stem>.nc     the decisions, where there are any
    DIR/policies/<stem>.*     policies that were trained for cells, see :mod:`dtbench.experiments.policies`
    DIR/instances/<name>.nc   copies of instances that are not the library's: what verification scores again

A file appears under its name only when it is complete and on the disk: it is written under a temporary name, synced and
renamed, decisions before the record that names their checksum. A run killed at any moment leaves at worst a temporary
file, which the next run removes.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from dtbench.errors import DtbenchError
from dtbench.experiments.policies import Policies
from dtbench.experiments.record import Cell, Record
from dtbench.files import TEMPORARY, write_safely
from dtbench.library import instances
from dtbench.library.best_known import table_beside
from dtbench.outside import is_plain, parse_json, read_bytes

LIST = re.compile(r"\[\n\s*([^\[\]{}]*?)\n\s*\]")  # line breaks inside a text are escaped in JSON: these are layout
LINE_BREAK = re.compile(r"\n\s*")


@dataclass(frozen=True)
class Unreadable:
    """A file among the records that is not one, and why."""

    name: str
    reason: str


class Store:
    """The results in a folder, which is made when the first record is written."""

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.records = self.folder / "records"
        self.plan_file = self.folder / "plan.json"
        self.policies = Policies(self.folder)

    def stems(self) -> list[str]:
        """Names of the record files without suffix, sorted."""
        return sorted(file.stem for file in self.records.glob("*.json") if not file.name.startswith("."))

    def read(self, stem: str) -> Record:
        """The record of a name.

        Raises
        ------
        DtbenchError
            If there is none or it is not a record; the message names the file.
        """
        return self.parse(stem, self.content(stem))

    def content(self, stem: str) -> bytes:
        """The bytes of a record's file.

        Raises
        ------
        DtbenchError
            If there is none.
        """
        return read_bytes(self.records / f"{stem}.json")

    def parse(self, stem: str, content: bytes) -> Record:
        """The record that the bytes of a file hold.

        Raises
        ------
        DtbenchError
            If it is not a record; the message names the file.
        """
        where = f"record '{stem}.json'"
        try:
            if is_plain(content):  # in one step, without a tree of Python's in between
                return Record.model_validate_json(content)
            return Record.model_validate(parse_json(content, where, nan=True))
        except ValidationError as error:
            first = error.errors()[0]
            if first["type"] == "json_invalid":
                parse_json(content, where, nan=True)  # says so in our words
            key = ".".join(str(part) for part in first["loc"]) or "record"
            raise DtbenchError(f"{where}: {key}: {first['msg']}.") from None

    def get(self, cell: Cell) -> Record | None:
        """The record of exactly this cell, None if there is none that can be read."""
        with contextlib.suppress(DtbenchError):
            record = self.read(cell.stem)
            return record if record.key == cell.key else None
        return None

    def scan(self) -> tuple[list[Record], list[Unreadable]]:
        """All records in order of their names, and the files that are none."""
        records, bad = [], []
        for stem in self.stems():
            try:
                records.append(self.read(stem))
            except DtbenchError as error:
                bad.append(Unreadable(f"{stem}.json", str(error)))
        return records, bad

    def decisions(self, stem: str) -> Path:
        """File of the decisions of a record."""
        return self.records / f"{stem}.nc"

    def whole(self, record: Record) -> bool:
        """Whether the decisions that a record names are there, unchanged."""
        file = self.decisions(record.cell.stem)
        if record.decisions_sha256 is None:
            return True
        return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == record.decisions_sha256

    def write(self, record: Record, decisions: bytes | None = None) -> None:
        """Put a record, sealed, and its decisions on the disk, in place of an earlier record of the same name.

        Raises
        ------
        ValueError
            If the decisions are not those that the record names.
        """
        found = None if decisions is None else hashlib.sha256(decisions).hexdigest()
        if found != record.decisions_sha256:
            raise ValueError(f"record names decisions {record.decisions_sha256}, got {found}")
        self.records.mkdir(parents=True, exist_ok=True)
        file = self.decisions(record.cell.stem)
        if decisions is not None:
            write_safely(file, decisions)
        else:
            file.unlink(missing_ok=True)
        write_safely(self.records / f"{record.cell.stem}.json", to_json(record.sealed()).encode())

    def relabel(self, cell: Cell) -> None:
        """Give a cell's record the label that the cell has now: labels are for tables and change no result."""
        record = self.get(cell)
        if record is not None and record.cell.label != cell.label and record.intact:
            decisions = self.decisions(cell.stem).read_bytes() if record.decisions_sha256 else None
            self.write(record.model_copy(update={"cell": cell}), decisions)

    def keep_instance(self, file: Path) -> None:
        """Copy an instance of the user's own into the results, with its best known values if there are any."""
        folder = self.folder / "instances"
        folder.mkdir(parents=True, exist_ok=True)
        write_safely(folder / file.name, file.read_bytes())
        if (table := table_beside(file)).is_file():
            write_safely(folder / table.name, table.read_bytes())

    def instance_of(self, cell: Cell) -> str | Path:
        """What ``instances.load`` takes for a cell's instance: a name of the library, or the kept copy."""
        return self.folder / "instances" / cell.instance if cell.instance.endswith(".nc") else cell.instance

    def instance_sha256(self, cell: Cell) -> str:
        """Checksum of a cell's instance as it is now.

        Raises
        ------
        DtbenchError
            If there is no such instance.
        """
        return instances.sha256_of(self.instance_of(cell))

    def clean(self) -> None:
        """Remove what a killed run left half written. Only under :meth:`lock`."""
        for folder in (self.folder, self.records, self.folder / "instances", self.policies.folder):
            for file in folder.glob(f".*{TEMPORARY}"):
                file.unlink(missing_ok=True)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder: one runner at a time. The lock ends with the process, however that ends.

        Raises
        ------
        DtbenchError
            If another runner holds it; the message names its process.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".lock").open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                holder = file.read(20).strip() or "unknown"
                raise DtbenchError(
                    f"'{self.folder}' is in use by another run, process {holder}. Wait for it, or use another folder."
                ) from None
            file.seek(0)
            file.truncate()
            file.write(f"{os.getpid()}\n")
            file.flush()
            try:
                yield
            finally:
                file.seek(0)
                file.truncate()


def to_json(record: Record) -> str:
    """A record as JSON that people read: indented, lists on one line."""
    text = json.dumps(record.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False)
    return LIST.sub(lambda found: LINE_BREAK.sub(" ", found[1]).join("[]"), text) + "\n"
