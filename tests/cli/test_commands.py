"""Commands are known before their modules are imported: the table of names and first words, and what stays unloaded."""

import os
import subprocess
import sys

import pytest
from typer.main import get_command

from dtbench.cli.commands import COMMANDS
from dtbench.cli.main import app

HEAVY = {
    "dtbench.experiments", "dtbench.learning", "dtbench.library", "dtbench.plugins", "dtbench.problems.dnt_spectrum",
    "dtbench.problems.edge_association", "dtbench.problems.mec_synchronization",
    "dtbench.problems.satellite_offloading", "dtbench.problems.stin_deployment", "dtbench.reports", "h5netcdf", "h5py",
    "highspy", "jinja2", "matplotlib", "ortools", "pandas", "plotly", "psutil", "pyomo", "scipy", "torch",
    "xarray",
}  # fmt: skip
CODE = """
import atexit, sys
sys.argv[0] = "dtbench"
atexit.register(lambda: print("LOADED", *sorted(sys.modules)))
from dtbench.cli.main import main
main()
"""


def loaded(*arguments, **environment):
    """What a command prints, and the modules that its process has loaded when it ends."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, *arguments], capture_output=True, text=True, check=False,
        env=os.environ | environment,
    )  # fmt: skip
    said, _, modules = done.stdout.partition("LOADED ")
    return said, set(modules.split())


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_written_down_is_what_the_command_says(name):
    late = get_command(app).commands[name]
    assert late.name == late.real.name == name
    assert late.help == " ".join(late.real.help.split("\n\n")[0].split())
    assert late.real.callback.__wrapped__.__module__ == f"dtbench.cli.{late.module}"


def test_every_command_of_every_module_is_written_down():
    for module in {module for module, _ in COMMANDS.values()}:
        named = [name for name, (of, _) in COMMANDS.items() if of == module]
        assert sorted(get_command(app).commands[named[0]].part.commands) == sorted(named)


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("lst",)], ids=" ".join)
def test_what_needs_no_command_loads_none(arguments):
    _, modules = loaded(*arguments)
    assert "dtbench.cli.main" in modules
    assert modules & HEAVY == set()
    assert modules & {f"dtbench.cli.{module}" for module, _ in COMMANDS.values()} == set()


def test_completion_of_a_name_loads_no_command():
    said, modules = loaded(_DTBENCH_COMPLETE="complete_bash", COMP_WORDS="dtbench l", COMP_CWORD="1")
    assert said.split() == ["list", "leaderboard"]
    assert modules & HEAVY == set()


def test_a_command_loads_its_own_module():
    said, modules = loaded("list", "--help")
    assert "solvers" in said
    assert "dtbench.cli.catalog" in modules
    assert modules & {"dtbench.cli.run", "dtbench.cli.scores", "dtbench.cli.train"} == set()
