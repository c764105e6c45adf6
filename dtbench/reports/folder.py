"""The leaderboard of a folder of results that was verified, and what there is to say of the folder beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from dtbench.errors import DtbenchError, near
from dtbench.experiments.record import Cell, Record
from dtbench.experiments.verify import Lacking, VerifyReport
from dtbench.library import instances
from dtbench.library.best_known import HORIZON, best_horizon, of_file
from dtbench.problems import all_problems
from dtbench.reports.leaderboard import build
from dtbench.reports.model import Leaderboard
from dtbench.reports.numbers import one_line
from dtbench.reports.scores import ProblemFacts, ProblemRuns, collect, known_as

SOME = 5
UNPLANNED = "run their suite, or name them with --solvers or --seeds, to plan them (what is done is not run again)"


@dataclass(frozen=True)
class Choice:
    """What of the results is looked at: a problem, a size, some solvers by label or name; all by default."""

    problem: str | None = None
    size: str | None = None
    solvers: tuple[str, ...] = ()

    def takes(self, cell: Cell) -> bool:
        """Whether a cell is looked at."""
        return (
            self.problem in (None, cell.problem)
            and self.size in (None, cell.size)
            and (not self.solvers or bool({cell.label, cell.solver} & set(self.solvers)))
        )

    def check(self, cells: Sequence[Cell]) -> None:
        """Refuse what no cell has.

        Raises
        ------
        DtbenchError
            It names what there is.
        """
        labels = sorted({cell.label for cell in cells})
        for what, given, there in (
            ("problem", (self.problem,), sorted({cell.problem for cell in cells})),
            ("size", (self.size,), sorted({cell.size for cell in cells})),
            ("solver", self.solvers, labels),
        ):
            known = {*there, *({cell.solver for cell in cells} if what == "solver" else ())}
            unknown = [each for each in given if each is not None and each not in known]
            if unknown:
                raise DtbenchError(
                    f"no results of {what} '{unknown[0]}'.{near(unknown[0], there)} There: {', '.join(there)}."
                )
        if cells and not any(map(self.takes, cells)):
            raise DtbenchError(f"no results of problem '{self.problem}' and size '{self.size}' of what is chosen.")


EVERYTHING = Choice()
Verified = Mapping[Path, VerifyReport]
Name = tuple[str, str, str, str, int]


def board_of(verified: Verified, choice: Choice = EVERYTHING) -> Leaderboard:
    """The leaderboard of the records that hold, each folder against its own plan.

    Raises
    ------
    DtbenchError
        If no record holds or nothing is chosen, or the records must not stand in one table: two folders have a cell
        in different versions.
    """
    records, lacking = together(verified, choice)
    return build(records, *_known(verified), lacking, origins(verified, choice))


def runs_of(verified: Verified, choice: Choice = EVERYTHING) -> tuple[ProblemRuns, ...]:
    """The planned cells of folders by problem and size, as the leaderboard counts them.

    Raises
    ------
    DtbenchError
        As :func:`board_of` does.
    """
    records, lacking = together(verified, choice)
    return collect(records, *_known(verified), lacking)


def together(verified: Verified, choice: Choice = EVERYTHING) -> tuple[list[Record], list[Lacking]]:
    """Records and planned cells without one, of several folders.

    A cell that several folders have counts once: with the record of the first of them that has one.

    Raises
    ------
    DtbenchError
        If they have it in different versions, of problem, instance, solver, options or limits; or nothing is chosen.
    """
    where: dict[Name, tuple[Path, Cell]] = {}
    recorded: dict[Name, Path] = {}
    missed: dict[Name, Path] = {}
    records: list[Record] = []
    lacking: list[Lacking] = []
    for folder, report in verified.items():
        _check_records(report, folder)
        for mine in (*(record.cell for record in report.records), *(each.cell for each in report.lacking)):
            first, cell = where.setdefault(_name(mine), (folder, mine))
            if first != folder and cell.key != mine.key:
                raise DtbenchError(
                    f"'{cell.label}' on '{cell.instance}' with seed {cell.seed} is another cell in '{folder}' than in "
                    f"'{first}' (version, options or limits). Run one of the suites again, or show them apart."
                )
        records += [r for r in report.records if recorded.setdefault(_name(r.cell), folder) == folder]
        lacking += [each for each in report.lacking if missed.setdefault(_name(each.cell), folder) == folder]
    choice.check([cell for _, cell in where.values()])
    return (
        [record for record in records if choice.takes(record.cell)],
        [each for each in lacking if _name(each.cell) not in recorded and choice.takes(each.cell)],
    )


def _name(cell: Cell) -> Name:
    """What a table knows a cell by."""
    content = cell.instance_sha256 if cell.instance.endswith(".nc") else ""
    return cell.problem, cell.label, cell.instance, content, cell.seed


def _check_records(report: VerifyReport, folder: Path) -> None:
    if not report.records and not report.lacking:
        raise DtbenchError(f"no record in '{folder}' holds; see `dtbench verify --results {folder}`.")


def _known(verified: Verified) -> tuple[dict[str, float], dict[str, ProblemFacts]]:
    """Best known values of the horizons, also of the user's own instances, and facts of the problems."""
    known = {name: best.objective for name in instances.names() if (best := best_horizon(name)) is not None}
    for folder, report in verified.items():
        cells = (*(record.cell for record in report.records), *(each.cell for each in report.lacking))
        own = {known_as(cell): cell for cell in cells if _is_own(cell)}
        for name, cell in own.items():
            best_own = of_file(folder / "instances" / cell.instance, cell.instance_sha256).get(HORIZON)
            if best_own is not None:
                known.setdefault(name, best_own.objective)
    return known, {id: ProblemFacts.of(owner) for id, owner in all_problems().items()}


def _is_own(cell: Cell) -> bool:
    """Whether a cell is of a file of the user's own that can lie in a folder of results."""
    return cell.instance.endswith(".nc") and PurePath(cell.instance).name == cell.instance


def repeated(verified: Verified) -> list[str]:
    """Cells that several folders have a record of, in lines."""
    lines = []
    before: dict[Name, Path] = {}
    for folder, report in verified.items():
        mine = {_name(record.cell) for record in report.records}
        for other in dict.fromkeys(before[name] for name in mine if name in before):
            n = sum(before.get(name) == other for name in mine)
            lines.append(f"{n} cells are in '{other}' and in '{folder}': the records of '{other}' count")
        before = dict.fromkeys(mine, folder) | before
    return lines


def all_remarks(verified: Verified) -> list[str]:
    """What :func:`remarks` says of each folder, which is named where there are several; and :func:`repeated`."""
    several = len(verified) > 1
    lines = [f"{folder}: {line}" if several else line for folder, r in verified.items() for line in remarks(r)]
    return lines + repeated(verified)


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


def origins(verified: Verified, choice: Choice) -> dict[str, str]:
    """What the leaderboard says of the plans, and of what was chosen."""
    if len(verified) == 1:
        found = _origin(next(iter(verified.values())))
    else:
        found = {f"{key} of {one_line(folder.name)} ({number})": text
                 for number, (folder, report) in enumerate(verified.items(), start=1)
                 for key, text in _origin(report).items()}  # fmt: skip
    if choice != EVERYTHING:
        parts = {"problem": choice.problem, "size": choice.size, "solvers": ", ".join(choice.solvers)}
        found["chosen"] = one_line("; ".join(f"{key} {value}" for key, value in parts.items() if value))
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
