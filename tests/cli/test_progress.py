import errno
import io
import itertools
import os
import re
import threading
import time

import pytest
from rich.console import Console
from rich.text import Text

from dtbench.cli import output
from dtbench.cli import progress as shown
from dtbench.experiments.events import (
    Finished,
    Planning,
    Progress,
    Started,
    TrainingAdvanced,
    TrainingFinished,
    TrainingStarted,
)
from dtbench.experiments.planned import Planned, Training
from dtbench.experiments.policies import TrainingRecord
from dtbench.experiments.record import Cell, Provenance, Record
from dtbench.learning.checkpoint import Identity
from dtbench.progress import Pace

MADE_BY = Provenance(
    dtbench="0", commit=None, python="3", versions={}, platform="", cpu="", cores=1, started="", command="",
    suite=None, suite_sha256=None,
)  # fmt: skip


def planned(seed):
    cell = Cell(
        problem="p", instance="p/tiny-000", size="tiny", instance_sha256="a", solver="s", solver_sha256="b",
        solver_file="s.py", label="[b]label", seed=seed,
    )  # fmt: skip
    return Planned(cell, None, None, seconds=10.0)


def finished(cell, status="skipped"):
    return Finished(
        Record(cell=cell, key=cell.key, status=status, reason="because\nmore", wall_seconds=10.0, provenance=MADE_BY)
    )


def test_plain_lines_where_nobody_watches():
    console = Console(file=io.StringIO(), width=200)
    cells = [planned(seed) for seed in range(100)]
    with shown.display(console) as listen:
        listen(Planning(tuple(cells), 2))
        for p in cells:
            listen(Started(p.cell))
            listen(finished(p.cell, "crash" if p.cell.seed == 42 else "skipped"))
    lines = console.file.getvalue().splitlines()
    assert lines[0] == "100 cells to run, 2 at once"
    assert "crash: [b]label on p/tiny-000, seed 42: because" in lines
    assert lines[-1].startswith("100/100 cells, 1 failed")
    assert 15 <= len(lines) <= 25


def test_a_long_cell_is_told_of_when_it_ends(monkeypatch):
    """Between the twenty lines, where the last one was a minute ago."""
    now = [0.0]
    monkeypatch.setattr(shown.time, "monotonic", lambda: now[0])
    console = Console(file=io.StringIO(), width=200)
    cells = [planned(seed) for seed in range(100)]
    with shown.display(console) as listen:
        listen(Planning(tuple(cells), 1))
        for p, seconds in zip(cells[:3], (59.0, 1.0, 10.0), strict=True):
            listen(Started(p.cell))
            now[0] += seconds
            listen(finished(p.cell))
    counts = [line for line in console.file.getvalue().splitlines() if "/100 cells" in line]
    assert [line.split()[0] for line in counts] == ["2/100"]


def training(seed):
    identity = Identity(
        solver="s", version=1, problem="p", size="tiny", params={}, scope="size", network="n", preset="tuned",
        options={}, seed=seed,
    )  # fmt: skip
    return Training(planned(seed), identity, f"{seed:064d}")


def trained(one, status="ok"):
    return TrainingFinished(
        TrainingRecord(
            cell=one.cell, key=one.key, status=status, reason="" if status == "ok" else "too long\nmore",
            wall_seconds=65.0, provenance=MADE_BY,
        )
    )  # fmt: skip


def test_plain_lines_tell_trainings_apart(monkeypatch):
    monkeypatch.setattr(Pace, "due", lambda self: True)
    console = Console(file=io.StringIO(), width=200)
    first, second = training(0), training(1)
    with shown.display(console) as listen:
        listen(Planning((planned(0), planned(1)), 2, (first, second)))
        for each in (first, second):
            listen(TrainingStarted(each))
        for done in (1, 2):
            listen(TrainingAdvanced(first.stem, done, 4))
        listen(trained(first))
        listen(TrainingAdvanced(first.stem, 4, 4))  # told before the end, and heard after it
        listen(trained(second, "timeout"))
        listen(Started(planned(0).cell))
        listen(finished(planned(0).cell))
    lines = console.file.getvalue().splitlines()
    assert lines[0] == "2 cells to run, 2 at once; 2 trainings before some of them"
    assert lines[1] == "training [b]label on p, tiny, seed 0: round 1/4, time left unknown"
    assert re.fullmatch(r"training \[b\]label on p, tiny, seed 0: round 2/4, about \d+ s left", lines[2])
    assert lines[3].startswith("trained: [b]label on p, tiny, seed 0, 1 min 05 s, 1/2 trainings")
    assert lines[4] == "timeout: training [b]label on p, tiny, seed 1: too long"
    assert lines[5].startswith("1/2 cells, 0 failed")
    assert len(lines) == 6


