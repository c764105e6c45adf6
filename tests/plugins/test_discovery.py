"""Solver files are found, read without being run, and loaded."""

import os
import re
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


def test_a_name_that_is_taken_is_left_out(tmp_path, caplog):
    put(tmp_path, "greedy.py", '"""My own."""\nclass G:\n    name = "greedy"\n')
    assert discovery.discover([tmp_path])["greedy"] == discovery.discover()["greedy"]
    assert re.search(r"left out: '.*greedy\.py': a rule of .* defines solver 'greedy', too; give one", caplog.text)


def test_a_broken_file_does_not_take_the_name_of_a_good_one(tmp_path, caplog):
    put(tmp_path, "genetic.py", "x = (\n")
    assert not discovery.discover([tmp_path])["genetic"].error
    assert "genetic.py:1: '(' was never closed" in caplog.text


HOSTILE = {
    "its own base": ('class X(X):\n    name = "x"\n', ""),
    "bases in a circle": ('class X(Y):\n    name = "x"\nclass Y(Z):\n    pass\nclass Z(X):\n    pass\n', ""),
    "thousands of bases": (
        "class C0: pass\n"
        + "".join(f"class C{i}(C{i - 1}): pass\n" for i in range(1, 3000))
        + 'class X(C2999):\n    name = "x"\n',
        "",
    ),
    "a diamond of diamonds": (
        "class A0: pass\nclass B0: pass\n"
        + "".join(f"class A{i}(A{i - 1}, B{i - 1}): pass\nclass B{i}(A{i - 1}, B{i - 1}): pass\n" for i in range(1, 60))
        + 'class X(A59):\n    name = "x"\n',
        "",
    ),
    "presets of themselves": ('P = P\nclass X:\n    name = "x"\n    presets = P\n', ""),
    "presets in a circle": ('P = Q\nQ = {"a": P}\nclass X:\n    name = "x"\n    presets = Q\n', ""),
    "presets that double": (
        "P0 = {1: 1}\n"
        + "".join(f"P{i} = {{**P{i - 1}, **P{i - 1}}}\n" for i in range(1, 60))
        + 'class X:\n    name = "x"\n    presets = P59\n',
        "",
    ),
    "presets of a list as key": ('class X:\n    name = "x"\n    presets = {[]: 1}\n', ""),
    "presets that spread a number": ('class X:\n    name = "x"\n    presets = {**3}\n', ""),
    "presets of another shape": ('class X:\n    name = "x"\n    presets = {"tuned": 3}\n', ""),
    "presets of presets": ('class X:\n    name = "x"\n    presets = {"tuned": {"*": [1]}}\n', ""),
    "a list as key": ('class X:\n    name = "x"\n    problems = {[]: 1}\n', "'problems' is computed"),
    "a very long number": ("class X(Solver):\n    name = 0x" + "f" * 5000 + "\n", "'name' is a very long number"),
    "a very long default": (
        'class X:\n    name = "x"\n    class Options(Options):\n        n: int = param(0x'
        + "f" * 5000
        + ', "1", "n")\n',
        "hostile.py:0: Exceeds the limit",
    ),
    "minus signs": ("x = " + "-" * 100_000 + "1\n", "hostile.py:0: "),
    "minus signs that are read": ('class X:\n    name = "x"\n    presets = ' + "-" * 500 + "1\n", None),
    "brackets": ("x = " + "[" * 100_000 + "\n", "too many nested parentheses"),
    "a long sum": ('class X:\n    name = "x"\n    trains = ' + "1+" * 50_000 + "1\n", None),
    "attributes": ("x = a" + ".b" * 100_000 + "\n", None),
    "else ifs": ("if 1: pass\n" + "elif 1: pass\n" * 5_000, None),
    "zero bytes": ("x = 1\0\n", "source code string cannot contain null bytes"),
    "another encoding": (b"# \xff\n", "hostile.py:0: "),
    "an unknown encoding": (b"# -*- coding: klingon -*-\nx = 1\n", "unknown encoding: klingon"),
    "too large": (b"#" * 2**20 + b"\n", "is larger than 1048576 bytes"),
    "two starred targets": ("*a, *b = 1\nclass X:\n    name = 'x'\n", ""),
    "strange escapes": ('class X:\n    """\\d \\q"""\n    name = "x"\n', ""),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_named_and_the_rest_goes_on(tmp_path, kind):
    """What a file holds never raises: it is an entry, with an error where it cannot be used. None: either will do."""
    text, error = HOSTILE[kind]
    (tmp_path / "hostile.py").write_bytes(text if isinstance(text, bytes) else text.encode())
    entries = discovery.discover([tmp_path])
    assert "genetic" in entries
    for entry in discovery.read_solver_file(tmp_path / "hostile.py"):
        assert error is None or (error in entry.error if error else entry.error == "")
        assert not entry.presets
        assert len(entry.error) < 400


def test_what_is_no_file(tmp_path):
    """A folder, a pipe that nobody writes to, and a link to nowhere, all named as solvers."""
    (tmp_path / "folder.py").mkdir()
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "link.py").symlink_to(tmp_path / "nowhere")
    entries = discovery.discover([tmp_path])
    assert all("does not exist or is not a file" in entries[name].error for name in ("folder", "pipe", "link"))


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


