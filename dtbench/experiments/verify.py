"""Verification: every stored decision is scored again and compared with what its record claims; every planned cell is
looked for.

What is checked of a record is in :mod:`dtbench.experiments.check`. What can be checked, and what cannot, is said in the
documentation under "What verification knows" (docs/scores.md).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from dtbench.errors import DtbenchError
from dtbench.experiments import memory, plan_file
from dtbench.experiments.check import check, fingerprint, unchanged
from dtbench.experiments.checkers import Part, processors, spread
from dtbench.experiments.plan_file import PlanFile
from dtbench.experiments.record import Cell, Record
from dtbench.experiments.store import Store
from dtbench.machine import uncollected, version
from dtbench.problems import all_problems, source_sha256
from dtbench.progress import Step, untold

PART = 200  # records that are checked at once; of one instance, which is loaded for them
FEW = 100  # records that are checked in this process
PLAN = "plan.json"
Lack = Literal["not run", "not valid", "stale"]


@dataclass(frozen=True)
class Mismatch:
    """A record that does not hold, or the plan, and why."""

    record: str
    reason: str


@dataclass(frozen=True)
class Finding:
    """What came out for one record: the record, if it can be read, and the first thing that is wrong, if any is."""

    stem: str
    record: Record | None = None
    reason: str = ""


@dataclass(frozen=True)
class Lacking:
    """A planned cell that no record answers for.

    ``not run``: there is no record; ``not valid``: it does not hold; ``stale``: it holds, but for another version of
    problem, instance, solver or limits than planned.
    """

    cell: Cell
    lack: Lack
    reason: str = ""


@dataclass(frozen=True)
class VerifyReport:
    """All records of a folder, against its plan.

    Attributes
    ----------
    findings
        One for each record, in order of their names.
    plan
        The plan; None if none is stored, or it cannot be read.
    plan_faults
        What is wrong with the plan.
    policies
        How many trainings are recorded.
    policy_faults
        What is wrong with policies that were trained for cells, and with the records of their trainings.
    """

    findings: tuple[Finding, ...]
    plan: PlanFile | None = None
    plan_faults: tuple[str, ...] = ()
    policies: int = 0
    policy_faults: tuple[Mismatch, ...] = ()

    @property
    def checked(self) -> int:
        """Records looked at."""
        return len(self.findings)

    @property
    def rescored(self) -> int:
        """Records whose decisions were scored again, with the same result."""
        return sum(f.record is not None and f.record.status == "ok" and not f.reason for f in self.findings)

    @property
    def mismatches(self) -> tuple[Mismatch, ...]:
        """The plan, if something is wrong with it, and the records and policies that do not hold."""
        wrong = [Mismatch(f.stem, f.reason) for f in self.findings if f.reason]
        return (*(Mismatch(PLAN, fault) for fault in self.plan_faults), *wrong, *self.policy_faults)

    @property
    def ok(self) -> bool:
        """Whether the plan, every record and every policy hold."""
        return not self.mismatches

    @cached_property
    def _held(self) -> dict[str, Record]:
        return {f.stem: f.record for f in self.findings if f.record is not None and not f.reason}

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """Records that hold and answer for a planned cell; all that hold where there is no plan."""
        if self.plan is None:
            return tuple(self._held.values())
        wanted = self.plan.cells
        return tuple(r for stem, r in self._held.items() if stem in wanted and r.key == wanted[stem].cell.key)

    @cached_property
    def unplanned(self) -> tuple[Record, ...]:
        """Records that hold, of cells that are not planned: nothing counts them."""
        wanted = None if self.plan is None else self.plan.cells
        return tuple(r for stem, r in self._held.items() if wanted is not None and stem not in wanted)

    @cached_property
    def lacking(self) -> tuple[Lacking, ...]:
        """Planned cells that no record answers for; without a plan, see :func:`dtbench.experiments.plan_file.implied`.

        Cells of problems that do not exist are left to ``plan_faults``.
        """
        if self.plan is None:
            readable = [f for f in self.findings if f.reason and f.record is not None]
            wrong = [Lacking(f.record.cell, "not valid", f.reason) for f in readable if f.record and _named(f)]
            taken = {_name(record.cell) for record in self.records}
            wrong = [
                each for each in {_name(each.cell): each for each in wrong}.values() if _name(each.cell) not in taken
            ]
            owed = plan_file.implied([*(r.cell for r in self.records), *(each.cell for each in wrong)])
            return (*wrong, *(Lacking(cell, "not run") for cell in owed))
        reasons = {f.stem: f.reason for f in self.findings}
        answered = {record.cell.stem for record in self.records}
        return tuple(
            _lacking(each.cell, reasons.get(stem))
            for stem, each in self.plan.cells.items()
            if stem not in answered and each.cell.problem in all_problems()
        )

    @property
    def of_another_version(self) -> tuple[Record, ...]:
        """Records that count, and were made by another version of dtbench or of their problem."""
        today = version("dtbench") or "unknown"
        return tuple(r for r in self.records if not r.made_by(today, source_sha256(r.cell.problem)))


def _name(cell: Cell) -> tuple[str, str, str, int]:
    """What a table knows a cell by; records that do not hold may claim the name of others."""
    return cell.problem, cell.label, cell.instance, cell.seed


def _named(finding: Finding) -> bool:
    """Whether a record that does not hold still tells which cell it is of."""
    record = finding.record
    known = record is not None and record.cell.problem in all_problems()
    return known and record is not None and record.cell.stem == finding.stem and record.cell.key == record.key


def _lacking(cell: Cell, reason: str | None) -> Lacking:
    if reason is None:
        return Lacking(cell, "not run")
    if reason:
        return Lacking(cell, "not valid", reason)
    return Lacking(cell, "stale", "its record is of another version of problem, instance, solver or limits")


def verify(
    folder: Path | str, progress: Step = untold, *, remembered: bool = True, workers: int | None = None
) -> VerifyReport:
    """Check the plan of a folder, and every record: schema, cell, instance, times, and all scores by scoring again.

    Parameters
    ----------
    folder
        The results.
    progress
        Is told how many records are checked, of how many, and what they are.
    remembered
        Whether a record that held before, and of which nothing has changed since, is taken to hold; see
        :mod:`dtbench.experiments.memory`.
    workers
        Processes that check; by default one per processor, and none beside this one where there is little to check.

    Raises
    ------
    DtbenchError
        If the folder holds neither records nor a plan.
    """
    store = Store(folder)
    stems = store.stems()
    plan, faults = _plan(store)
    if not stems and plan is None:
        raise DtbenchError(f"'{folder}' holds no records; run a suite with `dtbench run SUITE --results {folder}`.")
    planned = {} if plan is None else plan.cells
    part = {stem: planned[stem].model_dump(mode="json") if stem in planned else None for stem in stems}
    with uncollected():
        findings = _findings(store, part, progress, remembered, workers)
    if plan is None:
        findings |= _of_one_name([findings[stem] for stem in stems])
    policies = tuple(Mismatch(name, reason) for name, reason in store.policies.faults())
    in_order = tuple(findings[stem] for stem in stems)
    return VerifyReport(in_order, plan, faults, len(store.policies.stems()), policies)


def _of_one_name(findings: Iterable[Finding]) -> dict[str, Finding]:
    """Records that hold, but of which a table could not tell which is meant: label, instance and seed are the same.

    Where there is a plan, labels are held against it, and a run refuses two solvers of one label.
    """
    groups: dict[tuple[str, str, str, int], list[Finding]] = {}
    for finding in findings:
        if finding.record is not None and not finding.reason:
            groups.setdefault(_name(finding.record.cell), []).append(finding)
    return {
        each.stem: Finding(each.stem, each.record, f"label, instance and seed are those of '{other.stem}', too")
        for group in groups.values()
        if len(group) > 1
        for each, other in zip(group, group[1:] + group[:1], strict=True)
    }


def _findings(store: Store, part: Part, progress: Step, remembered: bool, workers: int | None) -> dict[str, Finding]:
    """What came out for each record; those that are known to hold are not checked again."""
    known = memory.recall(store.folder) if remembered else frozenset()
    found: dict[str, Finding] = {}
    marks: dict[str, str] = {}
    checksums: dict[str, str] = {}
    for stem, planned in part.items() if known else ():
        with contextlib.suppress(DtbenchError, OSError):
            content = store.content(stem)
            marks[stem] = fingerprint(stem, content, planned)
            if marks[stem] in known and unchanged(store, record := store.parse(stem, content), checksums):
                found[stem] = Finding(stem, record)
    todo = {stem: planned for stem, planned in part.items() if stem not in found}
    for results in spread(store.folder, _parts(todo), _workers(workers, len(todo)), check):
        for stem, (reason, marks[stem]) in results.items():
            found[stem] = _finding(store, stem, todo[stem], reason, marks[stem])
        progress(len(found), len(part), "records")
    if remembered and todo:
        memory.remember(store.folder, (marks[stem] for stem, each in found.items() if not each.reason))
    return found


def _finding(store: Store, stem: str, planned: Any, reason: str, mark: str) -> Finding:
    """A record, which is read while others are checked, and what its check said."""
    try:
        content = store.content(stem)
        record = store.parse(stem, content)
    except DtbenchError as error:
        return Finding(stem, None, str(error))
    changed = "" if mark == fingerprint(stem, content, planned) else "the record was changed while it was checked"
    return Finding(stem, record, reason or changed)


def _parts(todo: Part) -> list[Part]:
    """Records by instance, so that each is loaded once by whom checks them; at most :data:`PART` at once.

    What names say is good enough for that: problem and instance come first in them.
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for stem in todo:
        groups.setdefault(tuple(stem.split("--")[:2]), []).append(stem)
    parts = [group[i : i + PART] for group in groups.values() for i in range(0, len(group), PART)]
    return [{stem: todo[stem] for stem in part} for part in parts]


def _workers(wanted: int | None, records: int) -> int:
    """Processes to check some records in: starting them takes as long as checking :data:`FEW`."""
    return wanted if wanted is not None else processors() if records > FEW else 1


def _plan(store: Store) -> tuple[PlanFile | None, tuple[str, ...]]:
    try:
        plan = plan_file.read(store)
    except DtbenchError as error:
        return None, (str(error),)
    return plan, () if plan is None else tuple(plan.faults())
