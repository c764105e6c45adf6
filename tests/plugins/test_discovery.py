"""Solver files are found, read without being run, and loaded."""

import textwrap

import pytest

from dtbench.errors import Declined, DtbenchError
from dtbench.plugins import discovery
from dtbench.problems import problem

STIN = problem("stin-deployment")


def put(folder, file, text):
    folder.mkdir(exist_ok=True)
    (folder / file).write_text(textwrap.dedent(text), encoding="utf-8")
    return folder


GOOD = '''
    """Does nothing.

    At length.
    """
    from dtbench import Heuristic, Solver

    class Mine(Solver):
        name = "mine"
        problems = ("stin-deployment",)
        deterministic: bool = True

    class Rule(Heuristic):
        """A rule."""
        name = "no-such-rule"
'''


def test_facts_are_read_from_the_text(tmp_path):
    mine, rule = discovery.read_solver_file(put(tmp_path, "mine.py", GOOD) / "mine.py")
    assert (mine.name, mine.summary, mine.problems) == ("mine", "Does nothing.", ("stin-deployment",))
    assert mine.deterministic
    assert not mine.trains
    assert mine.takes("stin-deployment")
    assert (rule.name, rule.summary, rule.heuristic, rule.deterministic) == ("no-such-rule", "A rule.", True, True)
    assert not rule.takes("stin-deployment")


def test_listing_does_not_run_the_file(tmp_path):
    put(tmp_path, "bad.py", 'raise SystemExit("ran")\nclass A:\n    name = "a"\n')
    assert discovery.discover([tmp_path])["a"].class_name == "A"


def test_a_file_that_does_not_parse_is_listed_with_its_line(tmp_path):
    put(tmp_path, "broken.py", "x = 1\ndef f(:\n")
    entries = discovery.discover([tmp_path])
    assert "broken.py:2" in entries["broken"].error
    with pytest.raises(DtbenchError, match=r"'broken' cannot be used: .*broken\.py:2"):
        discovery.find("broken", entries)


def test_a_name_that_is_taken_is_refused(tmp_path):
    put(tmp_path, "greedy.py", '"""My own."""\nclass G:\n    name = "greedy"\n')
    with pytest.raises(DtbenchError, match="both define solver 'greedy'; give one of them another name"):
        discovery.discover([tmp_path])


def test_the_shipped_folder_may_be_named_again():
    assert discovery.discover([discovery.files.folder("solvers")]) == discovery.discover()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("N = 'x'\nclass A(Solver):\n    name = N\n", "'name' is computed; expected a literal"),
        ("class A(Solver):\n    name = '../up'\n", "'name' is '../up'"),
        ("class A(Solver):\n    name = ''\n", "'name' is ''"),
        ("class A(Solver):\n    name = 'a'\n    problems = 'stin-deployment'\n", "expected a literal tuple"),
        ("class A(Solver):\n    name = 'a'\n    problems = ('stin-deploment',)\n", "Did you mean 'stin-deployment'"),
        ("class A(Solver):\n    name = 'a'\n    trains = 1\n", "'trains' is 1; expected the literal True or False"),
    ],
)
def test_attributes_that_cannot_be_are_listed_with_their_line(tmp_path, body, words):
    put(tmp_path, "a.py", "from dtbench import Solver\n" + body)
    (entry,) = discovery.read_solver_file(tmp_path / "a.py")
    assert words in entry.error
    assert "a.py:" in entry.error


def test_options_are_read_without_running_the_file():
    options = {option.name: option for option in discovery.discover()["genetic"].options}
    assert (options["population"].default, options["population"].kind) == ("100", "int")
    assert options["population"].meaning == "chromosomes per generation"
    with pytest.raises(DtbenchError, match="here: solver 'genetic' has no option 'generation'. Did you mean"):
        discovery.discover()["genetic"].check_options({"generation": 1}, "here")


LEARNED = '''
    """Learns."""
    from dataclasses import dataclass
    from dtbench.learning.options import LearningOptions
    from dtbench.learning.solver import LearnedSolver
    from dtbench.params import param

    PRESETS = {"tuned": {"*": {"episodes": 3}, "stin-deployment": {"step": 0.5}}}

    @dataclass(frozen=True, kw_only=True)
    class OwnOptions(LearningOptions):
        step: float = param(0.1, "m", "how far")

    class Plain(LearnedSolver):
        """Has the options of all learned agents."""
        name = "plain"

    class Own(LearnedSolver):
        """Adds some."""
        name = "own"
        Options = OwnOptions
        presets = PRESETS
'''


