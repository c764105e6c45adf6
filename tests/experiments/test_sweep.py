"""Sweeps: read, generated, planned; the solvers beside this file run on tiny instances."""

import re

import numpy as np
import pytest

from dtbench.errors import DtbenchError
from dtbench.experiments import plan_file, sweep
from dtbench.experiments import run as runner
from dtbench.experiments.store import Store
from dtbench.experiments.verify import verify
from dtbench.library import instances

GOOD = """
name = "mine"
problem = "stin-deployment"
size = "tiny"
seeds = 2
first_seed = 300
[over]
n_users = [3, 4.0]
split = ["even", "optimal"]
[set]
horizon = 2
[limits]
seconds = 60
memory_gib = 2
[[solvers]]
name = "local"
[[solvers]]
name = "random"
seeds = 2
"""


@pytest.fixture
def write(tmp_path):
    def write(text=GOOD):
        file = tmp_path / "mine.toml"
        file.write_text(text)
        return file

    return write


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


def test_good_sweep_says_what_it_says(write):
    found = sweep.read(write())
    assert [(axis.name, axis.values) for axis in found.axes] == [("n_users", (3, 4)), ("split", ("even", "optimal"))]
    assert type(found.axes[0].values[1]) is int
    assert found.axes[0].spec.doc.startswith("I, users")
    assert found.points() == [(3, "even"), (3, "optimal"), (4, "even"), (4, "optimal")]
    assert found.settings((4, "even")) == {"horizon": 2, "n_users": 4, "split": "even"}
    assert found.problem.id == "stin-deployment"


def test_what_changes_along_with_the_first_parameter(write, store):
    found = sweep.read(write(GOOD.replace("[set]", "[along]\nn_end = [2, 2]\narea = [500, 700.5]\n[set]")))
    settings = [found.settings(point) for point in found.points()]
    assert [(each["n_users"], each["n_end"], each["area"], each["split"]) for each in settings] == [
        (3, 2, 500.0, "even"), (3, 2, 500.0, "optimal"), (4, 2, 700.5, "even"), (4, 2, 700.5, "optimal"),
    ]  # fmt: skip
    samples = sweep.generate(found, store.folder, seeds=1)
    assert [sample.file.name for sample in samples][2] == "tiny-n_users=4-split=even-s300.nc"
    assert [instances.load(sample.file).params.area for sample in samples] == [500.0, 500.0, 700.5, 700.5]
    stamp = samples[3].file.stat().st_mtime_ns
    other = sweep.read(write(GOOD.replace("[set]", "[along]\nn_end = [2, 2]\narea = [500, 800]\n[set]")))
    again = sweep.generate(other, store.folder, seeds=1)
    assert again[3].file.stat().st_mtime_ns != stamp  # not that instance
    assert instances.load(again[3].file).params.area == 800.0


