import csv
import json

import numpy as np
import pytest
from PIL import Image

from dtbench.experiments.record import Record

SWEEP = """
name = "little"
title = "A little sweep"
problem = "stin-deployment"
size = "tiny"
seeds = 2
[over]
data_mb_fixed = [0.5, 1.0]
[set]
horizon = 2
n_users = 3
[limits]
seconds = 60
memory_gib = 2
[[solvers]]
name = "local"
[[solvers]]
name = "exact"
"""

LATE = '''"""Raises."""
from dtbench import Solver
class Late(Solver):
    name = "late"
    def decide(self, slot):
        raise ValueError("too late")
'''


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "little.toml"
    path.write_text(SWEEP)
    return path


def test_one_command_writes_tables_and_figure_and_resumes(dtbench, file, tmp_path):
    out = tmp_path / "out"
    first = dtbench("sweep", file, "--results", out, "--workers", 2)
    assert first.code == 0
    assert "8 cells: 8 ok; 8 run now" in first.out
    assert "A little sweep: mean objective [s]" in first.out
    assert str(out / "sweep.png") in first.err
    with (out / "sweep.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(r["data_mb_fixed"], r["solver"], r["instance_seed"]) for r in rows] == [
        (d, s, i) for d in ("0.5", "1.0") for s in ("local", "exact") for i in ("20000", "20001")
    ]
    local = {(r["data_mb_fixed"], r["instance_seed"]): float(r["objective"]) for r in rows if r["solver"] == "local"}
    assert local["1.0", "20000"] == pytest.approx(2 * local["0.5", "20000"])  # the same instance, twice the data
    assert all(float(r["gap"]) >= 0.0 for r in rows)
    assert all(float(r["gap"]) == 0.0 for r in rows if r["solver"] == "exact")
    with Image.open(out / "sweep.png") as image:
        assert np.asarray(image.convert("L"), dtype=float).var() > 100

    before = {name: (out / name).read_bytes() for name in ("sweep.csv", "summary.csv", "sweep.png")}
    again = json.loads(dtbench("sweep", file, "--results", out, "--json").out)
    assert (again["cells"], again["ran"], again["statuses"]) == (8, 0, {"ok": 8})
    assert {name: (out / name).read_bytes() for name in before} == before
    assert again["summary"][0]["point"] == {"data_mb_fixed": 0.5}
    assert again["summary"][0]["objective"]["n"] == 2

    fewer = json.loads(dtbench("sweep", file, "--results", out, "--seeds", 1, "--solvers", "local", "--json").out)
    assert (fewer["cells"], fewer["ran"]) == (2, 0)
    assert fewer["summary"][0]["gap"] is None


def test_records_that_do_not_hold_are_left_out(dtbench, file, tmp_path):
    out = tmp_path / "out"
    assert dtbench("sweep", file, "--results", out, "--seeds", 1).code == 0
    record = next((out / "records").glob("*0.5*local*.json"))
    facts = json.loads(record.read_text())
    facts["objective"] /= 2
    facts["sha256"] = Record.model_validate(facts).content_sha256
    record.write_text(json.dumps(facts))
    result = dtbench("sweep", file, "--results", out, "--seeds", 1)
    assert result.code == 1
    assert f"left out: {record.stem}: objective is" in result.err
    assert "0.5,20000,local,0,not run,,,," in (out / "sweep.csv").read_text()


def test_failures_are_listed_and_exit_1(dtbench, file, tmp_path):
    (tmp_path / "late.py").write_text(LATE)
    file.write_text(SWEEP.replace('"local"', '"late"'))
    result = dtbench("sweep", file, "--results", tmp_path / "out", "--seeds", 1, "--solvers-path", tmp_path)
    assert result.code == 1
    assert "ValueError: too late" in result.out
    assert "2 error, 2 ok" in result.out
    assert (tmp_path / "out" / "sweep.png").is_file()


def test_mistakes_end_in_one_line_and_code_2(dtbench, file, tmp_path):
    file.write_text(SWEEP.replace("[0.5, 1.0]", "[0.5, -1.0]"))
    result = dtbench("sweep", file, "--results", tmp_path / "out")
    assert result.code == 2
    assert (
        "key 'over.data_mb_fixed.1': parameter 'data_mb_fixed' is -1.0; expected a finite number of at least 0 MB"
        in result.err
    )
    assert result.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_help_and_list(dtbench):
    assert "Example: dtbench sweep stin-users" in dtbench("sweep", "--help").out
    rows = json.loads(dtbench("list", "sweeps", "--json").out)
    assert {"stin-users", "placement-size"} <= {row["sweep"] for row in rows}


def test_metrics_stand_beside_the_objective(dtbench, file, tmp_path):
    """Link and computing time add up to the objective; each metric has a figure; unknown ones are refused."""
    file.write_text(SWEEP.replace("seeds = 2", 'seeds = 1\nmetrics = ["comm", "comp"]'))
    assert dtbench("sweep", file, "--results", tmp_path / "out").code == 0
    rows, summary = (
        list(csv.DictReader((tmp_path / "out" / name).read_text().splitlines()))
        for name in ("sweep.csv", "summary.csv")
    )
    assert rows
    for row in rows:
        assert float(row["comm"]) + float(row["comp"]) == pytest.approx(float(row["objective"]))
    assert {"comm_mean", "comp_mean"} <= set(summary[0])
    assert np.asarray(Image.open(tmp_path / "out" / "sweep-comm.png")).std() > 1.0
    file.write_text(SWEEP.replace("seeds = 2", 'seeds = 1\nmetrics = ["com"]'))
    result = dtbench("sweep", file, "--results", tmp_path / "none")
    assert result.code == 2
    assert "key 'metrics.0' is 'com'" in result.err
    assert "Did you mean 'com" in result.err
