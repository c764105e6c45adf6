"""The stored plan: what a run adds, what it never takes away, and what is counted against it."""

import hashlib
import json
import shutil

import pytest

from dtbench.errors import DtbenchError
from dtbench.experiments import plan_file
from dtbench.experiments.plan import make_plan
from dtbench.experiments.plan_file import PlanFile
from dtbench.experiments.suite import read
from dtbench.experiments.verify import verify

THREE = ["stin-deployment/tiny-00[0-2]"]


def planned(bench):
    """Solver, instance number and seed of every planned cell."""
    cells = plan_file.read(bench.store).cells.values()
    return {(each.cell.label, each.cell.instance[-3:], each.cell.seed) for each in cells}


def keep(bench, suite, **filters):
    """What a run does before its first cell."""
    return plan_file.keep(bench.store, bench.plan(suite, **filters))


@pytest.fixture
def folder(bench):
    bench.store.folder.mkdir()
    return bench.store.folder


@pytest.fixture(scope="module")
def results(shared_bench):
    shared_bench.run(shared_bench.write("raises", instances=THREE))
    return shared_bench.store.folder


@pytest.fixture
def finished(bench, results):
    """A copy of the results of a suite, which is returned."""
    shutil.copytree(results, bench.store.folder)
    return bench.write("raises", instances=THREE)


def everything(*labels, instances=3, seeds=1):
    return {(label, f"{i:03d}", s) for label in labels for i in range(instances) for s in range(seeds)}


def test_a_run_stores_cells_and_the_text_of_the_suite_before_its_first_cell(bench, monkeypatch):
    suite = bench.write("slow", "raises", instances=THREE, seeds=2)
    seen = []
    bench.run(suite, solvers=["raises"], progress=lambda _: seen.append(planned(bench)))
    assert seen[0] == everything("raises")
    (part,) = plan_file.read(bench.store).suites
    assert part.text == suite.read_text()
    assert part.sha256 == hashlib.sha256(suite.read_bytes()).hexdigest()
    assert list(plan_file.read(bench.store).faults()) == []
    assert not list(bench.store.folder.glob(".plan*"))


def test_it_is_read_back_as_it_was_written_one_line_for_each_cell(bench, folder):
    new = keep(bench, bench.write("slow", instances=THREE, seeds=2))
    assert plan_file.read(bench.store) == new
    assert len(bench.store.plan_file.read_text().splitlines()) == 6 + 4


def test_parts_chosen_on_the_command_line_add_and_never_take_away(bench, folder):
    suite = bench.write("slow", "raises", instances=THREE, seeds=2)
    keep(bench, suite, solvers=["raises"])
    assert planned(bench) == everything("raises")
    keep(bench, suite, solvers=["slow"], seeds=1, instances="*-000")
    assert planned(bench) == everything("raises") | {("slow", "000", 0)}
    keep(bench, suite)
    whole = everything("raises") | everything("slow", seeds=2)
    assert planned(bench) == whole
    for part in ({"solvers": ["slow"]}, {"seeds": 1}, {"instances": "*-001"}):
        keep(bench, suite, **part)
        assert planned(bench) == whole
    keep(bench, suite, seeds=3, solvers=["slow", "careless"])
    assert planned(bench) == everything("raises") | everything("slow", "careless", seeds=3)
    keep(bench, suite)
    assert planned(bench) == everything("raises") | everything("slow", "careless", seeds=3)


@pytest.mark.parametrize(
    ("solvers", "changes", "left"),
    [
        (["slow"], {}, everything("slow", seeds=2)),
        (["slow", "raises"], {"seeds": 1}, everything("slow", "raises")),
        (["slow", "raises"], {"name": "other"}, everything("slow", seeds=2)),
        (
            [{"name": "slow", "instances": ["*-001"]}, "raises"],
            {},
            everything("raises") | {("slow", "001", 0), ("slow", "001", 1)},
        ),
        ([{"name": "slow", "seeds": 1}, "raises"], {}, everything("slow", "raises")),
        ([{"name": "slow", "label": "late"}, "raises"], {}, everything("raises") | everything("late", seeds=2)),
    ],
)
def test_what_the_text_of_the_suite_no_longer_asks_for_is_no_longer_planned(bench, folder, solvers, changes, left):
    """A killed run of the old text is not held against the new one; an unchanged text of another name adds nothing."""
    keep(bench, bench.write("slow", "raises", instances=THREE, seeds=2))
    given = {"instances": THREE, "seeds": 2} | changes
    keep(bench, bench.write(*solvers, **given), solvers=["raises"] if "raises" in solvers else None)
    assert planned(bench) - everything("raises") == left - everything("raises")


