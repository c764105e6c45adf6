"""`dtbench.run`, `results` and `leaderboard` do what the commands do."""

import json
import subprocess
import sys
import warnings
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import dtbench
from dtbench import api
from dtbench.cli.main import app
from dtbench.reports.cells import FIELDS

SUITE = """
name = "two"
title = "t"
description = "d"
instances = ["stin-deployment/tiny-000"]
seeds = 2

[[solvers]]
name = "greedy"

[[solvers]]
name = "random"
"""


@pytest.fixture(scope="module")
def suite(tmp_path_factory):
    file = tmp_path_factory.mktemp("suite") / "two.toml"
    file.write_text(SUITE, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def done(suite):
    """A run of three cells, and its folder."""
    return dtbench.run(suite, results=suite.parent / "results", workers=1)


def test_import_is_not_slower():
    """The names are there; their modules, and pandas, are imported when one of them is used."""
    code = "import sys, dtbench; print('dtbench.api' in sys.modules, 'pandas' in sys.modules, 'run' in dir(dtbench))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["False", "False", "True"]
    assert dtbench.run is api.run
    with pytest.raises(AttributeError, match="module 'dtbench' has no attribute 'leaderboards'"):
        dtbench.leaderboards  # noqa: B018


def test_run(done, suite):
    """Greedy is deterministic: one seed; random has two."""
    assert (done.suite, done.cells, done.ran, done.statuses, done.failures) == ("two", 3, 3, {"ok": 3}, ())
    assert repr(done) == f"<Run of two: 3 cells: 3 ok; 3 run now; results in {done.folder}>"
    again = dtbench.run(suite, results=done.folder, workers=1)
    assert (again.cells, again.ran, again.statuses) == (3, 0, {"ok": 3})


def test_quiet(suite, tmp_path, capsys):
    dtbench.run(suite, results=tmp_path / "a", solvers="greedy")
    assert capsys.readouterr().err.startswith("1 cells to run")
    dtbench.run(suite, results=tmp_path / "b", solvers="greedy", quiet=True)
    assert capsys.readouterr().err == ""


def test_run_takes_a_part(suite, done):
    part = dtbench.run(str(suite), results=str(done.folder), solvers="greedy", instances="*/tiny-000")
    assert (part.cells, part.ran) == (1, 0)
    with pytest.raises(dtbench.DtbenchError, match="matches"):
        dtbench.run(suite, results=done.folder, instances="*/vast-*")


def test_records_are_those_of_the_command(done, suite):
    """The command finds nothing left to do, and the other way round there is one plan."""
    out = CliRunner().invoke(app, ["run", str(suite), "--results", str(done.folder), "--json"])
    assert (out.exit_code, json.loads(out.stdout)["ran"]) == (0, 0)


def test_results_and_leaderboard_are_those_of_the_command(done):
    made = CliRunner().invoke(app, ["leaderboard", "--results", str(done.folder), "--json"])
    told = json.loads(made.stdout)
    found = dtbench.results(done.folder)
    assert list(found.columns) == [field.name for field in FIELDS]
    assert found.solver.tolist() == ["greedy", "random", "random"]
    assert found.seed.tolist() == [0, 0, 1]
    for name in ("objective", "gap_ratio", "unit", "record"):
        assert found[name].tolist() == [row[name] for row in told["cells"]]
    board = dtbench.leaderboard(done.folder)
    assert board.files == ()
    rows = told["sections"][0]["rows"]
    for name in ("solver", "gap_ratio", "cells_ok", "mean_rank"):
        assert board.frame[name].tolist() == [row[name] for row in rows]
    assert board.instances.objective_mean.tolist() == [row["objective_mean"] for row in told["instances"]]
    pd.testing.assert_frame_equal(board.cells, found)
    assert "| solver" in repr(board)
    assert repr(board) == board._repr_markdown_()


def test_files_are_written_if_asked_for(done):
    board = dtbench.leaderboard(done.folder, formats="csv")
    assert [file.name for file in board.files] == ["leaderboard.csv", "instances.csv", "cells.csv"]
    again = pd.read_csv(done.folder / "leaderboard.csv")
    assert again.solver.tolist() == board.frame.solver.tolist()
    with pytest.raises(dtbench.DtbenchError, match="unknown format 'xlsx'"):
        dtbench.leaderboard(done.folder, formats=["xlsx"])


def test_what_does_not_hold_is_warned_of(done):
    record = next((done.folder / "records").glob("*greedy*.json"))
    kept = record.read_text(encoding="utf-8")
    record.write_text(kept.replace('"objective"', '"objectives"', 1), encoding="utf-8")
    try:
        with pytest.warns(UserWarning, match="does not hold.*greedy") as caught:
            found = dtbench.results(done.folder)
        with pytest.warns(UserWarning, match="does not hold.*greedy") as again:
            dtbench.leaderboard(done.folder)
        assert {each.filename for each in (*caught, *again)} == {__file__}
        assert found.status.tolist() == ["not valid", "ok", "ok"]
    finally:
        record.write_text(kept, encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dtbench.results(done.folder)


def test_nothing_there(tmp_path):
    with pytest.raises(dtbench.DtbenchError, match=r"there is no folder of results"):
        dtbench.results(tmp_path / "none")
    with pytest.raises(dtbench.DtbenchError, match=r"holds no records"):
        dtbench.leaderboard(tmp_path)


def test_the_docstring_lists_the_columns():
    assert dtbench.results.__doc__
    for field in FIELDS:
        assert f"- ``{field.name}`` (" in dtbench.results.__doc__


@pytest.mark.filterwarnings("error")
def test_plot_is_the_figure_of_the_command(done, tmp_path):
    from matplotlib.figure import Figure

    slot = dtbench.plot(
        "stin-deployment/tiny-000", slot=2, solvers=["greedy"], optimum=False, output=tmp_path / "slot.png"
    )
    assert isinstance(slot, Figure)
    assert (tmp_path / "slot.png").read_bytes().startswith(b"\x89PNG")
    assert isinstance(dtbench.plot(done.folder), Figure)
    with pytest.raises(dtbench.DtbenchError, match=r"output is 'x\.txt'"):
        dtbench.plot("stin-deployment/tiny-000", output="x.txt")


def test_two_solvers_compared_are_those_of_the_command(done):
    """Wins are where the mean objectives say so; one run of greedy is of both seeds of random."""
    labels = sorted(set(dtbench.results(done.folder).solver))
    found = dtbench.compare(*labels, done.folder, problem="stin-deployment")
    assert found.frame.columns[:4].tolist() == ["problem", "size", "instances", "pairs"]
    (row,) = found.frame.to_dict("records")
    means = found.instances
    advantage = means.second_objective_mean - means.first_objective_mean
    assert (row["wins"], row["losses"]) == ((advantage > 1e-9).sum(), (advantage < -1e-9).sum())
    assert row["instances"] == len(means)
    assert f"{labels[0]} against {labels[1]}" in repr(found)
    assert len(found.figure().axes) == 2
    with pytest.raises(dtbench.DtbenchError, match=r"no results of solver 'nobody'"):
        dtbench.compare("nobody", labels[0], done.folder)


def test_a_part_of_the_board(done, tmp_path):
    board = dtbench.leaderboard(done.folder, solvers="greedy", columns=["rank", "objective"], digits=3)
    assert board.frame.columns.tolist() == ["problem", "size", "instances", "solver", "rank", "objective"]
    assert board.frame.solver.tolist() == ["greedy"]
    twice = dtbench.leaderboard([done.folder, done.folder], size="tiny", formats="md", output=tmp_path / "both")
    assert sorted(twice.frame.solver) == ["greedy", "random"]
    assert (tmp_path / "both" / "leaderboard.md").is_file()
    with pytest.raises(dtbench.DtbenchError, match="name a folder to write to"):
        dtbench.leaderboard(done.folder, solvers="greedy", formats="md")
    with pytest.raises(dtbench.DtbenchError, match="no results of solver 'nobody'"):
        dtbench.leaderboard(done.folder, solvers=["nobody"])


def test_a_run_trains_what_is_missing(tmp_path):
    suite = tmp_path / "learns.toml"
    suite.write_text(SUITE.replace("greedy", "hill").replace("seeds = 2", "seeds = 1"), encoding="utf-8")
    hill = Path(__file__).parent / "learning" / "solvers"
    found = dtbench.run(suite, results=tmp_path / "results", solvers="hill", solvers_path=hill, workers=1, quiet=True)
    assert (found.cells, dict(found.statuses), dict(found.trained)) == (1, {"ok": 1}, {"ok": 1})
    assert "; 1 trainings; results in" in repr(found)
    curves = dtbench.plot(tmp_path / "results" / "policies")
    assert "validation" in curves.axes[0].get_ylabel()
