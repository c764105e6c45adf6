"""``dtbench compare``: two solvers in pairs, from verified records."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dtbench.cli.output import Json, ProblemsPath, json_text, print_json, stderr, stdout
from dtbench.cli.scores import Results, WithReference, collected, folders
from dtbench.drawing.style import FORMATS, encoded, format_of
from dtbench.errors import DtbenchError
from dtbench.files import write_safely

if TYPE_CHECKING:
    from dtbench.reports.comparison import Comparison


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        epilog="Example: dtbench compare genetic greedy --results results/quick -o pair.png -o pair.tex",
    )(compare)


def compare(
    first: Annotated[str, typer.Argument(metavar="A", help="Solver, as the leaderboard calls it.")],
    second: Annotated[str, typer.Argument(metavar="B", help="Solver to compare it with.")],
    results: Results = None,
    reference: WithReference = False,
    problem_id: Annotated[str | None, typer.Option("--problem", metavar="PROBLEM", help="Only this problem.")] = None,
    size: Annotated[str | None, typer.Option(help="Only this size.")] = None,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="File to write: .png, .svg, .pdf, .tex or .json; repeatable."
        ),
    ] = None,
    json: Json = False,
    problems_path: ProblemsPath = None,
) -> None:
    """Compare two solvers on what both have done: how much better A is than B, and whether that is shown.

    Runs of the same instance and seed are a pair; a single run on an instance is paired with each run of the other.
    Advantage: relative to the best known value, interquartile mean, bootstrap interval. Win / tie / loss and Wilcoxon's
    test are over instances, adjusted over problems and sizes (Holm). Records are verified first; exit 1 if one does not
    hold.
    """
    from dtbench.reports import comparison

    forms = [(file, format_of(file, ("tex", "json"))) for file in output or []]
    for file, _ in forms:
        if not file.absolute().parent.is_dir():
            raise DtbenchError(f"folder '{file.parent}' does not exist; make it first.")
    read = folders(results, reference)
    comparison.check_names((first, second), labels(read))  # before all records are verified
    groups, holds = collected(read)
    found = comparison.compare(groups, first, second, problem=problem_id, size=size)
    for file, form in forms:
        write_safely(file, content(found, form))
    if json:
        print_json(found.as_data())
    else:
        from dtbench.reports.comparison_output import terminal

        stdout.print(terminal(found))
    if forms:
        stderr.print(f"written: {', '.join(str(file) for file, _ in forms)}", markup=False, soft_wrap=True)
    if not holds:
        raise typer.Exit(1)


def labels(results: Sequence[Path]) -> dict[str, set[str]]:
    """Labels in folders of results and the solvers of each, from plans and records as they are."""
    from dtbench.experiments import plan_file
    from dtbench.experiments.store import Store

    found: dict[str, set[str]] = {}
    for store in map(Store, results):
        plan = plan_file.read(store)
        for cell in [each.cell for each in plan.cells.values()] if plan else [each.cell for each in store.scan()[0]]:
            found.setdefault(cell.label, set()).add(cell.solver)
    return found


def content(found: Comparison, form: str) -> bytes:
    """A comparison as the content of a file."""
    from dtbench.reports.comparison_output import figure, latex

    if form in FORMATS:
        return encoded(figure(found), form)
    return (latex(found) if form == "tex" else json_text(found.as_data()) + "\n").encode()
