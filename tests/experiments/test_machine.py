"""A machine that lacks disk, processes or files is no cell's status: cells are run again, then the run stops."""

import errno
import json
import os

import pytest

from dtbench import machine
from dtbench.errors import DtbenchError, MachineError
from dtbench.experiments import process, run
from dtbench.experiments.job import job_of
from dtbench.experiments.record import Record
from dtbench.experiments.store import Store

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(process, "PAUSES", (0.0, 0.0))


@pytest.fixture
def job(bench):
    return job_of(bench.plan(bench.write("slow")).cells[0])


def failing(times, then, error=FULL):
    """A function that fails so many times, and then does what it should."""
    calls = []

    def act(*arguments, **named):
        calls.append(1)
        if len(calls) <= times:
            raise error
        return then(*arguments, **named)

    act.calls = calls
    return act


@pytest.mark.parametrize(
    "error",
    [FULL, OSError(errno.EAGAIN, "no process"), OSError(errno.EMFILE, "files"), OSError(errno.ENOMEM, "no memory")],
)
def test_what_fails_once_or_twice_is_tried_again(job, monkeypatch, error):
    monkeypatch.setattr(process.tempfile, "mkdtemp", failing(1, process.tempfile.mkdtemp, error))
    monkeypatch.setattr(process._launcher, "launch", failing(1, process._launcher.launch, error))
    assert json.loads(process.run_cell(job)[0])["status"] == "ok"


def test_what_fails_always_is_one_clear_line_and_no_record(job, monkeypatch):
    monkeypatch.setattr(process.tempfile, "mkdtemp", failing(100, None))
    with pytest.raises(MachineError, match="this machine cannot run cells: No space left on device") as raised:
        process.run_cell(job)
    assert "\n" not in str(raised.value)


def test_a_disk_without_room_starts_no_cell(job, monkeypatch):
    class Usage:
        free = machine.PROBE

    monkeypatch.setattr(process.shutil, "disk_usage", lambda _: Usage)
    with pytest.raises(MachineError, match="No space left"):
        process.run_cell(job)


def test_a_solver_that_says_so_while_the_machine_has_all_is_an_error_of_its_own(bench, tmp_path):
    """It is run three times: the machine might have been short for a moment."""
    kind = {"name": "hostile", "options": {"kind": "no_space", "folder": str(tmp_path)}}
    _, records = bench.run(bench.write(kind))
    assert records["hostile"].status == "error"
    assert records["hostile"].reason == "OSError: [Errno 28] No space left on device"
    assert len(list(tmp_path.glob("no_space-*"))) == 3


def test_the_same_while_the_machine_is_short_stops_the_run(bench, tmp_path, monkeypatch):
    """What was finished is kept, and the same command goes on with the rest."""
    monkeypatch.setattr(machine, "lack", lambda _: FULL)
    kind = {"name": "hostile", "options": {"kind": "no_space", "folder": str(tmp_path)}}
    with pytest.raises(MachineError, match="this machine cannot run cells"):
        bench.run(bench.write("slow", "infeasible", kind), workers=1)
    records, bad = bench.store.scan()
    assert not bad
    assert {record.cell.solver for record in records} == {"slow", "infeasible"}
    monkeypatch.undo()
    summary, _ = bench.run(bench.write("slow", "infeasible", kind), workers=1)
    assert summary.statuses == {"error": 1}


def test_nothing_that_is_finished_is_lost(bench, monkeypatch):
    """Results that came in together with the failure are stored."""
    instances = ["stin-deployment/tiny-00[0-3]"]
    stored = []
    real = run._outcome

    def outcome(future, job):
        if not stored:
            stored.append(job)
            import time

            time.sleep(3.0)  # the other cell ends meanwhile
            raise MachineError("this machine cannot run cells: no reason.")
        return real(future, job)

    monkeypatch.setattr(run, "_outcome", outcome)
    with pytest.raises(MachineError):
        bench.run(bench.write("slow", instances=instances), workers=2)
    assert len(bench.store.stems()) == 1


@pytest.mark.parametrize("error", [FULL, PermissionError(errno.EACCES, "Permission denied", "records")])
def test_a_disk_that_cannot_be_written_stops_the_run_in_one_line(bench, monkeypatch, error):
    monkeypatch.setattr(Store, "write", failing(1, Store.write, error))
    suite = bench.write("slow", instances=["stin-deployment/tiny-00[0-3]"])
    with pytest.raises(DtbenchError, match="results cannot be kept in '.*results': ") as raised:
        bench.run(suite)
    assert "\n" not in str(raised.value)
    kept = len(bench.store.stems())
    assert kept < 4
    assert bench.run(suite)[0].statuses == {"ok": 4 - kept}


def test_a_supervisor_that_never_begins_is_replaced_with_its_zygote(job, monkeypatch):
    """A zygote that takes requests and does nothing."""
    process.run_cell(job)
    before = process._launcher._process.pid
    monkeypatch.setattr(process, "START", 0.5)
    monkeypatch.setattr(process._launcher, "launch", failing(0, lambda theirs: None))
    with pytest.raises(MachineError, match="died at once"):
        process.run_cell(job)
    monkeypatch.undo()
    assert Record.model_validate_json(process.run_cell(job)[0]).status == "ok"
    assert process._launcher._process.pid != before


def test_a_machine_that_has_all_lacks_nothing(tmp_path):
    assert machine.lack(tmp_path) is None
    found = machine.lack(tmp_path / "nowhere")
    assert found.errno == errno.ENOENT
    assert machine.words(FULL) == "No space left on device"
    assert machine.words(OSError(2, "none", "a")) == "none ('a')"
