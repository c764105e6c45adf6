"""Sweeps: one or two parameters of a problem varied, as in the papers' figures. One TOML file each.

name = "example"
title = "Latency against the number of users"
problem = "stin-deployment"
size = "paper"
seeds = 10           # fresh instances per point, with the same seeds at every point
first_seed = 20000   # 20000 .. 20009; the library's seeds are below 100

[over]               # the first parameter is the x axis, a second one makes panels
n_users = [18, 20, 22, 24]

[along]              # what changes with the first parameter, value by value
area = [900, 950, 1000, 1050]

[set]                # other values of further parameters
horizon = 10

[limits]
seconds = 60.0

[training]           # of each policy that is neither shipped nor named; with scope = "size" one per point and seed
seconds = 7200.0

[[solvers]]
name = "greedy"

A sweep is run as the suite of its instances, which are generated where they are missing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import numpy as np
from pydantic import Field

from dtbench.core import AnyProblem
from dtbench.errors import DtbenchError
from dtbench.experiments.plan import Plan, chosen_solvers, make_plan, scope_of
from dtbench.experiments.record import Scalar
from dtbench.experiments.store import Store
from dtbench.experiments.suite import Suite, SuiteFile
from dtbench.experiments.tables import File, Source, read_file, readable, shipped
from dtbench.library import instances
from dtbench.params import ParamSpec
from dtbench.plugins.discovery import discover
from dtbench.problems import all_problems, problem
from dtbench.progress import Step, untold

Values = Annotated[list[Scalar], Field(min_length=1, max_length=1000)]
MOST_POINTS = 10_000
GENERATED = "generated"  # folder of instances in the results
OWN_SEEDS = 100  # seeds below are the library's


class SweepFile(File):
    """A sweep as it is written."""

    problem: str = Field(description="the id of a problem")
    size: str = Field(description="a size of the problem")
    seeds: int = Field(default=10, ge=1, le=100_000, description="a whole number of at least 1")
    first_seed: int = Field(
        default=20_000, ge=OWN_SEEDS, le=2**62,
        description=f"a whole number of at least {OWN_SEEDS}: seeds below are those of the library",
    )  # fmt: skip
    metrics: list[str] = Field(
        default=[],
        description="a list of the referee's metrics that are one number per slot, drawn beside the objective",
    )
    over: dict[str, Values] = Field(
        min_length=1,
        max_length=2,
        description="a table of one or two parameters, each with a list of at most 1000 values",
    )
    along: dict[str, Values] = Field(
        default_factory=dict, description="a table of parameters, each with as many values as the first of 'over' has"
    )
    set: dict[str, Scalar] = Field(default_factory=dict, description="a table of texts, numbers and true or false")


@dataclass(frozen=True)
class Axis:
    """A swept parameter: its name, declaration and values, each of the parameter's own type."""

    name: str
    spec: ParamSpec
    values: tuple[Scalar, ...]


@dataclass(frozen=True)
class Sample:
    """An instance of a sweep: the values of the swept parameters, the seed it was drawn with, its file."""

    point: tuple[Scalar, ...]
    seed: int
    file: Path


@dataclass(frozen=True)
class Sweep:
    """A sweep that has been read: every point is one that the problem takes."""

    content: SweepFile
    source: Source
    axes: tuple[Axis, ...]
    along: tuple[Axis, ...] = ()  # each with a value for each one of the first axis

    @cached_property
    def problem(self) -> AnyProblem:
        """The problem."""
        return problem(self.content.problem)

    def points(self) -> list[tuple[Scalar, ...]]:
        """Values of the swept parameters, the first varying slowest."""
        return list(itertools.product(*(axis.values for axis in self.axes)))

    def settings(self, point: Sequence[Scalar]) -> dict[str, Scalar]:
        """All parameters that differ from those of the size."""
        place = self.axes[0].values.index(point[0])
        found = self.content.set | {axis.name: axis.values[place] for axis in self.along}
        return found | dict(zip((axis.name for axis in self.axes), point, strict=True))


def names() -> list[str]:
    """Names of the shipped sweeps."""
    return shipped("sweep")


def built_in() -> list[Sweep]:
    """The shipped sweeps."""
    return list(readable(names(), read))


