"""What the examples that read netCDF files in other languages print, against what is in the files."""

import re
import subprocess

import numpy as np
import pytest

from dtbench import files, netcdf
from dtbench.experiments import decisions
from dtbench.problems import all_problems, problem

LINE = re.compile(r"(variable|parameter) (\w+) (?:\(([\w, ]*)\) \[(.*)\]: sum|=) (\S+) ?(.*)")

OF_AN_EMPTY_PROGRAM = (
    "error: ignoring const execution_exception& while preparing to exit"  # Octave 7.3, as Debian has it
)


def numbers(command, path):
    """`{(kind, name): (dimensions, unit, number)}` of what a command prints, and its other lines; it must not warn."""
    run = subprocess.run([*command, path], capture_output=True, text=True, timeout=60)
    errors = [line for line in run.stderr.splitlines() if line != OF_AN_EMPTY_PROGRAM]
    assert (run.returncode, errors) == (0, []), run.stdout + run.stderr
    assert "WARNING" not in run.stdout
    found, rest = {}, []
    for line in run.stdout.splitlines():
        row = LINE.fullmatch(line)
        kind, name, dims, unit, value, after = row.groups() if row else ("", "", "", "", "", "")
        try:
            found[kind, name] = dims, unit or after, float(value)
        except ValueError:  # a word
            rest.append(line)
    return found, rest


def check(command, path):
    """Compare what a command prints of a file with what is in it."""
    found, rest = numbers(command, path)
    content = netcdf.read(path)
    expected = {("variable", n): (", ".join(v.dims), v.unit, v.values.sum()) for n, v in content.variables.items()}
    if "parameters" in content.groups:
        group = content.groups["parameters"].variables.items()
        expected |= {("parameter", n): (None, v.unit, v.values.item()) for n, v in group}
    dims = {dim for v in content.variables.values() for dim in v.dims}
    assert {key for key in expected if key[1] not in dims} <= found.keys() <= expected.keys()
    for key, (names, unit, value) in found.items():
        assert (names, unit) == expected[key][:2], key
        assert value == pytest.approx(expected[key][2], rel=1e-12), key
    assert f"attribute problem = {content.attributes['problem']}" in rest
    assert f"attribute title = {content.attributes['title']}" in rest


def check_all(command, folder):
    """An instance of each problem, and decisions."""
    for id in all_problems():
        check(command, files.folder("instances") / id / "tiny-000.nc")
    owner = problem("stin-deployment")
    decisions.write(folder / "decisions.nc", owner, owner.Decision(node=np.arange(20).reshape(4, 5) % 4))
    check(command, folder / "decisions.nc")
