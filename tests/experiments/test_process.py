"""Every way a cell can end has its own status, and nothing that a cell started is left."""

import json
import os
import socket
import time

import psutil
import pytest

from dtbench.experiments import process, work, zygote
from dtbench.experiments.job import job_of
from dtbench.experiments.record import Record
from dtbench.experiments.verify import verify

ENDS = {
    "raises": ("error", "RuntimeError: no idea what to do in file.txt"),
    "sleeps": ("timeout", "limit of 3 s"),
    "stubborn": ("timeout", "limit of 3 s"),
    "allocates": ("memory", "40.0 GiB"),
    "aborts": ("crash", "SIGABRT"),
    "exits": ("crash", "exit code 0 before there was a result"),
    "sysexits": ("crash", "sys.exit(0)"),
    "nan": ("invalid", "'node' holds 5 NaN"),
    "wrongshape": ("invalid", "shape (6,)"),
    "infeasible": ("ok", ""),
    "declines": ("skipped", "needs a licence"),
    "slow": ("ok", ""),
}


def gone(pid, within=10.0):
    """Whether a process has ended, or ends soon."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_each_end_has_its_status_and_the_rest_finishes(bench):
    quick = [name for name in ENDS if name not in ("sleeps", "stubborn")]
    summary, records = bench.run(bench.write(*quick))
    assert summary.ran == len(quick)
    assert not summary.ok
    late, slow = bench.run(bench.write("sleeps", "stubborn", seconds=3, name="late"))
    assert late.statuses["timeout"] == 2
    records |= {name: slow[name] for name in ("sleeps", "stubborn")}
    assert {name: record.status for name, record in records.items()} == {n: status for n, (status, _) in ENDS.items()}
    for name, (_, reason) in ENDS.items():
        assert reason in records[name].reason
    assert records["aborts"].signal == "SIGABRT"
    assert "in decide" in records["aborts"].traceback  # faulthandler's stack
    assert "raises.py" in records["raises"].traceback
    assert "/home/somebody" not in records["raises"].model_dump_json()
    assert "going to sleep" in records["sleeps"].traceback
    assert records["stubborn"].signal == "SIGKILL"
    assert all(records[name].wall_seconds < 3 + 10 for name in ("sleeps", "stubborn"))
    assert all(records["infeasible"].slots.repaired)
    assert all(records["infeasible"].slots.feasible)
    assert records["infeasible"].repaired_share == 1.0
    assert records["slow"].repaired_share == 0.0


def test_a_log_keeps_its_two_ends_and_says_what_is_missing(monkeypatch):
    """12 bytes, of which the first 3 and the last 4 are kept."""
    monkeypatch.setattr(zygote, "LOG_HEAD", 3)
    monkeypatch.setattr(zygote, "LOG_TAIL", 4)
    log = zygote.Log()
    for piece in (b"ab", b"cdefghij", b"kl"):
        os.write(log.sink, piece)
        assert log.read()
    assert not log.read()  # nothing now
    os.close(log.sink)
    assert not log.read()  # the end
    os.close(log.source)
    assert not log.open
    assert log.text() == "abc\n[... 5 of 12 bytes that were printed are cut ...]\nijkl"


@pytest.mark.parametrize("text", [b"", b"ab", b"abcdefg"])
def test_a_short_log_is_whole(monkeypatch, text):
    monkeypatch.setattr(zygote, "LOG_HEAD", 3)
    monkeypatch.setattr(zygote, "LOG_TAIL", 4)
    log = zygote.Log()
    os.write(log.sink, text)
    log.read()
    for end in (log.sink, log.source):
        os.close(end)
    assert log.text() == text.decode()


def test_memory_of_child_processes_counts(bench):
    _, records = bench.run(bench.write("grows", memory_gib=0.4))
    assert records["grows"].status == "memory"
    assert "0.4 GiB" in records["grows"].reason
    assert records["grows"].peak_memory > 0.4 * 2**30


def test_processes_that_a_cell_started_end_with_it(bench, tmp_path):
    file = tmp_path / "ids"
    _, records = bench.run(bench.write({"name": "spawns", "options": {"file": str(file)}}))
    assert records["spawns"].status == "ok"
    pids = [int(pid) for pid in file.read_text().split()]
    assert len(pids) == 2
    assert all(gone(pid) for pid in pids)


def test_same_seed_same_decisions_another_seed_another(bench):
    bench.run(bench.write("slow", seeds=2))
    planned = bench.plan(bench.write("slow", seeds=2)).cells
    again = [Record.model_validate_json(process.run_cell(job_of(p))[0]) for p in planned]
    stored = [bench.store.get(p.cell) for p in planned]
    assert [r.decisions_sha256 for r in again] == [r.decisions_sha256 for r in stored]
    assert stored[0].decisions_sha256 != stored[1].decisions_sha256


def test_changed_solver_file_is_not_run(bench, tmp_path, solvers_folder):
    planned = bench.plan(bench.write("slow")).cells[0]
    changed = tmp_path / "slow.py"
    changed.write_text((solvers_folder / "slow.py").read_text() + "\n# another\n")
    job = job_of(planned)
    text, decisions = process.run_cell(process.Job(job.cell, job.instance_file, job.shipped, str(changed)))
    record = Record.model_validate_json(text)
    assert record.status == "error"
    assert "'slow.py' is missing here or was changed" in record.reason
    assert decisions is None


def test_an_option_of_a_wrong_type_is_an_error_of_the_cell(bench):
    _, records = bench.run(bench.write({"name": "spawns", "options": {"wait": "long"}}))
    assert records["spawns"].status == "error"
    assert "option 'wait' is 'long'; expected" in records["spawns"].reason


def test_global_generators_are_seeded_by_the_cell(bench):
    """They draw the same for the same seed, and something else for another."""
    bench.run(bench.write({"name": "careless"}, seeds=2))
    objectives = {record.cell.seed: record.objective for record in bench.store.scan()[0]}
    assert objectives[0] != objectives[1]
    for stem in bench.store.stems():
        bench.store.decisions(stem).unlink()
    bench.run(bench.write({"name": "careless"}, seeds=2))
    assert objectives == {record.cell.seed: record.objective for record in bench.store.scan()[0]}


def test_what_a_solver_does_to_its_slot_does_not_reach_the_referee(bench):
    _, records = bench.run(bench.write("writes", "spoils"))
    assert records["writes"].status == "error"
    assert "read-only" in records["writes"].reason
    assert records["spoils"].status == "ok"
    assert records["spoils"].objective > 0.1


def test_cancelled_run_starts_nothing(bench):
    planned = bench.plan(bench.write("slow")).cells[0]
    process.cancel("given-up")
    with pytest.raises(process.Cancelled):
        process.run_cell(job_of(planned, run_id="given-up"))


def test_zygote_that_died_is_replaced(bench):
    planned = bench.plan(bench.write("slow")).cells[0]
    process.run_cell(job_of(planned))
    zygote = process._launcher._process
    zygote.kill()
    zygote.wait()
    assert json.loads(process.run_cell(job_of(planned))[0])["status"] == "ok"
    assert process._launcher._process.pid != zygote.pid


def test_kill_from_outside_is_a_crash_with_a_hint(bench):
    _, records = bench.run(bench.write("killed"))
    assert (records["killed"].status, records["killed"].signal) == ("crash", "SIGKILL")
    assert "not by dtbench" in records["killed"].reason


def test_no_temporary_folder_is_left(bench, tmp_path, monkeypatch):
    monkeypatch.setattr(process.tempfile, "tempdir", str(tmp_path))
    bench.run(bench.write("slow", "aborts"))
    assert not [name for name in os.listdir(tmp_path) if name.startswith("dtbench-")]


def test_a_solver_that_winds_back_the_clock_is_timed_all_the_same(bench):
    """The clock of ``time`` is of no consequence; times that the supervisor's clock refutes are no result."""
    _, records = bench.run(bench.write("winds"))
    record = records["winds"]
    assert record.status == "ok"
    assert 0 < sum(record.slots.seconds) <= record.wall_seconds
    _, records = bench.run(bench.write({"name": "winds", "options": {"deep": True}}, name="deep"))
    deep = next(r for r in bench.store.scan()[0] if r.cell.options)
    assert (deep.status, deep.slots, deep.decisions_sha256) == ("invalid", None, None)
    assert "times that cannot be: slot 0: the decision took -1531.0 s" in deep.reason
    assert verify(bench.store.folder).ok


