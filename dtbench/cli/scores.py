"""``dtbench leaderboard`` and ``dtbench verify``: from records to tables, and back to the decisions behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dtbench.cli.output import Json, print_json, print_table, stderr, stdout
from dtbench.errors import DtbenchError
from dtbench.library import instances
from dtbench.library.best_known import best_horizon
from dtbench.problems import all_problems

Results = Annotated[Path, typer.Option("--results", metavar="DIR", help="Folder of results.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(epilog="Example: dtbench leaderboard --results results/quick --format md,html")(leaderboard)
    app.command(epilog="Example: dtbench verify --results results/quick; dtbench verify --instances")(verify)


def leaderboard(
    results: Results = Path("results/quick"),
    formats: Annotated[
        str, typer.Option("--format", metavar="LIST", help="Files to write, of md, csv, tex and html.")
    ] = "md,csv,tex,html",
    json: Json = False,
) -> None:
    """Print the leaderboard of the records in a folder and write its files there.

    Records are verified first; one that does not hold is named and left out, and the command exits with 1.
    """
    from dtbench.experiments.store import Store
    from dtbench.experiments.verify import verify as verify_records
    from dtbench.reports.leaderboard import build
    from dtbench.reports.render import as_data, write
    from dtbench.reports.scores import ProblemFacts
    from dtbench.reports.terminal import terminal

    report = verify_records(results)
    bad = {mismatch.record for mismatch in report.mismatches}
    for mismatch in report.mismatches:
        stderr.print(f"left out: {mismatch.record}: {mismatch.reason}", markup=False, soft_wrap=True)
    store = Store(results)
    held = [store.read(stem) for stem in store.stems() if stem not in bad]
    if not held:
        raise DtbenchError(f"no record in '{results}' holds; see `dtbench verify --results {results}`.")
    known = {name: best.objective for name in instances.names() if (best := best_horizon(name)) is not None}
    board = build(held, known, {id: ProblemFacts.of(owner) for id, owner in all_problems().items()})
    files = write(results, board, [name.strip() for name in formats.split(",") if name.strip()])
    if json:
        print_json(as_data(board))
    else:
        stdout.print(terminal(board))
    stderr.print("written: " + ", ".join(str(file) for file in files), markup=False, soft_wrap=True)
    if bad:
        raise typer.Exit(1)


def verify(
    results: Annotated[
        Path | None, typer.Option("--results", metavar="DIR", help="Score the decisions of these records again.")
    ] = None,
    check_instances: Annotated[
        bool, typer.Option("--instances", help="Check the shipped instances and best known values.")
    ] = False,
    json: Json = False,
) -> None:
    """Check evidence: records against their decisions, or the library against its checksums; exit 1 on a mismatch."""
    if (results is None) == (not check_instances):
        raise DtbenchError("name what to verify: --results DIR, or --instances.")
    checked, wrong = _library() if results is None else _records(results)
    if json:
        print_json({"checked": checked, "mismatches": [{"name": n, "reason": r} for n, r in wrong]})
    else:
        if wrong:
            print_table("", ["name", "what is wrong"], wrong)
        stdout.print(f"{checked} checked, {len(wrong)} wrong")
        if wrong and results is not None:
            stdout.print(f"remove the wrong ones from {results / 'records'} and run the suite again to replace them")
    if wrong:
        raise typer.Exit(1)


def _records(results: Path) -> tuple[int, list[tuple[str, str]]]:
    from dtbench.experiments.verify import verify as verify_records

    report = verify_records(results)
    return report.checked, [(m.record, m.reason) for m in report.mismatches]


def _library() -> tuple[int, list[tuple[str, str]]]:
    from dtbench.library import check as library_check

    found = list(library_check.verify())
    return len(found), [(f.name, f.message) for f in found if f.message]