def test_options_presets_and_flags_of_bases_in_dtbench_are_read(tmp_path):
    entries = {e.name: e for e in discovery.read_solver_file(put(tmp_path, "learned.py", LEARNED) / "learned.py")}
    plain, own = entries["plain"], entries["own"]
    assert plain.trains
    assert own.trains
    assert not own.deterministic
    names = [option.name for option in plain.options]
    assert names[:2] == ["preset", "episodes"]
    assert [option.name for option in own.options] == [*names, "step"]
    assert own.options[-1] == discovery.OptionText("step", "float", "0.1", "m", "how far")
    assert own.presets["tuned"]["*"] == {"episodes": 3}
    assert plain.presets == {"paper": {}, "tuned": {}}
    with pytest.raises(DtbenchError, match="solver 'own' has no option 'episode'. Did you mean 'episodes'"):
        own.check_options({"episode": 1}, "here")


def test_options_of_a_file_that_is_not_read_are_unknown_and_not_checked(tmp_path):
    text = "from other import Base\nfrom theirs import Some\nclass A(Base):\n    name = 'a'\n"
    text += "class B(Solver):\n    name = 'b'\n    Options = Some\n"
    entries = discovery.read_solver_file(put(tmp_path, "a.py", text) / "a.py")
    assert [entry.options for entry in entries] == [None, None]
    entries[0].check_options({"whatever": 1}, "here")


def test_the_environment_variable_names_folders(tmp_path, monkeypatch):
    monkeypatch.setenv(discovery.PATH_VARIABLE, str(put(tmp_path / "own", "mine.py", GOOD)))
    assert "mine" in discovery.discover()


def test_two_solvers_of_one_name_in_one_folder(tmp_path):
    put(tmp_path, "a.py", 'class A:\n    name = "same"\n')
    put(tmp_path, "b.py", 'class B:\n    name = "same"\n')
    with pytest.raises(DtbenchError, match="both define solver 'same'"):
        discovery.discover([tmp_path])


def test_missing_folder_and_unknown_name():
    with pytest.raises(DtbenchError, match="'no/such/folder' does not exist"):
        discovery.discover(["no/such/folder"])
    with pytest.raises(DtbenchError, match="unknown solver 'gredy'. Did you mean 'greedy'"):
        discovery.find("gredy", discovery.discover())


def test_loading(tmp_path):
    entries = discovery.discover([put(tmp_path, "mine.py", GOOD)])
    instance = STIN.generate("tiny", 0)
    mine = discovery.load_solver(entries["mine"])(STIN, instance, seed=3)
    with pytest.raises(TypeError, match="implements neither decide nor plan"):
        mine.decide(STIN.slot(instance, 0, STIN.start(instance)))
    with pytest.raises(Declined, match="has no rule 'no-such-rule'"):
        discovery.load_solver(entries["no-such-rule"])(STIN, instance)


def test_loading_what_is_no_solver(tmp_path):
    entries = discovery.discover([put(tmp_path, "a.py", 'class A:\n    name = "a"\n')])
    with pytest.raises(DtbenchError, match="'A' in .* is not a subclass"):
        discovery.load_solver(entries["a"])


def test_unknown_options_name_the_allowed_ones():
    random = discovery.load_solver(discovery.discover()["genetic"])
    with pytest.raises(DtbenchError, match="unknown option 'popsize'.*Allowed: population"):
        random(STIN, STIN.generate("tiny", 0), popsize=3)


def test_installed_packages_bring_solvers(tmp_path, monkeypatch):
    """A distribution with an entry point in ``dtbench.solvers``."""
    put(tmp_path, "their_solver.py", GOOD)
    info = tmp_path / "theirs-1.0.dist-info"
    put(info, "METADATA", "Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    put(info, "entry_points.txt", "[dtbench.solvers]\nmine = their_solver:Mine\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    entries = discovery.discover()
    assert entries["mine"].file == tmp_path / "their_solver.py"
    assert "no-such-rule" not in entries
