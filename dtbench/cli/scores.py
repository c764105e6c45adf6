"""``dtbench leaderboard`` and ``dtbench verify``: from records to tables, and back to the decisions behind them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dtbench.cli.output import Json, ProblemsPath, json_text, print_json, print_table, stderr, stdout
from dtbench.cli.progress import steps
from dtbench.errors import DtbenchError
from dtbench.experiments.policies import FOLDER
from dtbench.library import instances
from dtbench.machine import uncollected

if TYPE_CHECKING:
    from dtbench.experiments.memory import Memo
    from dtbench.experiments.verify import VerifyReport
    from dtbench.reports.folder import Choice
    from dtbench.reports.model import Leaderboard
    from dtbench.reports.scores import ProblemRuns

NoCache = Annotated[
    bool, typer.Option("--no-cache", help="Check every record, also those that held before and are unchanged.")
]
DEFAULT = Path("results/quick")
Results = Annotated[
    list[Path] | None,
    typer.Option(
        "--results", metavar="DIR", help="Folder of results, results/quick by default; repeatable: each is verified "
        "against its own plan, and a cell that several have counts once, as the first of them has it.",
    ),
]  # fmt: skip


WithReference = Annotated[
    bool,
    typer.Option("--reference", help="The reference results, too: what dtbench's own methods did on the library."),
]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(
        epilog="Example: dtbench leaderboard --results results/quick --format md,html; dtbench leaderboard --reference "
        "--size small --columns rank,solver,gap --digits 2; dtbench leaderboard --results results/small --reference"
    )(leaderboard)
    app.command(epilog="Example: dtbench verify --results results/quick; dtbench verify --instances")(verify)


def leaderboard(
    results: Results = None,
    reference: WithReference = False,
    formats: Annotated[
        str, typer.Option("--format", metavar="LIST", help="Files to write, of md, csv, tex, html and parquet.")
    ] = "md,csv,tex,html",
    problem_id: Annotated[str | None, typer.Option("--problem", metavar="PROBLEM", help="Only this problem.")] = None,
    size: Annotated[str | None, typer.Option(help="Only this size.")] = None,
    solvers: Annotated[
        str | None, typer.Option(metavar="LIST", help="Only these, by label or solver's name; ranks are theirs.")
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(metavar="LIST", help="Columns to show, in this order, by their names in leaderboard.csv or JSON: "
                     "rank, solver, gap, objective, mean_rank, repaired, proven, decision_time, train_time, cells, "
                     "failures, marks. Not shown unless named: gap_at_0_1s, gap_at_1s, gap_at_10s, gap_at_100s, "
                     "primal_integral."),
    ] = None,
    digits: Annotated[
        int | None, typer.Option(metavar="N", help="Digits of gaps, objectives and times.", min=2, max=9)
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder to write to. By default that of the results; "
                     "nothing is written where there are several, or only a part is chosen."),
    ] = None,
    no_cache: NoCache = False,
    json: Json = False,
    problems_path: ProblemsPath = None,
) -> None:  # fmt: skip
    """Print the leaderboard of folders of results and write its files.

    It counts against the plan that was stored when the results were run. Records are verified first; one that does not
    hold is named and counts as not valid, and the command exits with 1. What is planned, but not chosen by `--problem`,
    `--size` or `--solvers`, is as if it was not there.
    """
    asked = Asked(
        folders(results, reference), tuple(names_of(formats)), problem_id, size, tuple(names_of(solvers)),
        tuple(names_of(columns)), digits, output, json,
    )  # fmt: skip
    remembered = None if no_cache or len(asked.results) > 1 else asked.results[0]
    more = (*asked.facts, stdout.width, stdout.color_system)
    memo = None if remembered is None else _memo(remembered, "leaderboard", *more)
    said = None if memo is None else memo.recall()
    if said is None or not _written(said["files"]):
        said = _leaderboard(asked, no_cache)
        if memo is not None and not said["wrong"]:
            memo.keep(said)
    for text in said["lines"]:
        stderr.print(text, markup=False, soft_wrap=True)
    typer.echo(said["text"], nl=False)
    if said["files"]:
        stderr.print(f"written: {', '.join(said['files'])}", markup=False, soft_wrap=True)
    if said["wrong"]:
        raise typer.Exit(1)


def folders(results: list[Path] | None, reference: bool) -> tuple[Path, ...]:
    """Folders of results that a command is to read: those named, and the reference results if they are asked for."""
    named = results or ([] if reference else [DEFAULT])
    return tuple(dict.fromkeys([*named, *([reference_folder()] if reference else [])]))


def reference_folder() -> Path:
    """The reference results as a folder; they are unpacked, and scored again, when they are first asked for."""
    from dtbench.experiments.reference import unpacked

    with steps(stderr, "verifying the reference results, once") as progress:
        return unpacked(progress)


@dataclass(frozen=True)
class Asked:
    """What a call of ``leaderboard`` asks for."""

    results: tuple[Path, ...]
    formats: tuple[str, ...]
    problem: str | None = None
    size: str | None = None
    solvers: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    digits: int | None = None
    output: Path | None = None
    json: bool = False

    @property
    def facts(self) -> tuple[str, ...]:
        """All of it in words: what is remembered holds for the same call only."""
        return tuple(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self))

    @property
    def folder(self) -> Path | None:
        """Where files are written; None: nowhere."""
        part = self.problem or self.size or self.solvers or self.columns or self.digits or len(self.results) > 1
        return self.output or (None if part else self.results[0])


def names_of(given: str | None) -> list[str]:
    """Names of a list; a label such as ``genetic (generations=10, population=5)`` is one.

    >>> names_of("greedy, genetic (a=1, b=2)")
    ['greedy', 'genetic (a=1, b=2)']
    """
    return [name.strip() for name in re.split(r",(?![^(]*\))", given or "") if name.strip()]


@uncollected()
def _leaderboard(asked: Asked, no_cache: bool) -> dict[str, Any]:
    """Verify, make the leaderboard, write its files; gives what is to be said, and the checksums of the files."""
    from dtbench.experiments.memory import checksum
    from dtbench.reports.columns import chosen
    from dtbench.reports.folder import Choice, all_remarks, board_of
    from dtbench.reports.render import as_data, write
    from dtbench.reports.terminal import terminal

    reports = verified(asked.results, remembered=not no_cache)
    lines = all_remarks(reports)
    try:
        board = board_of(reports, Choice(asked.problem, asked.size, asked.solvers))
        board = chosen(board, asked.columns, asked.digits)
    except DtbenchError:
        for text in lines:
            stderr.print(text, markup=False, soft_wrap=True)
        raise
    files = [] if asked.folder is None else write(asked.folder, board, asked.formats)
    with stdout.capture() as shown:
        stdout.print(terminal(board))
    text = json_text(as_data(board)) + "\n" if asked.json else shown.get()
    wrong = not all(report.ok for report in reports.values())
    return {"lines": lines, "text": text, "files": {str(f): checksum(f) for f in files}, "wrong": wrong}


def boards(results: Sequence[Path], choice: Choice, *, remembered: bool) -> tuple[Leaderboard, bool]:
    """The leaderboard of a part of folders of results, and whether all records hold.

    What is wrong or missing is named on stderr.

    Raises
    ------
    DtbenchError
        If no record holds, nothing is chosen, or folders have a cell in different versions.
    """
    from dtbench.reports.folder import all_remarks, board_of

    reports = verified(results, remembered=remembered)
    for text in all_remarks(reports):
        stderr.print(text, markup=False, soft_wrap=True)
    return board_of(reports, choice), all(report.ok for report in reports.values())


def collected(results: Sequence[Path]) -> tuple[tuple[ProblemRuns, ...], bool]:
    """What folders of results say, as the leaderboard counts it, and whether all records hold.

    What is wrong or missing is named on stderr.

    Raises
    ------
    DtbenchError
        If no record holds, or folders have a cell in different versions.
    """
    from dtbench.reports.folder import all_remarks, runs_of

    reports = verified(results, remembered=True)
    for text in all_remarks(reports):
        stderr.print(text, markup=False, soft_wrap=True)
    return runs_of(reports), all(report.ok for report in reports.values())


def verified(results: Sequence[Path], *, remembered: bool) -> dict[Path, VerifyReport]:
    """Each folder, verified against its own plan."""
    from dtbench.experiments.verify import verify as verify_records

    reports = {}
    for folder in dict.fromkeys(results):
        with steps(stderr, f"verifying {folder}") as progress:
            reports[folder] = verify_records(folder, progress, remembered=remembered)
    return reports


def _memo(results: Path, command: str, *more: object) -> Memo:
    """What the command made of the folder when it was called last, in the same way."""
    from dtbench.experiments.check import solvers_told
    from dtbench.experiments.memory import Memo

    return Memo(results, command, f"{more}\n{solvers_told()}")


def _written(files: dict[str, str]) -> bool:
    """Whether files that were written are there, unchanged."""
    from dtbench.experiments.memory import checksum

    return all(checksum(Path(name)) == digest for name, digest in files.items())


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
            where = f"{results / 'records'} (and {results / FOLDER})"
            stdout.print(f"remove the wrong ones from {where} and run the suite again to replace them")
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
        "policies": report.policies,
    }
    held = report.policies - len(report.policy_faults)
    lines = [f"{held} policies that were trained for cells hold"] if report.policies else []
    return report.checked, [(m.record, m.reason) for m in report.mismatches], facts, [*lines, *coverage(report)]


def _library() -> Checked:
    from dtbench.library import check as library_check

    found, files = [], len(instances.names())
    with steps(stderr, "verifying the library") as progress:
        for finding in library_check.verify():
            found.append(finding)
            progress(len(found), max(files, len(found)), "files")
    return len(found), [(f.name, f.message) for f in found if f.message], {}, []
