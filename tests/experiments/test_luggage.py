"""What travels with a job: all that an installation does not hold, unpacked elsewhere as it was packed here."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from dtbench import files
from dtbench.errors import DtbenchError, MachineError
from dtbench.experiments import luggage, process
from dtbench.experiments.job import job_of
from dtbench.experiments.record import Record
from dtbench.library import instances
from dtbench.problems import problem

SOLVER = '''
"""Takes turns as a neighbour says, and a file of weights; tells where it stands."""
from dataclasses import dataclass
from pathlib import Path
from dtbench import Solver
from dtbench.params import Options, param
from turns import turn

@dataclass(frozen=True, kw_only=True)
class Mine(Options):
    weights: str = param("", "1", "a file")

class Traveller(Solver):
    name = "traveller"
    problems = ("stin-deployment",)
    deterministic = True
    Options = Mine

    def __init__(self, problem, instance, *, seed=0, **options):
        super().__init__(problem, instance, seed=seed, **options)
        beside = Path(__file__).with_name("data") / "shift.txt"
        self.shift = int(beside.read_text()) + int(Path(self.options.weights).read_text())
        self.training = {"seconds": 0.0, "place": str(Path(__file__).parent)}

    def decide(self, slot):
        node = turn(slot.n_users, slot.n_nodes, self.shift)
        return self.problem.repair(slot, self.problem.Decision(node=node))
'''


@pytest.fixture
def home(tmp_path):
    """A folder of the user's: a solver with neighbours, weights, an instance, and a suite that names them."""
    home = tmp_path / "home"
    (home / "mine" / "data").mkdir(parents=True)
    (home / "mine" / "traveller.py").write_text(SOLVER)
    (home / "mine" / "turns.py").write_text(
        "import numpy\ndef turn(users, nodes, by):\n    return (numpy.arange(users) + by) % nodes\n"
    )
    (home / "mine" / "data" / "shift.txt").write_text("1")
    (home / "w.txt").write_text("2")
    instances.save(home / "own.nc", problem("stin-deployment").generate("tiny", 77))
    (home / "suite.toml").write_text(
        'name = "travels"\ninstances = ["stin-deployment/tiny-000", "own.nc"]\nseeds = 1\n'
        '[limits]\nseconds = 60\nmemory_gib = 2\n[[solvers]]\nname = "traveller"\noptions = {weights = "w.txt"}\n'
    )
    return home


@pytest.fixture
def jobs(home):
    from dtbench.experiments.plan import make_plan
    from dtbench.experiments.suite import read

    plan = make_plan(read(home / "suite.toml"), None, solvers_paths=[home / "mine"])
    return [job_of(each, "run", plan.suite) for each in plan.cells]


def test_what_a_job_needs(home, jobs):
    shipped, own = jobs
    assert list(luggage.places(shipped)) == [home / "mine", home / "w.txt"]
    assert list(luggage.places(own)) == [home / "own.nc", home / "mine", home / "w.txt"]


def test_an_installation_takes_nothing_along(bench):
    planned = bench.plan(bench.write("greedy", "local-search", "vdn")).cells
    assert [list(luggage.places(job_of(each))) for each in planned] == [[], [], []]


def test_cells_run_where_nothing_of_the_users_is(home, jobs):
    """The files are packed, and removed here; the option in the record is as the suite has it."""
    here = [Record.model_validate_json(process.run_cell(job)[0]) for job in jobs]
    assert [record.status for record in here] == ["ok", "ok"], here[0].traceback
    sent = [[luggage.pack(place) for place in luggage.places(job)] for job in jobs]
    shutil.rmtree(home)
    for job, parcels, before in zip(jobs, sent, here, strict=True):
        text, _ = luggage.run_cell(job, luggage.identity(), parcels)
        there = Record.model_validate_json(text)
        assert (there.status, there.decisions_sha256, there.key) == ("ok", before.decisions_sha256, before.key)
        assert there.cell.options == {"weights": "w.txt"}
        assert Path(there.method["training"]["place"]).is_relative_to(files.cache("luggage"))


def test_other_weights_are_another_cell(home, jobs):
    from dtbench.experiments.plan import make_plan
    from dtbench.experiments.suite import read

    (home / "w.txt").write_text("3")
    (planned, _) = make_plan(read(home / "suite.toml"), None, solvers_paths=[home / "mine"]).cells
    assert planned.cell.key != jobs[0].cell.key
    assert planned.cell.stem == jobs[0].cell.stem


def test_what_is_unpacked_is_what_was_packed_also_if_it_was_changed_since(home):
    parcel = luggage.pack(home / "mine")
    assert [name for name, _ in parcel.files] == ["traveller.py", "turns.py", "data/shift.txt"]
    place = luggage.unpack(parcel)
    (place / "turns.py").write_text("raise SystemExit")
    assert luggage.unpack(parcel) == place
    assert (place / "turns.py").read_text() == (home / "mine" / "turns.py").read_text()


def test_hidden_files_and_compiled_ones_stay_here(home):
    (home / "mine" / ".git").mkdir()
    (home / "mine" / ".git" / "config").write_text("secret")
    (home / "mine" / "__pycache__").mkdir()
    (home / "mine" / "__pycache__" / "x.pyc").write_text("x")
    (home / "mine" / ".env").write_text("secret")
    assert len(luggage.pack(home / "mine").files) == 3


@pytest.mark.parametrize(("limit", "value"), [("MOST_BYTES", 100), ("MOST_FILES", 2)])
def test_a_folder_that_is_too_much_is_named_with_the_remedy(home, monkeypatch, limit, value):
    monkeypatch.setattr(luggage, limit, value)
    with pytest.raises(DtbenchError, match="too much to send.*a folder of its own"):
        luggage.pack(home / "mine")


def test_another_dtbench_is_refused_by_the_worker(jobs):
    other = replace(luggage.identity(), version="9.9")
    with pytest.raises(MachineError, match=r"a worker has dtbench .*, but the run is of dtbench 9\.9"):
        luggage.run_cell(jobs[0], other, ())
