import io

import pytest
from rich.console import Console

from dtbench.cli import progress as shown
from dtbench.experiments.events import Finished, Planning, Progress, Started
from dtbench.experiments.plan import Planned
from dtbench.experiments.record import Cell, Provenance, Record

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


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59.4, "59 s"), (65, "1 min 05 s"), (3600 * 3 + 120, "3 h 02 min")]
)
def test_clock(seconds, text):
    assert shown.clock(seconds) == text


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


def test_live_table_shows_counts_running_cells_and_time_left():
    console = Console(file=io.StringIO(), width=160, force_terminal=True)
    cells = [planned(seed) for seed in range(4)]
    with shown.display(console) as listen:
        listen(Planning(tuple(cells), 2))
        for p in cells[:2]:
            listen(Started(p.cell))
        listen(finished(cells[0].cell, "error"))
    text = console.file.getvalue()
    assert "error: [b]label on p/tiny-000, seed 0: because" in text

    progress = Progress(clock=lambda: 5.0)
    progress(Planning(tuple(cells), 2))
    for p in cells[:3]:
        progress(Started(p.cell))
    progress(finished(cells[0].cell, "error"))
    plain = Console(file=io.StringIO(), width=160)
    plain.print(shown.table(progress))
    text = plain.file.getvalue()
    assert "1/4 cells" in text
    assert "1 failed" in text
    assert "about 15 s left" in text
    assert text.count("[b]label") == 2
    assert "1 error" in text


def test_many_running_cells_are_cut():
    progress = Progress(clock=lambda: 0.0)
    cells = [planned(seed) for seed in range(30)]
    progress(Planning(tuple(cells), 30))
    for p in cells:
        progress(Started(p.cell))
    plain = Console(file=io.StringIO(), width=160)
    plain.print(shown.table(progress))
    assert "... and 18 more" in plain.file.getvalue()
