"""``dtbench pack`` and ``dtbench merge``: a stranger's solver gets onto the board, and his claims are checked."""

import json

SOLVER = '''"""The first node always."""
import numpy as np

from dtbench.solver import Solver


class First(Solver):
    name = "first"
    deterministic = True
    problems = ("stin-deployment",)

    def decide(self, slot):
        return self.problem.heuristics["local"](slot)
'''


def test_a_submission_from_run_to_board(dtbench, tmp_path):
    """His solver beside ours, times marked or not, source in the file, head and tables tell who."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "first.py").write_text(SOLVER)
    home, away, bundle = tmp_path / "home", tmp_path / "away", tmp_path / "first.tar.xz"
    only = ["--instances", "stin-deployment/tiny-00[0-2]"]
    dtbench("run", "quick", *only, "--solvers", "greedy,local", "--results", home)
    dtbench("run", "quick", *only, "--solvers", "first", "--solvers-path", mine, "--results", away)
    told = json.loads(
        dtbench("pack", "--results", away, "--solvers-path", mine, "-o", bundle, "--who", "A. Name", "--json").out
    )
    assert (told["records"], told["planned"], told["who"]) == (told["planned"], told["records"], "A. Name")
    assert told["methods"][0]["file"] == "first.py"
    said = dtbench("merge", bundle, "--results", home)
    assert said.code == 0
    assert f"by A. Name: {told['records']} records taken in" in said.out
    board = json.loads(dtbench("leaderboard", "--results", home, "--json", "--format", "csv").out)
    labels = {row["solver"] for row in board["sections"][0]["rows"]}
    assert labels == {"greedy", "local", "first"}
    objective = {row["solver"]: row["gap_ratio"] for row in board["sections"][0]["rows"]}
    assert objective["first"] == objective["local"]


def test_errors_are_one_line(dtbench, tmp_path):
    said = dtbench("merge", tmp_path / "none.tar.xz", "--results", tmp_path / "board")
    assert said.code == 2
    assert "none.tar.xz' does not exist" in said.err
    said = dtbench("pack", "--results", tmp_path / "none", "-o", tmp_path / "x.tar.xz", "--who", "x")
    assert said.code == 2
    assert "holds no records" in said.err
