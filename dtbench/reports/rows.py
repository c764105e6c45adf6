"""Rows of a study: a CSV file that grows while the study runs, and means of them with their intervals."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dtbench.files import write_safely
from dtbench.reports.statistics import mean_interval

Row = dict[str, Any]


def read(file: Path, whole: Sequence[str] = ()) -> list[Row]:
    """The rows that are there already, as text but for the columns ``whole``; none where there is no file."""
    if not file.is_file():
        return []
    with file.open(newline="", encoding="utf-8") as text:
        return [row | {name: int(row[name]) for name in whole} for row in csv.DictReader(text)]


def write(file: Path, rows: Sequence[Row]) -> None:
    """Rows of the same columns; a reader finds the file as it was before, or all of them."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_safely(file, text.getvalue().encode())


def interval(values: Sequence[float]) -> Row:
    """``ratio``, the mean, with its 95 % t interval ``low`` to ``high``: the mean itself where there is one value."""
    found = mean_interval(values)
    low, high = (found.mean if bound is None else bound for bound in (found.lower, found.upper))
    return {"ratio": found.mean, "low": low, "high": high}
