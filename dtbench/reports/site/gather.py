"""From verified folders of results to what the pages are made of."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from dtbench import files
from dtbench.errors import DtbenchError
from dtbench.experiments.record import Cell, Record
from dtbench.experiments.verify import VerifyReport
from dtbench.learning import checkpoint
from dtbench.library.best_known import BestKnown, known_of, of_file
from dtbench.outside import read_checksums
from dtbench.plugins.discovery import SolverEntry
from dtbench.problems import all_problems
from dtbench.reports import curves
from dtbench.reports.curves import Training
from dtbench.reports.folder import EVERYTHING, origins, runs_of, together
from dtbench.reports.leaderboard import REFUSED, provenance, reasons, section
from dtbench.reports.scores import ProblemRuns, Run
from dtbench.reports.site.model import Group, InstanceFacts, Site, file_name

Verified = Mapping[Path, VerifyReport]


def gather(
    verified: Verified,
    entries: Mapping[str, SolverEntry],
    claims: Path | None = None,
    frontier: Path | None = None,
) -> Site:
    """The site of folders of results; each is counted against its own plan.

    Parameters
    ----------
    verified
        Each folder with what verification said.
    entries
        Solvers that are installed here, for what they do and whether they learn.
    claims
        Folder of a report of the papers' claims.
    frontier
        Folder of the tables of ``studies/frontier.py``.

    Raises
    ------
    DtbenchError
        If no record holds, or folders have a cell in different versions.
    """
    records, _ = together(verified)
    return assemble(
        runs_of(verified), records, entries, _folders(verified), origins(verified, EVERYTHING),
        tuple(_trainings(records, list(verified))), claims, frontier,
    )  # fmt: skip


def assemble(
    found: Sequence[ProblemRuns],
    records: Sequence[Record],
    entries: Mapping[str, SolverEntry],
    folders: Mapping[str, Path] | None = None,
    origin: Mapping[str, str] | None = None,
    trainings: tuple[Training, ...] = (),
    claims: Path | None = None,
    frontier: Path | None = None,
) -> Site:
    """The site of what :func:`dtbench.reports.scores.collect` found; without ``folders`` there are no drawings."""
    learners = frozenset(name for name, entry in entries.items() if entry.trains)
    groups = tuple(Group(runs, section(runs), learners) for runs in found)
    runs = [run for each in found for run in each.runs]
    return Site(
        groups=groups,
        failures=reasons(run for run in runs if run.status in REFUSED),
        skipped=reasons(run for run in runs if run.status == "skipped"),
        provenance=provenance(records) | dict(origin or {}),
        records=tuple(records),
        entries=entries,
        owners=dict(all_problems()),
        instances=tuple(_instances(groups, folders or {})),
        trainings=trainings,
        claims=claims,
        frontier=frontier,
    )


def _folders(verified: Verified) -> dict[str, Path]:
    """In which folder a record lies, by its name and key; the first one that has it counts."""
    found: dict[str, Path] = {}
    for where, report in verified.items():
        for record in report.records:
            found.setdefault(_mark(record), where)
    return found


def _mark(record: Record) -> str:
    return f"{record.cell.stem} {record.key}"


def _instances(groups: Sequence[Group], folders: Mapping[str, Path]) -> Iterator[InstanceFacts]:
    for group in groups:
        by_name: dict[str, list[Run]] = {}
        for run in group.runs.runs:
            by_name.setdefault(run.instance, []).append(run)
        for name in group.runs.instances:
            facts = InstanceFacts(name, file_name(name.replace("/", "--")), group, tuple(by_name[name]), {})
            best = facts.best
            where = None if best is None or best.record is None else folders.get(_mark(best.record))
            yield replace(facts, folder=where, known=_known(by_name[name][0].cell, where))


def _known(cell: Cell, where: Path | None) -> dict[str, BestKnown]:
    """Best known values of an instance by slot: the library's, or those beside a file in the results."""
    if not cell.instance.endswith(".nc"):
        return known_of(cell.instance)
    return {} if where is None else of_file(where / "instances" / Path(cell.instance).name, cell.instance_sha256)


def _trainings(records: Sequence[Record], folders: Sequence[Path]) -> Iterator[Training]:
    """What is told of trainings: policies and logs in the folders, and shipped policies that the records played."""
    played = {
        str(training.get("checkpoint_sha256")): record.cell.problem
        for record in records
        if isinstance(training := record.method.get("training"), Mapping)
    }
    shipped = files.folder("solvers") / checkpoint.FOLDER
    found = [file for where in folders for file in sorted(where.rglob(f"*{checkpoint.SUFFIX}"))]
    for problem in sorted(set(played.values())):
        sums = shipped / problem / checkpoint.CHECKSUMS
        listed = read_checksums(sums) if sums.is_file() else {}
        found += [shipped / problem / name for name, digest in sorted(listed.items()) if digest in played]
    seen: set[bytes] = set()
    for file in found:
        with contextlib.suppress(DtbenchError, OSError):
            training = curves.of_checkpoint(file)
            same = repr((training.problem, training.size, training.solver, training.seed, training.rows)).encode()
            if same not in seen:
                seen.add(same)
                yield replace(training, file=Path(file.name))
    for where in folders:
        for each in curves.logs_in(where):
            with contextlib.suppress(DtbenchError, OSError):
                training = curves.of_log(each)
                if training.problem:
                    yield replace(training, file=Path(each.name))
