"""``dtbench leaderboard`` and ``dtbench verify``: from records to tables, and back to the decisions behind them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dtbench.cli.output import Json, ProblemsPath, json_text, print_json, print_table, stderr, stdout
from dtbench.cli.progress import steps
from dtbench.errors import DtbenchError
from dtbench.library import instances
from dtbench.library.best_known import best_horizon
from dtbench.problems import all_problems
from dtbench.reports.numbers import one_line

if TYPE_CHECKING:
    from dtbench.experiments.memory import Memo
    from dtbench.experiments.verify import Lacking, VerifyReport

SOME = 5
UNPLANNED = "run their suite, or name them with --solvers or --seeds, to plan them (what is done is not run again)"
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
        str, typer.Option("--format", metavar="LIST", help="Files to write, of md, csv, tex and html.")
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
    from dtbench.reports.leaderboard import build
    from dtbench.reports.render import as_data, write
    from dtbench.reports.scores import ProblemFacts
    from dtbench.reports.terminal import terminal

    with steps(stderr, f"verifying {results}") as progress:
        report = verify_records(results, progress, remembered=not no_cache)
    lines = [f"does not hold: {mismatch.record}: {mismatch.reason}" for mismatch in report.mismatches]
    lines += coverage(report)
    if not report.records and not report.lacking:
        for text in lines:
            stderr.print(text, markup=False, soft_wrap=True)
        raise DtbenchError(f"no record in '{results}' holds; see `dtbench verify --results {results}`.")
    known = {name: best.objective for name in instances.names() if (best := best_horizon(name)) is not None}
    facts = {id: ProblemFacts.of(owner) for id, owner in all_problems().items()}
    board = build(report.records, known, facts, report.lacking, _origin(report))
    files = write(results, board, formats)
    with stdout.capture() as shown:
        stdout.print(terminal(board))
    text = json_text(as_data(board)) + "\n" if json else shown.get()
    return {"lines": lines, "text": text, "files": {f.name: checksum(f) for f in files}, "wrong": not report.ok}


def _memo(results: Path, command: str, *more: object) -> Memo:
    """What the command made of the folder when it was called last, in the same way."""
    from dtbench.experiments.check import solvers_told
    from dtbench.experiments.memory import Memo

    return Memo(results, command, f"{more}\n{solvers_told()}")


def _written(results: Path, files: dict[str, str]) -> bool:
    """Whether files that were written are there, unchanged."""
    from dtbench.experiments.memory import checksum

    return all(checksum(results / name) == digest for name, digest in files.items())


def coverage(report: VerifyReport) -> list[str]:
    """What is planned and what is there, in lines; nothing where every planned cell has a record that counts."""
    lines = []
    if report.plan is None:
        lines.append(
            f"no plan: {_instead(report)}; run the suite again to store its plan (what is done is not run again)"
        )
    for lack, cells in _by_lack(report).items():
        shown = ", ".join(sorted({f"{each.cell.label} on {each.cell.instance}" for each in cells})[:SOME])
        more = ", ..." if len(cells) > SOME else ""
        lines.append(f"{len(cells)} planned cells {lack}: {one_line(shown + more)}")
    if report.unplanned:
        lines.append(
            f"{len(report.unplanned)} records are of cells that are not planned, and are left out: {UNPLANNED}"
        )
    if report.of_another_version:
        lines.append(
            f"{len(report.of_another_version)} records were made by another version of dtbench or of the problem"
        )
    return lines


def _instead(report: VerifyReport) -> str:
    """What is taken for the plan where there is none."""
    why = "the stored one cannot be read" if report.plan_faults else "none is stored"
    return f"{why}, so every solver is taken to owe each of its seeds on every instance of its problem and size"


def _by_lack(report: VerifyReport) -> dict[str, list[Lacking]]:
    found: dict[str, list[Lacking]] = {}
    for each in report.lacking:
        if each.lack != "not valid":  # named one by one
            found.setdefault(each.lack, []).append(each)
    return found


def _origin(report: VerifyReport) -> dict[str, str]:
    """What the leaderboard says of the plan."""
    if report.plan is None:
        return {"plan": _instead(report)}
    suites = ", ".join(f"{suite.name} (sha256 {suite.sha256[:8]})" for suite in report.plan.suites)
    left_out = (
        {"left out": f"{len(report.unplanned)} records of cells that are not planned"} if report.unplanned else {}
    )
    return {"plan": one_line(f"{len(report.plan.cells)} cells of {suites}")} | left_out


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
