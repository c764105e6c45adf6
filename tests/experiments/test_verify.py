"""Whatever is changed in a record or in its decisions is found."""

import contextlib
import hashlib
import json
import shutil

import pytest
from pydantic import ValidationError

from dtbench.errors import DtbenchError
from dtbench.experiments import decisions
from dtbench.experiments.record import Record
from dtbench.experiments.store import Store
from dtbench.experiments.verify import verify
from dtbench.library import instances
from dtbench.problems import all_problems, problem
from dtbench.reports.leaderboard import build
from dtbench.reports.scores import ProblemFacts


@pytest.fixture(scope="module")
def untouched(shared_bench):
    shared_bench.run(shared_bench.write("slow", "raises", instances=["stin-deployment/tiny-00[01]"]))
    return shared_bench.store.folder


@pytest.fixture
def results(untouched, tmp_path):
    return Store(shutil.copytree(untouched, tmp_path / "results"))


def stem_of(results, solver="slow"):
    return next(s for s in results.stems() if f"--{solver}--" in s)


def edit(results, stem, change, seal=True):
    """Change a record, and compute its checksum again if it is still a record."""
    file = results.records / f"{stem}.json"
    record = json.loads(file.read_text())
    change(record)
    if seal:
        with contextlib.suppress(ValidationError):
            record["sha256"] = Record.model_validate(record).content_sha256
    file.write_text(json.dumps(record))


def test_untouched_records_hold(results):
    report = verify(results.folder)
    assert (report.checked, report.rescored, report.mismatches) == (4, 2, ())
    assert report.ok


def only(report, stem):
    assert not report.ok
    (mismatch,) = report.mismatches
    assert mismatch.record == stem
    return mismatch.reason


def test_edited_decision(results):
    stem = stem_of(results)
    owner = problem("stin-deployment")
    given = decisions.read(results.decisions(stem), owner)
    given.node[3, 2] = (given.node[3, 2] + 1) % 4
    decisions.write(results.decisions(stem), owner, given)
    assert "were changed: their checksum differs" in only(verify(results.folder), stem)
    digest = hashlib.sha256(results.decisions(stem).read_bytes()).hexdigest()
    edit(results, stem, lambda r: r.update(decisions_sha256=digest))
    assert "slot 3: objective is" in only(verify(results.folder), stem)


def test_missing_and_foreign_decisions(results):
    stem = stem_of(results)
    file = results.decisions(stem)
    kept = file.read_bytes()
    file.unlink()
    assert "are missing" in only(verify(results.folder), stem)
    file.write_bytes(kept[:100])
    edit(results, stem, lambda r: r.update(decisions_sha256=hashlib.sha256(kept[:100]).hexdigest()))
    assert "cannot be read as netCDF" in only(verify(results.folder), stem)


def test_shortened_decisions(results):
    stem = stem_of(results)
    owner = problem("stin-deployment")
    decisions.write(results.decisions(stem), owner, decisions.read(results.decisions(stem), owner)[:9])
    digest = hashlib.sha256(results.decisions(stem).read_bytes()).hexdigest()
    edit(results, stem, lambda r: r.update(decisions_sha256=digest))
    assert "are of (9,) slots, the instance has 10" in only(verify(results.folder), stem)


EDITS = {
    "objective": (lambda r: r.update(objective=r["objective"] * (1 - 1e-6)), "objective is"),
    "slot": (lambda r: r["slots"]["objective"].__setitem__(4, 1.0), "slot 4: objective is 1.0"),
    "repaired": (lambda r: r["slots"]["repaired"].__setitem__(5, True), "slot 5: repaired is True"),
    "feasible": (lambda r: r["slots"]["feasible"].__setitem__(6, False), "slot 6: feasible is False"),
    "bound": (lambda r: r["slots"]["bound"].__setitem__(7, 1e9), "more bounds than certificates, which are 0"),
    "seed": (lambda r: r["cell"].update(seed=9), "its cell is"),
    "solver": (lambda r: r["cell"].update(solver_sha256="0" * 64), "the cell was changed"),
    "limits": (lambda r: r["cell"]["limits"].update(seconds=1.0), "the cell was changed"),
    "status": (lambda r: r.update(status="error"), "belong to 'ok'"),
    "extra": (lambda r: r.update(note="x"), "note: Extra inputs"),
    "lengths": (lambda r: r["slots"]["seconds"].pop(), "unequal or no lengths"),
    "nan": (lambda r: r.update(objective=float("nan")), "objective: Input should be a finite number"),
}


