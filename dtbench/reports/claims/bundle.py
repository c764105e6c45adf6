"""What a report needs of the runs of a figure: a compact file, from which figures and verdicts are made again.

    <results>/data/<paper>-<figure>.json

A line per run (an instance, a method, a seed), with the checksum of its record; a line per learning curve. Numbers have
nine digits. Two runs of the same study, budget and seeds give files that differ in times only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from dtbench import __version__
from dtbench.core import AnyProblem
from dtbench.errors import DtbenchError
from dtbench.experiments import decisions
from dtbench.experiments.planned import Planned
from dtbench.experiments.record import Record, Scalar
from dtbench.experiments.store import Store
from dtbench.experiments.studies import SLOT, TIMES, Study, share_trained, studies
from dtbench.experiments.study_file import BudgetName, MethodTable
from dtbench.experiments.sweep import Sample, Sweep
from dtbench.files import write_safely
from dtbench.library import instances
from dtbench.outside import parse_json, read_bytes
from dtbench.plugins.discovery import discover, load_solver
from dtbench.progress import Step, untold
from dtbench.referee import metric_series

FORMAT = 1
DATA = "data"
NOT_RUN = "not run"
Point = tuple[Scalar, ...]


@dataclass(frozen=True)
class Run:
    """One instance x method x seed.

    Attributes
    ----------
    point
        Values of the swept parameters.
    instance
        Seed that the instance was drawn with.
    method
        Title of the method.
    seed
        Seed of the method.
    status
        Of the record; ``not run`` without one that holds.
    values
        ``objective``, metrics and times: means over slots; without a score empty.
    bound
        What the run proves about the objective; None where it proves nothing.
    trained
        The part of the training that its settings have; 1 where nothing is learned.
    source
        Where its policy came from: shipped, cache, trained; empty where nothing is learned.
    slots
        Numbers slot by slot, where a figure shows them.
    record
        Checksum of the record, its first 16 digits.
    """

    point: Point
    instance: int
    method: str
    seed: int
    status: str
    values: dict[str, float] = field(default_factory=dict)
    bound: float | None = None
    trained: float = 1.0
    source: str = ""
    slots: dict[str, list[float]] = field(default_factory=dict)
    record: str = ""


@dataclass(frozen=True)
class LearningCurve:
    """Validations of a training: episodes, frames, objective, reward, each (n,)."""

    point: Point
    method: str
    seed: int
    episodes: list[int]
    frames: list[int]
    objective: list[float]
    reward: list[float]


@dataclass(frozen=True)
class Bundle:
    """All runs of a study at a budget."""

    study: str
    study_sha256: str
    budget: BudgetName
    axes: dict[str, list[Scalar]]
    instances: int
    seeds: int
    learners: list[str]
    dtbench: str
    runs: tuple[Run, ...]
    curves: tuple[LearningCurve, ...] = ()

    def text(self) -> str:
        """The file: a line per run and curve."""
        facts = {name: value for name, value in asdict(self).items() if name not in ("runs", "curves")}
        lines = [json.dumps({"format": FORMAT} | facts)[:-1] + ","]
        for name, items in (("runs", self.runs), ("curves", self.curves)):
            rows = ",\n".join(json.dumps(_short(each)) for each in items)
            lines.append(f'"{name}": [\n{rows}\n]' + ("," if name == "runs" else "}"))
        return "\n".join(lines) + "\n"


def _short(item: Run | LearningCurve) -> dict[str, Any]:
    """An item without what is empty, its numbers with nine digits."""
    facts = {name: _rounded(value) for name, value in asdict(item).items()}
    return {name: value for name, value in facts.items() if value not in ({}, "", None) or name == "values"}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return value


def file_of(results: Path, study: Study) -> Path:
    """Where the runs of a study are kept."""
    return results / DATA / f"{study.base.key.replace('/', '-')}.json"


def write(results: Path, study: Study, bundle: Bundle) -> Path:
    """Write the file of a study's runs."""
    file = file_of(results, study)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_safely(file, bundle.text().encode())
    return file


def read(file: Path) -> Bundle:
    """The runs in a file.

    Raises
    ------
    DtbenchError
        If it cannot be read, or is none.
    """
    facts = parse_json(read_bytes(file), f"'{file}'")
    if not isinstance(facts, dict) or facts.pop("format", None) != FORMAT:
        raise DtbenchError(f"'{file}' holds no runs of a figure in format {FORMAT}; run `dtbench reproduce` again.")
    try:
        runs = tuple(Run(**each | {"point": tuple(each["point"])}) for each in facts.pop("runs"))
        curves = tuple(LearningCurve(**each | {"point": tuple(each["point"])}) for each in facts.pop("curves"))
        return Bundle(**facts, runs=runs, curves=curves)
    except (TypeError, KeyError, AttributeError) as error:
        raise DtbenchError(f"'{file}': {error}; run `dtbench reproduce` again.") from None