def test_a_runner_that_dies_before_its_cell_begins_leaves_no_folder(tmp_path):
    """It has sent the job, and reads no answer."""
    folder = tmp_path / "dtbench-1"
    folder.mkdir()
    ours, theirs = socket.socketpair()
    request = {"folder": str(folder), "seconds": 60.0, "memory": 2**30, "room": 2**20}
    with ours, theirs:
        process._Answers(ours, "").send(request)
        process._launcher.launch(theirs)
    until = time.monotonic() + 30.0
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not folder.exists()


def test_who_watches_is_told_of_slots(bench, monkeypatch):
    """The solver sleeps for 0.2 s in all."""
    monkeypatch.setattr(process, "GLANCE", 0.01)
    told = set()
    cell = bench.plan(bench.write("slow")).cells[0]
    text, _ = process.run_cell(job_of(cell), lambda *words: told.add(words))
    assert json.loads(text)["status"] == "ok"
    assert {(total, words) for _, total, words in told} <= {(0, ""), (10, "slots")}
    assert (10, "slots") in {(total, words) for _, total, words in told}


def test_an_error_of_who_watches_is_raised_at_the_end(bench):
    def gone(*_):
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        process.run_cell(job_of(bench.plan(bench.write("slow")).cells[0]), gone)


@pytest.mark.parametrize(
    "text", ["", "[", "{}", "[1, 2]", '["a", 2, "b"]', "[1e999, 2, 3]", "[" * 200, "9" * 999, '[1, 2, "' + "x" * 2000]
)
def test_a_spoiled_note_says_nothing(tmp_path, text):
    (tmp_path / "note.json").write_text(text)
    assert work.read_note(tmp_path) == (0, 0, "")


def test_a_note_steers_no_terminal(tmp_path):
    (tmp_path / "note.json").write_text(json.dumps([-1, 2, "a\x1b[2Jb\n"]))
    assert work.read_note(tmp_path) == (0, 2, "a[2Jb")


def test_a_note_that_is_a_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "note.json")
    assert work.read_note(tmp_path) == (0, 0, "")
