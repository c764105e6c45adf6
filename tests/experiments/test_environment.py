"""The folder that a command is called in, and Python's variables, change nothing in a cell."""

import json
import os
import subprocess
import sys

import pytest

from dtbench.experiments import launcher

MODULES = ("json", "random", "numpy", "socket", "copy", "tempfile", "dtbench", "psutil", "sitecustomize", "h5netcdf")
TINY = "stin-deployment/tiny-000"
SOLVER = '''"""Writes where its modules come from into the log, and raises."""

import heapq, json, os, sys
from pathlib import Path

import dtbench
from dtbench import Solver
%s

class Looks(Solver):
    name = "looks"
    problems = ("stin-deployment",)

    def decide(self, slot):
        facts = {"path": sys.path, "json": json.__file__, "dtbench": dtbench.__file__, "heapq": heapq.__file__}
        facts["variables"] = sorted(name for name in os.environ if name.startswith("PYTHON"))
        Path(os.environ["LOOKS"]).write_text(json.dumps(facts))
        return self.problem.repair(slot, self.problem.Decision(node=slot.prev_node))
'''


@pytest.fixture
def trap(tmp_path):
    """A folder of modules that end the process that imports them."""
    folder = tmp_path / "trap"
    folder.mkdir()
    for name in MODULES:
        (folder / f"{name}.py").write_text(f"raise SystemExit('the trap {name} was imported')\n")
    return folder


def solve(folder, tmp_path, *arguments, **variables):
    """What ``dtbench solve`` prints, called in a folder."""
    code = "from dtbench.cli.main import main; main()"
    environment = os.environ | {"LOOKS": str(tmp_path / "facts.json")} | variables
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "solve", TINY, *arguments, "--json"],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    said = [line for line in done.stderr.splitlines() if "elapsed" not in line]  # progress, on a slow machine
    assert not said
    result = json.loads(done.stdout)
    assert (result["status"], result["reason"]) == ("ok", "")
    facts = tmp_path / "facts.json"
    return json.loads(facts.read_text()) if facts.exists() else {}


def test_modules_in_the_current_folder_are_not_imported(trap, tmp_path):
    solve(trap, tmp_path, "greedy")


def test_neither_are_those_of_pythons_variables(trap, tmp_path):
    """The runner's interpreter obeys them; cells do not."""
    solvers = tmp_path / "solvers"
    solvers.mkdir()
    (solvers / "looks.py").write_text(SOLVER % "")
    (solvers / "heapq.py").write_text('raise SystemExit("a solver file hides a module")\n')
    late = tmp_path / "late"  # a module that the runner does not import
    late.mkdir()
    (late / "heapq.py").write_text("raise SystemExit('trap')\n")
    variables = {"PYTHONSTARTUP": str(trap / "json.py"), "PYTHONOPTIMIZE": "1", "PYTHONHASHSEED": "7"}
    facts = solve(late, tmp_path, "looks", "--solvers-path", str(solvers), **variables)
    assert facts["variables"] == ["PYTHONHASHSEED"]
    assert str(late) not in facts["path"]
    assert "" not in facts["path"]
    assert facts["heapq"] == os.path.join(os.path.dirname(os.__file__), "heapq.py")


def test_folders_of_pythonpath_and_of_solvers_can_be_imported_from(tmp_path):
    """They come last: what they hold hides nothing."""
    solvers, packages, here = tmp_path / "solvers", tmp_path / "packages", tmp_path / "here"
    for folder in (solvers, packages, here):
        folder.mkdir()
    (solvers / "looks.py").write_text(SOLVER % "import beside_it, on_the_path")
    (solvers / "beside_it.py").write_text("")
    (packages / "on_the_path.py").write_text("")
    facts = solve(here, tmp_path, "looks", "--solvers-path", str(solvers), PYTHONPATH=str(packages))
    assert facts["path"].index(str(packages)) > facts["path"].index(os.path.dirname(os.__file__))
    assert facts["path"][-1] == str(solvers)


def test_cells_run_the_runners_dtbench(tmp_path):
    import dtbench

    solvers = tmp_path / "solvers"
    solvers.mkdir()
    (solvers / "looks.py").write_text(SOLVER % "")
    assert solve(tmp_path, tmp_path, "looks", "--solvers-path", str(solvers))["dtbench"] == dtbench.__file__


def test_what_is_handed_on(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", ".", str(tmp_path), "/some/where", "relative"])
    assert launcher.importable() == ["/some/where"]
    monkeypatch.setenv("PYTHONPATH", "/some/where")
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    monkeypatch.setenv("DTBENCH_CACHE", "kept")
    found = launcher.environment()
    assert {name for name in found if name.startswith("PYTHON")} <= {"PYTHONHASHSEED", *launcher.INTERPRETER}
    assert found["DTBENCH_CACHE"] == "kept"