@pytest.mark.parametrize("which", EDITS)
def test_edited_record(results, which):
    change, reason = EDITS[which]
    stem = stem_of(results)
    edit(results, stem, change)
    assert reason in only(verify(results.folder), stem)


def test_instance_that_is_not_the_one_solved(results):
    stem = stem_of(results)

    def change(record):
        record["cell"]["instance_sha256"] = "0" * 64

    edit(results, stem, change)
    record = json.loads((results.records / f"{stem}.json").read_text())
    edit(results, stem, lambda r: r.update(key=results.read(stem).cell.key))
    assert record["key"] != results.read(stem).key
    assert "is not the one that was solved" in only(verify(results.folder), stem)


def test_record_under_another_name(results):
    stem = stem_of(results, "raises")
    (results.records / f"{stem}.json").rename(results.records / "other.json")
    assert "the file is named 'other'" in only(verify(results.folder), "other")


def test_instances_of_ones_own_are_kept_with_the_results(bench, tmp_path):
    file = tmp_path / "mine.nc"
    instances.save(file, problem("stin-deployment").generate("tiny", 77))
    _, records = bench.run(bench.write("slow", instances=["mine.nc"]))
    assert records["slow"].cell.instance == "mine.nc"
    assert str(tmp_path) not in records["slow"].model_dump_json()
    file.unlink()
    assert verify(bench.store.folder).ok
    instances.save(bench.store.folder / "instances" / "mine.nc", problem("stin-deployment").generate("tiny", 78))
    assert "checksum differs" in only(verify(bench.store.folder), bench.store.stems()[0])


def test_empty_folder(tmp_path):
    with pytest.raises(DtbenchError, match="holds no records"):
        verify(tmp_path)


def test_forged_bounds(results):
    """A bound beyond what the library knows to exist proves nothing."""
    stem = stem_of(results)
    edit(results, stem, lambda r: r["slots"].update(bound=list(r["slots"]["objective"])))
    edit(results, stem, lambda r: r["method"].update(statuses={"optimal": 10}))
    assert "is refuted by the known value" in only(verify(results.folder), stem)


def test_records_of_one_label_are_named_and_the_rest_is_counted(results):
    """Two solvers by one name, in a folder without a plan that would tell: neither stands for the name."""
    results.plan_file.unlink()
    slow, raises = (stem_of(results, solver) for solver in ("slow", "raises"))
    edit(results, raises, lambda record: record["cell"].update(label="slow", instance=results.read(slow).cell.instance))
    moved = results.read(raises).cell.stem
    for suffix in (".json", ".nc"):
        file = results.records / f"{raises}{suffix}"
        if file.exists():
            file.rename(results.records / f"{moved}{suffix}")
    edit(results, moved, lambda record: record.update(key=results.read(moved).cell.key))
    report = verify(results.folder)
    reasons = {m.record: m.reason for m in report.mismatches}
    assert reasons.keys() >= {slow, moved}
    assert reasons[slow] == f"label, instance and seed are those of '{moved}', too"
    assert len(report.records) == 2
    facts = {id: ProblemFacts.of(owner) for id, owner in all_problems().items()}
    assert build(report.records, {}, facts, report.lacking).sections


def test_a_record_that_does_not_hold_takes_no_other_solvers_name(results):
    """It claims the label of one that holds, there is no plan that would tell, and the board is made all the same."""
    results.plan_file.unlink()
    slow, raises = (stem_of(results, solver) for solver in ("slow", "raises"))
    edit(results, raises, lambda record: record["cell"].update(label="slow"), seal=False)
    report = verify(results.folder)
    assert only(report, raises) == "the record was changed: its checksum differs"
    names = [(each.cell.label, each.cell.instance, each.cell.seed) for each in report.lacking]
    held = results.read(slow).cell
    assert (held.label, held.instance, held.seed) not in names
    facts = {id: ProblemFacts.of(owner) for id, owner in all_problems().items()}
    assert build(report.records, {}, facts, report.lacking).sections
