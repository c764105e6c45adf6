"""Runs: resumed, interrupted, killed, locked, on a cluster; every cell ends in one record."""

import concurrent.futures
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest

from dtbench.errors import DtbenchError
from dtbench.experiments import cluster
from dtbench.experiments import run as runner
from dtbench.experiments.events import Finished, Planning, Started
from dtbench.experiments.job import job_of
from dtbench.experiments.plan import make_plan
from dtbench.experiments.run import Summary, _outcome
from dtbench.experiments.store import Store
from dtbench.experiments.suite import read

SCRIPT = Path(__file__).parent / "runner.py"
FOUR = ["stin-deployment/tiny-00[0-3]"]


def start(suite, results, solvers, temporary):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(suite), str(results), str(solvers)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(temporary)},
    )


def wait_for(condition, process=None, seconds=60.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        assert process is None or process.poll() is None, process.stderr.read()
        time.sleep(0.02)


def ended(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def without_times(record):
    facts = record.model_dump(exclude={"wall_seconds", "peak_memory", "train_seconds", "anytime", "sha256"})
    del facts["provenance"]["started"], facts["provenance"]["speed"], facts["slots"]["seconds"]
    return facts


@pytest.fixture
def temporary():
    with tempfile.TemporaryDirectory(prefix="dtb") as folder:
        yield Path(folder)


def test_killed_run_resumes_and_equals_an_undisturbed_one(bench, solvers_folder, tmp_path, temporary):
    suite = bench.write("slow", instances=FOUR, seeds=3)
    first = start(suite, bench.store.folder, solvers_folder, temporary)
    wait_for(lambda: len(bench.store.stems()) >= 3, first)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    kept = {stem: (bench.store.records / f"{stem}.json").read_bytes() for stem in bench.store.stems()}
    assert 3 <= len(kept) < 12
    wait_for(lambda: not list(temporary.glob("dtbench-*")))  # cells are dead and have left nothing

    second = start(suite, bench.store.folder, solvers_folder, temporary)
    output, errors = second.communicate(timeout=120)
    assert second.returncode == 0, errors
    assert errors == ""
    assert output == f"ran {12 - len(kept)}\n"
    assert all((bench.store.records / f"{stem}.json").read_bytes() == text for stem, text in kept.items())

    undisturbed = Store(tmp_path / "undisturbed")
    runner.run(bench.plan(suite), undisturbed, workers=2)
    assert undisturbed.stems() == []  # everything is done already
    fresh = make_plan(read(suite), undisturbed, solvers_paths=[solvers_folder])
    runner.run(fresh, undisturbed, workers=2)
    records, bad = bench.store.scan()
    assert not bad
    assert [without_times(r) for r in records] == [without_times(r) for r in undisturbed.scan()[0]]
    assert not list(bench.store.records.glob(".*"))


def test_cells_die_with_a_killed_runner(bench, solvers_folder, tmp_path, temporary):
    file = tmp_path / "ids"
    suite = bench.write({"name": "spawns", "options": {"file": str(file), "wait": 600.0}}, seconds=900)
    process = start(suite, bench.store.folder, solvers_folder, temporary)
    wait_for(file.is_file, process)
    family = psutil.Process(process.pid).children(recursive=True)
    pids = {int(pid) for pid in file.read_text().split()} | {child.pid for child in family}
    assert len(pids) >= 5  # zygote, supervisor, cell, and two that the solver started
    process.send_signal(signal.SIGKILL)
    process.communicate()
    wait_for(lambda: all(ended(pid) for pid in pids), seconds=20)
    wait_for(lambda: not list(temporary.glob("dtbench-*")))


def test_interrupt_kills_cells_and_keeps_records(bench, solvers_folder, tmp_path, temporary):
    file = tmp_path / "ids"
    sleeper = {"name": "spawns", "options": {"file": str(file), "wait": 600.0}}
    suite = bench.write(sleeper, "slow", seconds=900)
    process = start(suite, bench.store.folder, solvers_folder, temporary)
    wait_for(lambda: bench.store.stems() and file.is_file(), process)
    family = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert "Task" not in errors  # Dask does not complain
    pids = {int(pid) for pid in file.read_text().split()} | set(family)
    wait_for(lambda: all(ended(pid) for pid in pids), seconds=20)
    assert [r.cell.solver for r in bench.store.scan()[0]] == ["slow"]
    assert not list(temporary.glob("dtbench-*"))


def test_two_runners_do_not_share_a_folder(bench):
    suite = bench.write("infeasible")
    with bench.store.lock(), pytest.raises(DtbenchError, match=f"in use by another run, process {os.getpid()}"):
        bench.run(suite)
    assert bench.run(suite)[0].ran == 1
    assert bench.run(suite)[0] == Summary(seconds=pytest.approx(0, abs=60))


def test_events_tell_the_whole_story(bench):
    events = []
    bench.run(bench.write("slow", "declines", instances=FOUR), progress=events.append)
    assert isinstance(events[0], Planning)
    assert events[0].workers == 2
    started = [e.cell.stem for e in events if isinstance(e, Started)]
    finished = [e.record.cell.stem for e in events if isinstance(e, Finished)]
    assert sorted(started) == sorted(finished) == bench.store.stems()
    assert len(started) == 8
    running = 0
    for event in events[1:]:
        running += 1 if isinstance(event, Started) else -1
        assert 0 <= running <= 2


def test_new_label_changes_the_record_and_runs_nothing(bench):
    bench.run(bench.write("slow"))
    before = bench.store.scan()[0][0]
    summary, records = bench.run(bench.write({"name": "slow", "label": "a better name"}))
    assert summary.ran == 0
    assert records["slow"].cell.label == "a better name"
    assert without_times(records["slow"]) | {"cell": None} == without_times(before) | {"cell": None}


def test_worker_that_dies_gives_a_record(bench):
    planned = bench.plan(bench.write("slow")).cells[0]

    class Dead:
        status = "error"

        def exception(self):
            return concurrent.futures.BrokenExecutor("worker died 4 times")

    record, decisions = _outcome(Dead(), job_of(planned))
    assert (record.status, decisions) == ("crash", None)
    assert "worker died 4 times" in record.reason
    bench.store.write(record, decisions)
    assert bench.plan(bench.write("slow")).states == {"done": 1, "missing": 0, "stale": 0}


def test_lost_scheduler_is_an_error(bench):
    planned = bench.plan(bench.write("slow")).cells[0]

    class Lost:
        status = "cancelled"

    with pytest.raises(DtbenchError, match="scheduler was lost"):
        _outcome(Lost(), job_of(planned))


def test_a_run_outlasts_a_machine_that_sleeps():
    """Dask gives up a worker that has been silent for long, and a laptop's clock goes on while its lid is shut."""
    with cluster.opened(1, None, "sleep") as cells:
        local = cells.client.cluster
        for worker in local.scheduler.workers.values():
            worker.last_seen -= 1e6
        local.sync(local.scheduler.check_worker_ttl)
        assert cells.threads == 1
        assert cells.client.submit(abs, -1).result(timeout=30) == 1


def test_unreachable_scheduler_names_the_address(bench, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT", 0.2)
    planned = bench.plan(bench.write("slow"))
    with pytest.raises(DtbenchError, match="'tcp://127.0.0.1:9'"):
        runner.run(planned, bench.store, scheduler="tcp://127.0.0.1:9")
