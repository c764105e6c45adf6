"""``dtbench list``: what there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

from dtbench.cli.output import Json, ProblemsPath, SolversPath, number, print_json, print_table
from dtbench.errors import DtbenchError
from dtbench.library import instances
from dtbench.library.best_known import best_horizon
from dtbench.params import unit_in_words
from dtbench.plugins.discovery import SolverEntry, discover
from dtbench.problems import all_problems, problem

Rows = tuple[list[str], list[list[Any]]]  # names of columns, rows
What = Literal["problems", "instances", "solvers", "suites", "sweeps", "claims"]


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        "list",
        epilog="Example: dtbench list solvers edge-placement; dtbench list instances edge-placement/paper --json",
    )(list_)


def list_(
    what: Annotated[What, typer.Argument(help="What to list.")],
    of: Annotated[
        str | None,
        typer.Argument(metavar="PROBLEM[/SIZE]", help="Of all but problems and suites: those of a problem only; of "
                       "instances also those of a size."),
    ] = None,
    solvers_path: SolversPath = None,
    json: Json = False,
    problems_path: ProblemsPath = None,
) -> None:  # fmt: skip
    """List problems, instances, solvers, suites, sweeps or claims of papers; `dtbench show NAME` says more of many."""
    owner, size = _of(what, of)
    lists: dict[What, Callable[[], Rows]] = {
        "problems": _problems,
        "instances": lambda: _instances(owner, size),
        "solvers": lambda: _solvers(solvers_path or [], owner),
        "suites": _suites,
        "sweeps": lambda: _sweeps(owner),
        "claims": lambda: _claims(owner),
    }
    columns, rows = lists[what]()
    if json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table("", columns, [[_text(item) for item in row] for row in rows])


def _of(what: What, of: str | None) -> tuple[str | None, str | None]:
    """Problem and size that a list is of."""
    if of is None:
        return None, None
    if what in ("problems", "suites"):
        raise DtbenchError(f"`dtbench list {what}` lists all of them; leave '{of}' out.")
    id, slash, size = of.partition("/")
    owner = problem(id)
    if not slash:
        return id, None
    if what != "instances":
        raise DtbenchError(f"{what} are of a problem, not of a size; try `dtbench list {what} {id}`.")
    owner.params(size)  # refuses an unknown one
    return id, size


def _text(item: Any) -> str:
    """An item of a list in words."""
    if isinstance(item, list):
        return ", ".join(item)
    if isinstance(item, float):
        return number(item)
    return "" if item is None else str(item)


def _problems() -> Rows:
    rows = [
        [
            p.id,
            len(instances.names(p.id)),
            p.sense,
            unit_in_words(p.unit),
            f"{p.paper.authors} ({p.paper.year})",
            p.title,
        ]
        for p in all_problems().values()
    ]  # fmt: skip
    return ["problem", "instances", "sense", "unit", "paper", "title"], rows


def _instances(owner: str | None, size: str | None) -> Rows:
    rows = []
    for name in instances.names(owner, size):
        best = best_horizon(name)
        known = [best.objective, best.gap, best.status] if best else [None, None, None]
        rows.append([name, *known])
    return ["instance", "best known", "proven gap", "status"], rows


def _solvers(paths: list[str], owner: str | None) -> Rows:
    rows: list[list[Any]] = []
    for entry in discover(paths).values():
        if owner is not None:
            if not entry.error and entry.takes(owner):
                rows.append([entry.name, _kind(entry, owner), entry.sees, entry.rules.get(owner, entry.summary)])
            continue
        taken = [id for id in all_problems() if entry.takes(id)] if not entry.error else []
        problems = "all" if len(taken) == len(all_problems()) else taken
        marks = ["trains"] if entry.trains else []
        rows.append([entry.name, problems, "" if entry.error else entry.sees, marks, entry.error or entry.summary])
    if owner is not None:
        return ["solver", "kind", "sees", "summary"], rows
    return ["solver", "problems", "sees", "marks", "summary"], rows


def _kind(entry: SolverEntry, owner: str) -> str:
    """What kind of method a solver is on a problem."""
    if owner in entry.rules:
        return "rule"
    return "learned" if entry.trains else "search"


def _suites() -> Rows:
    from dtbench.experiments import suite

    contents = [each.content for each in suite.built_in()]
    rows: list[list[Any]] = [[c.name, f"{c.title}. {c.description}."] for c in contents]
    return ["suite", "description"], rows


def _sweeps(owner: str | None) -> Rows:
    from dtbench.experiments import sweep

    rows: list[list[Any]] = []
    for each in sweep.built_in():
        if owner not in (None, each.content.problem):
            continue
        points = [f"{axis.name} = {', '.join(map(str, axis.values))}" for axis in each.axes]
        rows.append([each.content.name, each.content.problem, "; ".join(points), f"{each.content.summary}."])
    return ["sweep", "problem", "over", "description"], rows


def _claims(owner: str | None) -> Rows:
    from dtbench.experiments.studies import claims, studies

    columns = ["claim", "paper", "figure", "problem", "place", "kind", "claimed", "quote"]
    rows = [
        [
            claim.id, study.content.paper, study.content.figure, study.base.content.problem, claim.place, claim.kind,
            claim.said or claim.claimed, claim.quote,
        ]
        for study, claim in claims(studies())
        if owner in (None, study.base.content.problem)
    ]  # fmt: skip
    return columns, rows
