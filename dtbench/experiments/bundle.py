"""Results in one file: what a stranger sends, what the repository keeps, and how it is taken in.

A bundle is a tar archive, compressed by xz, of

    bundle.json               who made it, with which code, and the checksum of every other file; it comes first
    plan.json                 the part of the plan that it answers for
    records/<stem>.json, .nc  records that hold, and their decisions
    instances/<name>          instances that are not the library's, and their best known values
    policies/<stem>           policies that were trained for them, and what that cost
    solvers/<name>            source of solvers that are not dtbench's, for people to read; it is never run

The same results give the same bytes. Nothing is unpacked before its checksum is known to fit, and no name leads out of
these folders. A record is taken in only if it holds: its decisions are scored again first.
"""

from __future__ import annotations

import hashlib
import io
import json
import lzma
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Literal

from pydantic import Field, ValidationError

from dtbench.errors import DtbenchError
from dtbench.experiments import plan_file
from dtbench.experiments.plan_file import PlanFile, SuitePlan
from dtbench.experiments.policies import Policies
from dtbench.experiments.record import Record, Strict
from dtbench.experiments.store import Store
from dtbench.experiments.verify import VerifyReport, verify
from dtbench.files import replacing, write_safely
from dtbench.library.best_known import table_beside
from dtbench.machine import version
from dtbench.progress import Step, untold

HEAD = "bundle.json"
MERGED = "bundles"  # folder of the heads of what was merged
MOST_FILES = 400_000
MOST_BYTES = 2**33  # all files together
MOST_EACH = 2**28
NAME = re.compile(
    r"plan\.json|records/[\w.=%@+-]+\.(json|nc)|instances/[\w.=%@+-]+|policies/[\w.=%@+-]+\.(json|safetensors)|solvers/[\w.-]+\.py"
)
XZ = 6
TEXT = {"who": 200, "code": 500, "note": 2000}  # most characters


class Machine(Strict):
    """A machine that cells ran on, and how many."""

    cpu: str
    cores: int
    platform: str
    speed: float | None
    cells: int


class Method(Strict):
    """A solver in the bundle: its label, its file, and the regimes that its records tell."""

    label: str
    solver: str
    file: str
    sha256: str
    sees: tuple[str, ...]
    cells: int


class Head(Strict):
    """What a bundle says of itself."""

    schema_version: Literal[1] = 1
    dtbench: str
    who: str = Field(max_length=TEXT["who"])
    code: str = Field(default="", max_length=TEXT["code"])
    note: str = Field(default="", max_length=TEXT["note"])
    methods: tuple[Method, ...] = ()
    machines: tuple[Machine, ...] = ()
    planned: int
    records: int
    files: dict[str, str]

    @property
    def sha256(self) -> str:
        """Checksum of all of it, and so of every file."""
        return hashlib.sha256(to_json(self)).hexdigest()


@dataclass
class Merged:
    """What became of a bundle: records taken in, those that were here, and why others were refused, by their names."""

    head: Head
    taken: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def to_json(head: Head) -> bytes:
    """A head as JSON."""
    return json.dumps(head.model_dump(mode="json"), indent=1, ensure_ascii=False, sort_keys=True).encode() + b"\n"


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


def archive(content: Mapping[str, bytes]) -> bytes:
    """A tar archive, compressed by xz: the same content gives the same bytes."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in content.items():
            facts = tarfile.TarInfo(name)
            facts.size, facts.mode = len(data), 0o644
            tar.addfile(facts, io.BytesIO(data))
    return lzma.compress(raw.getvalue(), preset=XZ)


# Taking in


def head_of(file: Path) -> Head:
    """What a bundle says of itself; its files are not looked at.

    Raises
    ------
    DtbenchError
        If it is no bundle; the message names the file.
    """
    with _opened(file) as stream:
        for name, data in _members(file, stream):
            return _head(file, name, data)
    raise DtbenchError(f"'{file}' is no bundle: it is empty.")


def unpack(file: Path, folder: Path) -> Head:
    """Write a bundle's files to an empty folder, each after its checksum was found to fit.

    Raises
    ------
    DtbenchError
        If it is no bundle, a file is missing, was changed, is too large, or has a name that no bundle has.
    """
    with _opened(file) as stream:
        members = _members(file, stream)
        first = next(members, None)
        if first is None:
            raise DtbenchError(f"'{file}' is no bundle: it is empty.")
        head = _head(file, *first)
        missing = dict(head.files)
        for name, data in members:
            if NAME.fullmatch(name) is None or ".." in name:
                raise DtbenchError(f"'{file}': '{name[:100]}' is no name of a file in a bundle.")
            if missing.pop(name, None) != hashlib.sha256(data).hexdigest():
                raise DtbenchError(f"'{file}': '{name}' was changed, is there twice, or is not in {HEAD}.")
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
    if missing:
        raise DtbenchError(f"'{file}': '{next(iter(missing))}' is missing.")
    return head


def _opened(file: Path) -> IO[bytes]:
    if not file.is_file():
        raise DtbenchError(f"'{file}' does not exist or is not a file.")
    return file.open("rb")


def _members(file: Path, stream: IO[bytes]) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of an archive's plain files, one after the other, bounded in number and size."""
    size = count = 0
    try:
        with tarfile.open(fileobj=stream, mode="r|xz") as tar:
            for each in tar:
                size, count = size + each.size, count + 1
                if count > MOST_FILES or size > MOST_BYTES or each.size > MOST_EACH:
                    raise DtbenchError(f"'{file}' is larger than a bundle may be.")
                opened = tar.extractfile(each) if each.isreg() else None
                if opened is None:
                    raise DtbenchError(f"'{file}': '{each.name[:100]}' is no plain file.")
                yield each.name, opened.read()
    except (tarfile.TarError, lzma.LZMAError, EOFError, OSError, ValueError) as error:
        raise DtbenchError(f"'{file}' is no bundle, or is damaged: {error}. Pack or fetch it again.") from None


def _head(file: Path, name: str, data: bytes) -> Head:
    if name != HEAD:
        raise DtbenchError(f"'{file}' is no bundle: its first file is '{name[:100]}', expected {HEAD}.")
    try:
        return Head.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "bundle"
        raise DtbenchError(f"'{file}', {HEAD}: {key}: {first['msg']}.") from None


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
