"""``dtbench tables``: files for a paper."""

import json

import pytest

import dtbench as package
from dtbench.reports.numbers import format_ratio

SUITE = """
name = "both"
instances = ["stin-deployment/tiny-00[01]", "edge-placement/tiny-00[01]"]

[limits]
seconds = 60
memory_gib = 2

[[solvers]]
name = "nearest"

[[solvers]]
name = "greedy"
"""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Two solvers on two problems: 8 cells."""
    from dtbench.experiments.plan import make_plan
    from dtbench.experiments.run import run
    from dtbench.experiments.store import Store
    from dtbench.experiments.suite import read

    folder = tmp_path_factory.mktemp("both")
    (folder / "both.toml").write_text(SUITE)
    store = Store(folder / "results")
    run(make_plan(read(folder / "both.toml"), store), store, workers=2)
    return folder / "results"


def test_files_hold_the_numbers_of_the_leaderboard(dtbench, results, tmp_path):
    result = dtbench("tables", "--results", results, "-o", tmp_path / "new" / "tables")
    files = [tmp_path / "new" / "tables" / f"{name}.tex" for name in ("edge-placement", "stin-deployment", "summary")]
    assert result.code == 0
    assert result.out.split() == list(map(str, files))
    assert "too wide" not in result.err
    assert "summary" not in result.err
    board = json.loads(dtbench("leaderboard", "--results", results, "--json").out)
    (gap,) = (row["gap_ratio"] for row in board["sections"][1]["rows"] if row["solver"] == "greedy")
    shown = format_ratio(gap)
    texts = [file.read_text() for file in files]
    assert rf"greedy & \textbf{{{shown}}}" in texts[1]
    assert rf"\textbf{{{shown}}} \tabularnewline" in texts[2]


def test_by_default_they_lie_beside_the_results(dtbench, results):
    result = dtbench("tables", "--results", results, "--problem", "edge-placement")
    assert result.out.split() == [str(results / "tables" / "edge-placement.tex")]
    assert "no summary.tex: it needs results of two problems or more." in result.err


def test_columns_digits_and_forms(dtbench, results, tmp_path):
    dtbench("tables", "--results", results, "--columns", "gap,mean_rank", "--no-intervals", "--digits", "2",
            "--solvers", "greedy", "--bare", "-o", tmp_path)  # fmt: skip
    text = (tmp_path / "stin-deployment.tex").read_text()
    assert r"Method & Gap {[}\%] & rank \tabularnewline" in text
    assert "nearest" not in text
    assert r"\caption" not in text
    dtbench("tables", "--results", results, "--wide", "-o", tmp_path)
    assert r"\begin{table*}" in (tmp_path / "stin-deployment.tex").read_text()


def test_what_will_not_fit_is_said(dtbench, results, tmp_path):
    columns = "rank,gap,objective,mean_rank,repaired,proven,decision_time,train_time"
    result = dtbench("tables", "--results", results, "--columns", columns, "-o", tmp_path)
    assert "stin-deployment.tex: too wide for a column of a paper: choose fewer --columns" in result.err
    assert "summary.tex" not in result.err
    assert "too wide" not in dtbench("tables", "--results", results, "--columns", columns, "--wide", "-o", tmp_path).err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--columns", "gaps"], "unknown column 'gaps'. Did you mean 'gap'"),
        (["--problem", "edge-migration"], "no results of problem 'edge-migration'"),
    ],
)
def test_what_is_not_there_is_one_line(dtbench, results, more, said):
    result = dtbench("tables", "--results", results, *more)
    assert result.code == 2
    assert said in result.err


def test_a_folder_that_cannot_be_written(dtbench, results, tmp_path):
    (tmp_path / "file").write_text("")
    result = dtbench("tables", "--results", results, "-o", tmp_path / "file")
    assert result.code == 2
    assert "cannot write to" in result.err


def test_from_python(dtbench, results, tmp_path):
    files = package.leaderboard(results).tables(tmp_path / "one", columns=["gap", "mean_rank"])
    dtbench("tables", "--results", results, "--columns", "gap,mean_rank", "-o", tmp_path / "other")
    assert [file.name for file in files] == ["edge-placement.tex", "stin-deployment.tex", "summary.tex"]
    for file in files:
        assert file.read_bytes() == (tmp_path / "other" / file.name).read_bytes()
