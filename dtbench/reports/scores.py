"""Records grouped by problem and size, and what they say about each solver: the numbers behind the leaderboard."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePath
from typing import Self

import numpy as np

from dtbench.arrays import Array
from dtbench.core import AnyProblem, Sense, gap_to
from dtbench.errors import DtbenchError
from dtbench.experiments.plan_file import implied
from dtbench.experiments.record import STATUSES, Cell, Record, Slots, Status
from dtbench.experiments.verify import Lack, Lacking
from dtbench.library.best_known import own_name
from dtbench.machine import version
from dtbench.problems import source_sha256
from dtbench.regime import REGIMES
from dtbench.reports.machines import Machines
from dtbench.reports.model import Estimate
from dtbench.reports.numbers import ZERO, one_line
from dtbench.reports.statistics import bootstrap_interval, mean_rank, stratified_iqm, tied

FAILED: tuple[Status, ...] = tuple(s for s in STATUSES if s not in ("ok", "skipped"))
TIE = 1e-9  # ratios that are nearer to each other tie


@dataclass(frozen=True)
class ProblemFacts:
    """What the leaderboard must know of a problem.

    ``target_gaps`` by size: relative gaps that count as proof. ``coupled``: sizes whose slots are coupled. ``sha256``
    of the problem's sources and ``dtbench``, the version, are those of today; without a version none is compared.
    """

    title: str
    sense: Sense
    unit: str
    target_gap: float = 1e-4
    sizes: tuple[str, ...] = ()
    target_gaps: Mapping[str, float] = field(default_factory=dict)
    coupled: tuple[str, ...] = ()
    sha256: str = ""
    dtbench: str = ""

    @classmethod
    def of(cls, problem: AnyProblem) -> Self:
        """The facts of a problem."""
        gaps = {size: problem.exactness.target_gap_of(size) for size in problem.sizes}
        coupled = tuple(size for size, params in problem.sizes.items() if problem.coupled(params))
        return cls(
            problem.title, problem.sense, problem.unit, problem.exactness.target_gap, tuple(problem.sizes), gaps,
            coupled, source_sha256(problem.id), version("dtbench") or "unknown",
        )  # fmt: skip

    def couples(self, cell: Cell) -> bool:
        """Whether slots of a cell's instance are coupled, by its size; a file of one's own counts as if they were."""
        return bool(self.coupled) if cell.instance.endswith(".nc") else cell.size in self.coupled

    def made(self, record: Record) -> bool:
        """Whether a record was made by this version of dtbench and of the problem."""
        return not self.dtbench or record.made_by(self.dtbench, self.sha256)


@dataclass(frozen=True)
class Run:
    """One planned cell; its names as they are shown, and its gap, None without a score or a best known value.

    ``record`` is what answers for it; where there is none, ``lack`` says why, and ``reason`` more. ``elsewhere``: on
    another machine than most; ``pace`` is what its times are multiplied by, None if that is not known.
    """

    cell: Cell
    record: Record | None
    instance: str
    label: str
    best: float | None
    gap: float | None
    lack: Lack | None = None
    reason: str = ""
    elsewhere: bool = False
    pace: float | None = 1.0

    @property
    def status(self) -> Status | Lack | None:
        """The record's status, or what is the matter with it."""
        return self.lack if self.record is None else self.record.status

    @property
    def objective(self) -> float | None:
        """Mean over slots."""
        return None if self.record is None else self.record.objective

    @property
    def why(self) -> str:
        """Why there is no score, in one line."""
        if self.record is None:
            return one_line(self.reason)
        last = self.record.traceback.strip().splitlines()[-1:]
        return one_line(self.record.reason or self.record.signal or " ".join(last) or "no reason was recorded")


