import re

import pytest

from dtbench.errors import DtbenchError
from dtbench.experiments import suite
from dtbench.experiments.record import CellLimits
from dtbench.library import instances
from dtbench.problems import problem

GOOD = """
name = "mine"
instances = ["stin-deployment/tiny-00[01]"]
seeds = 2
[limits]
seconds = 5
memory_gib = 0.5
[[solvers]]
name = "random"
[[solvers]]
name = "genetic"
options = {population = 8, crossover = 0.5}
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        file = tmp_path / "mine.toml"
        file.write_text(text)
        return file

    return write


def test_good_suite_says_what_it_says(write):
    found = suite.read(write(GOOD))
    assert found.content.limits.limits() == CellLimits(seconds=5.0, memory=2**29, threads=1)
    assert [s.title for s in found.content.solvers] == ["random", "genetic (population=8, crossover=0.5)"]
    assert [(i.name, i.problem, i.size, i.shipped) for i in found.instances()] == [
        ("stin-deployment/tiny-000", "stin-deployment", "tiny", True),
        ("stin-deployment/tiny-001", "stin-deployment", "tiny", True),
    ]


BAD = [
    ("seeds = 2", "seeds = 0", "key 'seeds' is 0; expected a whole number of at least 1"),
    ("seeds = 2", 'seeds = "2"', "key 'seeds' is '2'; expected a whole number"),
    ("seeds = 2", "seeds = true", "key 'seeds' is True; expected a whole number"),
    ("seeds = 2", "seed = 2", "unknown key 'seed'. Did you mean 'seeds'? Allowed here: name, title"),
    ("seconds = 5", "seconds = -5", "key 'limits.seconds' is -5; expected a number of seconds above 0"),
    ("seconds = 5", "seconds = inf", "key 'limits.seconds' is inf; expected a number of seconds"),
    (
        "seconds = 5",
        "secnods = 5",
        "unknown key 'limits.secnods'. Did you mean 'seconds'? Allowed here: seconds, memory",
    ),
    ("[limits]", "[limit]", "unknown key 'limit'. Did you mean 'limits'?"),
    ('name = "mine"', "", "key 'name' is missing; expected a short name"),
    ('name = "mine"', 'name = "../mine"', "key 'name' is '../mine'; expected a short name"),
    ('name = "random"', 'label = "x"', "key 'solvers.0.name' is missing; expected the name of a solver"),
    ('name = "random"', 'name = "random"\noptins = {a = 1}', "unknown key 'solvers.0.optins'. Did you mean 'options'?"),
    ("population = 8", "population = [8]", "key 'solvers.1.options.population' is [8]; expected a table of texts"),
    (
        "population = 8",
        "population = inf",
        "key 'solvers.1.options.population' is inf; expected a table of texts, finite",
    ),
    ("population = 8", "population = -inf", "key 'solvers.1.options.population' is -inf"),
    ("population = 8", "population = nan", "key 'solvers.1.options.population' is nan"),
    ("population = 8", "population = 1e999", "key 'solvers.1.options.population' is inf"),
    ('name = "random"', 'name = "genetic"\noptions = {population = 8, crossover = 0.5}', "key 'solvers.1.label'"),
    ("population = 8", "population = ", "is not valid TOML"),
    ("tiny-00[01]", "tniy-*", "key 'instances.0' is 'stin-deployment/tniy-*'; expected PROBLEM/SIZE-NUMBER"),
    ("tiny-00[01]", "tniy-*", "stin-deployment (tiny, small, paper, large, city)"),
    ("tiny-00[01]", "tniy-*", "Did you mean 'stin-deployment/tiny-*'?"),
    ("stin-deployment/tiny-00[01]", "none/*.nc", "key 'instances.0' is 'none/*.nc'; expected instance files"),
    ('name = "random"', 'name = "random"\ninstances = ["*/large-*"]', "key 'solvers.0.instances.0' is '*/large-*'"),
    (
        'instances = ["stin-deployment/tiny-00[01]"]',
        "instances = []",
        "key 'instances' is []; expected a list of names",
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), BAD)
def test_bad_suite_names_file_key_value_and_what_is_allowed(write, old, new, message):
    assert old in GOOD
    file = write(GOOD.replace(old, new, 1))
    with pytest.raises(DtbenchError, match=re.escape(message)) as raised:
        suite.read(file).instances()
    assert f"suite '{file}'" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_no_solvers(write):
    with pytest.raises(DtbenchError, match=r"key 'solvers' is missing; expected at least one \[\[solvers\]\] table"):
        suite.read(write(GOOD.split("[[solvers]]")[0]))


def test_instances_of_ones_own_lie_beside_the_suite(write, tmp_path):
    instances.save(tmp_path / "mine.nc", problem("stin-deployment").generate("small", 7, n_users=4))
    (found,) = suite.read(write(GOOD.replace("stin-deployment/tiny-00[01]", "*.nc"))).instances()
    assert (found.name, found.problem, found.size, found.shipped) == ("mine.nc", "stin-deployment", "small", False)
    assert found.sha256 == instances.sha256_of(tmp_path / "mine.nc")


def test_two_files_of_one_name(write, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        instances.save(tmp_path / folder / "mine.nc", problem("stin-deployment").generate("tiny", 7))
    with pytest.raises(DtbenchError, match="files of different names"):
        suite.read(write(GOOD.replace("stin-deployment/tiny-00[01]", "*/*.nc"))).instances()


def test_unknown_names():
    with pytest.raises(DtbenchError, match="unknown suite 'quik'. Did you mean 'quick'"):
        suite.read("quik")
    with pytest.raises(DtbenchError, match=r"'nowhere\.toml' does not exist"):
        suite.read("nowhere.toml")


def test_shipped_suites_are_valid():
    found = suite.built_in()
    assert {"quick", "small", "paper", "all"} <= {s.name for s in found}
    for each in found:
        assert each.name == each.file.stem
        assert each.description
        assert each.instances()