def test_the_live_table_shows_rounds_of_trainings(terminal):
    first, second = training(0), training(1)
    with terminal() as (console, written):
        with shown.display(console) as listen:
            listen(Planning((planned(0),), 2, (first, second)))
            listen(TrainingStarted(first))
            listen(TrainingAdvanced(first.stem, 120, 500))
            time.sleep(0.6)
        text = written()
    assert "0/1 cells" in text
    assert "0/2 trainings" in text
    assert "120/500" in text


def test_a_notebook_shows_rounds_of_trainings():
    progress = Progress()
    first = training(0)
    for event in (Planning((planned(0),), 2, (first,)), TrainingStarted(first), TrainingAdvanced(first.stem, 3, 5)):
        progress(event)
    page, words = shown._moment(progress.snapshot(), [])
    assert "0/1 trainings" in words
    assert "training [b]label on p, tiny, seed 0: round 3/5" in page


def test_failures_are_named_up_to_a_number():
    console = Console(file=io.StringIO(), width=200)
    cells = [planned(seed) for seed in range(500)]
    with shown.display(console) as listen:
        listen(Planning(tuple(cells), 2))
        for p in cells:
            listen(Started(p.cell))
            listen(finished(p.cell, "crash"))
    lines = console.file.getvalue().splitlines()
    assert sum(line.startswith("crash: ") for line in lines) == 20
    assert lines.count("further failures are counted here, and named at the end") == 1
    assert lines[-1].startswith("500/500 cells, 500 failed")
    assert len(lines) <= 45


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "TTY_COMPATIBLE", "CLICOLOR_FORCE"])
def test_no_cursor_moves_in_a_pipe_whatever_the_colours(monkeypatch, variable):
    monkeypatch.setenv(variable, "1")
    console = Console(file=io.StringIO(), width=200)
    cells = [planned(seed) for seed in range(3)]
    with shown.display(console) as listen:
        listen(Planning(tuple(cells), 2))
        for p in cells:
            listen(Started(p.cell))
            listen(finished(p.cell, "crash"))
    with shown.steps(console, "verifying") as tell:
        tell(1, 2, "records")
    assert "3/3 cells" in console.file.getvalue()
    assert "\x1b" not in console.file.getvalue()


def test_a_notebook_or_a_dumb_terminal_gets_lines(monkeypatch, terminal):
    """``!dtbench run`` in a notebook is at a pseudo-terminal that cannot move its cursor."""
    for name, value in (("JPY_PARENT_PID", "17"), ("TERM", "dumb")):
        with monkeypatch.context() as patched, terminal() as (console, written):
            patched.setenv(name, value)
            with shown.display(Console(file=console.file, width=160)) as listen:
                listen(Planning((planned(0),), 1))
            assert written().splitlines() == ["1 cells to run, 1 at once"]


def story(listen, cells):
    listen(Planning(tuple(cells), 2))
    for p in cells:
        listen(Started(p.cell))
        listen(finished(p.cell, "skipped"))


def test_the_live_table_survives_a_storm_of_events(monkeypatch, terminal):
    monkeypatch.setattr(shown, "RATE", 100.0)
    cells = [planned(seed) for seed in range(1500)]
    with terminal() as (console, written):
        with shown.display(console) as listen:
            listen(Planning(tuple(cells), 2))
            threads = [threading.Thread(target=story_of, args=(listen, cells[part::3])) for part in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        text = written()
    assert "1500/1500 cells" in text
    assert text.count(" cells ") > 3  # it was drawn while it went on
    assert "0 s elapsed" in text
    assert "Traceback" not in text
    assert "cannot be shown" not in text


def story_of(listen, cells):
    for p in cells:
        listen(Started(p.cell))
        time.sleep(0)
        listen(finished(p.cell, "skipped"))


def test_a_frame_that_fails_is_named_and_the_next_is_drawn(monkeypatch, terminal):
    monkeypatch.setattr(shown, "RATE", 50.0)
    frames = itertools.count()

    def table(moment):
        if next(frames) < 5:
            raise RuntimeError("dictionary changed size")
        return Text(f"frame of {moment.total}")

    monkeypatch.setattr(shown, "table", table)
    with terminal() as (console, written):
        with shown.display(console) as listen:
            listen(Planning((planned(0),), 1))
            wait_for(lambda: next(frames) > 12)
        text = written()
    assert "the progress cannot be shown: RuntimeError: dictionary changed size" in text
    assert "frame of 1" in text


def wait_for(condition):
    until = time.monotonic() + 20.0
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)


class Broken(io.StringIO):
    """A terminal that cannot be written to any more as soon as a word comes."""

    def __init__(self, error, word=""):
        super().__init__()
        self.error, self.word = error, word

    def isatty(self):
        return True

    def write(self, text):
        if self.word in text:
            raise OSError(self.error, os.strerror(self.error))
        return super().write(text)


