"""From a suite to cells: what is to be run, what is already there, how long it may take."""

from __future__ import annotations

import fnmatch
import json
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dtbench.errors import DtbenchError
from dtbench.experiments.record import Cell, Limits, Record, Scalar
from dtbench.experiments.store import Store
from dtbench.experiments.suite import InstanceFile, Suite
from dtbench.experiments.tables import SolverTable, Source
from dtbench.plugins.discovery import SolverEntry, discover, find
from dtbench.problems import source_sha256

State = Literal["done", "missing", "stale"]


@dataclass(frozen=True)
class Planned:
    """A cell of a plan.

    Attributes
    ----------
    cell
        Instance, solver, seed, limits.
    instance
        File of the instance.
    solver_file
        File of the solver; None for a rule of the problem.
    state
        ``done``: the store has its record; ``stale``: the record there is of another version of problem,
        instance, solver or limits; ``missing``: there is none.
    seconds
        Median wall clock of earlier cells of this solver on instances of this size; None if there are none.
    """

    cell: Cell
    instance: InstanceFile
    solver_file: Path | None
    state: State = "missing"
    seconds: float | None = None


@dataclass(frozen=True)
class Plan:
    """The cells of a suite, in its order."""

    suite: Suite
    cells: tuple[Planned, ...]

    @property
    def todo(self) -> tuple[Planned, ...]:
        """Cells without a record that holds."""
        return tuple(p for p in self.cells if p.state != "done")

    @property
    def states(self) -> dict[State, int]:
        """How many cells are done, missing, stale."""
        found = Counter(p.state for p in self.cells)
        return {"done": found["done"], "missing": found["missing"], "stale": found["stale"]}

    def seconds(self, workers: int) -> tuple[float | None, int]:
        """Estimated wall clock of what is to do, and for how many of these cells nothing is known.

        None if nothing is known of any of them.
        """
        known = [p.seconds for p in self.todo if p.seconds is not None]
        unknown = len(self.todo) - len(known)
        if not known:
            return (None if unknown else 0.0), unknown
        return max(sum(known) / max(workers, 1), max(known)), unknown


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
    chosen = _chosen_instances(suite, instances)
    cells: list[Planned] = []
    for table in chosen_solvers(suite.source, suite.content.solvers, entries, solvers):
        entry = find(table.name, entries)
        entry.check_options(table.options, f"{suite.source.kind} '{suite.file}'")
        count = 1 if entry.deterministic else seeds or table.seeds or suite.content.seeds
        for instance in chosen:
            wanted = any(fnmatch.fnmatchcase(instance.name, pattern) for pattern in table.instances)
            if wanted and entry.takes(instance.problem):
                limits = suite.content.limits.limits()
                cells += [
                    planned(entry, instance, seed=seed, options=table.options, limits=limits, label=table.title)
                    for seed in range(count)
                ]
    if not cells:
        raise DtbenchError(
            f"{suite.source.kind} '{suite.file}' gives no cell: none of the chosen solvers takes a chosen instance."
        )
    _check_unique(suite, cells)
    return Plan(suite, tuple(cells) if store is None else _compared(cells, store, retry_failed))


def _chosen_instances(suite: Suite, pattern: str | None) -> list[InstanceFile]:
    everything = suite.instances()
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
    limits: Limits,
    options: Mapping[str, Scalar],
    label: str = "",
) -> Planned:
    """A cell, not compared with any record yet; ``label`` is the solver's name if not given."""
    cell = Cell(
        problem=instance.problem,
        problem_sha256=source_sha256(instance.problem),
        instance=instance.name,
        size=instance.size,
        instance_sha256=instance.sha256,
        solver=entry.name,
        solver_sha256=entry.sha256,
        solver_file=entry.file.name if entry.file else "",
        checkpoints_sha256=entry.checkpoints_sha256(instance.problem, instance.size, seed, options),
        label=label or entry.name,
        options=dict(options),
        seed=seed,
        limits=limits,
    )
    return Planned(cell, instance, entry.file.resolve() if entry.file else None)


def _check_unique(suite: Suite, cells: Sequence[Planned]) -> None:
    seen: dict[str, Cell] = {}
    for each in cells:
        other = seen.setdefault(each.cell.stem, each.cell)
        if other is not each.cell:
            raise DtbenchError(
                f"{suite.source.kind} '{suite.file}': entries '{other.label}' and '{each.cell.label}' of solver "
                f"'{other.solver}' are the same on '{other.instance}'; give them different options or instances."
            )


def _compared(cells: Iterable[Planned], store: Store, retry_failed: bool) -> tuple[Planned, ...]:
    records, _ = store.scan()
    by_stem = {record.cell.stem: record for record in records}
    known = estimates(records)
    return tuple(
        Planned(
            p.cell, p.instance, p.solver_file, _state(p.cell, by_stem.get(p.cell.stem), store, retry_failed),
            known.get(kind_of(p.cell)),
        )
        for p in cells
    )  # fmt: skip


def _state(cell: Cell, record: Record | None, store: Store, retry_failed: bool) -> State:
    if record is None or (retry_failed and record.status not in ("ok", "skipped")) or not store.whole(record):
        return "missing"
    return "done" if record.key == cell.key else "stale"


def kind_of(cell: Cell) -> tuple[str, ...]:
    """What cells that take about as long have in common: problem, size, solver, options."""
    return cell.problem, cell.size, cell.solver, json.dumps(cell.options, sort_keys=True)


def estimates(records: Iterable[Record]) -> dict[tuple[str, ...], float]:
    """Median wall clock [s] by problem, size, solver and options, of cells that came to an end or to a limit."""
    found: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for record in records:
        if record.status in ("ok", "timeout", "memory"):
            found[kind_of(record.cell)].append(record.wall_seconds)
    return {kind: statistics.median(seconds) for kind, seconds in found.items()}
