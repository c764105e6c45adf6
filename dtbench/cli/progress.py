"""Progress: live where a person watches a terminal or a notebook, else a few plain lines on stderr."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dtbench import notebook
from dtbench.experiments.events import (
    Event,
    Finished,
    Listener,
    Planning,
    Progress,
    Snapshot,
    TrainingAdvanced,
    TrainingFinished,
    TrainingMoment,
    TrainingStarted,
)
from dtbench.experiments.policies import TrainingRecord
from dtbench.experiments.record import STATUSES, Cell, Record
from dtbench.progress import LINES, Pace, Step, clock, time_left

RATE = 4.0  # frames a second
ROWS = 12  # running cells that are shown
LONG = 60.0  # s without a line on cells
STYLES = {"ok": "green", "skipped": "dim"}
NOTEBOOK = "JPY_PARENT_PID"  # in the environment of a Jupyter kernel and of what it starts, also at a pseudo-terminal


def moves(console: Console) -> bool:
    """Whether the cursor may be moved: at a terminal of a person, not in a pipe, a log, a notebook or a dumb terminal.

    Rich's own answer follows ``FORCE_COLOR`` too, which says nothing about cursors.
    """
    return console.file.isatty() and not console.is_dumb_terminal and NOTEBOOK not in os.environ


@contextlib.contextmanager
def steps(console: Console, what: str, *, quiet: bool = False) -> Iterator[Step]:
    """A :class:`~dtbench.progress.Step` that shows how far a piece of work is, and the time left, while it lasts.

    Work of a few seconds writes no lines, and leaves nothing at a terminal. It may be told from any thread.

    Parameters
    ----------
    console
        Of stderr.
    what
        What is done, ``verifying results/paper``.
    quiet
        Show nothing.
    """
    pace, lock, said = Pace(), threading.Lock(), ""

    def note(done: int, total: int, words: str = "") -> None:
        nonlocal said
        with lock:
            pace.note(done, total)
            said = words

    def line() -> str:
        counted = f"{pace.done}/{pace.total} {said}" if pace.total else said
        left = [time_left(pace.left)] if pace.done < pace.total else []
        return ", ".join([f"{what}: {counted}".rstrip(" :"), f"{clock(pace.elapsed)} elapsed", *left])

    def tell(done: int, total: int, words: str = "") -> None:
        note(done, total, words)
        with lock:
            due = line() if pace.due() else None
        if due is not None:
            say(console, due)

    def draw() -> RenderableType:
        with lock:
            row = Table.grid(padding=(0, 2))
            row.add_row(ProgressBar(total=pace.total or None, completed=pace.done, width=30), Text(line()))
        return row

    if quiet:
        yield lambda done, total, words="": None
    elif notebook.here():
        with _drawn(lambda: _words_of(line(), pace)):
            yield note
    elif moves(console):
        with _Live(_Drawing(draw), console, transient=True):
            yield note
    else:
        yield tell


@contextlib.contextmanager
def display(console: Console) -> Iterator[Listener]:
    """A listener for :func:`dtbench.experiments.run.run` that shows the run while the context lasts."""
    progress = Progress()
    if notebook.here():
        failures: list[str] = []

        def keep(event: Event) -> None:
            progress(event)
            failures.extend(filter(None, [failed(event)]))

        with _drawn(lambda: _moment(progress.snapshot(), failures[:LINES])):
            yield keep
        return
    if not moves(console):
        yield _Plain(console, progress)
        return

    def listen(event: Event) -> None:
        progress(event)
        if line := failed(event):
            say(console, line, style="red")

    with _Live(_Drawing(lambda: table(progress.snapshot())), console):
        yield listen


@contextlib.contextmanager
def _drawn(draw: Callable[[], tuple[str, str] | None]) -> Iterator[None]:
    """Draw what a function makes of the moment into a notebook, again and again, and once more at the end.

    The function gives HTML and words, or None where there is nothing to show yet.
    """
    output, over = notebook.Output(), threading.Event()

    def show() -> None:
        content = draw()
        if content is not None:
            output.draw(*content)

    def again() -> None:
        while not over.wait(1 / RATE):
            with contextlib.suppress(Exception):  # the next moment is tried again
                show()

    thread = threading.Thread(target=again, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        show()


def _words_of(line: str, pace: Pace) -> tuple[str, str] | None:
    """A piece of work as a notebook shows it; nothing if it takes no longer than a second."""
    return None if pace.elapsed < 1.0 else (notebook.bar(pace.done, pace.total, line), line)


def _moment(moment: Snapshot, failures: Sequence[str]) -> tuple[str, str] | None:
    """A run as a notebook shows it; nothing if there was nothing to run."""
    if not moment.total:
        return None
    counts = [f"{moment.statuses[status]} {status}" for status in STATUSES if moment.statuses[status]]
    parts = [f"{moment.done}/{moment.total} cells", *counts, *trained(moment), f"{clock(moment.elapsed)} elapsed"]
    words = ", ".join(part for part in (*parts, rest(moment)) if part)
    running = [f"{training_words(each)}, {clock(each.seconds)} elapsed" for each in moment.training[:ROWS]]
    running += [f"{cell.label} on {cell.instance}, seed {cell.seed}: {clock(s)}" for cell, s in moment.running[:ROWS]]
    return notebook.bar(moment.done, moment.total, words, [*failures, *running]), words


def say(console: Console, line: str, style: str = "") -> None:
    """Print a line of progress. Where it cannot be written (disk full, terminal gone), no more is: the work goes on.

    Raises
    ------
    BrokenPipeError
        If whoever read the lines has gone, as in ``dtbench run quick 2>&1 | head``.
    """
    try:
        console.print(Text(line, style=style), soft_wrap=True)
    except BrokenPipeError:
        raise
    except OSError:
        console.quiet = True


class _Drawing:
    """Draws what a function makes of the moment; where that fails it says so, and the next moment is tried again.

    An exception would end the thread that refreshes the display, which then stands still.
    """

    def __init__(self, draw: Callable[[], RenderableType]) -> None:
        self.draw = draw

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        try:
            yield from list(console.render(self.draw(), options))
        except Exception as error:
            yield Text(f"the progress cannot be shown: {type(error).__name__}: {error}", style="red")


class _Live(Live):
    """A live display on stderr alone, that no error of writing ends."""

    def __init__(self, drawing: _Drawing, console: Console, *, transient: bool = False) -> None:
        super().__init__(drawing, console=console, refresh_per_second=RATE, transient=transient, redirect_stdout=False)

    def refresh(self) -> None:
        """Draw again."""
        try:
            super().refresh()
        except OSError:  # the terminal has gone
            self.console.quiet = True


def table(moment: Snapshot) -> RenderableType:
    """What the live display shows of a run."""
    counts = Table.grid(padding=(0, 2))
    counts.add_row(
        ProgressBar(total=max(moment.total, 1), completed=moment.done, width=30),
        f"{moment.done}/{moment.total} cells" if moment.total else "preparing",
        Text(f"{moment.failed} failed", style="red" if moment.failed else "dim"),
        *trained(moment),
        f"{clock(moment.elapsed)} elapsed",
        rest(moment),
    )
    running = Table(header_style="bold", box=None, padding=(0, 2, 0, 0))
    for column in ("running", "instance", "seed", "for"):
        running.add_column(column, justify="right" if column in ("seed", "for") else "left")
    for cell, seconds in moment.running[:ROWS]:
        running.add_row(Text(cell.label), Text(cell.instance), str(cell.seed), clock(seconds))
    if len(moment.running) > ROWS:
        running.add_row(Text(f"... and {len(moment.running) - ROWS} more", style="dim"), "", "", "")
    shown = [trainings_table(moment.training)] if moment.training else []
    return Group(counts, *shown, *([running] if moment.running else []), summary(moment))


def trainings_table(moments: Sequence[TrainingMoment]) -> Table:
    """Trainings that run, as the live display shows them."""
    found = Table(header_style="bold", box=None, padding=(0, 2, 0, 0))
    for column in ("training", "problem", "size", "seed", "round", "for", "left"):
        found.add_column(column, justify="right" if column in ("seed", "round", "for") else "left")
    for each in moments[:ROWS]:
        cell, rounds = each.training.cell, f"{each.done}/{each.total}" if each.total else "-"
        left = time_left(each.left)
        found.add_row(
            Text(cell.label), Text(cell.problem), Text(cell.size), str(cell.seed), rounds, clock(each.seconds), left
        )
    if len(moments) > ROWS:
        found.add_row(Text(f"... and {len(moments) - ROWS} more", style="dim"))
    return found


def trained(moment: Snapshot) -> list[str]:
    """How many trainings have ended; nothing where there are none."""
    return [f"{sum(moment.trained.values())}/{moment.trainings} trainings"] if moment.trainings else []


def training_words(moment: TrainingMoment) -> str:
    """``training vdn on stin-deployment, tiny, seed 1: round 12/100, about 2 min 05 s left``."""
    rounds = f"round {moment.done}/{moment.total}, " if moment.total else ""
    return f"training {of_training(moment.training.cell)}: {rounds}{time_left(moment.left)}"


def of_training(cell: Cell) -> str:
    """What a training is of, in words."""
    return f"{cell.label} on {cell.problem}, {cell.size}, seed {cell.seed}"


def rest(moment: Snapshot) -> str:
    """The time left of a run; what is known of it where all cells that run take longer than expected."""
    if moment.done == moment.total:
        return ""
    if not moment.late:
        return time_left(moment.left)
    known = f"at least {clock(moment.left)} left" if moment.left and moment.left >= 0.5 else "time left unknown"
    return f"{known}: what runs takes longer than expected"


def summary(moment: Snapshot) -> Text:
    """How many cells ended in each status."""
    parts = [
        Text(f"{moment.statuses[status]} {status}", style=STYLES.get(status, "red"))
        for status in STATUSES
        if moment.statuses[status]
    ]
    return Text("  ").join(parts)


def failed(event: Event) -> str:
    """One line where a cell or a training has just failed; of cells that wait for the training, there is one each."""
    if isinstance(event, Finished | TrainingFinished) and event.record.status not in ("ok", "skipped"):
        return failure(event.record)
    return ""


def failure(record: Record | TrainingRecord) -> str:
    """One line on a cell or a training that failed."""
    cell = record.cell
    if isinstance(record, TrainingRecord):
        first = record.reason.splitlines()[0] if record.reason else ""
        return f"{record.status}: training {of_training(cell)}: {first}"
    reason = record.reason.splitlines()[0] if record.reason else ""
    return f"{record.status}: {cell.label} on {cell.instance}, seed {cell.seed}: {reason}"


class _Plain:
    """A line at the start, about twenty on the way, and one for each of the first failures; the same of trainings.

    Where cells take long, one at the end of each that ends a minute or more after the last line.
    """

    def __init__(self, console: Console, progress: Progress) -> None:
        self.console, self.progress = console, progress
        self.every = self.every_training = 1  # cells, and trainings, between two lines
        self.done = self.trained = self.failed = 0
        self.said = time.monotonic()  # when the last line on cells was written
        self.paces: dict[str, Pace] = {}  # of trainings that run
        self.lock = threading.Lock()  # trainings tell from another thread

    def __call__(self, event: Event) -> None:
        self.progress(event)
        with self.lock:
            self._tell(event)

    def _tell(self, event: Event) -> None:
        if isinstance(event, Planning):
            self.every = max(-(-len(event.cells) // LINES), 1)
            self.every_training = max(-(-len(event.trainings) // LINES), 1)
            before = f"; {len(event.trainings)} trainings before some of them" if event.trainings else ""
            say(self.console, f"{len(event.cells)} cells to run, {event.workers} at once{before}")
        elif isinstance(event, TrainingStarted):
            self.paces[event.training.stem] = Pace()
        elif isinstance(event, TrainingAdvanced):
            self._advanced(event)
        elif isinstance(event, TrainingFinished):
            self._trained(event.record)
        elif isinstance(event, Finished):
            self.done += 1
            if line := failed(event):
                self._failed(line)
            if self.done % self.every == 0 or time.monotonic() - self.said >= LONG:
                self._count()

    def _advanced(self, event: TrainingAdvanced) -> None:
        pace = self.paces.get(event.stem)
        if pace is not None:
            pace.note(event.done, event.total)
            if pace.due():
                moments = {each.training.stem: each for each in self.progress.snapshot().training}
                if event.stem in moments:
                    say(self.console, training_words(moments[event.stem]))

    def _trained(self, record: TrainingRecord) -> None:
        self.trained += 1
        self.paces.pop(record.stem, None)
        if record.status not in ("ok", "skipped"):
            self._failed(failure(record))
        elif self.trained % self.every_training == 0:
            moment = self.progress.snapshot()
            ended = "trained" if record.status == "ok" else "not trained"
            parts = [
                f"{ended}: {of_training(record.cell)}, {clock(record.wall_seconds)}",
                *trained(moment),
                rest(moment),
            ]
            say(self.console, ", ".join(part for part in parts if part))

    def _failed(self, line: str) -> None:
        self.failed += 1
        if self.failed <= LINES:
            say(self.console, line)
        if self.failed == LINES + 1:
            say(self.console, "further failures are counted here, and named at the end")

    def _count(self) -> None:
        self.said, moment = time.monotonic(), self.progress.snapshot()
        parts = (
            f"{moment.done}/{moment.total} cells", f"{moment.failed} failed", f"{clock(moment.elapsed)} elapsed",
            rest(moment),
        )  # fmt: skip
        say(self.console, ", ".join(part for part in parts if part))
