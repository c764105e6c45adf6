"""From a suite to cells: what is to be run, what is already there, how long it may take."""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dtbench.errors import DtbenchError
from dtbench.experiments import expected, memory
from dtbench.experiments.planned import Asked, CellState, Planned, Training, kind_of
from dtbench.experiments.record import Cell, CellLimits, Record, Scalar
from dtbench.experiments.store import Store
from dtbench.experiments.suite import InstanceFile, Suite, SuiteFile
from dtbench.experiments.tables import SolverTable, Source
from dtbench.experiments.trainings import with_trainings
from dtbench.plugins.discovery import SolverEntry, discover, find
from dtbench.problems import source_sha256

MOST_CELLS = 100_000
NAMES_FILE = ("checkpoint", "file", "path", "policy", "weights")  # last word of an option whose value names a file


@dataclass(frozen=True)
class Wanted:
    """What a suite's text asks of a solver on an instance: its label, and how many seeds."""

    label: str
    seeds: int


@dataclass(frozen=True)
class Scope:
    """What the text of a suite asks for, whatever part of it was chosen on the command line.

    Attributes
    ----------
    instances
        Names of its instances.
    wanted
        By instance, solver and options: see :func:`task_of`.
    deterministic
        Solvers that are run with one seed only, those without a table included.
    """

    instances: frozenset[str] = frozenset()
    deterministic: frozenset[str] = frozenset()
    wanted: Mapping[tuple[str, str, str], Wanted] = field(default_factory=dict)


def task_of(instance: str, solver: str, options: Mapping[str, Scalar]) -> tuple[str, str, str]:
    """A cell without its seed."""
    return instance, solver, json.dumps(options, sort_keys=True)


@dataclass(frozen=True)
class Plan:
    """The cells of a suite, in its order; ``scope`` is what the whole suite asks for.

    ``trainings`` are the policies that cells to run need and that are neither shipped nor named.
    """

    suite: Suite
    cells: tuple[Planned, ...]
    scope: Scope = Scope()
    trainings: tuple[Training, ...] = ()

    @property
    def todo(self) -> tuple[Planned, ...]:
        """Cells without a record that holds."""
        return tuple(p for p in self.cells if p.state != "done")

    @property
    def to_train(self) -> tuple[Training, ...]:
        """Trainings to run."""
        return tuple(each for each in self.trainings if each.state == "missing")

    @property
    def untrained(self) -> tuple[Planned, ...]:
        """Cells to run that train inside."""
        return tuple(p for p in self.todo if p.untrained)

    @property
    def states(self) -> dict[CellState, int]:
        """How many cells are done, missing, stale."""
        found = Counter(p.state for p in self.cells)
        return {"done": found["done"], "missing": found["missing"], "stale": found["stale"]}

    def seconds(self, workers: int) -> tuple[float | None, int]:
        """Estimated wall clock of what is to do, and for how many of these cells and trainings nothing is known.

        None if nothing is known of any of them.
        """
        given = [*(p.seconds for p in self.todo), *(training.seconds for training in self.to_train)]
        known = [seconds for seconds in given if seconds is not None]
        unknown = len(given) - len(known)
        if not known:
            return (None if unknown else 0.0), unknown
        return max(sum(known) / max(workers, 1), max(known)), unknown

    def longest(self, workers: int) -> tuple[str, float] | None:
        """Of several solvers the one that takes most of the estimated time, and its share [s]; None if unknown."""
        taken: dict[str, float] = defaultdict(float)
        for cell, seconds in [(p.cell, p.seconds) for p in self.todo] + [(t.cell, t.seconds) for t in self.to_train]:
            taken[cell.label] += seconds or 0.0
        label = max(taken, key=lambda name: taken[name], default="")
        return (label, taken[label] / max(workers, 1)) if len(taken) > 1 and taken[label] > 0.0 else None