def test_a_terminal_that_goes_away_does_not_end_the_run(monkeypatch):
    monkeypatch.setattr(shown, "RATE", 100.0)
    monkeypatch.setenv("TERM", "xterm")
    console = Console(file=Broken(errno.EIO, "skipped"), width=160)
    with shown.display(console) as listen:
        story(listen, [planned(0)])
        wait_for(lambda: console.quiet)
        listen(finished(planned(1).cell, "crash"))
    assert console.quiet


def test_a_full_disk_ends_lines_of_progress_not_the_work():
    console = Console(file=Broken(errno.ENOSPC))
    shown.say(console, "lost")
    shown.say(console, "lost")
    assert console.quiet


def test_a_reader_that_has_gone_ends_the_work():
    with pytest.raises(BrokenPipeError):
        shown.say(output.PlainConsole(file=Broken(errno.EPIPE)), "lost")


def drawn(progress):
    plain = Console(file=io.StringIO(), width=160)
    plain.print(shown.table(progress.snapshot()))
    return plain.file.getvalue()


def test_live_table_shows_counts_running_cells_and_time_left():
    cells = [planned(seed) for seed in range(4)]
    progress = Progress(clock=lambda: 5.0)
    assert "preparing  0 failed  0 s elapsed" in drawn(progress)
    progress(Planning(tuple(cells), 2))
    for p in cells[:3]:
        progress(Started(p.cell))
    progress(finished(cells[0].cell, "error"))
    text = drawn(progress)
    assert "1/4 cells" in text
    assert "1 failed" in text
    assert "about 15 s left" in text
    assert text.count("[b]label") == 2
    assert "1 error" in text


def test_failures_stand_above_the_live_table(terminal):
    with terminal() as (console, written):
        with shown.display(console) as listen:
            listen(Planning((planned(0),), 1))
            listen(finished(planned(0).cell, "error"))
        assert "error: [b]label on p/tiny-000, seed 0: because" in written()


def test_cells_over_their_expected_time():
    """Two cells of 10 s run for 25 s: the end is not 0 s away, it is unknown; with two more waiting, 10 s are known."""
    clock = [0.0]
    cells = [planned(seed) for seed in range(4)]
    for count, words in ((2, "time left unknown: what runs takes"), (4, "at least 10 s left: what runs takes")):
        clock[0] = 0.0
        progress = Progress(clock=lambda: clock[0])
        progress(Planning(tuple(cells[:count]), 2))
        for p in cells[:2]:
            progress(Started(p.cell))
        clock[0] = 25.0
        assert words in drawn(progress)
        assert "about" not in drawn(progress)


def test_nothing_is_left_at_the_end():
    progress = Progress(clock=lambda: 5.0)
    story(progress, [planned(0)])
    assert "1/1 cells" in drawn(progress)
    assert "left" not in drawn(progress)


def test_many_running_cells_are_cut():
    progress = Progress(clock=lambda: 0.0)
    cells = [planned(seed) for seed in range(30)]
    progress(Planning(tuple(cells), 30))
    for p in cells:
        progress(Started(p.cell))
    assert "... and 18 more" in drawn(progress)


def test_steps_at_a_terminal(monkeypatch, terminal):
    monkeypatch.setattr(shown, "RATE", 50.0)
    with terminal() as (console, written):
        with shown.steps(console, "verifying [b]x") as tell:
            tell(0, 4, "records")
            tell(1, 4, "records")
            time.sleep(0.2)
        text = written()
    assert "verifying [b]x: 1/4 records, 0 s elapsed, about 1 s left" in text
    assert text.endswith("\x1b[2K")  # nothing is left behind


def test_steps_of_unknown_number(monkeypatch, terminal):
    monkeypatch.setattr(shown, "RATE", 50.0)
    with terminal() as (console, written):
        with shown.steps(console, "exact on a"):
            time.sleep(0.2)
        assert "exact on a, 0 s elapsed\r\n" in written()


def test_steps_in_a_pipe(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(shown, "Pace", lambda: Pace(lambda: now[0]))
    console = Console(file=io.StringIO(), width=80)
    with shown.steps(console, "verifying") as tell:
        for done in range(101):
            tell(done, 100, "records")
            now[0] += 10.0
    lines = console.file.getvalue().splitlines()
    assert lines[0] == "verifying: 1/100 records, 10 s elapsed, about 16 min 30 s left"
    assert 15 <= len(lines) <= 25


def test_short_work_and_quiet_work_write_nothing(terminal):
    console = Console(file=io.StringIO(), width=80)
    with shown.steps(console, "verifying") as tell:
        for done in range(100):
            tell(done, 100, "records")
    with terminal() as (at_terminal, written):
        with shown.steps(at_terminal, "verifying", quiet=True) as tell:
            tell(1, 2, "records")
        assert written() == ""
    assert console.file.getvalue() == ""