@dataclass(frozen=True)
class Entry:
    """What one solver did on some instances: all that is planned of it there, with a record or without.

    ``instances`` counts those of the whole group.
    """

    label: str
    runs: tuple[Run, ...]
    instances: int
    facts: ProblemFacts
    target_gap: float

    @cached_property
    def ok(self) -> tuple[Run, ...]:
        """The runs that ended with a score."""
        return tuple(run for run in self.runs if run.status == "ok")

    @cached_property
    def records(self) -> tuple[Record, ...]:
        """The records that there are."""
        return tuple(run.record for run in self.runs if run.record is not None)

    @property
    def planned(self) -> int:
        """How many runs are planned."""
        return len(self.runs)

    @property
    def complete(self) -> bool:
        """Whether every planned run has a score; not where nothing is planned."""
        return 0 < len(self.ok) == self.planned

    @cached_property
    def n_instances(self) -> int:
        """How many instances it is planned on."""
        return len({run.instance for run in self.runs})

    @property
    def comparable(self) -> bool:
        """Whether its numbers can stand beside others: it has all scores, on all instances of the group."""
        return self.complete and self.n_instances == self.instances

    def count(self, status: Status | Lack) -> int:
        """Runs of a status."""
        return sum(run.status == status for run in self.runs)

    @cached_property
    def gap(self) -> Estimate:
        """Interquartile mean of the gap with its interval; instances count equally."""
        strata: dict[str, list[float]] = {}
        for run in self.ok:
            if run.gap is not None:
                strata.setdefault(run.instance, []).append(run.gap)
        if not strata:
            return Estimate(None)
        gaps = list(strata.values())
        return Estimate(stratified_iqm(gaps), *(bootstrap_interval(gaps) or (None, None)))

    @cached_property
    def _slots(self) -> tuple[Slots, ...]:
        return tuple(record.slots for record in self.records if record.slots is not None)

    @property
    def objective(self) -> float | None:
        """Mean of the objective over runs."""
        values = [run.objective for run in self.ok if run.objective is not None]
        return float(np.mean(values)) if values else None

    @property
    def instance_objective(self) -> float | None:
        """Mean over instances of the mean objective over runs."""
        values: dict[str, list[float]] = {}
        for run in self.ok:
            if run.objective is not None:
                values.setdefault(run.instance, []).append(run.objective)
        return float(np.mean([np.mean(each) for each in values.values()])) if values else None

    @property
    def mean_gap(self) -> float | None:
        """Mean of the gap over runs."""
        values = [run.gap for run in self.ok if run.gap is not None]
        return float(np.mean(values)) if values else None

    @property
    def repaired(self) -> float | None:
        """Share of all slots whose decision had to be repaired."""
        return float(np.mean(self._all("repaired"))) if self._slots else None

    @property
    def infeasible(self) -> float | None:
        """Share of all slots that are not feasible even after repair."""
        return 1.0 - float(np.mean(self._all("feasible"))) if self._slots else None

    @property
    def proven(self) -> float | None:
        """Share of all slots whose objective is within the target gap of a certificate's bound; None without bounds.

        Where slots are coupled, all slots of a run count as proved if the bound on its horizon proves its objective.
        """
        pairs = [pair for record in self.records for pair in self._claims(record)]
        objective, bound = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
        if np.isnan(bound).all():
            return None
        gap = np.abs(objective - bound) / np.maximum(np.abs(objective), 1e-12)
        return float(np.mean(np.where(np.isnan(gap), np.inf, gap) <= self.target_gap))

    def _claims(self, record: Record) -> list[tuple[float | None, float | None]]:
        """Objective and bound of each slot; those of the horizon, once for each slot, where slots are coupled."""
        if record.slots is None:
            return []
        if self.facts.couples(record.cell):
            return [(record.objective, record.horizon_bound(coupled=True))] * len(record.slots.bound)
        return list(zip(record.slots.objective, record.slots.bound, strict=True))

    @property
    def slot_seconds(self) -> float | None:
        """Median time of a decision, over all slots [s]; those of other machines are scaled."""
        times = [(run.record.slots.seconds, run.pace or 1.0) for run in self.runs if run.record and run.record.slots]
        if len(times) == 1:  # of one cell, of which there are thousands
            return statistics.median(times[0][0]) * times[0][1]
        return float(np.median([s * pace for seconds, pace in times for s in seconds])) if times else None

    @property
    def train_seconds(self) -> float | None:
        """Median training time over runs [s]; None where nothing was trained."""
        seconds = [s for record in self.records if (s := record.train_seconds) is not None]
        return float(np.median(seconds)) if seconds else None

    @property
    def train_frames(self) -> float | None:
        """Median number of frames played in training, over runs; None where no record tells."""
        told = [record.method.get("training") for record in self.records if record.status == "ok"]
        frames = [t["frames"] for t in told if isinstance(t, Mapping) and isinstance(t.get("frames"), int)]
        return float(np.median(frames)) if frames else None

    @property
    def sees(self) -> str:
        """The regime of the scored runs, see :mod:`dtbench.regime`; empty without one."""
        told = {run.record.regime for run in self.ok if run.record is not None}
        return ", ".join(regime for regime in REGIMES if regime in told)

    @property
    def marks(self) -> tuple[str, ...]:
        """What a reader must know beside the numbers; see the legend."""
        better = {run.instance for run in self.ok if run.gap is not None and run.gap < -ZERO}
        infeasible = sum(slots.feasible.count(False) for slots in self._slots)
        versions = {_version(record.cell) for record in self.records}
        strange = sum(not self.facts.made(record) for record in self.records)
        marks = (
            (f"new best on {len(better)}", bool(better)),
            (f"{self.count('skipped')} skipped", self.count("skipped") > 0),
            (f"{self.count('not run')} not run", self.count("not run") > 0),
            (f"{self.count('stale')} stale", self.count("stale") > 0),
            (f"{strange} of another version", strange > 0),
            (f"on {self.n_instances} of {self.instances} instances", self.n_instances < self.instances),
            (f"{infeasible} infeasible slots", infeasible > 0),
            ("mixed versions", len(versions) > 1),
            ("times of another machine", any(run.elsewhere for run in self.ok)),
        )
        return tuple(text for text, applies in marks if applies)

    def on(self, instance: str) -> Entry:
        """The same solver on one instance."""
        runs = tuple(run for run in self.runs if run.instance == instance)
        return Entry(self.label, runs, 1, self.facts, self.target_gap)

    def _all(self, field: str) -> Array:
        """One field of all slots of all scored runs; None becomes NaN."""
        return np.array([v for slots in self._slots for v in getattr(slots, field)], dtype=np.float64)