def test_what_was_asked_for_on_the_command_line_outlives_an_edit_of_the_suite(bench, folder):
    keep(bench, bench.write("slow", "raises", instances=THREE), solvers=["slow", "careless"], seeds=2)
    keep(bench, bench.write("slow", "raises", instances=THREE, memory_gib=1))
    both = everything("slow", "careless", seeds=2)
    assert planned(bench) == both | everything("raises")
    keep(bench, bench.write("raises", instances=["stin-deployment/tiny-000"]))
    assert planned(bench) == {("raises", "000", 0), ("careless", "000", 0), ("careless", "000", 1)}


def test_a_solver_that_becomes_deterministic_owes_one_seed(bench, folder, tmp_path, solvers_folder):
    suite = bench.write("slow", instances=THREE, seeds=3)
    keep(bench, suite)
    other = shutil.copytree(solvers_folder, tmp_path / "other")
    text = (other / "slow.py").read_text()
    (other / "slow.py").write_text(text.replace('name = "slow"', 'name = "slow"\n    deterministic = True'))
    plan_file.keep(bench.store, make_plan(read(suite), bench.store, solvers_paths=[other]))
    assert planned(bench) == everything("slow")


def test_suites_of_other_names_keep_their_parts(bench, folder):
    keep(bench, bench.write("slow", instances=THREE))
    keep(bench, bench.write("slow", "raises", instances=["stin-deployment/tiny-003"], name="more"))
    assert planned(bench) == everything("slow") | {("slow", "003", 0), ("raises", "003", 0)}
    assert [suite.name for suite in plan_file.read(bench.store).suites] == ["test", "more"]


def test_two_solvers_of_one_label_are_refused_before_anything_runs(bench, folder):
    keep(bench, bench.write({"name": "slow", "label": "x"}))
    before = bench.store.plan_file.read_bytes()
    with pytest.raises(DtbenchError, match="'x' is the label of two planned solvers on 'stin-deployment/tiny-000'"):
        keep(bench, bench.write({"name": "raises", "label": "x"}, name="more"))
    assert bench.store.plan_file.read_bytes() == before


