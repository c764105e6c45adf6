"""The live table of a run: done, running, failed, time left; plain lines where stderr is not a terminal."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dtbench.experiments.events import Event, Finished, Listener, Planning, Progress
from dtbench.experiments.record import STATUSES, Record

ROWS = 12  # running cells that are shown
LINES = 20  # plain lines of progress in a whole run, beside one for each failure
STYLES = {"ok": "green", "skipped": "dim"}


@contextlib.contextmanager
def display(console: Console) -> Iterator[Listener]:
    """A listener for :func:`dtbench.experiments.run.run` that shows the run while the context lasts."""
    progress = Progress()
    if not console.is_terminal:
        yield lambda event: _plain(console, progress, event)
        return

    def listen(event: Event) -> None:
        progress(event)
        if isinstance(event, Finished) and event.record.status not in ("ok", "skipped"):
            live.console.print(Text(failure(event.record), style="red"), soft_wrap=True)

    with Live(get_renderable=lambda: table(progress), console=console, refresh_per_second=4) as live:
        yield listen


def table(progress: Progress) -> RenderableType:
    """What the live display shows now."""
    counts = Table.grid(padding=(0, 2))
    left = progress.seconds_left()
    counts.add_row(
        ProgressBar(total=max(progress.total, 1), completed=progress.done, width=30),
        f"{progress.done}/{progress.total} cells",
        Text(f"{progress.failed} failed", style="red" if progress.failed else "dim"),
        f"{clock(progress.elapsed)} elapsed",
        "time left unknown" if left is None else f"about {clock(left)} left",
    )
    running = Table(header_style="bold", box=None, padding=(0, 2, 0, 0))
    for column in ("running", "instance", "seed", "for"):
        running.add_column(column, justify="right" if column in ("seed", "for") else "left")
    now = progress.clock()
    cells = sorted(progress.running.values(), key=lambda pair: pair[1])
    for cell, began in cells[:ROWS]:
        running.add_row(Text(cell.label), Text(cell.instance), str(cell.seed), clock(now - began))
    if len(cells) > ROWS:
        running.add_row(Text(f"... and {len(cells) - ROWS} more", style="dim"), "", "", "")
    return Group(counts, running, summary(progress))


def summary(progress: Progress) -> Text:
    """How many cells ended in each status."""
    parts = [
        Text(f"{progress.statuses[status]} {status}", style=STYLES.get(status, "red"))
        for status in STATUSES
        if progress.statuses[status]
    ]
    return Text("  ").join(parts)


def failure(record: Record) -> str:
    """One line on a cell that failed."""
    cell = record.cell
    reason = record.reason.splitlines()[0] if record.reason else ""
    return f"{record.status}: {cell.label} on {cell.instance}, seed {cell.seed}: {reason}"


def clock(seconds: float) -> str:
    """``7 s``, ``2 min 05 s``, ``3 h 02 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _plain(console: Console, progress: Progress, event: Event) -> None:
    """A line at the start, for each failure, and about twenty times on the way."""
    progress(event)
    if isinstance(event, Planning):
        line = f"{progress.total} cells to run, {progress.workers} at once"
    elif not isinstance(event, Finished):
        return
    elif event.record.status not in ("ok", "skipped"):
        line = failure(event.record)
    elif progress.done % max(progress.total // LINES, 1) == 0 or progress.done == progress.total:
        left = progress.seconds_left()
        rest = "" if left is None else f", about {clock(left)} left"
        line = f"{progress.done}/{progress.total} cells, {progress.failed} failed, {clock(progress.elapsed)}{rest}"
    else:
        return
    console.print(line, markup=False, soft_wrap=True)
