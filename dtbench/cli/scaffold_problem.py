"""``dtbench new-problem`` and ``dtbench check-problem``: from nothing to a problem that keeps every law."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Annotated

import typer

from dtbench.cli.output import Json, ProblemsPath, print_json, print_table, stderr
from dtbench.errors import DtbenchError
from dtbench.problems import all_problems, problem

TEMPLATE = Path(__file__).parent / "toy_problem"
WORDS = ("toy-problem", "toy_problem", "Toy")  # of the template: its id, its package, what its classes begin with
PYPROJECT = """[build-system]
requires = ["hatchling>=1.26"]
build-backend = "hatchling.build"

[project]
name = "{package}"
version = "0.1.0"
description = "{id}: a problem of dtbench"
requires-python = ">=3.11"
dependencies = ["dtbench"]

[project.entry-points."dtbench.problems"]
{id} = "{package}"

[tool.hatch.build.targets.wheel]
packages = ["{package}"]
"""


def add_to(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(
        "new-problem",
        epilog="Example: dtbench new-problem my-problem && dtbench check-problem my-problem --problems-path my-problem",
    )(new_problem)
    app.command("check-problem", epilog="Example: dtbench check-problem my-problem --problems-path my-problem")(
        check_problem
    )


def new_problem(
    name: Annotated[str, typer.Argument(help="Id of the problem: lower-case words with hyphens.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="Folder to make.", show_default="the name")
    ] = None,
    problems_path: ProblemsPath = None,
) -> None:
    """Write a small package with a problem that works: change it file by file into your own."""
    package = name.replace("-", "_")
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        raise DtbenchError(f"problem name is '{name}'; expected lower-case words with hyphens, as 'my-problem'.")
    if name in all_problems():
        raise DtbenchError(f"problem '{name}' exists already. Choose another name.")
    if importlib.util.find_spec(package) is not None:
        raise DtbenchError(f"problem name is '{name}'; there is a module '{package}' already. Choose another name.")
    folder = output or Path(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DtbenchError(f"'{folder}' exists already and is not an empty folder; remove it or choose another one.")
    written = {Path("pyproject.toml"): PYPROJECT.format(id=name, package=package)}
    for file in sorted(TEMPLATE.glob("*.py")):
        written[Path(package, file.name)] = _renamed(file.read_text(encoding="utf-8"), name)
    for path, text in written.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    stderr.print(
        f"wrote {folder / package} ({len(written) - 1} files) and {folder / 'pyproject.toml'}\n"
        f"next: edit it, then dtbench check-problem {name} --problems-path {folder}\n"
        f"or install it once: python -m pip install -e {folder}",
        markup=False, soft_wrap=True,
    )  # fmt: skip


def _renamed(text: str, name: str) -> str:
    camel = "".join(part.capitalize() for part in name.split("-"))
    for word, new in zip(WORDS, (name, name.replace("-", "_"), camel), strict=True):
        text = text.replace(word, new)
    return text


def check_problem(
    name: Annotated[str, typer.Argument(help="Id of the problem.")],
    json: Json = False,
    problems_path: ProblemsPath = None,
) -> None:
    """Try every law on a problem, on small instances, in this process; exit 1 if one is broken."""
    from dtbench.laws.check import check

    verdicts = list(check(problem(name)))
    if json:
        print_json([vars(verdict) for verdict in verdicts])
    else:
        rows = [["pass" if v.passed else "FAIL", v.law, v.detail] for v in verdicts]
        print_table(name, ["", "law", "detail"], rows)
    if not all(verdict.passed for verdict in verdicts):
        raise typer.Exit(1)