def make_plan(
    suite: Suite,
    store: Store | None = None,
    *,
    instances: str | None = None,
    solvers: Sequence[str] | None = None,
    seeds: int | None = None,
    solvers_paths: Iterable[Path | str] = (),
    retry_failed: bool = False,
) -> Plan:
    """The cells of a suite.

    A solver that says that it does not take an instance's problem gives no cell there; one that finds out itself ends
    as ``skipped``. Solvers that are deterministic get seed 0 only.

    Parameters
    ----------
    suite
        The suite.
    store
        Records that are there already; None for none.
    instances
        Only instances whose name matches this glob.
    solvers
        Only solvers of these names or labels.
    seeds
        Seeds 0 .. seeds - 1 instead of the suite's.
    solvers_paths
        Further folders of solver files.
    retry_failed
        Count records of failed cells as missing.

    Raises
    ------
    DtbenchError
        If the suite names what does not exist, a filter matches nothing, or no cell is left.
    """
    if seeds is not None and seeds < 1:
        raise DtbenchError(f"--seeds is {seeds}; expected at least 1.")
    entries = discover(solvers_paths)
    everything = suite.instances()
    chosen = _chosen_instances(suite, everything, instances)
    limits, beside = suite.content.limits.limits(), suite.source.file.parent
    cells: list[Planned] = []
    for table in chosen_solvers(suite.source, suite.content.solvers, entries, solvers):
        entry = find(table.name, entries)
        entry.check_options(table.options, f"{suite.source.kind} '{suite.file}'")
        asked: Asked = "solver" if table not in suite.content.solvers else "seeds" if seeds else ""
        for instance in chosen:
            if _wants(table, entry, instance.name, instance.problem):
                facts: dict[str, Any] = {
                    "options": table.options,
                    "limits": limits,
                    "label": table.title,
                    "folder": beside,
                }
                count = _count(suite.content, table, entry, seeds)
                if len(cells) + count > MOST_CELLS:
                    raise DtbenchError(
                        f"{suite.source.kind} '{suite.file}' gives more than {MOST_CELLS} cells; ask for fewer seeds, "
                        "solvers or instances."
                    )
                mine = (planned(entry, instance, seed=seed, **facts) for seed in range(count))
                cells += [replace(p, sees=entry.sees, asked=asked) for p in mine]
    if not cells:
        raise DtbenchError(
            f"{suite.source.kind} '{suite.file}' gives no cell: none of the chosen solvers takes a chosen instance."
        )
    _check_unique(suite, cells)
    scope = scope_of(suite.content, entries, {each.name: each.problem for each in everything})
    compared = tuple(cells) if store is None else _compared(cells, store, retry_failed)
    trained_in, folder = suite.content.training.limits(), None if store is None else store.folder
    marked, trainings = with_trainings(compared, trained_in, folder)
    return Plan(suite, marked, scope, trainings)


def scope_of(content: SuiteFile, entries: Mapping[str, SolverEntry], instances: Mapping[str, str]) -> Scope:
    """What a suite's text asks for on its instances, given as ``{name: problem}``."""
    wanted: dict[tuple[str, str, str], Wanted] = {}
    for table in content.solvers:
        entry = entries[table.name]
        for name, problem in instances.items():
            if _wants(table, entry, name, problem):
                found = Wanted(table.title, _count(content, table, entry, None))
                wanted[task_of(name, table.name, table.options)] = found
    deterministic = frozenset(name for name, entry in entries.items() if entry.deterministic)
    return Scope(frozenset(instances), deterministic, wanted)


def _wants(table: SolverTable, entry: SolverEntry, instance: str, problem: str) -> bool:
    return any(fnmatch.fnmatchcase(instance, pattern) for pattern in table.instances) and entry.takes(problem)


def _count(content: SuiteFile, table: SolverTable, entry: SolverEntry, seeds: int | None) -> int:
    """Seeds of a table; ``seeds`` are those of the command line."""
    return 1 if entry.deterministic else seeds or table.seeds or content.seeds


def _chosen_instances(suite: Suite, everything: list[InstanceFile], pattern: str | None) -> list[InstanceFile]:
    chosen = [i for i in everything if pattern is None or fnmatch.fnmatchcase(i.name, pattern)]
    if not chosen:
        shown = ", ".join(i.name for i in everything[:5])
        raise DtbenchError(f"--instances '{pattern}' matches no instance of suite '{suite.name}', such as {shown}.")
    return chosen


def chosen_solvers(
    source: Source, tables: Sequence[SolverTable], entries: Mapping[str, SolverEntry], wanted: Sequence[str] | None
) -> list[SolverTable]:
    """The ``[[solvers]]`` tables of the wanted names or labels; a wanted solver without a table gets one.

    Raises
    ------
    DtbenchError
        If one does not exist.
    """
    for number, table in enumerate(tables):
        if table.name not in entries:
            raise source.problem(f"solvers.{number}.name", table.name, f"one of {', '.join(entries)}", list(entries))
    if wanted is None:
        return list(tables)
    chosen = [t for t in tables if t.name in wanted or t.title in wanted]
    named = {name for t in tables for name in (t.name, t.title)}
    return chosen + [SolverTable(name=find(name, entries).name) for name in wanted if name not in named]


