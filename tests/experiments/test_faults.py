"""All that a solver can do wrong, at once: one record each, the others unharmed, no process left, no disk filled."""

import os
import sys
import tempfile
import time

import psutil
import pytest

from dtbench.experiments import process
from dtbench.experiments.launcher import MARK

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="descendants that leave their group are known on Linux only")

# kind of tests/experiments/solvers/hostile.py: status, words of the reason, words of what is kept of the log
QUICK = {
    "fine": ("ok", "", ""),
    "declines": ("skipped", "needs a licence", ""),
    "hangs": ("timeout", "killed at the limit", "in hangs"),
    "stops_itself": ("timeout", "killed at the limit", ""),
    "prints": ("timeout", "killed at the limit", "bytes that were printed are cut"),
    "prints_errors": ("timeout", "killed at the limit", "bytes that were printed are cut"),
    "child_prints": ("timeout", "killed at the limit", "bytes that were printed are cut"),
    "eats_memory": ("memory", "", ""),
    "segfault": ("crash", "SIGSEGV", "in segfault"),
    "aborts": ("crash", "SIGABRT", "in aborts"),
    "exits_long": ("crash", "sys.exit('bye bye", ""),
    "leaves": ("crash", "exit code 75", ""),
    "raises": ("error", "RuntimeError: no idea", "in raises"),
    "long_message": ("error", "characters in all]", "characters in all]"),
    "long_chain": ("error", "ValueError: link 19999", "earlier exceptions of the chain are cut"),
    "big_group": ("error", "ExceptionGroup: deep", "1 of 50"),
    "recursion": ("error", "RecursionError", "recursion_again"),
    "broken_message": ("error", "Broken: (its message cannot be made: KeyboardInterrupt)", "in broken_message"),
    "opens_files": ("error", "Too many open files", ""),
    "hides_open_files": ("error", "ValueError: no more", ""),
    "big_file": ("error", "", ""),
    "nan": ("invalid", "5 NaN", ""),
    "wrong_shape": ("invalid", "shape (6,)", ""),
    "wrong_type": ("invalid", "returned str", ""),
    "forged_result": ("crash", "before there was a result", ""),
    "daemons": ("ok", "", ""),
    "thread": ("ok", "", ""),
    "deep_folders": ("ok", "", ""),
    "stops_supervisor": ("crash", "was killed or stopped", ""),
    "kills_supervisor": ("crash", "was killed or stopped", ""),
}


def living(ids):
    """Processes that solvers came to, and that are still there."""
    named = {int(file.name.rpartition("-")[2]): file.name for file in ids.iterdir()}
    return [
        named[each.info["pid"]]
        for each in psutil.process_iter(["pid", "status"])
        if each.info["pid"] in named and each.info["status"] != psutil.STATUS_ZOMBIE
    ]


def gone(ids, within=20.0):
    until = time.monotonic() + within
    while living(ids) and time.monotonic() < until:
        time.sleep(0.05)
    return not living(ids)


@pytest.fixture
def hostile(bench, tmp_path):
    """Run kinds of ``hostile.py`` beside a solver that does nothing wrong."""
    ids = tmp_path / "ids"
    ids.mkdir()

    def run(*kinds, workers=2, **limits):
        tables = [{"name": "hostile", "label": k, "options": {"kind": k, "folder": str(ids)}} for k in kinds]
        summary, _ = bench.run(bench.write("slow", *tables, **limits), workers=workers)
        records, bad = bench.store.scan()
        assert not bad
        assert summary.ran == len(records) == len(kinds) + 1
        return {record.cell.label: record for record in records}

    run.ids = ids
    return run


@pytest.fixture
def temporary(monkeypatch):
    """A folder for temporary files that no other test uses, with a short path: sockets may be in it."""
    with tempfile.TemporaryDirectory(prefix="faults-") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield folder


@LINUX
def test_every_fault_at_once(hostile, monkeypatch, temporary):
    """One run with two workers."""
    monkeypatch.setattr(process, "FILES", 2**24)
    began = time.monotonic()
    records = hostile(*QUICK, seconds=4, memory_gib=1.0)
    took = time.monotonic() - began
    ended = {kind: (record.status, record.reason, record.traceback) for kind, record in records.items()}
    assert ended.pop("slow")[0] == "ok"
    wrong = {
        kind: found
        for kind, found in ended.items()
        if found[0] != QUICK[kind][0] or QUICK[kind][1] not in found[1] or QUICK[kind][2] not in found[2]
    }
    assert not wrong
    assert gone(hostile.ids), living(hostile.ids)
    assert len(list(hostile.ids.iterdir())) >= len(QUICK)
    assert max(len(reason) + len(log) for _, reason, log in ended.values()) < 25_000
    assert all(record.wall_seconds < 4 + 10 for record in records.values())
    assert took < 180
    assert not [name for name in os.listdir(temporary) if name.startswith("dtbench-")]


@LINUX
@pytest.mark.parametrize("kind", ["kills_two", "stops_two", "stops_one_kills_one", "kills_zygote", "stops_zygote"])
def test_whoever_kills_more_than_its_supervisor_is_not_left_either(hostile, kind):
    """Where the zygote alone is meant, the supervisor goes on and the limit holds."""
    records = hostile(kind, seconds=3)
    assert records["slow"].status == "ok"
    alone = kind.endswith("zygote")
    expected = ("timeout", "killed at the limit") if alone else ("crash", "was killed or stopped")
    assert records[kind].status == expected[0]
    assert expected[1] in records[kind].reason
    assert gone(hostile.ids), living(hostile.ids)


@LINUX
def test_too_many_processes_are_stopped(hostile):
    """By number or by what they hold together, whichever comes first."""
    records = hostile("forks", seconds=20, memory_gib=1.0)
    assert records["forks"].status in ("memory", "error")
    assert gone(hostile.ids), living(hostile.ids)


def test_files_in_the_folder_count_together(hostile, monkeypatch):
    monkeypatch.setattr(process, "FILES", 2**24)
    records = hostile("some_files", seconds=30)
    assert records["some_files"].status == "error"
    assert "more to its temporary folder" in records["some_files"].reason


def test_children_are_marked(bench):
    """What is left behind is known by this; the solver's own processes have it too."""
    bench.run(bench.write("slow"))
    zygote = psutil.Process(process._launcher._process.pid)
    assert zygote.environ()[MARK] == process._launcher._mark