@dataclass(frozen=True)
class ProblemRuns:
    """All planned runs of one problem at one size, in order of solver, instance, seed."""

    problem: str
    size: str
    facts: ProblemFacts
    runs: tuple[Run, ...]

    @cached_property
    def instances(self) -> tuple[str, ...]:
        """Instances that any solver is planned on."""
        return tuple(sorted({run.instance for run in self.runs}))

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """One per solver."""
        by_label: dict[str, list[Run]] = {}
        for run in self.runs:
            by_label.setdefault(run.label, []).append(run)
        gap = self.facts.target_gaps.get(self.size, self.facts.target_gap)
        n = len(self.instances)
        return tuple(Entry(label, tuple(runs), n, self.facts, gap) for label, runs in by_label.items())

    @cached_property
    def mean_ranks(self) -> Array:
        """(n_entries,) mean over instances of the rank of the mean objective; unfinished instances count as last place.

        Objectives are compared relative to the best one on the instance, so no best known value is needed, and tie
        where they differ by less than 1e-9 of it: two exact methods differ by less.
        """
        parts = [[entry.on(name) for entry in self.entries] for name in self.instances]
        planned = np.array([[e.planned > 0 for e in row] for row in parts])
        means = [[e.objective if e.complete and e.objective is not None else np.nan for e in row] for row in parts]
        objective = np.array(means, dtype=np.float64)
        missing = np.isnan(objective)
        worst = np.inf if self.facts.sense == "min" else -np.inf
        filled = np.where(missing, worst, objective)
        best = (filled.min if self.facts.sense == "min" else filled.max)(axis=-1, keepdims=True)
        best = np.where(np.isfinite(best), best, 0.0)
        return mean_rank(tied(gap_to(self.facts.sense, np.where(missing, np.nan, objective), best), TIE), planned)


