"""Best known values of the library's instances, with the proofs behind them: ``best_known.csv`` beside the files."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dtbench import files
from dtbench.errors import DtbenchError
from dtbench.library.instances import check_checksum, names, recorded_checksums

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
    with file.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise DtbenchError(f"'{file}': columns are {reader.fieldnames}, expected {', '.join(COLUMNS)}.")
        for row in reader:
            try:
                numbers = {key: float(row[key]) for key in ("objective", "bound", "gap")}
            except (TypeError, ValueError):
                raise DtbenchError(f"'{file}', line {reader.line_num}: not a number in {row}.") from None
            entry = BestKnown(**{**row, **numbers})  # type: ignore[arg-type]
            found.setdefault(entry.instance, {})[entry.slot] = entry
    return found


def best_horizon(name: str) -> BestKnown | None:
    """Best known horizon value of a shipped instance, None for others."""
    return best_known(name.split("/")[0]).get(name, {}).get(HORIZON) if "/" in name and name in names() else None


def write_best_known(file: Path, rows: Iterable[BestKnown]) -> None:
    """Write a table of best known values."""
    file.write_text(files.csv_text([COLUMNS, *([getattr(row, c) for c in COLUMNS] for row in rows)]), encoding="utf-8")
