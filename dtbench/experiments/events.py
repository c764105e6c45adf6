"""What a run tells while it goes on, and how much time is left."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dtbench.experiments.planned import Planned, Training, kind_of
from dtbench.experiments.policies import TrainingRecord
from dtbench.experiments.record import Cell, Record, Status
from dtbench.progress import Pace


@dataclass(frozen=True)
class Planning:
    """The run begins: the cells it will run, how many at once, and the trainings before some of them."""

    cells: tuple[Planned, ...]
    workers: int
    trainings: tuple[Training, ...] = ()


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


@dataclass(frozen=True)
class TrainingStarted:
    """A training was handed to a worker that is free."""

    training: Training


@dataclass(frozen=True)
class TrainingAdvanced:
    """A training, by the name of its files, has done some of its rounds. Comes from another thread."""

    stem: str
    done: int
    total: int
    words: str = ""


@dataclass(frozen=True)
class TrainingFinished:
    """A training has its record, which is on the disk; the cells that waited for it start, or fail with it."""

    record: TrainingRecord


Event = Planning | Started | Finished | Resized | TrainingStarted | TrainingAdvanced | TrainingFinished
Listener = Callable[[Event], None]


@dataclass(frozen=True)
class TrainingMoment:
    """A training that runs: for how long [s], rounds done, of how many (0: not known yet), seconds left if known."""

    training: Training
    seconds: float
    done: int
    total: int
    left: float | None


@dataclass(frozen=True)
class Snapshot:
    """Where a run is at one moment; it does not change while it is drawn.

    Attributes
    ----------
    total
        Cells of this run; trainings are counted apart.
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
    trainings
        Trainings of this run.
    trained
        How many of them ended how.
    training
        Those that run, longest first.
    """

    total: int
    workers: int
    running: tuple[tuple[Cell, float], ...]
    statuses: Counter[Status]
    elapsed: float
    left: float | None
    late: bool
    trainings: int = 0
    trained: Counter[Status] = field(default_factory=Counter)
    training: tuple[TrainingMoment, ...] = ()

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


class _Trainings:
    """The trainings of a run: those that wait, those that run, and how long those of a kind took."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.total = 0
        self.waiting: dict[str, Training] = {}
        self.running: dict[str, tuple[Training, Pace]] = {}
        self.statuses: Counter[Status] = Counter()
        self.seen: dict[tuple[str, ...], _Mean] = defaultdict(_Mean)

    def note(self, event: TrainingStarted | TrainingAdvanced | TrainingFinished) -> None:
        """Take note of an event."""
        if isinstance(event, TrainingStarted):
            self.waiting.pop(event.training.stem, None)
            self.running[event.training.stem] = event.training, Pace(self.clock)
        elif isinstance(event, TrainingAdvanced):
            if event.stem in self.running:  # what was told last may come after the end
                self.running[event.stem][1].note(event.done, event.total)
        else:
            training, _ = self.running.pop(event.record.stem, (self.waiting.pop(event.record.stem, None), None))
            self.statuses[event.record.status] += 1
            if event.record.status == "ok" and training is not None:
                self.seen[training.kind].add(event.record.wall_seconds)

    def moments(self) -> tuple[TrainingMoment, ...]:
        """Those that run, longest first."""
        found = []
        for training, pace in self.running.values():
            left, guess = pace.left, self._guess(training)
            if left is None and guess is not None:
                left = max(guess - pace.elapsed, 0.0)
            found.append(TrainingMoment(training, pace.elapsed, pace.done, pace.total, left))
        return tuple(sorted(found, key=lambda moment: -moment.seconds))

    def guesses(self, running: Sequence[TrainingMoment]) -> list[float | None]:
        """What each training that waits may take, by those that have ended or run."""
        paced = {m.training.kind: m.seconds + m.left for m in running if m.left is not None}
        guesses = ((each, self._guess(each)) for each in self.waiting.values())
        return [paced.get(each.kind) if guess is None else guess for each, guess in guesses]

    def _guess(self, training: Training) -> float | None:
        return self.seen[training.kind].value if training.kind in self.seen else training.seconds


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

    def __post_init__(self) -> None:
        self._trainings = _Trainings(self.clock)

    def __call__(self, event: Event) -> None:
        """Take note of an event."""
        with self._lock:
            self._note(event)

    def _note(self, event: Event) -> None:
        if isinstance(event, Planning):
            self._began, self._workers, self._total = self.clock(), event.workers, len(event.cells)
            self._waiting = {p.cell.stem: p for p in event.cells}
            self._expected = {p.cell.stem: p.seconds for p in event.cells}
            self._trainings.total = len(event.trainings)
            self._trainings.waiting = {each.stem: each for each in event.trainings}
        elif isinstance(event, TrainingStarted | TrainingAdvanced | TrainingFinished):
            self._trainings.note(event)
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
            training = self._trainings.moments()
            left, late = self._time_left(running, training)
            return Snapshot(
                total=self._total,
                workers=self._workers,
                running=tuple(sorted(running, key=lambda pair: -pair[1])),
                statuses=self._statuses.copy(),
                elapsed=0.0 if self._began is None else now - self._began,
                left=left,
                late=late,
                trainings=self._trainings.total,
                trained=self._trainings.statuses.copy(),
                training=training,
            )

    def _time_left(
        self, running: list[tuple[Cell, float]], training: Sequence[TrainingMoment]
    ) -> tuple[float | None, bool]:
        """Estimated seconds to the end, None before anything is known, and whether all running cells are late."""
        waiting = [self._guess(p.cell) for p in self._waiting.values()]
        waiting += self._trainings.guesses(training)
        guesses = [self._guess(cell) for cell, _ in running]
        trains = [moment.left for moment in training]
        if any(guess is None for guess in [*waiting, *guesses, *trains]):
            return None, False
        rest = [(guess or 0.0) - spent for guess, (_, spent) in zip(guesses, running, strict=True)]
        rest += [seconds or 0.0 for seconds in trains]
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