BAD = [
    ('"stin-deployment"', '"stin-deploy"', "key 'problem' is 'stin-deploy'; expected one of "),
    ('"stin-deployment"', '"stin-deploy"', "Did you mean 'stin-deployment'?"),
    ('"tiny"', '"tinny"', "key 'size' is 'tinny'; expected one of tiny, small, paper, large, city. Did you mean 'tiny'?"),
    ("first_seed = 300", "first_seed = 99", "key 'first_seed' is 99; expected a whole number of at least 100"),
    ("first_seed = 300", "firstseed = 300", "unknown key 'firstseed'. Did you mean 'first_seed'? Allowed here: name"),
    ("n_users = [3, 4.0]", "users = [3]", "key 'over.users.0': unknown parameter 'users'. Did you mean 'n_users'?"),
    (
        "n_users = [3, 4.0]",
        "n_users = [3, 0]",
        "key 'over.n_users.1': parameter 'n_users' is 0; expected a number from",
    ),
    ("n_users = [3, 4.0]", "n_users = [3, 3.5]", "key 'over.n_users.1': parameter 'n_users' is 3.5; expected int"),
    ("n_users = [3, 4.0]", "n_users = [3, nan]", "key 'over.n_users.1': parameter 'n_users' is nan; expected int"),
    ("n_users = [3, 4.0]", "n_users = [3, 3.0]", "key 'over.n_users.1' is 3.0; expected a value that is not in the"),
    ("n_users = [3, 4.0]", "n_users = []", "key 'over.n_users' is []; expected a table of one or two parameters"),
    ("n_users = [3, 4.0]", "n_users = [[3]]", "key 'over.n_users.0' is [3]; expected a table of one or two"),
    ("n_users = [3, 4.0]", "n_users = 3", "key 'over.n_users' is 3; expected a table of one or two parameters"),
    ("n_users = [3, 4.0]", "size = 3", "key 'over.size' is 3; expected a table of one or two parameters"),
    ("n_users = [3, 4.0]", "n_users = [3]\nn_end = [1]", "expected a table of one or two parameters"),
    ('n_users = [3, 4.0]\nsplit = ["even", "optimal"]', "", "key 'over' is {}; expected a table of one or two"),
    ('"optimal"]', '"odd"]', "key 'over.split.1': parameter 'split' is 'odd'; expected one of even, optimal"),
    ("horizon = 2", "horizont = 2", "key 'set.horizont': unknown parameter 'horizont'. Did you mean 'horizon'?"),
    ("horizon = 2", "horizon = 0", "key 'set.horizon': parameter 'horizon' is 0; expected a number from 1 to 100000"),
    ("horizon = 2", "horizon = [2]", "key 'set.horizon' is [2]; expected a table of texts, numbers"),
    ("horizon = 2", "n_users = 5", "key 'set.n_users' is 5; expected a parameter that is not swept"),
    ("horizon = 2", "cap_min = 9", "at n_users = 3, split = even: parameter 'cap_min' is 9, above 'cap_max' = 3"),
    (
        "[set]",
        "[along]\nn_end = [1]\n[set]",
        "key 'along.n_end' is [1]; expected 2 values, one for each of 'over.n_users'",
    ),
    ("[set]", "[along]\nnend = [1, 2]\n[set]", "key 'along.nend.0': unknown parameter 'nend'"),
    ("[set]", "[along]\nn_end = [1, 0.5]\n[set]", "key 'along.n_end.1': parameter 'n_end' is 0.5; expected"),
    (
        "[set]",
        '[along]\nsplit = ["even", "even"]\n[set]',
        "expected a parameter that is not swept: it is in 'over', too",
    ),
    ("[set]", "[along]\nhorizon = [1, 2]\n[set]", "key 'set.horizon' is 2; expected a parameter that is not swept"),
    ("seeds = 2", "seeds = 0", "key 'seeds' is 0; expected a whole number of at least 1"),
    ('name = "random"', 'name = "local"', "key 'solvers.1.label' is 'local'; expected a label of its own"),
]


@pytest.mark.parametrize(("old", "new", "message"), BAD)
def test_bad_sweep_names_file_key_and_value(write, old, new, message):
    assert old in GOOD
    file = write(GOOD.replace(old, new, 1))
    with pytest.raises(DtbenchError, match=re.escape(message)) as raised:
        sweep.read(file)
    assert str(raised.value).startswith(f"sweep '{file}'")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("radnom", "key 'solvers.1.name' is 'radnom'; expected one of "),
        ("stay", "key 'solvers.1.name' is 'stay'; expected a solver that takes 'stin-deployment': "),
    ],
)
def test_bad_solvers_are_refused_before_anything_is_generated(write, store, name, message):
    with pytest.raises(DtbenchError, match=re.escape(message)):
        sweep.prepare(sweep.read(write(GOOD.replace('"random"', f'"{name}"'))), store)
    assert not store.folder.exists()


def test_filters_are_checked_before_anything_is_generated(write, store):
    with pytest.raises(DtbenchError, match="unknown solver 'gredy'. Did you mean 'greedy'"):
        sweep.prepare(sweep.read(write()), store, solvers=["gredy"])
    with pytest.raises(DtbenchError, match="--seeds is 0"):
        sweep.prepare(sweep.read(write()), store, seeds=0)
    assert not store.folder.exists()


