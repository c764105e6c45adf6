"""What held is not checked again while nothing of it changes; what changes is; a cache of others is not believed."""

import os
import shutil

import pytest

from dtbench import files
from dtbench.experiments import memory, verify
from dtbench.experiments.store import Store


@pytest.fixture(scope="module")
def untouched(shared_bench):
    shared_bench.run(shared_bench.write("slow", "raises", instances=["stin-deployment/tiny-00[01]"]))
    return shared_bench.store.folder


@pytest.fixture
def results(untouched, tmp_path):
    return Store(shutil.copytree(untouched, tmp_path / "results"))


@pytest.fixture
def checked(monkeypatch):
    """Names of the records that are checked, in any order."""
    names = []

    def spread(folder, parts, workers, here):
        names.extend(stem for part in parts for stem in part)
        return (here(folder, part) for part in parts)

    monkeypatch.setattr(verify, "spread", spread)
    return names


def stem_of(results, solver="slow"):
    return next(s for s in results.stems() if f"--{solver}--" in s)


def test_what_is_unchanged_is_checked_once(results, checked):
    first = verify.verify(results.folder)
    assert sorted(checked) == results.stems()
    checked.clear()
    again = verify.verify(results.folder)
    assert checked == []
    assert again == first
    assert verify.verify(results.folder, remembered=False) == first
    assert sorted(checked) == results.stems()


def append(file):
    file.write_bytes(file.read_bytes() + b" ")


CHANGES = {
    "record": (lambda results, stem: append(results.records / f"{stem}.json"), ""),
    "decisions": (lambda results, stem: append(results.decisions(stem)), "checksum differs"),
    "decisions gone": (lambda results, stem: results.decisions(stem).unlink(), "are missing"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_is_checked_again_and_it_alone(results, checked, what):
    stem = stem_of(results)
    verify.verify(results.folder)
    checked.clear()
    change, reason = CHANGES[what]
    change(results, stem)
    report = verify.verify(results.folder)
    assert checked == [stem]
    assert report.ok == (not reason)
    assert all(reason in mismatch.reason and mismatch.record == stem for mismatch in report.mismatches)


def test_what_does_not_hold_is_never_remembered(results, checked):
    stem = stem_of(results)
    append(results.decisions(stem))
    assert not verify.verify(results.folder).ok
    checked.clear()
    assert not verify.verify(results.folder).ok
    assert checked == [stem]


def test_other_code_checks_again(results, checked, monkeypatch):
    verify.verify(results.folder)
    checked.clear()
    monkeypatch.setattr(memory, "surroundings", lambda problem_id: "other")
    verify.verify(results.folder)
    assert sorted(checked) == results.stems()


def test_decisions_that_appear_beside_a_failure_are_seen(results):
    stem = stem_of(results, "raises")
    assert verify.verify(results.folder).ok
    results.decisions(stem).write_bytes(b"x")
    assert not verify.verify(results.folder).ok


def writable(file):
    file.chmod(0o666)


def linked(file):
    file.rename(file.with_name("elsewhere"))
    file.symlink_to("elsewhere")


def folder_instead(file):
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("spoil", [writable, linked, folder_instead, os.unlink])
def test_a_cache_that_others_could_have_written_is_not_believed(results, checked, spoil):
    verify.verify(results.folder)
    spoil(memory.file_of(results.folder))
    checked.clear()
    assert verify.verify(results.folder).ok
    assert sorted(checked) == results.stems()


@pytest.mark.parametrize("content", [b"", b"junk\n", b"\xff\xfe\n" * 100, b"0" * 64 + b"\n", b"\0" * 1000])
def test_junk_in_the_cache_is_nothing(results, checked, content):
    verify.verify(results.folder)
    memory.file_of(results.folder).write_bytes(content)
    checked.clear()
    assert verify.verify(results.folder).ok
    assert sorted(checked) == results.stems()


def test_results_bring_no_cache(results, checked, tmp_path):
    """A copy of the folder is checked: fingerprints are of a place of the user's own."""
    verify.verify(results.folder)
    assert not [file for file in results.folder.rglob("*") if "verified" in file.name]
    copy = shutil.copytree(results.folder, tmp_path / "copy")
    checked.clear()
    verify.verify(copy)
    assert sorted(checked) == results.stems()


def test_a_cache_that_cannot_be_written_changes_nothing(results, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(files.CACHE, str(tmp_path / "file"))
    assert verify.verify(results.folder).ok
    assert verify.verify(results.folder).ok
