import os
import shutil

import pytest

from dtbench.errors import DtbenchError
from dtbench.experiments import store as module
from dtbench.experiments.record import Record


@pytest.fixture(scope="module")
def untouched(shared_bench):
    shared_bench.run(shared_bench.write("infeasible"))
    return shared_bench.store.folder


@pytest.fixture
def record(bench, untouched):
    shutil.copytree(untouched, bench.store.folder)
    ((found,), _) = bench.store.scan()
    return found


def files(bench):
    return sorted(os.listdir(bench.store.records))


def test_record_comes_back_as_it_went(bench, record):
    assert bench.store.get(record.cell) == record
    assert record.key == record.cell.key
    assert record.objective == record.slots.mean
    text = (bench.store.records / f"{record.cell.stem}.json").read_text()
    assert text == module.to_json(record)
    assert '"repaired": [true, true,' in text
    assert Record.model_validate_json(text) == record


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_failed_write_leaves_the_old_record(bench, record, monkeypatch, step):
    before = {name: (bench.store.records / name).read_bytes() for name in files(bench)}

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(module.os if step == "fsync" else module.Path, step, full)
        with pytest.raises(OSError, match="No space"):
            bench.store.write(record.model_copy(update={"reason": "x"}), before[f"{record.cell.stem}.nc"])
    assert {name: (bench.store.records / name).read_bytes() for name in files(bench)} == before


def test_decisions_are_written_before_the_record(bench, record, monkeypatch):
    order = []
    monkeypatch.setattr(module, "write_safely", lambda path, _: order.append(path.suffix))
    bench.store.write(record, bench.store.decisions(record.cell.stem).read_bytes())
    assert order == [".nc", ".json"]


def test_decisions_must_be_those_of_the_record(bench, record):
    with pytest.raises(ValueError, match="record names decisions"):
        bench.store.write(record, b"others")


def test_failure_removes_older_decisions(bench, record):
    failed = {"status": "error", "objective": None, "slots": None, "decisions_sha256": None}
    bench.store.write(Record.model_validate(record.model_dump() | failed))
    assert files(bench) == [f"{record.cell.stem}.json"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"cell": ', "is truncated or not JSON"),
        (b"[]", "Input should be"),
        (b'{"schema_version": 1}', "Field required"),
        (b"\xff\xfe", "is truncated, or not text"),
    ],
)
def test_damaged_record_is_named_and_counts_as_missing(bench, record, content, reason):
    file = bench.store.records / f"{record.cell.stem}.json"
    file.write_bytes(content)
    records, (bad,) = bench.store.scan()
    assert records == []
    assert bad.name == file.name
    assert file.name in bad.reason
    assert reason in bad.reason
    assert bench.store.get(record.cell) is None
    suite = bench.write("infeasible")
    assert bench.plan(suite).states["missing"] == 1
    bench.run(suite)
    assert bench.store.get(record.cell).decisions_sha256 == record.decisions_sha256


def test_next_run_removes_what_was_left_half_written(bench, record):
    part = bench.store.records / ".something.json.part"
    part.write_text("{")
    assert bench.store.stems() == [record.cell.stem]
    bench.run(bench.write("infeasible"))
    assert not part.exists()


def test_lock_ends_with_its_holder(bench):
    with bench.store.lock(), pytest.raises(DtbenchError, match="in use"), bench.store.lock():
        pass
    with bench.store.lock():
        pass


def test_lock_of_a_dead_process_is_taken_over(bench):
    bench.store.folder.mkdir()
    (bench.store.folder / ".lock").write_text("999999999\n")
    with bench.store.lock():
        assert (bench.store.folder / ".lock").read_text() == f"{os.getpid()}\n"
