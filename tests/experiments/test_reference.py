"""The reference results: unpacked once, beside a user's own results, refused where a record does not hold."""

import hashlib
import json
import shutil
import statistics

import pytest
from typer.testing import CliRunner

from dtbench import files
from dtbench.cli.main import app
from dtbench.errors import DtbenchError
from dtbench.experiments import expected, reference
from dtbench.experiments.bundle import merge, pack
from dtbench.experiments.bundle_file import HEAD, archive, head_of, unpack
from dtbench.experiments.run import run
from dtbench.experiments.session import prepare
from dtbench.experiments.store import Store

INSTANCES = "stin-deployment/tiny-00[01]"
COMMITTED = reference.bundles()  # before anything is replaced


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A repository with reference results of two rules, and results of a third one."""
    root = tmp_path_factory.mktemp("repository")
    plan, store = prepare("quick", root / "runs", instances=INSTANCES, solvers=["greedy", "random"])
    run(plan, store, workers=2)
    place = root / "results" / "reference" / "quick"
    place.mkdir(parents=True)
    for label in ("greedy", "random"):
        pack(store.folder, place / f"{label}.tar.xz", who="us", solvers=[label], suites=["quick"])
    rows = expected.at_speed_one(store.scan()[0])
    (place.parent / expected.SECONDS).write_text(json.dumps(rows))
    mine, own = prepare("quick", root / "mine", instances=INSTANCES, solvers=["greedy-marginal"])
    run(mine, own, workers=2)
    return root


@pytest.fixture
def here(made, tmp_path, monkeypatch):
    """The repository for one test, with a cache of its own."""
    root = tmp_path / "repository"
    shutil.copytree(made, root)
    shipped = files.folder
    monkeypatch.setattr(files, "folder", lambda name: root / name if name == "results" else shipped(name))
    monkeypatch.setenv(files.CACHE, str(tmp_path / "cache"))
    expected._reference.cache_clear()
    yield root
    expected._reference.cache_clear()


def board(*arguments):
    found = CliRunner().invoke(app, ["leaderboard", "--json", *arguments])
    assert found.exit_code == 0, found.output
    (section,) = json.loads(found.stdout)["sections"]
    return {row["solver"]: row for row in section["rows"]}


def test_they_are_unpacked_once_and_older_ones_go(here, tmp_path):
    place = reference.unpacked()
    marked = place / "mark"
    marked.touch()
    assert reference.unpacked() == place
    assert marked.is_file()
    (here / "results" / "reference" / "quick" / "random.tar.xz").unlink()
    other = reference.unpacked()
    assert other != place
    assert [each.name for each in (tmp_path / "cache" / "reference").iterdir()] == [other.name]


def test_a_user_who_runs_one_solver_stands_on_the_full_board(here):
    assert set(board("--reference")) == {"greedy", "random"}
    full = board("--reference", "--results", str(here / "mine"))
    assert set(full) == {"greedy", "random", "greedy-marginal"}
    assert sorted(row["rank"] for row in full.values()) == [1, 2, 3]


def test_a_record_that_does_not_hold_is_refused(here):
    file = here / "results" / "reference" / "quick" / "greedy.tar.xz"
    inner = here / "inner"
    inner.mkdir()
    head = unpack(file, inner).model_dump(mode="json")
    content = {name: (inner / name).read_bytes() for name in head["files"]}
    stem = next(name for name in content if name.startswith("records/") and name.endswith(".json"))
    content[stem] = content[stem].replace(b'"objective": ', b'"objective": 1')
    head["files"] = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    file.write_bytes(archive({HEAD: json.dumps(head).encode()} | content))
    with pytest.raises(DtbenchError, match=r"greedy\.tar\.xz.*does not hold"):
        reference.unpacked()
    assert [each for each in files.cache("reference").iterdir() if not each.name.startswith(".")] == []


def test_a_wheel_has_none(here):
    shutil.rmtree(here / "results")
    with pytest.raises(DtbenchError, match="in the repository, not in the wheel"):
        reference.unpacked()


def test_times_of_the_reference_are_scaled_to_this_machine(here, monkeypatch):
    """Twice as fast as a machine of speed 1: half of its seconds."""
    monkeypatch.setattr("dtbench.experiments.calibration.speed", lambda: 2.0)
    rows = json.loads((here / "results" / "reference" / expected.SECONDS).read_text())
    at_one = {row["solver"]: row["seconds"] for row in rows}
    plan, _ = prepare("quick", here / "new", instances=INSTANCES, solvers=["greedy", "greedy-marginal"])
    found = {(p.cell.label): p.seconds for p in plan.cells}
    assert found == {"greedy": pytest.approx(at_one["greedy"] / 2.0), "greedy-marginal": None}
    own, _ = prepare("quick", here / "runs", instances="stin-deployment/tiny-00[0-3]", solvers=["greedy"])
    walls = [record.wall_seconds for record in Store(here / "runs").scan()[0] if record.cell.solver == "greedy"]
    assert own.cells[-1].seconds == pytest.approx(statistics.median(walls))  # what was run here counts first


def test_a_damaged_table_of_times_is_named(here):
    (here / "results" / "reference" / expected.SECONDS).write_text('[{"problem": "x"}]')
    with pytest.raises(DtbenchError, match=r"seconds\.json"):
        prepare("quick", here / "new", instances=INSTANCES, solvers=["greedy"])


@pytest.mark.parametrize("file", COMMITTED, ids=lambda file: f"{file.parent.name}-{file.name.split('.')[0]}")
def test_committed_bundles_hold(file, tmp_path):
    """Every decision in them is scored again."""
    head = head_of(file)
    assert head.records == head.planned > 0
    assert all(machine.speed for machine in head.machines)
    done = merge(file, tmp_path)
    assert (len(done.taken), done.refused) == (head.records, {})


def test_committed_bundles_are_small():
    assert sum(file.stat().st_size for file in COMMITTED) < 60e6