def collect(
    records: Sequence[Record],
    best_known: Mapping[str, float],
    problems: Mapping[str, ProblemFacts],
    lacking: Sequence[Lacking] | None = None,
) -> tuple[ProblemRuns, ...]:
    """Planned cells by problem and size, in an order that does not depend on theirs.

    Parameters
    ----------
    records, best_known, problems, lacking
        See :func:`dtbench.reports.leaderboard.build`.

    Raises
    ------
    DtbenchError
        If there is nothing, two records are of the same run, an instance comes in two versions, or a problem is
        unknown.
    """
    if lacking is None:
        lacking = [Lacking(cell, "not run") for cell in implied(record.cell for record in records)]
    cells = [*(record.cell for record in records), *(each.cell for each in lacking)]
    if not cells:
        raise DtbenchError("there are no records to make a leaderboard of. Run a suite first: `dtbench run SUITE`.")
    unknown = sorted({cell.problem for cell in cells} - set(problems))
    if unknown:
        raise DtbenchError(f"records of unknown problem '{unknown[0]}'. Known: {', '.join(sorted(problems))}.")
    machines = Machines.of(records)
    runs = [_run(record, best_known, problems[record.cell.problem].sense, machines) for record in records]
    runs += [_missing(each, best_known) for each in lacking]
    runs.sort(key=lambda run: (run.label, run.instance, run.cell.seed, run.cell.key))
    _check(runs)
    found: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        found.setdefault((run.cell.problem, run.cell.size), []).append(run)

    def order(key: tuple[str, str]) -> tuple[str, int, str]:
        sizes = problems[key[0]].sizes
        return key[0], sizes.index(key[1]) if key[1] in sizes else len(sizes), key[1]

    return tuple(ProblemRuns(*key, problems[key[0]], tuple(found[key])) for key in sorted(found, key=order))


def instance_name(cell: Cell) -> str:
    """Name in the library, or file name and checksum: the same on every machine."""
    if cell.instance.endswith(".nc"):
        return one_line(f"{PurePath(cell.instance).name}@{cell.instance_sha256[:8]}")
    return one_line(cell.instance)


def known_as(cell: Cell) -> str:
    """What best known values of a cell's instance are found by: name in the library, or file name and checksum."""
    return own_name(cell.instance, cell.instance_sha256) if cell.instance.endswith(".nc") else cell.instance


def _run(record: Record, best_known: Mapping[str, float], sense: Sense, machines: Machines) -> Run:
    best = best_known.get(known_as(record.cell))
    scored = record.objective
    gap = None if best is None or scored is None else float(gap_to(sense, scored, best))
    return Run(
        record.cell, record, instance_name(record.cell), one_line(record.cell.label), best, gap,
        elsewhere=machines.elsewhere(record), pace=machines.pace(record),
    )  # fmt: skip


def _missing(each: Lacking, best_known: Mapping[str, float]) -> Run:
    cell = each.cell
    best = best_known.get(known_as(cell))
    return Run(cell, None, instance_name(cell), one_line(cell.label), best, None, each.lack, each.reason)


def _check(runs: Sequence[Run]) -> None:
    """Refuse records that must not stand in one table; ``runs`` are sorted."""
    seen: dict[tuple[str, str, str, int], Run] = {}
    versions: dict[str, str] = {}
    for run in runs:
        cell = run.cell
        other = seen.setdefault((cell.problem, run.label, run.instance, cell.seed), run)
        if other is not run:
            raise DtbenchError(
                f"two records of '{run.label}' on '{run.instance}' with seed {cell.seed}: '{other.cell.stem}' "
                f"and '{cell.stem}'. Give the solvers different labels in the suite, or delete one record."
            )
        if versions.setdefault(run.instance, cell.instance_sha256) != cell.instance_sha256:
            raise DtbenchError(
                f"records of '{run.instance}' were made with different versions of the instance "
                f"({versions[run.instance][:8]} and {cell.instance_sha256[:8]}). Run the suite again."
            )


def _version(cell: Cell) -> str:
    """What must be the same in all runs of a solver for their mean to mean something."""
    return json.dumps([cell.solver, cell.solver_sha256, cell.options, cell.limits.model_dump()], sort_keys=True)
