"""What the README shows works as it stands."""

import re
from pathlib import Path

import pytest

import dtbench
from dtbench.experiments.conformance import check
from dtbench.plugins.discovery import discover

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_example_in_python_runs(capsys):
    exec(compile(BLOCKS[0], "README.md", "exec"), {})
    assert " True " in capsys.readouterr().out


def test_the_functions_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(BLOCKS[1], "README.md", "exec"), names)
    assert names["board"].frame.solver.tolist() == ["exact", "greedy"]
    assert names["cells"].status.tolist() == ["ok"] * 6
    assert names["run"].folder == Path("results/quick")


def test_the_example_of_a_solver_passes_its_conformance_tests(tmp_path):
    (tmp_path / "spread.py").write_text(BLOCKS[2], encoding="utf-8")
    assert len(BLOCKS[2].splitlines()) <= 20
    checks = list(check(discover([tmp_path])["spread"]))
    assert len(checks) >= 4
    assert all(c.passed for c in checks), checks


def test_the_example_of_a_policy_is_a_solver(tmp_path):
    (tmp_path / "my-ppo.py").write_text(BLOCKS[3], encoding="utf-8")
    entry = discover([tmp_path])["my-ppo"]
    assert not entry.error
    assert entry.trains


def test_the_example_of_a_search_starts_where_the_rule_ends():
    known = {"problem": dtbench.problem("stin-deployment"), "instance": dtbench.load("stin-deployment/tiny-000")}
    known["slot"] = known["problem"].slot(known["instance"], 0, known["problem"].start(known["instance"]))
    exec(compile(BLOCKS[4], "README.md", "exec"), known)
    rule = known["problem"].heuristics["greedy"](known["slot"])
    assert known["cost"](known["start"]) == known["problem"].evaluate(known["slot"], rule).objective


@pytest.mark.parametrize("line", re.findall(r"^dtbench (\S+)", README, re.MULTILINE))
def test_commands_exist(line):
    from typer.main import get_command

    from dtbench.cli.main import app

    assert line in get_command(app).commands
