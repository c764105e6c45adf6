"""Problem packages from folders and from installed distributions; those that cannot be used are named and left out."""

import subprocess
import sys
from pathlib import Path

import pytest

from dtbench.errors import DtbenchError
from dtbench.problems import all_problems, problem, registry, source_sha256
from dtbench.problems.shipped import HORIZONS

GOOD = (
    "from dtbench.cli.toy_problem.problem import ToyProblem\nclass P(ToyProblem):\n    id = '{id}'\nPROBLEMS = (P(),)\n"
)


def package(folder, name, text):
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def only(few_problems):
    """Look in these folders, until the test ends."""

    def look(*folders):
        registry.look_in(folders)
        return registry.current()

    return look


def test_a_folder(only, tmp_path):
    shipped = set(all_problems())
    known = only(package(tmp_path, "pkg_good", GOOD.format(id="in-a-folder")))
    assert set(all_problems()) == shipped | {"in-a-folder"}
    assert problem("in-a-folder").generate("tiny", 0).problem == "toy-problem"
    assert known.left_out == []
    assert registry.folders() == (str(tmp_path),)
    before = source_sha256("in-a-folder")
    (tmp_path / "pkg_good" / "more.py").write_text("x = 1\n")
    assert registry.sha256_of.__wrapped__(tmp_path / "pkg_good") != before


def test_the_variable_is_read_when_it_changes(only, tmp_path, monkeypatch):
    package(tmp_path, "pkg_variable", GOOD.format(id="by-variable"))
    assert "by-variable" not in all_problems()
    monkeypatch.setenv(registry.PATH_VARIABLE, str(tmp_path))
    assert "by-variable" in all_problems()
    monkeypatch.delenv(registry.PATH_VARIABLE)
    assert "by-variable" not in all_problems()


def spoiled(id, statement):
    return GOOD.format(id=id).replace("PROBLEMS", f"{statement}\nPROBLEMS")


BROKEN = {
    "pkg_syntax": ("PROBLEMS = (\n", "SyntaxError: '(' was never closed"),
    "pkg_import": ("import no_such_module_here\nPROBLEMS = ()\n", "ModuleNotFoundError: No module named"),
    "pkg_raises": ("PROBLEMS = (1 / 0,)\n", "ZeroDivisionError: division by zero (__init__.py:1)"),
    "pkg_exits": ("import sys\nsys.exit('no PROBLEMS today')\n", "SystemExit: no PROBLEMS today"),
    "pkg_nothing": ("# PROBLEMS\n", "it has no 'PROBLEMS'"),
    "pkg_empty": ("PROBLEMS = ()\n", "'PROBLEMS' is (); expected a tuple of problems"),
    "pkg_class": (GOOD.format(id="a-class").replace("P()", "P"), "PROBLEMS[0] is <class 'pkg_class.P'>; expected an"),
    "pkg_id": (GOOD.format(id="Big Id"), "PROBLEMS[0] has id 'Big Id'; expected lower-case words"),
    "pkg_unit": (spoiled("no-unit", "P.unit = 1"), "problem 'no-unit' has 'unit' 1"),
    "pkg_sense": (spoiled("up", "P.sense = 'up'"), "problem 'up' has sense 'up'"),
    "pkg_sizes": (spoiled("sizes", "P.sizes = {}"), "problem 'sizes' has sizes {}"),
    "pkg_twice": (GOOD.format(id="stin-deployment"), "it defines problem 'stin-deployment', which '"),
    "json": (GOOD.format(id="hidden"), "the name 'json' stands for '"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_package_is_named_and_left_out(only, tmp_path, name):
    text, words = BROKEN[name]
    package(tmp_path, name, text)
    package(tmp_path, "pkg_beside", GOOD.format(id="beside"))
    (reason,) = only(tmp_path).left_out
    assert f"problem package '{name}' ({tmp_path}) is left out: {words}" in reason
    assert "\n" not in reason
    assert {"beside", "stin-deployment"} <= set(all_problems())
    with pytest.raises(DtbenchError, match=f"unknown problem 'mine'.*problem package '{name}'"):
        problem("mine")


def test_folders_that_hold_no_package(only, tmp_path, monkeypatch):
    with pytest.raises(DtbenchError, match="'nowhere' does not exist or is not a folder"):
        only("nowhere")
    with pytest.raises(DtbenchError, match="holds no problem package .*new-problem"):
        only(tmp_path)
    package(tmp_path, "pkg_inside", GOOD.format(id="inside"))
    with pytest.raises(DtbenchError, match=f"name the folder that holds it, '{tmp_path}'"):
        only(tmp_path / "pkg_inside")
    monkeypatch.setenv(registry.PATH_VARIABLE, "nowhere")
    assert "of $DTBENCH_PROBLEMS_PATH does not exist" in registry.current().left_out[0]


def test_an_installed_package(tmp_path):
    """Found whoever is imported first: dtbench, or the package, which imports dtbench."""
    package(tmp_path, "pkg_installed", GOOD.format(id="installed"))
    (tmp_path / "pkg_single.py").write_text("PROBLEMS = ()\n")
    info = tmp_path / "installed-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: installed\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[dtbench.problems]\ninstalled = pkg_installed\nabsent = pkg_absent\nsingle = pkg_single\n"
    )
    code = (
        f"import sys; sys.path.append({str(tmp_path)!r})\n"
        "import {first}\n"
        "import dtbench, gymnasium\n"
        "from dtbench.problems import registry\n"
        "assert dtbench.problem('installed').sense == 'min'\n"
        f"assert str(registry.current().folders['installed']) == {str(tmp_path / 'pkg_installed')!r}\n"
        "print(*registry.current().left_out, sep='\\n')\n"
    )
    gym = "assert 'dtbench/installed-tiny-v0' in gymnasium.registry\n"
    for text in (code.format(first="dtbench") + gym, code.format(first="pkg_installed")):
        done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "'pkg_absent' (entry point 'absent' of installed 1.0) is left out: there is no module" in done.stdout
        assert (
            "'pkg_single' (entry point 'single' of installed 1.0) is left out: 'pkg_single' is a single" in done.stdout
        )


def test_shipped_problems_are_written_down():
    """Their ids, sizes and horizons are known without an import of them."""
    known = {
        id: {size: owner.dimensions(params)["time"] for size, params in owner.sizes.items()}
        for id, owner in all_problems().items()
        if registry.current().folders[id].is_relative_to(Path(registry.__file__).parent)
    }
    assert known == HORIZONS, "write a new size, or another horizon, into dtbench/problems/shipped.py"


def test_naming_an_environment_imports_no_problem_and_no_solver():
    """`import dtbench` is quick: what it does not need yet is imported when it is used."""
    code = (
        "import sys, dtbench, gymnasium; assert 'dtbench/edge-placement-paper-v0' in gymnasium.registry;"
        "late = ('scipy', 'h5py', 'dtbench.problems.edge_association', 'dtbench.problems.dnt_spectrum', 'torch',"
        "'matplotlib', 'pandas', 'plotly', 'pydantic', 'rich', 'typer');"
        "print(*(name for name in late if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


def test_the_shipped_problems_load_nothing_that_only_their_methods_need():
    code = (
        "import sys, dtbench; assert len(dtbench.all_problems()) == 6;"
        "late = ('h5py', 'highspy', 'ortools', 'pandas', 'pyomo', 'scipy.optimize', 'scipy.sparse', 'torch');"
        "print(*(name for name in late if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