def test_unknown_names():
    with pytest.raises(DtbenchError, match="unknown sweep 'stin-user'. Did you mean 'stin-users'"):
        sweep.read("stin-user")
    with pytest.raises(DtbenchError, match=r"sweep file 'nowhere\.toml' does not exist"):
        sweep.read("nowhere.toml")


def test_shipped_sweeps_are_valid():
    found = sweep.built_in()
    assert {"stin-users", "stin-data", "placement-size", "migration-size"} <= {s.source.name for s in found}
    for each in found:
        assert each.source.name == each.source.file.stem
        assert each.content.title
        assert each.content.description


def test_generated_instances(write, store):
    found = sweep.read(write())
    samples = sweep.generate(found, store.folder)
    assert [s.file.name for s in samples[:3]] == [
        "tiny-n_users=3-split=even-s300.nc", "tiny-n_users=3-split=even-s301.nc", "tiny-n_users=3-split=optimal-s300.nc"
    ]  # fmt: skip
    assert len(samples) == 8
    last = instances.load(samples[-1].file)
    assert (last.params.n_users, last.params.split, last.horizon, last.seed) == (4, "optimal", 2, 301)
    even, optimal = (instances.load(samples[number].file) for number in (0, 2))
    assert all(np.array_equal(a, b) for (_, _, a), (_, _, b) in zip(even.arrays(), optimal.arrays(), strict=True))


def test_files_are_kept_unless_they_are_others(write, store):
    found = sweep.read(write())
    files = [s.file for s in sweep.generate(found, store.folder, seeds=1)]
    before = [(f.read_bytes(), f.stat().st_mtime_ns) for f in files]
    sweep.generate(found, store.folder, seeds=1)
    assert [(f.read_bytes(), f.stat().st_mtime_ns) for f in files] == before
    files[0].write_bytes(b"damaged")
    files[1].unlink()
    sweep.generate(found, store.folder, seeds=1)
    assert [f.read_bytes() for f in files] == [content for content, _ in before]
    sweep.generate(sweep.read(write(GOOD.replace("horizon = 2", "horizon = 3"))), store.folder, seeds=1)
    assert {instances.load(f).horizon for f in files} == {3}


def test_texts_in_file_names_are_quoted(write, store):
    found = sweep.read(write())
    odd = sweep.Axis("split", found.axes[1].spec, ("../even",))
    first, *_ = sweep.samples_of(sweep.Sweep(found.content, found.source, (found.axes[0], odd)), store.folder)
    assert first.file.name == "tiny-n_users=3-split=..%2Feven-s300.nc"


def test_the_stored_plan_keeps_what_was_asked_for(write, store):
    """Fewer seeds on the command line take nothing away, more of them stay."""

    def planned(sweep_file, **given):
        with store.lock():
            plan = sweep.prepare(sweep.read(sweep_file), store, **given)[0]
            return set(plan_file.keep(store, plan).cells)

    file = write()
    two = planned(file, seeds=2)
    whole = planned(file)
    assert planned(file, seeds=1, solvers=["local"]) == whole | two
    more = planned(file, seeds=sweep.read(file).content.seeds + 1)
    assert more > whole
    assert planned(file) == more


def test_runs_resumes_and_verifies(write, store):
    found = sweep.read(write())
    plan, samples = sweep.prepare(found, store, seeds=1)
    assert [(p.cell.solver, p.cell.seed) for p in plan.cells] == [("local", 0)] * 4 + [("random", 0), ("random", 1)] * 4
    assert {p.cell.instance for p in plan.cells} == {s.file.name for s in samples}
    assert plan.cells[0].cell.limits.seconds == 60
    first = runner.run(plan, store, workers=2)
    assert first.statuses == {"ok": 12}
    assert sweep.prepare(found, store, seeds=1)[0].todo == ()
    more, _ = sweep.prepare(found, store, seeds=2, solvers=["local"])
    assert more.states == {"done": 4, "missing": 4, "stale": 0}
    assert verify(store.folder).ok
    assert {r.provenance.suite for r in store.scan()[0]} == {"mine"}
