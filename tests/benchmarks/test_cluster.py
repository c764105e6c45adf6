"""What a cluster adds to a cell: on the workers, and in the one process that submits cells and stores records.

The second one bounds how many workers can be kept busy; the numbers of docs/scaling.md come from here.
"""

import time

import pytest
from distributed import LocalCluster

from dtbench.experiments import process
from dtbench.experiments.plan import make_plan
from dtbench.experiments.record import Record
from dtbench.experiments.run import run
from dtbench.experiments.store import Store
from dtbench.experiments.suite import read

CELLS = 300
SUITE = """
name = "many"
instances = ["stin-deployment/paper-000"]
seeds = %d
[limits]
seconds = 60
memory_gib = 2
[[solvers]]
name = "random"
"""


def timed(folder, scheduler):
    """Seconds of wall clock per cell, with two at once."""
    (folder / "many.toml").write_text(SUITE % CELLS)
    store = Store(folder / f"results-{time.monotonic_ns()}")
    plan = make_plan(read(folder / "many.toml"), store)
    began = time.perf_counter()
    summary = run(plan, store, workers=2, scheduler=scheduler)
    assert summary.statuses == {"ok": CELLS}
    return (time.perf_counter() - began) / CELLS


@pytest.fixture
def address():
    """A cluster of two workers in threads of this process, over TCP: what it runs can be replaced."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=None
    ) as made:
        yield made.scheduler_address


def test_overhead_of_a_cell(address, tmp_path, monkeypatch, capsys):
    here, there = timed(tmp_path, None), timed(tmp_path, address)
    whole, results = process.run_cell, {}

    def finished(job):
        """A cell that takes no time: the result of one that was run before, under its own name."""
        if not results:
            results["text"], results["decisions"] = whole(job)
        record = Record.model_validate_json(results["text"])
        record = record.model_copy(update={"cell": job.cell, "key": job.cell.key})
        return record.model_dump_json(), results["decisions"]

    monkeypatch.setattr(process, "run_cell", finished)  # workers are threads of this process
    serial = timed(tmp_path, address)
    with capsys.disabled():
        print(
            f"\n{CELLS} cells, two at once: {2e3 * here:.0f} ms of a worker for a cell in threads of the run, "
            f"{2e3 * there:.0f} ms over TCP ({there / here:.2f}x)\n"
            f"the run itself takes {1e3 * serial:.1f} ms for a cell: {1 / serial:.0f} cells a second at most, so 1000 "
            f"workers are busy where a cell takes {1000 * serial:.0f} s or more"
        )
