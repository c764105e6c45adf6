"""``dtbench tables``: tables for a paper in LaTeX, from verified records."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dtbench.cli.output import ProblemsPath, stderr
from dtbench.cli.scores import DEFAULT, Results, WithReference, boards, folders, names_of

if TYPE_CHECKING:
    from dtbench.reports.latex import PaperTable

COLUMN, PAGE = 29.0, 60.0  # em of \footnotesize in one column of a paper and in both; see `_remark`
ROWS = 45  # that a page holds beside caption and notes


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        epilog="Example: dtbench tables --results results/small --size small; dtbench tables --columns "
        "solver,gap,mean_rank,train_time --digits 2 --solvers greedy,genetic,vdn -o paper/tables",
    )(tables)


def tables(
    results: Results = None,
    reference: WithReference = False,
    problem_id: Annotated[str | None, typer.Option("--problem", metavar="PROBLEM", help="Only this problem.")] = None,
    size: Annotated[str | None, typer.Option(help="Only this size.")] = None,
    solvers: Annotated[
        str | None, typer.Option(metavar="LIST", help="Only these, by label or solver's name; ranks are theirs.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Columns of the problems' tables, in this order: rank, solver, sees, gap, "
                     "objective, mean_rank, repaired, proven, decision_time, train_time, cells, failures, marks. By "
                     "default those that fit one column of a paper."),
    ] = None,
    digits: Annotated[
        int | None, typer.Option(metavar="N", help="Digits of gaps, objectives and times.", min=2, max=9)
    ] = None,
    intervals: Annotated[bool, typer.Option(help="Show the intervals of gaps.")] = True,
    wide: Annotated[bool, typer.Option("--wide", help="Over both columns of the page (`table*`).")] = False,
    bare: Annotated[
        bool, typer.Option("--bare", help="The tabular alone, for a float, caption and notes of your own.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder to write to; by default `tables` in the folder of "
                     "the results, the first of them where there are several."),
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Check every record.")] = False,
    problems_path: ProblemsPath = None,
) -> None:  # fmt: skip
    """Write tables for a paper: PROBLEM.tex for each problem, and summary.tex over several.

    They fit one column of a two-column paper and need the package booktabs alone. The best value is bold, the second
    underlined; captions and notes say units, instances, seeds, intervals and what methods are given. Records are
    verified first; exit 1 if one does not hold.
    """
    from dtbench.reports import paper
    from dtbench.reports.columns import chosen
    from dtbench.reports.folder import Choice

    wanted = paper.Wanted(tuple(names_of(columns)), intervals)
    read = folders(results, reference)
    board, holds = boards(read, Choice(problem_id, size, tuple(names_of(solvers))), remembered=not no_cache)
    found = paper.tables(chosen(board, (), digits), wanted)
    files = paper.write(output or _beside(results, reference), found, wide=wide, bare=bare)
    for file, table in zip(files, found, strict=True):
        typer.echo(file)
        for remark in _remarks(table, wide):
            stderr.print(f"{file.name}: {remark}", markup=False, soft_wrap=True)
    if len(found) == 1:
        stderr.print("no summary.tex: it needs results of two problems or more.")
    if not holds:
        raise typer.Exit(1)


def _beside(results: list[Path] | None, reference: bool) -> Path:
    """Where tables go by default: beside the results; of the reference results alone, in the current folder."""
    if results:
        return results[0] / "tables"
    return Path("tables") if reference else DEFAULT / "tables"


def _remarks(table: PaperTable, wide: bool) -> list[str]:
    """What will not fit a page.

    One column of a paper has 240 to 252 pt, 29 em of its \\footnotesize or more; both have twice that.
    """
    remarks = []
    if table.least > (PAGE if wide else COLUMN):
        where = "the page" if wide else "a column"
        more = "" if wide else ", or --wide"
        remarks.append(f"too wide for {where} of a paper: choose fewer --columns, --no-intervals{more}.")
    if table.length > ROWS:
        remarks.append(f"{table.length} rows; a page holds about {ROWS}: choose with --size or --solvers.")
    return remarks