def gather(
    study: Study,
    budget: BudgetName,
    sweep: Sweep,
    samples: Sequence[Sample],
    cells: Sequence[Planned],
    records: Mapping[str, Record],
    store: Store,
    progress: Step = untold,
) -> Bundle:
    """The runs of a study's cells.

    Parameters
    ----------
    sweep, samples, cells
        What was planned.
    records
        Records that hold, by the cell's stem.
    store
        Where their decisions are.
    progress
        Told of each record.
    """
    by_name = {sample.file.name: sample for sample in samples}
    entries = discover()
    full = _full_trainings(sweep.problem, sweep.content.size, study.methods)
    in_slots = _in_slots(study)
    runs = []
    for number, planned in enumerate(cells, start=1):
        cell, sample = planned.cell, by_name[planned.cell.instance]
        record = records.get(cell.stem)
        if record is None or record.status != "ok" or record.slots is None:
            status = record.status if record else NOT_RUN
            runs.append(Run(sample.point, sample.seed, cell.label, cell.seed, status))
            continue
        series = {"objective": list(record.slots.objective)}
        if sweep.content.metrics or in_slots:
            given = decisions.read(store.decisions(cell.stem), sweep.problem)
            series |= metric_series(sweep.problem, instances.load(sample.file), given)
        params = sweep.problem.params(sweep.content.size, sweep.settings(sample.point))
        values = {name: float(np.mean(series[name])) for name in ("objective", *sweep.content.metrics)}
        values |= times(record)
        training = record.method.get("training") or {}
        runs.append(
            Run(
                sample.point, sample.seed, cell.label, cell.seed, record.status, values,
                record.horizon_bound(sweep.problem.coupled(params)),
                share_trained(training.get("frames"), full.get(cell.label)),
                str(training.get("source", "")),
                {name: series[name] for name in in_slots},
                record.sha256[:16],
            )
        )  # fmt: skip
        progress(number, len(cells), "records")
    given_budget = study.budget(budget)
    seeds = max((run.seed + 1 for run in runs), default=given_budget.seeds)
    return Bundle(
        study=study.base.key,
        study_sha256=study.runs_sha256(budget),
        budget=budget,
        axes={axis.name: list(axis.values) for axis in sweep.axes},
        instances=len({run.instance for run in runs}),
        seeds=seeds,
        learners=[each.title for each in study.methods if entries[each.solver].trains],
        dtbench=__version__,
        runs=tuple(runs),
        curves=tuple(_curves(samples, cells, records, store)),
    )


def times(record: Record) -> dict[str, float]:
    """Seconds of the training, and the median of a decision's."""
    found = {"decide_seconds": float(np.median(record.slots.seconds))} if record.slots else {}
    if record.train_seconds is not None:
        found["train_seconds"] = record.train_seconds
    return {name: found[name] for name in TIMES if name in found}


def _in_slots(study: Study) -> list[str]:
    """Metrics that a figure of these runs shows slot by slot."""
    shown = [each for each in studies(study.content.paper) if each.base.key == study.base.key and each.x == SLOT]
    return list(dict.fromkeys(metric.name for each in shown for metric in each.content.metrics))


def _full_trainings(problem: AnyProblem, size: str, methods: Sequence[MethodTable]) -> dict[str, int]:
    """Slots that a learner plays in the training that its settings describe, episodes of the size's own length."""
    from dtbench.learning.options import resolve

    found, entries = {}, discover()
    learners = [each for each in methods if entries[each.solver].trains]
    horizon = problem.generate(size, 0).horizon if learners else 0
    for each in learners:
        cls: Any = load_solver(entries[each.solver])
        given = {"preset": each.setting} if each.setting else {}
        found[each.title] = horizon * int(resolve(cls.Options, cls.presets, problem.id, given, each.solver).episodes)
    return found


def _curves(
    samples: Sequence[Sample], cells: Iterable[Planned], records: Mapping[str, Record], store: Store
) -> list[LearningCurve]:
    """The learning curves of the policies that were played, of each point, method and seed one."""
    by_name = {sample.file.name: sample for sample in samples}
    found: dict[tuple[Point, str, int], LearningCurve] = {}
    for planned in cells:
        record, sample = records.get(planned.cell.stem), by_name[planned.cell.instance]
        key = (sample.point, planned.cell.label, planned.cell.seed)
        if record is None or record.status != "ok" or key in found or not record.method.get("training"):
            continue
        header = policy_header(planned, record.method["training"]["checkpoint_sha256"], store)
        if header is not None:
            points = [point for point in header.curve if point.objective is not None]
            found[key] = LearningCurve(
                *key,
                [point.episodes for point in points],
                [point.frames for point in points],
                [float(point.objective) for point in points],
                [float(point.reward) for point in points],
            )
    return list(found.values())


def policy_header(planned: Planned, sha256: str, store: Store) -> Any:
    """The header of the policy that a cell played: from the results, the shipped ones or the cache; None without."""
    from dtbench.learning import cache, checkpoint

    cell = planned.cell
    folders = [store.folder / "policies", cache.folder() / cell.problem]
    if planned.solver_file is not None:
        folders[1:1] = checkpoint.shipped_folders(planned.solver_file, cell.problem)
    for folder in folders:
        for file in sorted(folder.glob(f"*{cell.solver}--{cell.size}--*{checkpoint.SUFFIX}")):
            if f"--s{cell.seed}" in file.name and hashlib.sha256(file.read_bytes()).hexdigest() == sha256:
                return checkpoint.read(file).header
    return None


def without_times(bundle: Bundle) -> Bundle:
    """The runs without what differs from run to run, for comparisons."""
    runs = tuple(
        replace(r, values={n: v for n, v in r.values.items() if n not in TIMES}, record="") for r in bundle.runs
    )
    return replace(bundle, runs=runs)
