"""What a run tells while it goes on, and how much time is left."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from dtbench.experiments.plan import Planned, kind_of
from dtbench.experiments.record import Cell, Record, Status


@dataclass(frozen=True)
class Planning:
    """The run begins: the cells it will run, and how many at once."""

    cells: tuple[Planned, ...]
    workers: int


@dataclass(frozen=True)
class Started:
    """A cell was handed to a worker that is free."""

    cell: Cell


@dataclass(frozen=True)
class Finished:
    """A cell has its record, which is on the disk."""

    record: Record


Event = Planning | Started | Finished
Listener = Callable[[Event], None]


@dataclass
class _Mean:
    count: int = 0
    total: float = 0.0

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value

    @property
    def value(self) -> float | None:
        return self.total / self.count if self.count else None


@dataclass
class Progress:
    """A listener that keeps count; what a display shows is read from here."""

    clock: Callable[[], float] = time.monotonic
    workers: int = 1
    total: int = 0
    running: dict[str, tuple[Cell, float]] = field(default_factory=dict)  # stem -> cell, when it started
    statuses: Counter[Status] = field(default_factory=Counter)
    began: float = 0.0
    _waiting: dict[str, Planned] = field(default_factory=dict)
    _expected: dict[str, float | None] = field(default_factory=dict)
    _seen: dict[tuple[str, ...], _Mean] = field(default_factory=lambda: defaultdict(_Mean))
    _all: _Mean = field(default_factory=_Mean)

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        if isinstance(event, Planning):
            self.began, self.workers, self.total = self.clock(), event.workers, len(event.cells)
            self._waiting = {p.cell.stem: p for p in event.cells}
            self._expected = {p.cell.stem: p.seconds for p in event.cells}
        elif isinstance(event, Started):
            self._waiting.pop(event.cell.stem, None)
            self.running[event.cell.stem] = (event.cell, self.clock())
        else:
            cell = event.record.cell
            self.running.pop(cell.stem, None)
            self.statuses[event.record.status] += 1
            self._seen[kind_of(cell)].add(event.record.wall_seconds)
            self._all.add(event.record.wall_seconds)

    @property
    def done(self) -> int:
        """Cells with a record, of this run."""
        return sum(self.statuses.values())

    @property
    def failed(self) -> int:
        """Cells that ended neither ``ok`` nor ``skipped``."""
        return self.done - self.statuses["ok"] - self.statuses["skipped"]

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return self.clock() - self.began

    def seconds_left(self) -> float | None:
        """Estimated seconds to the end; None before anything is known.

        A cell is expected to take what earlier cells of its kind took, in this run or in the records; where there are
        none, the mean of all cells of this run.
        """
        waiting = [self._guess(p.cell) for p in self._waiting.values()]
        running = [(self._guess(cell), self.clock() - began) for cell, began in self.running.values()]
        if any(guess is None for guess in waiting) or any(guess is None for guess, _ in running):
            return None
        left = [max((guess or 0.0) - spent, 0.0) for guess, spent in running]
        work = sum(left) + sum(guess or 0.0 for guess in waiting)
        return max([work / max(self.workers, 1), *left])

    def _guess(self, cell: Cell) -> float | None:
        kind = kind_of(cell)
        if kind in self._seen:
            return self._seen[kind].value
        expected = self._expected.get(cell.stem)
        return self._all.value if expected is None else expected
