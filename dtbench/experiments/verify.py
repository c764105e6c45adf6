"""Verification: every stored decision is scored again and compared with what its record claims; every planned cell is
looked for.

:func:`check` looks at one record and depends on nothing but files, so records can be checked in any order and process.
It gives the first thing that is wrong and looks no further: what comes later may follow from it, and a file whose
checksum differs is not opened. What can be checked, and what cannot, is said in the README under "What verification
knows".
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path, PurePath
from typing import Literal

from dtbench.core import AnyProblem, Instance, Sense, is_better
from dtbench.errors import DtbenchError
from dtbench.experiments import decisions, plan_file
from dtbench.experiments.plan_file import PlanFile, PlannedCell
from dtbench.experiments.record import Cell, Record, Slots
from dtbench.experiments.store import Store
from dtbench.library import instances
from dtbench.library.best_known import HORIZON, best_known_or_none
from dtbench.machine import version
from dtbench.plugins.discovery import SolverEntry, discover
from dtbench.problems import all_problems, problem, source_sha256
from dtbench.progress import Step, untold
from dtbench.referee import Scores, rescore

TOLERANCE = 1e-9  # relative: rounding of sums in another order
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
    """

    findings: tuple[Finding, ...]
    plan: PlanFile | None = None
    plan_faults: tuple[str, ...] = ()

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
        """The plan, if something is wrong with it, and the records that do not hold."""
        wrong = [Mismatch(f.stem, f.reason) for f in self.findings if f.reason]
        return (*(Mismatch(PLAN, fault) for fault in self.plan_faults), *wrong)

    @property
    def ok(self) -> bool:
        """Whether the plan and every record hold."""
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


def verify(folder: Path | str, progress: Step = untold) -> VerifyReport:
    """Check the plan of a folder, and every record: schema, cell, instance, times, and all scores by scoring again.

    ``progress`` is told of each record.

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
    findings = []
    for stem in stems:
        findings.append(check(store.folder, stem, planned.get(stem)))
        progress(len(findings), len(stems), "records")
    return VerifyReport(tuple(findings), plan, faults)


def _plan(store: Store) -> tuple[PlanFile | None, tuple[str, ...]]:
    try:
        plan = plan_file.read(store)
    except DtbenchError as error:
        return None, (str(error),)
    return plan, () if plan is None else tuple(plan.faults())


def check(folder: Path, stem: str, planned: PlannedCell | None = None) -> Finding:
    """Check one record of a folder against its own decisions, its instance, and the plan.

    Parameters
    ----------
    folder
        The results.
    stem
        Name of the record's file, without suffix.
    planned
        The cell of this name in the plan; None if it is not planned, or there is no plan.
    """
    store = Store(folder)
    try:
        record = store.read(stem)
    except DtbenchError as error:
        return Finding(stem, None, str(error))
    try:
        return Finding(stem, record, next(_reasons(store, stem, record, planned), ""))
    except DtbenchError as error:
        return Finding(stem, record, str(error))


def _reasons(store: Store, stem: str, record: Record, planned: PlannedCell | None) -> Iterator[str]:
    """What is wrong with a record, cheapest first; only the first counts."""
    cell = record.cell
    if not record.intact:
        yield "the record was changed: its checksum differs"
    if cell.stem != stem:
        yield f"the file is named '{stem}', but its cell is '{cell.stem}'"
    if record.key != cell.key:
        yield f"key is {record.key[:12]}..., but the cell's is {cell.key[:12]}...: the cell was changed"
    owner = problem(cell.problem)
    if planned is not None and planned.cell.key == cell.key:
        yield from _unlike(cell, planned.cell)
    yield from _instance_faults(store, cell)
    yield from record.faults()
    file = store.decisions(stem)
    if record.slots is None:
        if file.exists():
            yield f"status is '{record.status}', but decisions '{file.name}' lie beside the record"
        return
    entry = _solvers().get((cell.solver, cell.solver_sha256))
    sees_future = any(known is not None and known.clairvoyant for known in (planned, entry))
    if sees_future and record.method.get("clairvoyant") is not True:
        yield f"solver '{cell.solver}' sees the future, but the record is not marked as clairvoyant"
    if not file.is_file():
        yield f"decisions '{file.name}' are missing"
    if hashlib.sha256(file.read_bytes()).hexdigest() != record.decisions_sha256:
        yield f"decisions '{file.name}' were changed: their checksum differs"
    instance = _loaded(store.instance_of(cell), cell.instance_sha256)
    given = decisions.read(file, owner)
    if given.batch_shape != (instance.horizon,):
        yield f"decisions '{file.name}' are of {given.batch_shape} slots, the instance has {instance.horizon}"
    yield from _score_faults(record, rescore(owner, instance, given))
    if entry is not None and entry.file is None and _certificates(record):
        yield f"'{cell.solver}' is a rule of the problem, which proves nothing, but the record holds certificates"
    yield from _bound_faults(owner, instance, record)


def _unlike(cell: Cell, planned: Cell) -> Iterator[str]:
    """Fields of a cell that are not as planned, where its key is."""
    for name in type(cell).model_fields:
        given, wanted = getattr(cell, name), getattr(planned, name)
        if given != wanted:
            yield f"{name} is {given!r}, but the plan says {wanted!r}"


def _instance_faults(store: Store, cell: Cell) -> Iterator[str]:
    """Whether the instance is the one that was solved, and of the problem and size that the cell says."""
    if cell.instance.endswith(".nc") and PurePath(cell.instance).name != cell.instance:
        yield f"instance is '{cell.instance}'; expected a name of the library, or the name of a file without a folder"
    if store.instance_sha256(cell) != cell.instance_sha256:
        yield f"instance '{cell.instance}' is not the one that was solved: its checksum differs"
    instance = _loaded(store.instance_of(cell), cell.instance_sha256)
    for name in ("problem", "size"):
        if getattr(cell, name) != getattr(instance, name):
            yield f"{name} is '{getattr(cell, name)}', but that of the instance is '{getattr(instance, name)}'"


@lru_cache(maxsize=32)
def _loaded(name: str | Path, sha256: str) -> Instance:
    """An instance; ``sha256`` is that of its file, so a file that changes is read again."""
    return instances.load(name)


@lru_cache(maxsize=1)
def _solvers() -> dict[tuple[str, str], SolverEntry]:
    """The solvers here by name and checksum: what a record's solver is known to do, if it is one of them."""
    return {(entry.name, entry.sha256): entry for entry in discover().values()}