def read(sweep: str | Path) -> Sweep:
    """Read a sweep: a shipped one by its name, any other by the path of its file.

    Raises
    ------
    DtbenchError
        If there is none, or it is not a valid sweep of the problem: the message names file, key, value and what is
        allowed.
    """
    return checked(*read_file("sweep", sweep, SweepFile))


def checked(content: SweepFile, source: Source) -> Sweep:
    """A sweep whose points the problem takes.

    Raises
    ------
    DtbenchError
        If it is not a valid sweep of the problem: the message names file, key, value and what is allowed.
    """
    if content.problem not in all_problems():
        raise source.problem("problem", content.problem, f"one of {', '.join(all_problems())}", list(all_problems()))
    owner = problem(content.problem)
    if content.size not in owner.sizes:
        raise source.problem("size", content.size, f"one of {', '.join(owner.sizes)}", list(owner.sizes))
    params = owner.params(content.size)
    for name, value in content.set.items():
        _checked(source, f"set.{name}", params, name, value)
        if name in content.over or name in content.along:
            there = "over" if name in content.over else "along"
            raise source.problem(f"set.{name}", value, f"a parameter that is not swept: it is in '{there}', too")
    axes = tuple(_axis(source, params, "over", name, values) for name, values in content.over.items())
    for name, values in content.along.items():
        if name in content.over:
            raise source.problem(f"along.{name}", values, "a parameter that is not swept: it is in 'over', too")
        if len(values) != len(axes[0].values):
            wanted = f"{len(axes[0].values)} values, one for each of 'over.{axes[0].name}'"
            raise source.problem(f"along.{name}", values, wanted)
    along = tuple(_axis(source, params, "along", name, values) for name, values in content.along.items())
    found = Sweep(content, source, axes, along)
    count = math.prod(len(axis.values) for axis in axes)
    if count > MOST_POINTS:
        raise DtbenchError(f"sweep '{source.file}': key 'over' gives {count} points; at most {MOST_POINTS} are run.")
    for point in found.points():
        try:
            owner.params(content.size, found.settings(point))
        except DtbenchError as error:
            raise DtbenchError(f"sweep '{source.file}': at {_words(found, point)}: {error}") from None
    return found


def _checked(source: Source, key: str, params: Any, name: str, value: Scalar) -> Scalar:
    try:
        checked: Scalar = params.checked(name, value)
    except DtbenchError as error:
        raise DtbenchError(f"sweep '{source.file}': key '{key}': {error}") from None
    return checked


def _axis(source: Source, params: Any, table: str, name: str, values: Sequence[Scalar]) -> Axis:
    keys = [f"{table}.{name}.{number}" for number in range(len(values))]
    checked = [_checked(source, key, params, name, value) for key, value in zip(keys, values, strict=True)]
    for number, value in enumerate(checked):
        if table == "over" and value in checked[:number]:
            raise source.problem(keys[number], values[number], "a value that is not in the list already")
    return Axis(name, params.spec(name), tuple(checked))


def _words(sweep: Sweep, point: Sequence[Scalar]) -> str:
    return ", ".join(f"{axis.name} = {value}" for axis, value in zip(sweep.axes, point, strict=True))


def _check_metrics(sweep: Sweep) -> None:
    """Refuse a metric that the referee does not give, by a look at one slot of the first point."""
    if not sweep.content.metrics:
        return
    owner = sweep.problem
    first = sweep.settings(sweep.points()[0])
    instance = owner.generate(sweep.content.size, sweep.content.first_seed, **first)
    slot = owner.slot(instance, 0, owner.start(instance))
    found = owner.evaluate(slot, owner.random_decision(instance, slot, np.random.default_rng(0))).metrics
    known = [name for name, value in found.items() if np.ndim(value) == 0]
    for number, name in enumerate(sweep.content.metrics):
        if name not in known:
            raise sweep.source.problem(f"metrics.{number}", name, f"one of {', '.join(known)}", known)


