"""One bad file never takes a command down: it is named in one line, left out, and the rest goes on."""

import shutil
from pathlib import Path

import pytest

from dtbench import files
from dtbench.library import best_known, instances
from dtbench.problems import problem

DATA = Path(__file__).parent.parent / "data"


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A copy of two problems' tiny instances, of suites, sweeps and solvers, that tests may damage."""
    for id in ("stin-deployment", "edge-migration"):
        shutil.copytree(
            files.folder("instances") / id, tmp_path / "instances" / id,
            ignore=lambda _, names: [name for name in names if name.endswith(".nc") and not name.startswith("tiny-00")],
        )  # fmt: skip
    for name in ("suites", "sweeps"):
        shutil.copytree(files.folder(name), tmp_path / name)
    solvers = files.folder("solvers")
    monkeypatch.setattr(files, "folder", lambda name: solvers if name == "solvers" else tmp_path / name)
    best_known.best_known.cache_clear()
    yield tmp_path
    best_known.best_known.cache_clear()


def one_line(result, *words):
    lines = [line for line in result.err.splitlines() if line.startswith("dtbench: ")]
    assert len(lines) == 1, result.err
    for word in words:
        assert word in lines[0]
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"junk\n", "line 1: 'junk' is not a checksum and a file's name"),
        (b"\xff\xfe\n", "not text: byte 0, 0xff, is not UTF-8"),
        (b"0" * 63 + b"  tiny-000.nc\n", "is not a checksum"),
        ((b"0" * 64 + b"  tiny-000.nc\n") + (b"1" * 64 + b"  tiny-000.nc\n"), "'tiny-000.nc' is listed twice"),
    ],
)
def test_a_damaged_list_of_checksums(dtbench, library, content, words):
    (library / "instances" / "stin-deployment" / "SHA256SUMS").write_bytes(content)
    listed = dtbench("list", "instances")
    assert listed.code == 0
    one_line(listed, "stin-deployment/SHA256SUMS", words)
    assert "stin-deployment/tiny-000" in listed.out
    assert "optimal" in listed.out  # the other problem's values are known
    shown = dtbench("show", "stin-deployment/tiny-000")
    assert shown.code == 2
    one_line(shown, "SHA256SUMS", words)


def test_a_table_of_best_known_values_with_another_column(dtbench, library):
    folder = library / "instances" / "stin-deployment"
    table = folder / "best_known.csv"
    lines = table.read_text().splitlines()
    lines[3] += ",more"
    table.write_text("\n".join(lines))
    (folder / "SHA256SUMS").unlink()
    listed = dtbench("list", "instances")
    assert listed.code == 0
    one_line(listed, "best_known.csv', line 4 has 9 fields, expected 8")
    assert "optimal" in listed.out


def test_suites_and_sweeps_that_cannot_be_read(dtbench, library):
    (library / "suites" / "bad.toml").write_text("x = " + "[" * 2000)
    (library / "sweeps" / "bad.toml").write_bytes(b"\xff")
    suites = dtbench("list", "suites")
    assert suites.code == 0
    one_line(suites, "bad.toml", "nested deeper than 50")
    assert "quick" in suites.out
    sweeps = dtbench("list", "sweeps")
    assert sweeps.code == 0
    one_line(sweeps, "bad.toml", "is not UTF-8")
    assert "stin-users" in sweeps.out


def test_an_instance_of_a_suite_that_cannot_be_read(dtbench, tmp_path):
    instances.save(tmp_path / "good.nc", problem("stin-deployment").generate("tiny", 5))
    shutil.copy(DATA / "damaged-traceback.nc", tmp_path / "bad.nc")
    suite = tmp_path / "s.toml"
    suite.write_text('name = "s"\ninstances = ["*.nc"]\n[[solvers]]\nname = "greedy"\n')
    planned = dtbench("plan", suite, "--results", tmp_path / "results")
    assert planned.code == 0
    one_line(planned, "left out", "bad.nc' cannot be read as netCDF-4")
    (tmp_path / "good.nc").unlink()
    (tmp_path / "bad.nc").rename(tmp_path / "worse.nc")
    none = dtbench("plan", suite, "--results", tmp_path / "results")
    assert none.code == 2
    assert "key 'instances.0' is '*.nc'; expected a file that is an instance of dtbench" in none.err


@pytest.mark.parametrize("name", ["damaged-hangs", "damaged-traceback", "group-linked-to-its-parent"])
def test_damaged_instances_are_named(dtbench, name):
    result = dtbench("show", DATA / f"{name}.nc")
    assert result.code == 2
    one_line(result, f"{name}.nc' cannot be read as netCDF-4")


def test_hostile_solver_files(dtbench, tmp_path):
    (tmp_path / "circle.py").write_text('class X(X):\n    name = "circle"\n')
    (tmp_path / "minus.py").write_text("x = " + "-" * 100_000 + "1\n")
    listed = dtbench("list", "solvers", "--solvers-path", tmp_path)
    assert listed.code == 0
    assert "circle" in listed.out
    assert "minus.py" in listed.out
    assert "genetic" in listed.out
    assert dtbench("show", "circle", "--solvers-path", tmp_path).code == 0