def test_two_solvers_of_one_name_in_one_folder(tmp_path, caplog):
    put(tmp_path, "a.py", 'class A:\n    name = "same"\n')
    put(tmp_path, "b.py", 'class B:\n    name = "same"\n')
    assert discovery.discover([tmp_path])["same"].class_name == "A"
    assert re.search(r"left out: '.*b\.py': '.*a\.py' defines solver 'same', too", caplog.text)


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


@pytest.mark.parametrize(("body", "sees"), [
    ("class A(Solver):\n    name = 'a'\n", "global"),
    ("class A(Solver):\n    name = 'a'\n    sees = 'local'\n", "local"),
    ("class A(Solver):\n    name = 'a'\n    clairvoyant = True\n", "future"),
    ("class A(LearnedSolver):\n    name = 'a'\n", "local"),
    ("class A(LearnedSolver):\n    name = 'a'\n    sees = 'global'\n", "global"),
    ("class A(GymPolicy):\n    name = 'a'\n    trained_on = 'stin-deployment/tiny'\n", "global"),
    ("class A(GymPolicy):\n    name = 'a'\n    trained_on = 'stin-deployment/tiny'\n    form = 'parallel'\n", "local"),
    ("class A(Solver):\n    name = 'a'\n    form = 'parallel'\n", "global"),
])  # fmt: skip
def test_what_a_solver_sees_is_read_and_is_what_its_class_has(tmp_path, body, sees):
    """The text is read without running it; the class, once it runs, says the same."""
    head = "from dtbench import GymPolicy, Solver\nfrom dtbench.learning.solver import LearnedSolver\n"
    act = "    def choose(self, seen, next_mask):\n        return None\n"
    (tmp_path / "a.py").write_text(head + body + act, encoding="utf-8")
    (entry,) = discovery.read_solver_file(tmp_path / "a.py")
    assert (entry.sees, entry.error) == (sees, "")
    assert discovery.load_solver(entry).regime() == sees


def test_what_no_solver_can_see_is_an_error_with_its_line(tmp_path):
    (tmp_path / "a.py").write_text("from dtbench import Solver\nclass A(Solver):\n    name = 'a'\n    sees = 'all'\n")
    (entry,) = discovery.read_solver_file(tmp_path / "a.py")
    assert "a.py:2: class A: 'sees' is 'all'; expected one of the literals local, global, future" in entry.error


def test_a_shipped_file_gives_options_to_a_rule(tmp_path, caplog):
    """It stays the problems' rule; nobody else's file takes its name."""
    rule = next(entry for entry in discovery.rules() if entry.name == "local-search")
    entry = discovery.discover()["local-search"]
    assert (entry.rules, entry.problems, entry.summary) == (rule.rules, rule.problems, rule.summary)
    assert entry.heuristic
    assert [option.name for option in entry.options] == ["start", "checkpoint"]
    put(tmp_path, "mine.py", 'from dtbench import Heuristic\nclass A(Heuristic):\n    name = "local-search"\n')
    assert discovery.discover([tmp_path])["local-search"] == entry
    assert "defines solver 'local-search', too" in caplog.text


def test_policies_that_a_search_begins_with_are_part_of_its_cell():
    def checksum(**options):
        return discovery.discover()["local-search"].checkpoints_sha256("stin-deployment", "paper", 0, options)

    assert checksum() == checksum(start="greedy") == ""
    assert len({checksum(start="imitation"), checksum(start="vdn"), checksum(start="vdn,imitation"), ""}) == 4
