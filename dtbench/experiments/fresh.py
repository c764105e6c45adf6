"""Methods on fresh traces, which no training, tuning, validation or library instance has.

The library's instances of a size give the networks; each gets traces of its own. They are written as files beside a
suite, and run as any suite is: in processes of their own, under limits, resumable. What methods are compared with is a
solver too: the optimum by default, proven slot by slot, or over the horizon where slots are coupled.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dtbench.core import AnyProblem, Instance
from dtbench.errors import DtbenchError
from dtbench.experiments.record import FiniteScalar, Record
from dtbench.experiments.suite import Suite, read
from dtbench.experiments.tables import SolverTable
from dtbench.files import write_safely
from dtbench.library import instances
from dtbench.plugins.discovery import SolverEntry, find

FRESH_SEED = 20_000  # of traces: above those of training (10 000 and on) that shipped policies have
DRAWN = 5  # networks of a size that the library does not have, such as closed loops
TRACES, SUITE = "traces", "suite.toml"


@dataclass(frozen=True)
class Score:
    """A method's mean ratio to the reference, over traces, for each of its seeds; below 1 is less than the reference.

    ``missing`` counts traces without a ratio, as a cell of the method or of the reference has no score there.
    """

    method: str
    means: tuple[float, ...]
    missing: int


def methods(texts: Iterable[str], entries: Mapping[str, SolverEntry], problem: str) -> list[SolverTable]:
    """Solvers of ``NAME`` or ``NAME:OPTION=VALUE,...``, labelled as they are written.

    Raises
    ------
    DtbenchError
        On an unknown solver or option, or a solver that does not take the problem.
    """
    tables = []
    for text in texts:
        name, _, settings = text.partition(":")
        entry = find(name, entries)
        if not entry.takes(problem):
            raise DtbenchError(f"solver '{name}' does not take problem '{problem}'.")
        pairs = [part.partition("=") for part in settings.split(",") if part]
        wrong = [option for option, sign, _ in pairs if not sign]
        if wrong:
            raise DtbenchError(f"method '{text}': '{wrong[0]}' has no value; expected NAME:OPTION=VALUE,...")
        options: dict[str, FiniteScalar] = {option: value for option, _, value in pairs}
        entry.check_options(options, f"method '{text}'")
        tables.append(SolverTable(name=name, label=text, options=options))
    return tables


def networks(owner: AnyProblem, size: str) -> list[Instance]:
    """An instance of each network of the library's instances of a size; drawn ones where the library has none.

    Raises
    ------
    DtbenchError
        If the problem has no such size.
    """
    from dtbench.learning.network_key import network_key

    names = instances.names(owner.id, size)
    if not names:
        owner.params(size)
        return [owner.generate(size, FRESH_SEED + number) for number in range(DRAWN)]
    by_key: dict[str, Instance] = {}
    for name in names:
        instance = instances.load(name)
        by_key.setdefault(network_key(owner, instance), instance)
    return list(by_key.values())


def prepare(
    owner: AnyProblem, size: str, tables: Sequence[SolverTable], folder: Path, *, traces: int, seeds: int,
    most_networks: int | None = None,
) -> Suite:  # fmt: skip
    """Write fresh traces and the suite that runs methods on them; files that are there already are the same.

    Parameters
    ----------
    tables
        The methods, the reference among them.
    folder
        Where ``suite.toml`` and the folder ``traces`` go.
    traces
        Of each network.
    seeds
        Of each method that draws.
    most_networks
        Only the first ones of the library's.
    """
    (folder / TRACES).mkdir(parents=True, exist_ok=True)
    files = []
    for number, network in enumerate(networks(owner, size)[:most_networks]):
        rng = np.random.default_rng([FRESH_SEED, number])
        for trace in range(traces):
            file = folder / TRACES / f"{size}-network{number}-trace{trace:03d}.nc"
            instance = owner.resample(network, rng)
            if not file.is_file():
                instances.save(file, instance)
            files.append(f"{TRACES}/{file.name}")
    write_safely(folder / SUITE, suite_text(f"fresh-{owner.id}-{size}", files, tables, seeds).encode())
    return read(folder / SUITE)


def suite_text(name: str, files: Sequence[str], tables: Sequence[SolverTable], seeds: int) -> str:
    """A suite in TOML, whose strings, numbers and lists of strings are written as JSON writes them."""
    lines = [f"name = {json.dumps(name)}", f"instances = {json.dumps(list(files))}", f"seeds = {seeds}"]
    for table in tables:
        options = ", ".join(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in table.options.items())
        lines += ["", "[[solvers]]", f"name = {json.dumps(table.name)}", f"label = {json.dumps(table.title)}"]
        lines += [f"options = {{ {options} }}"] if options else []
    return "\n".join(lines) + "\n"


def scores(records: Iterable[Record], labels: Sequence[str], against: str) -> list[Score]:
    """The ratio of each method's objective to the reference's, trace by trace, as means over traces for each seed."""
    objective: dict[tuple[str, int, str], float] = {}
    seeds: dict[str, set[int]] = {}
    traces: set[str] = set()
    for record in records:
        cell = record.cell
        traces.add(cell.instance)
        seeds.setdefault(cell.label, set()).add(cell.seed)
        if record.objective is not None:
            objective[cell.label, cell.seed, cell.instance] = record.objective
    made = []
    for label in labels:
        means, missing = [], 0
        for seed in sorted(seeds.get(label, ())):
            pairs = [(objective.get((label, seed, t)), objective.get((against, 0, t))) for t in sorted(traces)]
            ratios = [value / best for value, best in pairs if value is not None and best is not None]
            missing += len(pairs) - len(ratios)
            means += [float(np.mean(ratios))] if ratios else []
        made.append(Score(label, tuple(means), missing))
    return made
