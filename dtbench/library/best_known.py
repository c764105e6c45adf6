"""Best known values of the library's instances, with the proofs behind them: ``best_known.csv`` beside the files."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

from dtbench import files
from dtbench.core import CertificateStatus
from dtbench.errors import DtbenchError, shown
from dtbench.library.instances import check_checksum, is_shipped, recorded_checksums
from dtbench.outside import leave_out, parse_text, read_bytes

BEST_KNOWN = "best_known.csv"
HORIZON = "horizon"


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
    reader = csv.reader(io.StringIO(parse_text(read_bytes(file), f"'{file}'"), newline=""))
    try:
        if (columns := tuple(next(reader, ()))) != COLUMNS:
            raise DtbenchError(f"'{file}': columns are {shown(list(columns))}, expected {', '.join(COLUMNS)}.")
        for row in reader:
            entry = _best_known(row, f"'{file}', line {reader.line_num}", problem_id)
            if found.setdefault(entry.instance, {}).setdefault(entry.slot, entry) is not entry:
                raise DtbenchError(f"'{file}', line {reader.line_num}: slot {entry.slot} of '{entry.instance}' again.")
    except csv.Error as error:
        raise DtbenchError(f"'{file}', line {reader.line_num}: {error}.") from None
    return found


def _best_known(row: Sequence[str], where: str, problem_id: str) -> BestKnown:
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
    if not fields["instance"].startswith(f"{problem_id}/"):
        raise DtbenchError(f"{where}: instance is {shown(fields['instance'])}, expected one of '{problem_id}'.")
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
    file.write_text(files.csv_text([COLUMNS, *([getattr(row, c) for c in COLUMNS] for row in rows)]), encoding="utf-8")
