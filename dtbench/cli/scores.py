"""``dtbench leaderboard`` and ``dtbench verify``: from records to tables, and back to the decisions behind them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dtbench.cli.output import Json, ProblemsPath, print_json, print_table, stderr, stdout
from dtbench.cli.progress import steps
from dtbench.errors import DtbenchError
from dtbench.library import instances
from dtbench.library.best_known import best_horizon
from dtbench.problems import all_problems
from dtbench.reports.numbers import one_line

if TYPE_CHECKING:
    from dtbench.experiments.verify import Lacking, VerifyReport
    from dtbench.reports.scores import ProblemFacts, ProblemRuns

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
    from dtbench.reports.leaderboard import build
    from dtbench.reports.render import as_data, write
    from dtbench.reports.terminal import terminal

    report = _verified(results, no_cache)
    known, facts = _known()
    board = build(report.records, known, facts, report.lacking, _origin(report))
    files = write(results, board, [name.strip() for name in formats.split(",") if name.strip()])
    if json:
        print_json(as_data(board))
    else:
        stdout.print(terminal(board))
    stderr.print("written: " + ", ".join(str(file) for file in files), markup=False, soft_wrap=True)
    if not report.ok:
        raise typer.Exit(1)


def collected(results: Path) -> tuple[tuple[ProblemRuns, ...], bool]:
    """What a folder of results says, as the leaderboard counts it, and whether all records hold.

    What is wrong or missing is named on stderr.

    Raises
    ------
    DtbenchError
        If no record holds.
    """
    from dtbench.reports.scores import collect

    report = _verified(results, no_cache=False)
    return collect(report.records, *_known(), report.lacking), report.ok


def _verified(results: Path, no_cache: bool) -> VerifyReport:
    """The records of a folder, checked; what does not hold or is not there is named."""
    from dtbench.experiments.verify import verify as verify_records

    with steps(stderr, f"verifying {results}") as progress:
        report = verify_records(results, progress, remembered=not no_cache)
    for mismatch in report.mismatches:
        stderr.print(f"does not hold: {mismatch.record}: {mismatch.reason}", markup=False, soft_wrap=True)
    for text in coverage(report):
        stderr.print(text, markup=False, soft_wrap=True)
    if not report.records and not report.lacking:
        raise DtbenchError(f"no record in '{results}' holds; see `dtbench verify --results {results}`.")
    return report


def _known() -> tuple[dict[str, float], dict[str, ProblemFacts]]:
    """Best known values of the horizons, and facts of the problems."""
    from dtbench.reports.scores import ProblemFacts

    known = {name: best.objective for name in instances.names() if (best := best_horizon(name)) is not None}
    return known, {id: ProblemFacts.of(owner) for id, owner in all_problems().items()}


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
    checked, wrong, more, lines = _library() if results is None else _records(results, no_cache)
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
