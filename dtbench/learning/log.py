"""What a training writes while it lasts, as CSV: a row for each number, read by any tool and by ``dtbench plot``."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dtbench.errors import DtbenchError
from dtbench.files import write_safely
from dtbench.learning.training import Progress
from dtbench.outside import parse_text, read_bytes

NAME = "training.csv"
COLUMNS = ("round", "episodes", "frames", "seconds", "quantity", "value")
MOST_BYTES = 2**28


@dataclass(frozen=True)
class Row:
    """One number of a training: ``quantity`` is ``validation/objective``, ``training/return``, ...; times in s."""

    round: int
    episodes: int
    frames: int
    seconds: float
    quantity: str
    value: float


class CsvLog:
    """Writes each round's metrics, and validations, to ``training.csv`` in a folder, each round as soon as it is over.

    A training that is gone on with keeps the rows before the round where it goes on; one that starts anew overwrites
    the file.

    Raises
    ------
    DtbenchError
        If the file of an interrupted training cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self.file = folder / NAME
        self.stream: Any = None

    def __call__(self, progress: Progress) -> None:
        if self.stream is None:
            self._begin(progress.round)
        learner = progress.learner
        at = (progress.round, learner.episodes, learner.frames, f"{progress.elapsed:.3f}")
        values = {f"training/{name}": value for name, value in progress.metrics.items()}
        if progress.point is not None:
            point = progress.point
            values |= {"validation/objective": point.objective, "validation/reward": point.reward}
        csv.writer(self.stream, lineterminator="\n").writerows([*at, n, repr(float(v))] for n, v in values.items())
        self.stream.flush()

    def close(self) -> None:
        """Have everything on the disk."""
        if self.stream is not None:
            self.stream.close()

    def _begin(self, first: int) -> None:
        """Open the file with the rows of rounds before ``first``."""
        kept = [row for row in read(self.file) if row.round < first] if first > 1 and self.file.is_file() else []
        self.file.parent.mkdir(parents=True, exist_ok=True)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([COLUMNS, *([getattr(row, column) for column in COLUMNS] for row in kept)])
        write_safely(self.file, text.getvalue().encode())
        self.stream = self.file.open("a", encoding="utf-8", newline="")


def read(file: Path) -> list[Row]:
    """The rows of a log, in order of writing; a last line that was not finished is left out.

    Raises
    ------
    DtbenchError
        If it is not a log; the message names file and line.
    """
    text = parse_text(read_bytes(file, MOST_BYTES), f"'{file}'")
    whole = text[: text.rfind("\n") + 1]
    lines = csv.reader(io.StringIO(whole, newline=""))
    if tuple(next(lines, ())) != COLUMNS:
        raise DtbenchError(f"'{file}' is not a log of a training: its first line is not {','.join(COLUMNS)}.")
    rows = []
    for line in lines:
        try:
            number, episodes, frames, seconds, quantity, value = line
            rows.append(Row(int(number), int(episodes), int(frames), float(seconds), quantity, float(value)))
        except ValueError:
            raise DtbenchError(f"'{file}', line {lines.line_num}: expected {','.join(COLUMNS)}.") from None
    return rows


def series(rows: list[Row]) -> Mapping[str, list[Row]]:
    """Rows by quantity, in order of rounds."""
    found: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: row.round):
        found.setdefault(row.quantity, []).append(row)
    return found
