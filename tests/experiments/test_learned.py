"""Cells of learned agents: what their records say, when they are stale, and that they verify."""

import shutil
from pathlib import Path

import pytest

from dtbench.experiments import process
from dtbench.experiments.conformance import check
from dtbench.experiments.job import job_of
from dtbench.experiments.plan import make_plan
from dtbench.experiments.plan import planned as plan_cell
from dtbench.experiments.record import CellLimits, Record
from dtbench.experiments.run import run
from dtbench.experiments.suite import instance_file, read
from dtbench.experiments.verify import verify
from dtbench.learning import cache, checkpoint
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import problem

HILL = Path(__file__).parents[1] / "learning" / "solvers" / "hill.py"
STIN = problem("stin-deployment")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the solver, and an empty cache."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    (tmp_path / "solvers").mkdir()
    shutil.copy(HILL, tmp_path / "solvers")
    return tmp_path / "solvers"


@pytest.fixture
def planned(bench, folder):
    def plan(**entry):
        suite = read(bench.write({"name": "hill"} | entry, seeds=2))
        return make_plan(suite, bench.store, solvers_paths=[folder])

    return plan


def ship(folder, seed, **options):
    """Train on the library's network and put the policy where solvers look for it."""
    hill = load_solver(discover([folder])["hill"])
    agent = hill(STIN, STIN.generate("tiny", 10_000), seed=seed, **options)
    found, _ = agent.obtain(lambda _: None, shipped=False)
    place = checkpoint.shipped_folders(folder / "hill.py", STIN.id)[0]
    place.mkdir(parents=True, exist_ok=True)
    return checkpoint.write(place / agent.shipped_name, found.header, found.arrays)


def states(plan):
    return [p.state for p in plan.cells]


def test_records_tell_what_training_cost_and_verify(bench, planned, folder):
    shipped = ship(folder, 0)
    run(planned(), bench.store, workers=2)
    records = {record.cell.seed: record for record in bench.store.scan()[0]}
    training = {seed: record.method["training"] for seed, record in records.items()}
    assert {seed: told["source"] for seed, told in training.items()} == {0: "shipped", 1: "trained"}
    assert training[0]["checkpoint_sha256"] == shipped.sha256
    assert records[0].train_seconds == shipped.header.seconds
    assert training[0]["frames"] == 60
    assert verify(bench.store.folder).ok
    assert str(folder) not in records[0].model_dump_json()


def test_a_cell_is_stale_when_the_policy_it_plays_changes(bench, planned, folder):
    ship(folder, 0)
    run(planned(), bench.store, workers=2)
    assert states(planned()) == ["done", "done"]
    file = ship(folder, 1).file
    assert states(planned()) == ["done", "stale"]
    file.unlink()
    assert states(planned()) == ["done", "done"]
    run(planned(), bench.store, workers=2)
    other = ship(folder, 0, episodes=7)
    other.file.replace(other.file.with_name(other.file.name.replace("--s0", "--s2")))
    assert states(planned()) == ["done", "done"]  # of another seed
    ship(folder, 0, episodes=8)
    assert states(planned()) == ["stale", "done"]


def test_a_cell_is_stale_when_the_file_that_it_names_changes(bench, planned, folder):
    named = ship(folder, 0, episodes=3)
    own = folder / "own.safetensors"
    named.file.replace(own)
    options = {"checkpoint": str(own)}
    run(planned(options=options), bench.store, workers=2)
    assert states(planned(options=options)) == ["done", "done"]
    ship(folder, 0, episodes=4).file.replace(own)
    assert states(planned(options=options)) == ["stale", "stale"]


def test_cells_without_policies_keep_their_keys(bench, folder):
    cell = bench.plan(bench.write("slow")).cells[0].cell
    assert cell.checkpoints_sha256 == ""
    assert cell.model_copy(update={"checkpoints_sha256": "a"}).key != cell.key
    old = cell.model_dump(exclude={"checkpoints_sha256"})
    assert type(cell).model_validate(old).key == cell.key


def test_a_training_over_the_time_limit_goes_on_in_the_next_run(folder, tmp_path):
    """The second run begins after the last round that the first one validated, and not with round 0."""
    file, pause = tmp_path / "rounds", "        time.sleep(self.options.pause)\n"
    told = f'{pause}        with open({str(file)!r}, "a") as rounds:\n            rounds.write(f"{{number}}\\n")\n'
    (folder / "hill.py").write_text(HILL.read_text().replace(pause, told))
    entry = discover([folder])["hill"]
    instance = instance_file("stin-deployment/tiny-000")

    def record(seconds):
        options = {"episodes": 40, "pause": 0.3}
        cell = plan_cell(entry, instance, seed=0, limits=CellLimits(seconds=seconds), options=options)
        return Record.model_validate_json(process.run_cell(job_of(cell))[0])

    assert record(8.0).status == "timeout"
    before = len(file.read_text().split())
    second = record(120.0)
    assert second.status == "ok"
    rounds = [int(number) for number in file.read_text().split()]
    assert 0 < rounds[before] <= before
    assert rounds[before:] == list(range(rounds[before], 40))


def test_conformance_trains_briefly_and_keeps_nothing(folder, tmp_path):
    checks = list(check(discover([folder])["hill"]))
    assert [c for c in checks if not c.passed] == []
    assert {c.problem for c in checks} == {"", "stin-deployment", "dnt-spectrum"}
    assert not (tmp_path / "cache").exists()
