"""Best known values, with the proofs behind them: ``best_known.csv`` beside the library's instances, and
``mine.best_known.csv`` beside a ``mine.nc`` of one's own.

Rows of the latter name the checksum of the file that they are of: values of another content count for nothing.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

from dtbench import files
from dtbench.core import CertificateStatus
from dtbench.errors import DtbenchError, shown
from dtbench.library.instances import check_checksum, is_shipped, recorded_checksums, sha256_of
from dtbench.outside import leave_out, parse_text, read_bytes

BEST_KNOWN = "best_known.csv"
HORIZON = "horizon"
OWN = ".best_known.csv"


@dataclass(frozen=True)
class BestKnown:
    """Best known value of one slot, or of the horizon mean (``slot = "horizon"``), with the proof behind it."""

    instance: str
    slot: str
    objective: float
    bound: float
    gap: float
    status: str
    method: str
    version: str


COLUMNS = tuple(BestKnown.__dataclass_fields__)


@cache
def best_known(problem_id: str) -> dict[str, dict[str, BestKnown]]:
    """Best known values of a problem's shipped instances: ``{instance: {slot: BestKnown}}``.

    Raises
    ------
    DtbenchError
        If the table is damaged.
    """
    file = files.folder("instances") / problem_id / BEST_KNOWN
    found: dict[str, dict[str, BestKnown]] = {}
    if not file.is_file():
        return found
    if recorded_checksums(problem_id):
        check_checksum(file)
    for entry, where in _table(file, f"{problem_id}/", f"one of '{problem_id}'"):
        if found.setdefault(entry.instance, {}).setdefault(entry.slot, entry) is not entry:
            raise DtbenchError(f"{where}: slot {entry.slot} of '{entry.instance}' again.")
    return found


def table_beside(file: Path) -> Path:
    """Where best known values of an instance file of one's own are kept."""
    return file.with_name(file.name.removesuffix(".nc") + OWN)


def own_name(file_name: str, sha256: str) -> str:
    """How an instance file of one's own is called in its table: name and checksum."""
    return f"{file_name}@{sha256}"


def of_file(file: Path, sha256: str) -> dict[str, BestKnown]:
    """Best known values beside an instance file of one's own, by slot.

    None, and why is said, where the table is damaged or of another content than that of this checksum.
    """
    table = table_beside(file)
    if not table.is_file():
        return {}
    try:
        found = {entry.slot: entry for entry, _ in _table(table, "", "any")}
        if any(entry.instance.rpartition("@")[2] != sha256 for entry in found.values()):
            raise DtbenchError(
                f"'{table}' is of another content of '{file.name}'; certify it again: dtbench certify {file}."
            )
    except DtbenchError as error:
        leave_out(error)
        return {}
    return found


def known_of(name: str | Path) -> dict[str, BestKnown]:
    """Best known values of an instance, of the library or a file of one's own, by slot; none where there are none."""
    if str(name).endswith(".nc"):
        return of_file(Path(name), sha256_of(name))
    return best_known_or_none(str(name).split("/")[0]).get(str(name), {}) if is_shipped(str(name)) else {}


def _table(file: Path, prefix: str, expected: str) -> Iterator[tuple[BestKnown, str]]:
    """Rows of a table, and where each stands; instances begin with ``prefix``."""
    reader = csv.reader(io.StringIO(parse_text(read_bytes(file), f"'{file}'"), newline=""))
    try:
        if (columns := tuple(next(reader, ()))) != COLUMNS:
            raise DtbenchError(f"'{file}': columns are {shown(list(columns))}, expected {', '.join(COLUMNS)}.")
        for row in reader:
            where = f"'{file}', line {reader.line_num}"
            yield _best_known(row, where, prefix, expected), where
    except csv.Error as error:
        raise DtbenchError(f"'{file}', line {reader.line_num}: {error}.") from None


def _best_known(row: Sequence[str], where: str, prefix: str, expected: str) -> BestKnown:
    """One row of a table of best known values."""
    if len(row) != len(COLUMNS):
        raise DtbenchError(f"{where} has {len(row)} fields, expected {len(COLUMNS)}: {', '.join(COLUMNS)}.")
    fields: dict[str, Any] = dict(zip(COLUMNS, row, strict=True))
    for key in ("objective", "bound", "gap"):
        try:
            fields[key] = float(fields[key])
        except ValueError:
            raise DtbenchError(f"{where}: {key} is {shown(fields[key])}, expected a number.") from None
    if not math.isfinite(fields["objective"]):
        raise DtbenchError(f"{where}: objective is {fields['objective']}, expected a finite number.")
    if not fields["instance"].startswith(prefix):
        raise DtbenchError(f"{where}: instance is {shown(fields['instance'])}, expected {expected}.")
    if fields["slot"] != HORIZON and re.fullmatch(r"0|[1-9][0-9]{0,8}", fields["slot"]) is None:
        raise DtbenchError(f"{where}: slot is {shown(fields['slot'])}, expected a number or '{HORIZON}'.")
    if fields["status"] not in get_args(CertificateStatus):
        raise DtbenchError(
            f"{where}: status is {shown(fields['status'])}, expected one of {', '.join(get_args(CertificateStatus))}."
        )
    return BestKnown(**fields)


def best_known_or_none(problem_id: str) -> dict[str, dict[str, BestKnown]]:
    """Best known values of a problem; none, and the table is named, if it cannot be used."""
    try:
        return best_known(problem_id)
    except DtbenchError as error:
        leave_out(error)
        return {}


def best_horizon(name: str) -> BestKnown | None:
    """Best known horizon value of a shipped instance, None for others, and where the table cannot be used."""
    return best_known_or_none(name.split("/")[0]).get(name, {}).get(HORIZON) if is_shipped(name) else None


def write_best_known(file: Path, rows: Iterable[BestKnown]) -> None:
    """Write a table of best known values."""
    text = files.csv_text([COLUMNS, *([getattr(row, c) for c in COLUMNS] for row in rows)])
    files.write_safely(file, text.encode())
