"""``dtbench leaderboard`` and ``dtbench verify``: from records to tables, and back to the decisions behind them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dtbench.cli.output import Json, ProblemsPath, json_text, print_json, print_table, stderr, stdout
from dtbench.cli.progress import steps
from dtbench.errors import DtbenchError
from dtbench.library import instances

if TYPE_CHECKING:
    from dtbench.experiments.memory import Memo
    from dtbench.reports.scores import ProblemRuns

NoCache = Annotated[
    bool, typer.Option("--no-cache", help="Check every record, also those that held before and are unchanged.")
]
Results = Annotated[Path, typer.Option("--results", metavar="DIR", help="Folder of results.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(epilog="Example: dtbench leaderboard --results results/quick --format md,html")(leaderboard)
    app.command(epilog="Example: dtbench verify --results results/quick; dtbench verify --instances")(verify)


def leaderboard(
    results: Results = Path("results/quick"),
    formats: Annotated[
        str, typer.Option("--format", metavar="LIST", help="Files to write, of md, csv, tex, html and parquet.")
    ] = "md,csv,tex,html",
    no_cache: NoCache = False,
    json: Json = False,
    problems_path: ProblemsPath = None,
) -> None:
    """Print the leaderboard of a folder of results and write its files there.

    It counts against the plan that was stored when the results were run. Records are verified first; one that does not
    hold is named and counts as not valid, and the command exits with 1.
    """
    wanted = [name.strip() for name in formats.split(",") if name.strip()]
    memo = None if no_cache else _memo(results, "leaderboard", json, wanted, stdout.width, stdout.color_system)
    said = None if memo is None else memo.recall()
    if said is None or not _written(results, said["files"]):
        said = _leaderboard(results, wanted, json, no_cache)
        if memo is not None and not said["wrong"]:
            memo.keep(said)
    for text in said["lines"]:
        stderr.print(text, markup=False, soft_wrap=True)
    typer.echo(said["text"], nl=False)
    files = ", ".join(str(results / name) for name in said["files"])
    stderr.print(f"written: {files}", markup=False, soft_wrap=True)
    if said["wrong"]:
        raise typer.Exit(1)


def _leaderboard(results: Path, formats: list[str], json: bool, no_cache: bool) -> dict[str, Any]:
    """Verify, make the leaderboard, write its files; gives what is to be said, and the checksums of the files."""
    from dtbench.experiments.memory import checksum
    from dtbench.experiments.verify import verify as verify_records
    from dtbench.reports.folder import board_of, remarks
    from dtbench.reports.render import as_data, write
    from dtbench.reports.terminal import terminal

    with steps(stderr, f"verifying {results}") as progress:
        report = verify_records(results, progress, remembered=not no_cache)
    lines = list(remarks(report))
    try:
        board = board_of(report, results)
    except DtbenchError:
        for text in lines:
            stderr.print(text, markup=False, soft_wrap=True)
        raise
    files = write(results, board, formats)
    with stdout.capture() as shown:
        stdout.print(terminal(board))
    text = json_text(as_data(board)) + "\n" if json else shown.get()
    return {"lines": lines, "text": text, "files": {f.name: checksum(f) for f in files}, "wrong": not report.ok}


def collected(results: Path) -> tuple[tuple[ProblemRuns, ...], bool]:
    """What a folder of results says, as the leaderboard counts it, and whether all records hold.

    What is wrong or missing is named on stderr.

    Raises
    ------
    DtbenchError
        If no record holds.
    """
    from dtbench.experiments.verify import verify as verify_records
    from dtbench.reports.folder import remarks, runs_of

    with steps(stderr, f"verifying {results}") as progress:
        report = verify_records(results, progress)
    for text in remarks(report):
        stderr.print(text, markup=False, soft_wrap=True)
    return runs_of(report, results), report.ok


def _memo(results: Path, command: str, *more: object) -> Memo:
    """What the command made of the folder when it was called last, in the same way."""
    from dtbench.experiments.check import solvers_told
    from dtbench.experiments.memory import Memo

    return Memo(results, command, f"{more}\n{solvers_told()}")


def _written(results: Path, files: dict[str, str]) -> bool:
    """Whether files that were written are there, unchanged."""
    from dtbench.experiments.memory import checksum

    return all(checksum(results / name) == digest for name, digest in files.items())


def verify(
    results: Annotated[
        Path | None, typer.Option("--results", metavar="DIR", help="Score the decisions of these records again.")
    ] = None,
    check_instances: Annotated[
        bool, typer.Option("--instances", help="Check the shipped instances and best known values.")
    ] = False,
    no_cache: NoCache = False,
    json: Json = False,
    problems_path: ProblemsPath = None,
) -> None:
    """Check evidence: records against decisions and plan, or the library against its checksums; exit 1 on a mismatch.

    Planned cells without a record are named; they are no mismatch.
    """
    if (results is None) == (not check_instances):
        raise DtbenchError("name what to verify: --results DIR, or --instances.")
    checked, wrong, more, lines = _library() if results is None else _remembered(results, no_cache)
    if json:
        print_json({"checked": checked, "mismatches": [{"name": n, "reason": r} for n, r in wrong]} | more)
    else:
        if wrong:
            print_table("", ["name", "what is wrong"], wrong)
        stdout.print(f"{checked} checked, {len(wrong)} wrong")
        for line in lines:
            stdout.print(line, markup=False, soft_wrap=True)
        if results is not None and any(name != "plan.json" for name, _ in wrong):
            stdout.print(f"remove the wrong ones from {results / 'records'} and run the suite again to replace them")
    if wrong:
        raise typer.Exit(1)


Checked = tuple[int, list[tuple[str, str]], dict[str, Any], list[str]]  # how many, what is wrong, facts, lines


def _remembered(results: Path, no_cache: bool) -> Checked:
    """What came out for a folder; the same as before if nothing there was wrong then, and nothing has changed."""
    memo = None if no_cache else _memo(results, "verify")
    if memo is not None and (said := memo.recall()) is not None:
        checked, more, lines = said
        return checked, [], more, lines
    checked, wrong, more, lines = _records(results, no_cache)
    if memo is not None and not wrong:
        memo.keep([checked, more, lines])
    return checked, wrong, more, lines


def _records(results: Path, no_cache: bool) -> Checked:
    from dtbench.experiments.verify import verify as verify_records
    from dtbench.reports.folder import coverage

    with steps(stderr, f"verifying {results}") as progress:
        report = verify_records(results, progress, remembered=not no_cache)
    facts = {
        "planned": None if report.plan is None else len(report.plan.cells),
        "lacking": [
            {"instance": each.cell.instance, "solver": each.cell.label, "seed": each.cell.seed, "what": each.lack}
            for each in report.lacking
        ],
        "unplanned": [record.cell.stem for record in report.unplanned],
        "of_another_version": [record.cell.stem for record in report.of_another_version],
    }
    return report.checked, [(m.record, m.reason) for m in report.mismatches], facts, coverage(report)


def _library() -> Checked:
    from dtbench.library import check as library_check

    found, files = [], len(instances.names())
    with steps(stderr, "verifying the library") as progress:
        for finding in library_check.verify():
            found.append(finding)
            progress(len(found), max(files, len(found)), "files")
    return len(found), [(f.name, f.message) for f in found if f.message], {}, []
