"""From `dtbench new-problem` to a leaderboard, outside the checkout."""

import json
import subprocess
import sys

import gymnasium
import pytest

from dtbench.envs import make_env, register_envs

SUITE = """\
name = "mine"
title = "Mine"
description = "My problem"
instances = ["mine.nc"]
seeds = 1

[limits]
seconds = 60.0
memory_gib = 4.0

[[solvers]]
name = "greedy"

[[solvers]]
name = "random"

[[solvers]]
name = "genetic"
options = { generations = 5 }

[[solvers]]
name = "exact"
"""


@pytest.fixture
def call(dtbench, tmp_path, monkeypatch, few_problems):
    """A command in the folder; it must end with 0 unless said otherwise."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, code=0):
        result = dtbench(*arguments)
        assert result.code == code, result.err + result.out
        return result

    ids = set(gymnasium.registry)
    yield run
    for id in set(gymnasium.registry) - ids:
        del gymnasium.registry[id]


def test_a_new_problem_from_its_folder_to_a_leaderboard(call, tmp_path):
    made = call("new-problem", "assign-users", "-o", "mine")
    assert "dtbench check-problem assign-users --problems-path mine" in made.err
    listed = json.loads(call("list", "problems", "--json", "--problems-path", "mine").out)
    assert "assign-users" in [row["problem"] for row in listed]
    checked = json.loads(call("check-problem", "assign-users", "--json").out)
    assert len(checked) > 20
    assert [law["law"] for law in checked if not law["passed"]] == []

    call("generate", "assign-users", "tiny", "--seed", 3, "-o", "mine.nc")
    assert "rate from a user to a server" in call("show", "mine.nc").out
    proved = json.loads(call("solve", tmp_path / "mine.nc", "exact", "--json").out)
    assert proved["status"] == "ok"
    (tmp_path / "suite.toml").write_text(SUITE, encoding="utf-8")
    call("run", "suite.toml", "--results", "results")
    board = call("leaderboard", "--results", "results", "--json").out
    for solver in ("greedy", "random", "genetic", "exact"):
        assert f'"{solver}' in board
    call("verify", "--results", "results")

    register_envs()
    env = gymnasium.make("dtbench/assign-users-tiny-v0")
    env.reset(seed=0)
    assert env.step([0] * 4)[1] < 0
    assert make_env("assign-users/small", form="parallel").reset(seed=0)[0]["user_0"].shape == (3,)

    with (tmp_path / "mine" / "assign_users" / "model.py").open("a", encoding="utf-8") as file:
        file.write("# another text\n")
    code = "from dtbench.cli.main import main; main()"  # a process: this one has read the files before
    arguments = ["plan", "suite.toml", "--results", "results", "--json", "--problems-path", "mine"]
    plan = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert "stale" in plan.stdout


def test_the_folder_may_be_named_by_a_variable(call, tmp_path, monkeypatch):
    call("new-problem", "assign-by-variable", "-o", "mine")
    monkeypatch.setenv("DTBENCH_PROBLEMS_PATH", str(tmp_path / "mine"))
    call("generate", "assign-by-variable", "tiny", "-o", "mine.nc")
    assert json.loads(call("solve", tmp_path / "mine.nc", "greedy", "--json").out)["status"] == "ok"


def test_a_broken_package_takes_no_command_down(call, tmp_path):
    (tmp_path / "bad" / "broken").mkdir(parents=True)
    (tmp_path / "bad" / "broken" / "__init__.py").write_text("import no_such_module\nPROBLEMS = ()\n")
    listed = call("list", "problems", "--problems-path", "bad")
    assert "stin-deployment" in listed.out
    assert listed.err.count("\n") == 1
    assert "problem package 'broken'" in listed.err
    failed = call("check-problem", "broken", "--problems-path", "bad", code=2)
    assert "No module named 'no_such_module'" in failed.err.splitlines()[-1]


def test_a_law_that_is_broken_exits_1(call, tmp_path):
    call("new-problem", "assign-too-many", "-o", "mine")
    repair = tmp_path / "mine" / "assign_too_many" / "repair.py"
    repair.write_text(repair.read_text().replace("< p.capacity", "<= p.capacity"))
    failed = json.loads(call("check-problem", "assign-too-many", "--json", "--problems-path", "mine", code=1).out)
    assert "Encodings decode every joint action to a feasible decision" in [v["law"] for v in failed if not v["passed"]]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("My Problem", "expected lower-case words"),
        ("../x", "expected lower-case words"),
        ("stin-deployment", "problem 'stin-deployment' exists already"),
        ("numpy", "there is a module 'numpy' already"),
    ],
)
def test_names(dtbench, tmp_path, name, words):
    result = dtbench("new-problem", name, "-o", tmp_path / "new")
    assert result.code == 2
    assert words in result.err
    assert not (tmp_path / "new").exists()


def test_what_is_there_stays(dtbench, tmp_path):
    (tmp_path / "file").write_text("mine")
    result = dtbench("new-problem", "assign-users", "-o", tmp_path)
    assert result.code == 2
    assert "exists already" in result.err
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
