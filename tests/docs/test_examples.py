"""What the README and the documentation show works as it stands."""

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

import dtbench
from dtbench.cli.main import app
from dtbench.experiments.conformance import check
from dtbench.experiments.record import Record
from dtbench.experiments.suite import SuiteFile
from dtbench.plugins.discovery import discover

from .blocks import FENCE, ROOT, blocks, commands, pages

COMMANDS = get_command(app).commands
RUN_ELSEWHERE = {"README.md", "docs/add-solver.md", "docs/policies.md", "docs/quickstart.md"}  # by a test below


def run(block: str, names: dict) -> dict:
    exec(compile(block, "example", "exec"), names)
    return names


def test_the_example_in_python_runs(capsys):
    run(blocks("docs/quickstart.md", "python")[0], {})
    assert " True " in capsys.readouterr().out


def test_the_functions_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = run(blocks("docs/quickstart.md", "python")[1], {})
    assert names["board"].frame.solver.tolist() == ["exact", "greedy"]
    assert names["cells"].status.tolist() == ["ok"] * 6
    assert names["run"].folder == Path("results/quick")


def test_the_example_of_a_solver_passes_its_conformance_tests(tmp_path):
    (example,) = blocks("README.md", "python")
    assert blocks("docs/add-solver.md", "python") == [example]
    (tmp_path / "spread.py").write_text(example, encoding="utf-8")
    assert len(example.splitlines()) <= 20
    checks = list(check(discover([tmp_path])["spread"]))
    assert len(checks) >= 4
    assert all(c.passed for c in checks), checks


def test_the_example_of_a_policy_is_a_solver(tmp_path, monkeypatch):
    pytest.importorskip("stable_baselines3")
    monkeypatch.chdir(tmp_path)
    training, solver = blocks("docs/policies.md", "python")[:2]
    assert "32_768" in training
    run(training.replace("32_768", "64"), {"dtbench": dtbench})
    (tmp_path / "my-ppo.py").write_text(solver, encoding="utf-8")
    entry = discover([tmp_path])["my-ppo"]
    assert not entry.error
    assert entry.trains
    checks = list(check(entry))
    assert "solves a fresh instance" in [c.what for c in checks]
    assert all(c.passed for c in checks), checks


def test_the_example_of_a_search_starts_where_the_rule_ends():
    known = {"problem": dtbench.problem("stin-deployment"), "instance": dtbench.load("stin-deployment/tiny-000")}
    known["slot"] = known["problem"].slot(known["instance"], 0, known["problem"].start(known["instance"]))
    run(blocks("docs/policies.md", "python")[2], known)
    rule = known["problem"].heuristics["greedy"](known["slot"])
    assert known["cost"](known["start"]) == known["problem"].evaluate(known["slot"], rule).objective


@pytest.mark.parametrize(
    "page",
    [
        name
        for name in (str(page.relative_to(ROOT)) for page in pages())
        if name not in RUN_ELSEWHERE and blocks(name, "python")
    ],
)
def test_other_examples_run_one_after_the_other(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in blocks(page, "python"):
        run(block, names)


def test_the_fields_of_a_record_are_explained():
    section = (ROOT / "docs" / "results.md").read_text(encoding="utf-8").split("## A record")[1].split("\n## ")[0]
    first = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", " ".join(first))) == set(Record.model_fields)


def test_suites_of_the_pages_are_suites():
    found = [tomllib.loads(block) for page in pages() for block in blocks(str(page.relative_to(ROOT)), "toml")]
    assert found
    for text in found:
        assert SuiteFile.model_validate(text).name == text["name"]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist_and_take_the_options_that_are_shown(page):
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for line in commands(page):
        words = shlex.split(line)
        if words[:1] == ["dtbench"]:
            assert words[1] in COMMANDS, line
            options = COMMANDS[words[1]].real.params
            known = {name for option in options for name in (*option.opts, *option.secondary_opts)}
            for word in words[2:]:
                assert not re.match(r"-[-a-z]", word) or word.split("=")[0] in known, f"{line}: no option {word}"
        elif words[:1] == ["make"]:
            named = [word for word in words[1:] if word != "&&" and re.fullmatch(r"[a-z-]+", word)]
            assert set(named[:1]) & set(targets), line
        elif words[:1] == ["python"]:
            assert words[1] == "-m" or (ROOT / words[1]).is_file(), line


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)#:\s]+)[^):]*\)", text):
        assert (page.parent / target).exists(), target
    for target in re.findall(r"\{doc\}`([^`]+)`", text):
        assert (page.parent / f"{target}.md").is_file(), target


def test_the_readme_fits_two_screens_and_its_pictures_are_light():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= 110
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", readme)
    assert 1 <= len(pictures) <= 2
    assert all((ROOT / picture).stat().st_size < 150_000 for picture in pictures)


def test_every_problem_has_a_page_that_is_linked():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    index = (ROOT / "docs" / "problems" / "index.md").read_text(encoding="utf-8")
    for file in (ROOT / "docs" / "problems").glob("*.md"):
        if file.stem != "index":
            assert file.stem in dtbench.all_problems()
            assert f"docs/problems/{file.name}" in readme
            assert f"\n{file.stem}\n" in index
            text = file.read_text(encoding="utf-8")
            exactness = dtbench.problem(file.stem).exactness
            assert all(f"`{method}`" in text for method in (*exactness.methods, *exactness.bracket_methods))
    assert len(re.findall(r"docs/problems/[\w-]+\.md\) \|", readme)) == 6
