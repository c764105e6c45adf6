"""Results go into one file, and are taken in from one: ``bundle_file.py`` says what is in it.

A record is taken in only if it holds: its decisions are scored again first.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dtbench.errors import DtbenchError
from dtbench.experiments import plan_file
from dtbench.experiments.bundle_file import HEAD, TEXT, Head, Machine, Method, archive, to_json, unpack
from dtbench.experiments.plan_file import PlanFile, SuitePlan
from dtbench.experiments.policies import Policies
from dtbench.experiments.record import Record
from dtbench.experiments.store import Store
from dtbench.experiments.verify import VerifyReport, verify
from dtbench.files import replacing, write_safely
from dtbench.library.best_known import table_beside
from dtbench.machine import version
from dtbench.progress import Step, untold

MERGED = "bundles"  # folder of the heads of what was merged


@dataclass
class Merged:
    """What became of a bundle: records taken in, those that were here, and why others were refused, by their names."""

    head: Head
    taken: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def pack(
    folder: Path, file: Path, *, who: str, code: str = "", note: str = "", solvers: Sequence[str] = (),
    suites: Sequence[str] = (), sources: Sequence[Path] = (), progress: Step = untold,
) -> Head:  # fmt: skip
    """Write results of a folder that hold, and answer for what is planned there, to one file.

    Parameters
    ----------
    folder
        The results.
    file
        What to write; it ends in ``.tar.xz``.
    who, code, note
        Who answers for the results, where the code is (an address with a commit), and what else to say.
    solvers, suites
        Only these, by label or name; all by default.
    sources
        Folders in which to look for source files of solvers that are not dtbench's.
    progress
        Told how far the verification is.

    Raises
    ------
    DtbenchError
        If a record or the plan does not hold, or nothing is left to pack.
    """
    for name, text in (("who", who), ("code", code), ("note", note)):
        if len(text) > TEXT[name] or not text.isprintable() or (name == "who" and not text.strip()):
            raise DtbenchError(f"--{name} is {text[:40]!r}; expected 1 to {TEXT[name]} printable characters.")
    if not file.name.endswith(".tar.xz"):
        raise DtbenchError(f"'{file}' is not a name of a bundle; expected NAME.tar.xz.")
    report = verify(folder, progress)
    if not report.ok or report.plan is None:
        first = report.mismatches[0].reason if report.mismatches else "there is no plan"
        raise DtbenchError(f"'{folder}' does not hold: {first}. See `dtbench verify --results {folder}`.")
    plan = chosen(report.plan, solvers, suites)
    records = [record for record in report.records if record.cell.stem in plan.cells]
    if not records:
        raise DtbenchError(f"'{folder}' has no record of what is to be packed.")
    content = dict(sorted(_contents(Store(folder), plan, records, sources).items()))
    head = Head(
        dtbench=version("dtbench") or "unknown", who=who, code=code, note=note, methods=_methods(records),
        machines=_machines(records), planned=len(plan.cells), records=len(records),
        files={name: hashlib.sha256(data).hexdigest() for name, data in content.items()},
    )  # fmt: skip
    with replacing(file) as part:
        part.write_bytes(archive({HEAD: to_json(head)} | content))
    return head


def chosen(plan: PlanFile, solvers: Sequence[str], suites: Sequence[str]) -> PlanFile:
    """The part of a plan that is of some solvers and suites.

    Raises
    ------
    DtbenchError
        If one of them is not planned.
    """
    labels = {name for each in plan.cells.values() for name in (each.cell.label, each.cell.solver)}
    for what, given, known in (("solver", solvers, labels), ("suite", suites, {s.name for s in plan.suites})):
        unknown = [name for name in given if name not in known]
        if unknown:
            raise DtbenchError(f"{what} '{unknown[0]}' is not planned. Planned: {', '.join(sorted(known))}.")
    parts = []
    for suite in plan.suites:
        cells = tuple(c for c in suite.cells if not solvers or {c.cell.label, c.cell.solver} & set(solvers))
        if cells and (not suites or suite.name in suites):
            parts.append(suite.model_copy(update={"cells": cells}))
    return sealed(PlanFile(suites=tuple(parts)))


def sealed(plan: PlanFile) -> PlanFile:
    """A plan with the checksum of its content."""
    return plan.model_copy(update={"sha256": plan.content_sha256})


def _contents(store: Store, plan: PlanFile, records: Sequence[Record], sources: Sequence[Path]) -> dict[str, bytes]:
    """Every file but the head, by name."""
    found = {"plan.json": plan_file.to_json(plan).encode()}
    used = set()
    for record in records:
        stem, cell = record.cell.stem, record.cell
        found[f"records/{stem}.json"] = store.content(stem)
        if record.decisions_sha256 is not None:
            found[f"records/{stem}.nc"] = store.decisions(stem).read_bytes()
        if cell.instance.endswith(".nc"):
            file = Path(store.instance_of(cell))
            for each in (file, table_beside(file)):
                if each.is_file():
                    found[f"instances/{each.name}"] = each.read_bytes()
        used.add(record.method.get("training", {}).get("checkpoint_sha256"))
    policies = Policies(store.folder)
    for training in policies.records():
        if training.policy_sha256 in used:
            for each in (policies.folder / f"{training.stem}.json", policies.file(training.stem)):
                found[f"policies/{each.name}"] = each.read_bytes()
    wanted = {(record.cell.solver_file, record.cell.solver_sha256) for record in records}
    for folder in sources:
        for file in sorted(folder.glob("*.py")):
            data = file.read_bytes()
            if (file.name, hashlib.sha256(data).hexdigest()) in wanted:
                found[f"solvers/{file.name}"] = data
    return found


def _methods(records: Sequence[Record]) -> tuple[Method, ...]:
    groups: dict[tuple[str, str, str, str], list[Record]] = {}
    for r in records:
        groups.setdefault((r.cell.label, r.cell.solver, r.cell.solver_file, r.cell.solver_sha256), []).append(r)
    return tuple(
        Method(label=label, solver=solver, file=file, sha256=digest, cells=len(mine),
               sees=tuple(sorted({str(r.regime) for r in mine if r.status == "ok"})))
        for (label, solver, file, digest), mine in sorted(groups.items())
    )  # fmt: skip


def _machines(records: Sequence[Record]) -> tuple[Machine, ...]:
    groups: dict[tuple[str, int, str], list[Record]] = {}
    for r in records:
        groups.setdefault((r.provenance.cpu, r.provenance.cores, r.provenance.platform), []).append(r)
    return tuple(
        Machine(cpu=cpu, cores=cores, platform=platform, cells=len(mine),
                speed=max((r.provenance.speed for r in mine if r.provenance.speed is not None), default=None))
        for (cpu, cores, platform), mine in sorted(groups.items())
    )  # fmt: skip


def merge(file: Path, folder: Path, progress: Step = untold) -> Merged:
    """Take a bundle's records into a folder of results: those that hold when their decisions are scored again.

    What the folder has stays as it is. The bundle's part of the plan is planned from now on, so what it lacks is
    counted as not run.

    Raises
    ------
    DtbenchError
        If the bundle or its plan is damaged, or its plan does not go with the folder's; nothing is changed then.
    """
    store = Store(folder)
    with store.lock():
        inner = Path(tempfile.mkdtemp(prefix=".merging-", dir=folder))
        try:
            head = unpack(file, inner)
            report = verify(inner, progress, remembered=False)
            if report.plan is None or report.plan_faults:
                fault = report.plan_faults[0] if report.plan_faults else "there is none"
                raise DtbenchError(f"'{file}': its plan does not hold: {fault}.")
            planned = joined(plan_file.read(store) or PlanFile(), report.plan, file)
            plan_file.check_labels(store, planned)
            done = _take(store, Store(inner), report, planned, Merged(head))
            write_safely(store.plan_file, plan_file.to_json(planned).encode())
            (folder / MERGED).mkdir(exist_ok=True)
            write_safely(folder / MERGED / f"{head.sha256[:16]}.json", to_json(head))
        finally:
            shutil.rmtree(inner, ignore_errors=True)
    return done


def joined(mine: PlanFile, other: PlanFile, file: Path) -> PlanFile:
    """A folder's plan with that of a bundle: cells of the same suite stand together, those of the folder first.

    Raises
    ------
    DtbenchError
        If both have a suite of one name with different texts.
    """
    parts: dict[tuple[str, str], SuitePlan] = {(suite.kind, suite.name): suite for suite in mine.suites}
    for suite in other.suites:
        here = parts.get((suite.kind, suite.name))
        if here is None:
            parts[suite.kind, suite.name] = suite
            continue
        if here.sha256 != suite.sha256:
            raise DtbenchError(
                f"'{file}': its {suite.kind} '{suite.name}' (sha256 {suite.sha256[:8]}) has another text than the one "
                f"here ({here.sha256[:8]}). Run today's, or merge into another folder."
            )
        cells = {each.cell.stem: each for each in suite.cells} | {each.cell.stem: each for each in here.cells}
        parts[suite.kind, suite.name] = here.model_copy(update={"cells": tuple(cells.values())})
    return sealed(PlanFile(suites=tuple(parts.values())))


def _take(store: Store, inner: Store, report: VerifyReport, planned: PlanFile, done: Merged) -> Merged:
    """Copy what holds, and answers for the plan; what is here already stays."""
    for finding in report.findings:
        record, stem = finding.record, finding.stem
        if finding.reason or record is None:
            done.refused[stem] = finding.reason
        elif stem not in planned.cells or planned.cells[stem].cell.key != record.key:
            done.refused[stem] = "it is of another version of problem, instance, solver or limits than planned here"
        elif (here := store.get(record.cell)) is not None and store.whole(here):
            done.known.append(stem)
        else:
            if record.cell.instance.endswith(".nc"):
                store.keep_instance(Path(inner.instance_of(record.cell)))
            decisions = None if record.decisions_sha256 is None else inner.decisions(stem).read_bytes()
            store.write(record, decisions)
            done.taken.append(stem)
    mine, theirs = Policies(store.folder), Policies(inner.folder)
    for training in theirs.records():
        policy = theirs.kept(training.stem, training.key)
        if policy is not None and mine.kept(training.stem, training.key) is None:
            mine.write(training, policy.read_bytes())
    return done