def prepare(
    sweep: Sweep,
    store: Store,
    *,
    seeds: int | None = None,
    solvers: Sequence[str] | None = None,
    solvers_paths: Iterable[Path | str] = (),
    retry_failed: bool = False,
    progress: Step = untold,
) -> tuple[Plan, tuple[Sample, ...]]:
    """The cells of a sweep, and its instances, which are generated where they are missing.

    Parameters
    ----------
    sweep
        The sweep.
    store
        Results; instances are written to its folder ``generated``.
    seeds
        Instances per point instead of the sweep's.
    solvers
        Only solvers of these names or labels.
    solvers_paths
        Further folders of solver files.
    retry_failed
        Count records of failed cells as missing.
    progress
        Told of each instance.

    Raises
    ------
    DtbenchError
        If a solver does not exist or does not take the problem, before anything is generated.
    """
    if seeds is not None and seeds < 1:
        raise DtbenchError(f"--seeds is {seeds}; expected at least 1.")
    paths = list(solvers_paths)
    entries = discover(paths)
    chosen_solvers(sweep.source, sweep.content.solvers, entries, solvers)
    for number, table in enumerate(sweep.content.solvers):
        if not entries[table.name].takes(sweep.content.problem):
            taking = [name for name, entry in entries.items() if entry.takes(sweep.content.problem)]
            raise sweep.source.problem(
                f"solvers.{number}.name", table.name,
                f"a solver that takes '{sweep.content.problem}': {', '.join(taking)}",
            )  # fmt: skip
    _check_metrics(sweep)
    samples = generate(sweep, store.folder / GENERATED, seeds, progress)
    plan = make_plan(
        suite_of(sweep, samples), store, solvers=solvers, solvers_paths=paths, retry_failed=retry_failed
    )  # fmt: skip
    names = {sample.file.name: sweep.content.problem for sample in samples_of(sweep, store.folder / GENERATED)}
    plan = replace(plan, scope=scope_of(plan.suite.content, entries, names))
    if seeds is not None:
        plan = replace(plan, cells=tuple(replace(p, asked=p.asked or "seeds") for p in plan.cells))
    return plan, samples


def generate(sweep: Sweep, folder: Path, seeds: int | None = None, progress: Step = untold) -> tuple[Sample, ...]:
    """The instances of a sweep, point by point; files that hold them already are kept.

    Every point has the same seeds: where the generator draws its random numbers in an order that the parameter does
    not touch, instances differ by the parameter alone (common random numbers), and so do the solvers' results.
    """
    folder.mkdir(parents=True, exist_ok=True)
    owner, size = sweep.problem, sweep.content.size
    samples = samples_of(sweep, folder, seeds)
    for number, sample in enumerate(samples, start=1):
        if not _is_there(sweep, sample):
            instances.save(sample.file, owner.generate(size, sample.seed, **sweep.settings(sample.point)))
        progress(number, len(samples), "instances")
    return samples


def samples_of(sweep: Sweep, folder: Path, seeds: int | None = None) -> tuple[Sample, ...]:
    """The instances of a sweep as they are named, ``<size>-<parameter>=<value>...-s<seed>.nc``."""
    first, count = sweep.content.first_seed, seeds or sweep.content.seeds
    samples = []
    for point, seed in itertools.product(sweep.points(), range(first, first + count)):
        parts = [f"{axis.name}={quote(str(v), safe='')}" for axis, v in zip(sweep.axes, point, strict=True)]
        name = "-".join([sweep.content.size, *parts, f"s{seed}"])
        samples.append(Sample(point, seed, folder / f"{name}.nc"))
    return tuple(samples)


def _is_there(sweep: Sweep, sample: Sample) -> bool:
    """Whether the file holds this instance: not that of another ``[set]``, nor one that was damaged."""
    if not sample.file.is_file():
        return False
    try:
        found = instances.load(sample.file)
    except DtbenchError:
        return False
    wanted = sweep.problem.params(sweep.content.size, sweep.settings(sample.point))
    header = (sweep.problem.id, sweep.content.size, sample.seed)
    return (found.problem, found.size, found.seed) == header and found.params == wanted


def suite_of(sweep: Sweep, samples: Sequence[Sample]) -> Suite:
    """The suite of a sweep's instances; solvers that draw get one seed unless their table says more."""
    content = sweep.content
    return Suite(
        SuiteFile(
            name=content.name,
            title=content.title,
            description=content.description,
            instances=[str(sample.file.resolve()) for sample in samples],
            limits=content.limits,
            training=content.training,
            solvers=content.solvers,
        ),
        sweep.source,
    )