def planned(
    entry: SolverEntry,
    instance: InstanceFile,
    *,
    seed: int,
    limits: CellLimits,
    options: Mapping[str, Scalar],
    label: str = "",
    folder: Path | None = None,
) -> Planned:
    """A cell, not compared with any record yet; ``label`` is the solver's name if not given.

    Options that name files are relative to ``folder``, the current one by default.
    """
    files = {name: str(file) for name, file in _files(options, folder or Path.cwd())}
    cell = Cell(
        problem=instance.problem,
        problem_sha256=source_sha256(instance.problem),
        instance=instance.name,
        size=instance.size,
        instance_sha256=instance.sha256,
        solver=entry.name,
        solver_sha256=entry.sha256,
        solver_file=entry.file.name if entry.file else "",
        checkpoints_sha256=_weights_sha256(entry, instance, seed, options, files),
        label=label or entry.name,
        options=dict(options),
        seed=seed,
        limits=limits,
    )
    named = [option.name for option in entry.options or ()]
    learns = entry.trains and (entry.options is None or "checkpoint" in named)
    untrained = "checkpoint" in named and entry.trains and not cell.checkpoints_sha256
    file = entry.file.resolve() if entry.file else None
    return Planned(cell, instance, file, untrained=untrained, learns=learns, files=files)


def _weights_sha256(
    entry: SolverEntry, instance: InstanceFile, seed: int, options: Mapping[str, Scalar], files: Mapping[str, str]
) -> str:
    """Checksum of all files that a policy may come from: shipped ones, and those that options name; empty without."""
    found = entry.checkpoints_sha256(instance.problem, instance.size, seed, {**options, **files})
    others = {name: memory.checksum(Path(file)) for name, file in files.items() if name != "checkpoint" or not found}
    if not others:
        return found
    return hashlib.sha256(json.dumps([found, others], sort_keys=True).encode()).hexdigest()


def _files(options: Mapping[str, Scalar], folder: Path) -> Iterator[tuple[str, Path]]:
    """Options that name a file that exists, by their names: ``checkpoint``, ``policy_file``, ...; and where it is."""
    for name, value in options.items():
        if isinstance(value, str) and name.split("_")[-1] in NAMES_FILE:
            with contextlib.suppress(OSError, ValueError):
                file = (folder / value).resolve()
                if file.is_file():
                    yield name, file


def _check_unique(suite: Suite, cells: Sequence[Planned]) -> None:
    """No two entries ask for the same cell, or have the same label on an instance."""
    seen: dict[str, Cell] = {}
    titles: dict[tuple[str, str], Cell] = {}
    for each in cells:
        named = titles.setdefault((each.cell.instance, each.cell.label), each.cell)
        if named.options != each.cell.options:
            raise DtbenchError(
                f"{suite.source.kind} '{suite.file}': two entries of solver '{named.solver}' have the label "
                f"'{named.label}' on '{named.instance}'; give them labels or instances of their own."
            )
        other = seen.setdefault(each.cell.stem, each.cell)
        if other is not each.cell:
            raise DtbenchError(
                f"{suite.source.kind} '{suite.file}': entries '{other.label}' and '{each.cell.label}' of solver "
                f"'{other.solver}' are the same on '{other.instance}'; give them different options or instances."
            )


def _compared(cells: Iterable[Planned], store: Store, retry_failed: bool) -> tuple[Planned, ...]:
    records, _ = store.scan()
    by_stem = {record.cell.stem: record for record in records}
    states = [(p, _state(p.cell, by_stem.get(p.cell.stem), store, retry_failed)) for p in cells]
    known = expected.seconds({kind_of(p.cell) for p, state in states if state != "done"}, records)
    return tuple(replace(p, state=state, seconds=_bounded(known.get(kind_of(p.cell)), p.cell)) for p, state in states)


def _bounded(seconds: float | None, cell: Cell) -> float | None:
    """An estimate that is no longer than the cell may take."""
    return None if seconds is None else min(seconds, cell.limits.seconds)


def _state(cell: Cell, record: Record | None, store: Store, retry_failed: bool) -> CellState:
    if record is None or (retry_failed and record.status not in ("ok", "skipped")):
        return "missing"
    if not record.intact or not store.whole(record):
        return "missing"
    return "done" if record.key == cell.key else "stale"
