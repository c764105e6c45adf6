"""The leaderboard of a folder of results that was verified, and what there is to say of the folder beside it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from dtbench.errors import DtbenchError
from dtbench.experiments.verify import Lacking, VerifyReport
from dtbench.library import instances
from dtbench.library.best_known import best_horizon
from dtbench.problems import all_problems
from dtbench.reports.leaderboard import build
from dtbench.reports.model import Leaderboard
from dtbench.reports.numbers import one_line
from dtbench.reports.scores import ProblemFacts, ProblemRuns, collect

SOME = 5
UNPLANNED = "run their suite, or name them with --solvers or --seeds, to plan them (what is done is not run again)"


def board_of(report: VerifyReport, folder: Path) -> Leaderboard:
    """The leaderboard of the records that hold, against the plan.

    Raises
    ------
    DtbenchError
        If no record holds, or the records must not stand in one table.
    """
    _check_records(report, folder)
    return build(report.records, *_known(), report.lacking, _origin(report))


def runs_of(report: VerifyReport, folder: Path) -> tuple[ProblemRuns, ...]:
    """The planned cells of a folder by problem and size, as the leaderboard counts them.

    Raises
    ------
    DtbenchError
        As :func:`board_of` does.
    """
    _check_records(report, folder)
    return collect(report.records, *_known(), report.lacking)


def _check_records(report: VerifyReport, folder: Path) -> None:
    if not report.records and not report.lacking:
        raise DtbenchError(f"no record in '{folder}' holds; see `dtbench verify --results {folder}`.")


def _known() -> tuple[dict[str, float], dict[str, ProblemFacts]]:
    """Best known values of the horizons, and facts of the problems."""
    known = {name: best.objective for name in instances.names() if (best := best_horizon(name)) is not None}
    return known, {id: ProblemFacts.of(owner) for id, owner in all_problems().items()}


def remarks(report: VerifyReport) -> Iterable[str]:
    """What does not hold, record by record, and what is planned and not there, in lines."""
    for mismatch in report.mismatches:
        yield f"does not hold: {mismatch.record}: {mismatch.reason}"
    yield from coverage(report)


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