DAMAGED = {
    "nested": b"[" * 200_000,
    "truncated": b'{"schema_version": 1, "suites": [',
    "not UTF-8": b"\xff\xfe\x00",
    "empty": b"",
    "list": b"[]",
    "words": b'{"schema_version": 1, "suites": "all"}',
    "long number": b'{"schema_version": ' + b"9" * 5001 + b"}",
    "extra": b'{"schema_version": 1, "suites": [], "sha256": "", "more": 1}',
    "version": b'{"schema_version": 3, "suites": []}',
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_plan_is_named_and_never_replaced_silently(bench, finished, content):
    bench.store.plan_file.write_bytes(content)
    report = verify(bench.store.folder)
    assert [mismatch.record for mismatch in report.mismatches] == ["plan.json"]
    assert len(report.records) == 3
    with pytest.raises(DtbenchError, match="plan.*Restore it, or remove it"):
        keep(bench, finished)
    assert bench.store.plan_file.read_bytes() == content


def test_a_folder_in_place_of_the_plan(bench, folder):
    bench.store.plan_file.mkdir()
    with pytest.raises(DtbenchError, match="is not a file"):
        plan_file.read(bench.store)


EDITS = {
    "cell taken away": lambda plan: plan["suites"][0]["cells"].pop(),
    "label": lambda plan: plan["suites"][0]["cells"][0]["cell"].update(label="best"),
    "mark": lambda plan: plan["suites"][0]["cells"][0].update(sees="future"),
    "asked": lambda plan: plan["suites"][0]["cells"][0].update(asked="seeds"),
    "seed": lambda plan: plan["suites"][0]["cells"][0]["cell"].update(seed=7),
    "size": lambda plan: plan["suites"][0]["cells"][0]["cell"].update(size="paper"),
    "text": lambda plan: plan["suites"][0].update(text="name = 'other'"),
    "name": lambda plan: plan["suites"][0].update(name="other"),
    "no suite": lambda plan: plan["suites"].clear(),
    "problem": lambda plan: plan["suites"][0]["cells"][0]["cell"].update(problem="other"),
}
SEALED = {"text": "the text of suite", "size": "is not of problem and size", "problem": "unknown problem 'other'"}


@pytest.mark.parametrize("which", EDITS)
def test_an_edited_plan_is_found_by_its_checksum(bench, finished, which):
    plan = json.loads(bench.store.plan_file.read_bytes())
    EDITS[which](plan)
    bench.store.plan_file.write_text(json.dumps(plan))
    report = verify(bench.store.folder)
    assert report.mismatches[0].record == "plan.json"
    assert report.mismatches[0].reason == "the plan was changed: its checksum differs"
    with pytest.raises(DtbenchError, match="the plan was changed"):
        keep(bench, finished)


@pytest.mark.parametrize("which", SEALED)
def test_an_edited_plan_whose_checksum_was_computed_again(bench, finished, which):
    plan = json.loads(bench.store.plan_file.read_bytes())
    EDITS[which](plan)
    plan["sha256"] = PlanFile.model_validate_json(json.dumps(plan)).content_sha256
    bench.store.plan_file.write_text(json.dumps(plan))
    assert SEALED[which] in verify(bench.store.folder).mismatches[0].reason


class TestWhatIsCounted:
    def test_a_killed_run(self, bench):
        """3 of 4 planned cells are missing: records of the first cell are not all there is."""
        suite = bench.write("raises", "slow", instances=THREE[:1])
        bench.run(suite)
        gone = [stem for stem in bench.store.stems() if "--slow--" in stem]
        for stem in gone:
            (bench.store.records / f"{stem}.json").unlink()
            bench.store.decisions(stem).unlink()
        report = verify(bench.store.folder)
        assert report.ok
        assert (report.checked, len(report.records)) == (3, 3)
        assert [(each.cell.label, each.lack) for each in report.lacking] == [("slow", "not run")] * 3

    def test_a_record_that_does_not_hold_and_one_that_cannot_be_read(self, bench, finished):
        first, second, third = (bench.store.records / f"{stem}.json" for stem in bench.store.stems())
        first.write_bytes(first.read_bytes().replace(b'"error"', b'"crash"', 1))
        second.write_bytes(b"{")
        report = verify(bench.store.folder)
        assert [each.lack for each in report.lacking] == ["not valid"] * 2
        assert [each.cell.stem for each in report.lacking] == [first.stem, second.stem]
        assert [record.cell.stem for record in report.records] == [third.stem]

    def test_records_of_another_version_than_planned_are_stale(self, bench, finished):
        """The run that was to replace them was stopped before it began."""
        keep(bench, bench.write("raises", instances=THREE, seconds=30))
        report = verify(bench.store.folder)
        assert report.ok
        assert [each.lack for each in report.lacking] == ["stale"] * 3
        assert report.records == ()

    def test_records_that_are_not_planned_count_nowhere(self, bench):
        bench.run(bench.write("raises", "declines", instances=THREE))
        bench.run(bench.write("raises", instances=THREE))
        report = verify(bench.store.folder)
        assert {record.cell.label for record in report.records} == {"raises"}
        assert [record.cell.label for record in report.unplanned] == ["declines"] * 3
        assert report.lacking == ()

    def test_without_a_plan_every_solver_owes_its_seeds_everywhere(self, bench):
        bench.run(bench.write("raises", {"name": "slow", "instances": ["*-000"]}, instances=THREE, seeds=2))
        bench.store.plan_file.unlink()
        report = verify(bench.store.folder)
        assert report.plan is None
        assert {(each.cell.label, each.cell.instance[-3:], each.cell.seed) for each in report.lacking} == {
            ("slow", i, s) for i in ("001", "002") for s in (0, 1)
        }

    def test_labels_of_records_follow_the_plan(self, bench):
        """Also those of cells that this run does not run."""
        bench.run(bench.write("raises", "declines", instances=THREE))
        bench.run(bench.write({"name": "raises", "label": "bad"}, "declines", instances=THREE), solvers=["declines"])
        report = verify(bench.store.folder)
        assert report.ok
        assert {record.cell.label for record in report.records} == {"bad", "declines"}


def test_the_checksum_of_a_plan_of_an_earlier_version_holds(bench, finished):
    """It says `clairvoyant` for each cell, and nothing else of what is seen; its checksum is over that."""
    plan = json.loads(bench.store.plan_file.read_text())
    for suite in plan["suites"]:
        for each in suite["cells"]:
            assert each.pop("sees") == "global"
            each["clairvoyant"] = False
    plan["sha256"] = hashlib.sha256(json.dumps(plan["suites"], sort_keys=True).encode()).hexdigest()
    bench.store.plan_file.write_text(json.dumps(plan))
    assert verify(bench.store.folder).ok
    keep(bench, finished)  # the next run goes on from there
    assert {each.sees for each in plan_file.read(bench.store).cells.values()} == {"global"}