def _score_faults(record: Record, scores: Scores) -> Iterator[str]:
    if record.slots is None:
        return
    yield from differences(record.slots, scores)
    if record.objective is None or not _close(record.objective, scores.mean):
        yield f"objective is {record.objective!r}, scored again it is {scores.mean!r}"


def differences(claimed: Slots, scores: Scores) -> Iterator[str]:
    """Slots whose objective, repaired or feasible differ from the scores."""
    if len(claimed.objective) != len(scores.objective):
        yield f"{len(claimed.objective)} slots, but the decisions are of {len(scores.objective)}"
        return
    for name in ("objective", "repaired", "feasible"):
        pairs = zip(getattr(claimed, name), getattr(scores, name).tolist(), strict=True)
        for t, (claim, value) in enumerate(pairs):
            if not (_close(claim, value) if name == "objective" else claim == value):
                yield f"slot {t}: {name} is {claim!r}, scored again it is {value!r}"
                break


def _bound_faults(owner: AnyProblem, instance: Instance, record: Record) -> Iterator[str]:
    """Bounds that cannot be: nobody gave a certificate, or something better than them is known."""
    slots = record.slots
    if slots is None:
        return
    coupled = owner.coupled(instance.params)
    horizon = record.horizon_bound(coupled)
    claims = [bound for bound in slots.bound if bound is not None]
    certificates = _certificates(record)
    if len(claims) + ("horizon_bound" in record.method) > certificates:
        yield f"the record has more bounds than certificates, which are {certificates}"
    yield from _beyond_bounds(owner.sense, slots)
    if horizon is not None and record.objective is not None and _beats(owner.sense, record.objective, horizon):
        yield f"objective {record.objective!r} is better than its bound {horizon!r}"
    yield from _beyond_known(record, coupled, owner.sense)


def _certificates(record: Record) -> int:
    """How many certificates the method says that it gave, by their status."""
    told = record.method.get("statuses")
    counts = list(told.values()) if isinstance(told, dict) else []
    return sum(n for n in counts if isinstance(n, int) and n > 0)


def _beyond_bounds(sense: Sense, slots: Slots) -> Iterator[str]:
    """Slots whose objective is better than a bound that was said to be proved."""
    for t, (objective, bound) in enumerate(zip(slots.objective, slots.bound, strict=True)):
        if bound is not None and _beats(sense, objective, bound):
            yield f"slot {t}: objective {objective!r} is better than its bound {bound!r}"
            return


def _beyond_known(record: Record, coupled: bool, sense: Sense) -> Iterator[str]:
    """Bounds that a certified value of the library refutes: nothing better than them is said to exist, but it does."""
    known = best_known_or_none(record.cell.problem).get(record.cell.instance, {})
    claimed = [(HORIZON, record.horizon_bound(coupled))]
    if record.slots is not None and not coupled:
        claimed += [(str(t), bound) for t, bound in enumerate(record.slots.bound)]
    for slot, bound in claimed:
        best = known.get(slot)
        if best is not None and bound is not None and _beats(sense, best.objective, bound):
            yield f"slot {slot}: bound {bound!r} is refuted by the known value {best.objective!r}"
            return


def _beats(sense: Sense, objective: float, bound: float) -> bool:
    """Whether an objective is better than a bound by more than rounding."""
    return is_better(sense, objective, bound) and not _close(objective, bound, 1e-6)


def _close(claim: float, value: float, tolerance: float = TOLERANCE) -> bool:
    return math.isclose(claim, value, rel_tol=tolerance, abs_tol=1e-12)
