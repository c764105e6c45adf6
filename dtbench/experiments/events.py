"""What a run tells while it goes on, and how much time is left."""

from __future__ import annotations

import threading
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


@dataclass(frozen=True)
class Resized:
    """A cluster has another number of threads than before."""

    workers: int


Event = Planning | Started | Finished | Resized
Listener = Callable[[Event], None]


@dataclass(frozen=True)
class Snapshot:
    """Where a run is at one moment; it does not change while it is drawn.

    Attributes
    ----------
    total
        Cells of this run.
    workers
        Cells at once.
    running
        Cells that run, and for how long [s]; longest first.
    statuses
        How many cells ended how.
    elapsed
        Seconds since the run began.
    left
        Estimated seconds to the end; None before anything is known. A cell that takes longer than expected adds nothing
        to it.
    late
        Whether every running cell takes longer than expected, so that ``left`` is too little.
    """

    total: int
    workers: int
    running: tuple[tuple[Cell, float], ...]
    statuses: Counter[Status]
    elapsed: float
    left: float | None
    late: bool

    @property
    def done(self) -> int:
        """Cells with a record, of this run."""
        return sum(self.statuses.values())

    @property
    def failed(self) -> int:
        """Cells that ended neither ``ok`` nor ``skipped``."""
        return self.done - self.statuses["ok"] - self.statuses["skipped"]


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
    """A listener that keeps count. Events and :meth:`snapshot` may come from different threads.

    A cell is expected to take what earlier cells of its kind took, in this run or in the records; where there are none,
    the mean of all cells of this run.
    """

    clock: Callable[[], float] = time.monotonic
    _workers: int = 1
    _total: int = 0
    _began: float | None = None
    _waiting: dict[str, Planned] = field(default_factory=dict)
    _running: dict[str, tuple[Cell, float]] = field(default_factory=dict)  # stem -> cell, when it started
    _statuses: Counter[Status] = field(default_factory=Counter)
    _expected: dict[str, float | None] = field(default_factory=dict)
    _seen: dict[tuple[str, ...], _Mean] = field(default_factory=lambda: defaultdict(_Mean))
    _all: _Mean = field(default_factory=_Mean)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        with self._lock:
            self._note(event)

    def _note(self, event: Event) -> None:
        if isinstance(event, Planning):
            self._began, self._workers, self._total = self.clock(), event.workers, len(event.cells)
            self._waiting = {p.cell.stem: p for p in event.cells}
            self._expected = {p.cell.stem: p.seconds for p in event.cells}
        elif isinstance(event, Resized):
            self._workers = event.workers
        elif isinstance(event, Started):
            self._waiting.pop(event.cell.stem, None)
            self._running[event.cell.stem] = (event.cell, self.clock())
        else:
            cell = event.record.cell
            self._waiting.pop(cell.stem, None)
            self._running.pop(cell.stem, None)
            self._statuses[event.record.status] += 1
            self._seen[kind_of(cell)].add(event.record.wall_seconds)
            self._all.add(event.record.wall_seconds)

    def snapshot(self) -> Snapshot:
        """Where the run is now."""
        with self._lock:
            now = self.clock()
            running = [(cell, now - began) for cell, began in self._running.values()]
            left, late = self._time_left(running)
            return Snapshot(
                total=self._total,
                workers=self._workers,
                running=tuple(sorted(running, key=lambda pair: -pair[1])),
                statuses=self._statuses.copy(),
                elapsed=0.0 if self._began is None else now - self._began,
                left=left,
                late=late,
            )

    def _time_left(self, running: list[tuple[Cell, float]]) -> tuple[float | None, bool]:
        """Estimated seconds to the end, None before anything is known, and whether all running cells are late."""
        waiting = [self._guess(p.cell) for p in self._waiting.values()]
        guesses = [self._guess(cell) for cell, _ in running]
        if any(guess is None for guess in [*waiting, *guesses]):
            return None, False
        rest = [(guess or 0.0) - spent for guess, (_, spent) in zip(guesses, running, strict=True)]
        left = [max(seconds, 0.0) for seconds in rest]
        work = sum(left) + sum(guess or 0.0 for guess in waiting)
        late = bool(rest) and max(rest) <= 0.0
        return max([work / max(self._workers, 1), *left]), late

    def _guess(self, cell: Cell) -> float | None:
        kind = kind_of(cell)
        if kind in self._seen:
            return self._seen[kind].value
        expected = self._expected.get(cell.stem)
        return self._all.value if expected is None else expected
