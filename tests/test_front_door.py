"""The files that a newcomer, a package index and a citation manager read first."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

import dtbench
from dtbench.problems import all_problems, registry

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_citation_file_is_valid_and_names_the_five_papers():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["message"]
    assert citation["title"].startswith("dtbench")
    assert citation["type"] == "software"
    assert citation["license"] == PROJECT["project"]["license"]
    assert [author["name"] for author in citation["authors"]] == [a["name"] for a in PROJECT["project"]["authors"]]
    shipped = [p.paper for id, p in all_problems().items() if registry.current().folders[id].is_relative_to(ROOT)]
    papers = {
        (", ".join(author["family-names"] for author in each["authors"]), each["title"].lower(), each["year"])
        for each in citation["references"]
    }
    assert papers == {(paper.authors, paper.title.lower(), paper.year) for paper in shipped}
    assert len(papers) == len(citation["references"]) == 5
    assert {each["type"] for each in citation["references"]} == {"article"}


def test_versions_agree():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["version"]) == PROJECT["project"]["version"] == dtbench.__version__


def test_the_sdist_holds_what_the_makefile_and_contributing_name():
    held = PROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    held = {*(path.lstrip("/") for path in held), "pyproject.toml", "README.md", "LICENSE", ".gitignore"}  # hatch's own
    sources = re.search(r"^SOURCES := (.*)$", MAKEFILE, re.MULTILINE)[1].split()
    named = {*sources, "constraints.txt", "tests", *PROJECT["tool"]["mypy"]["files"]}
    named |= {path.split("/")[0] for path in re.findall(r"`([\w.]+/?[\w./]*)`", CONTRIBUTING) if (ROOT / path).exists()}
    named -= {"dist"}  # what `make dist` builds
    assert named <= held
    assert {"CONTRIBUTING.md", "CITATION.cff", ".pre-commit-config.yaml", ".github"} <= held


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("dtbench/learning/ppo/actors.py", "ratio.clamp(1 - clip, 1 + clip)"),
        ("dtbench/learning/qlearning/learner.py", "def td_targets"),
        ("dtbench/experiments/record.py", "def key(self)"),
        ("dtbench/problems/stin_deployment/model.py", "# Eq. (13d)"),
        ("dtbench/problems/edge_association/placement/heuristics.py", "def nearest"),
        ("dtbench/core.py", "class Problem("),
    ],
)
def test_contributing_says_where_things_are(path, words):
    assert f"| `{path}`" in CONTRIBUTING
    assert words in (ROOT / path).read_text(encoding="utf-8")


def test_the_drawing_shows_every_room_and_file_that_it_names():
    drawing = re.search(r"```\ndtbench/\n(.*?)```", CONTRIBUTING, re.DOTALL)[1]
    for room in (ROOT / "dtbench").iterdir():
        if room.name not in ("__init__.py", "__pycache__", "py.typed", "_data"):
            assert re.search(rf"\b{room.stem}\b", drawing), f"{room.name} is missing in the drawing"
    for family in (ROOT / "dtbench" / "learning").glob("*/learner.py"):
        assert f"{family.parent.name}/" in drawing


def test_every_command_of_contributing_exists():
    from typer.main import get_command

    from dtbench.cli.main import app

    for line in re.findall(r"\bdtbench ([a-z][a-z-]+) ", CONTRIBUTING):
        assert line in get_command(app).commands, line
    for target in re.findall(r"`?make ([a-z-]+)", CONTRIBUTING):
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target


def test_the_workflow_runs_make_test_on_every_python_that_is_named():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    job = workflow["jobs"]["test"]
    assert job["steps"][-1]["run"] == "make test"
    named = [each for each in PROJECT["project"]["classifiers"] if re.fullmatch(r".*:: 3\.\d+", each)]
    assert [f"Programming Language :: Python :: {each}" for each in job["strategy"]["matrix"]["python"]] == named
    assert workflow["jobs"]["newest"]["steps"][-1]["run"] == "make test CONSTRAINTS="
    assert workflow["jobs"]["clients"]["steps"][-1]["run"] == "make clients"


def test_templates_and_hooks_are_valid_yaml():
    for file in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"):
        form = yaml.safe_load(file.read_text(encoding="utf-8"))
        assert {"name", "description", "body"} <= form.keys()
        assert all(field["attributes"]["label"] for field in form["body"])
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert [hook["entry"].split()[:2] for hook in local["hooks"]] == [
        [".venv/bin/ruff", "format"], [".venv/bin/ruff", "check"],
    ]  # fmt: skip
