"""What the runs of a figure say: values and effects with intervals over trainings and instances.

Seeds of learners, and instances, are what is independent. Both spread, so the half-width of an interval is
``sqrt(h_s^2 + h_i^2)``: ``h_s`` is that of the t interval over seeds, each the mean over instances; ``h_i`` that over
instances, each the mean over seeds. All methods run on the same instances, so effects are taken on each instance, and
with each seed, before they are averaged: what instances and seeds have in common drops out. Where nothing is learned,
``h_s`` is 0. ``n`` is the lesser of the numbers of seeds and instances.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dtbench.arrays import Array
from dtbench.experiments.record import Scalar
from dtbench.experiments.studies import TIMES, Study
from dtbench.experiments.study_file import MetricTable
from dtbench.problems import problem
from dtbench.reports.claims.bundle import Bundle, Point, Run
from dtbench.reports.statistics import MeanInterval, mean_interval

Effect = Callable[[Sequence[float]], float]  # of the values of several methods, points or both
Key = tuple[str, Point]  # title of a method, point


@dataclass(frozen=True)
class Runs:
    """The runs of a bundle as one figure reads them."""

    study: Study
    bundle: Bundle

    @cached_property
    def points(self) -> list[Point]:
        """Points in the order of the runs."""
        return list(dict.fromkeys(run.point for run in self.bundle.runs))

    @cached_property
    def methods(self) -> list[str]:
        """Titles of the methods that were run, in the order of the study."""
        there = {run.method for run in self.bundle.runs}
        return [each.title for each in self.study.methods if each.title in there]

    @cached_property
    def _by_key(self) -> dict[Key, list[Run]]:
        found: dict[Key, list[Run]] = {}
        for run in self.bundle.runs:
            found.setdefault((run.method, run.point), []).append(run)
        return found

    @cached_property
    def proven(self) -> Runs:
        """The same runs, with what the optimum's prove about the objective in place of what they found."""
        optima = [each.title for each in self.study.methods if each.role == "optimum"]
        runs = tuple(_proven(run) if run.method in optima else run for run in self.bundle.runs)
        return Runs(self.study, replace(self.bundle, runs=runs))

    def unproven(self, title: str) -> float | None:
        """The greatest part of its objective that a method's bound leaves open; None where a run proves nothing."""
        gaps = [
            abs(run.values["objective"] - run.bound) / max(abs(run.values["objective"]), 1e-12)
            if run.bound is not None and "objective" in run.values else None
            for run in self.bundle.runs if run.method == title
        ]  # fmt: skip
        known = [gap for gap in gaps if gap is not None]
        return max(known) if known and len(known) == len(gaps) else None

    def metric(self, name: str) -> MetricTable:
        """How the figure calls a metric, and its unit."""
        known = {each.name: each for each in self.study.content.metrics}
        return known.get(name, MetricTable(name=name, label=name))

    def scale(self, metric: MetricTable, point: Point) -> float:
        """What a metric's number is multiplied by at a point."""
        base = self.study.base.content
        settings = base.set | self.study.budget(self.bundle.budget).set
        settings |= dict(zip(self.bundle.axes, point, strict=True))
        params = problem(base.problem).params(base.size, settings)
        return metric.factor / math.prod(float(getattr(params, name)) for name in metric.per)

    def table(self, key: Key, metric: MetricTable) -> dict[tuple[int, int], float]:
        """Values by instance and seed; of runs with a score."""
        scale, whole = self.scale(metric, key[1]), self._whole(key[1], metric)
        values = {(r.instance, r.seed): r.values.get(metric.name) for r in self._by_key.get(key, ())}
        known = {at: scale * value for at, value in values.items() if value is not None}
        return known if whole is None else {at: v / whole[at[0]] for at, v in known.items() if whole.get(at[0])}

    def _whole(self, point: Point, metric: MetricTable) -> dict[int, float] | None:
        """What the numbers of a metric are parts of, by instance; None where they are no parts."""
        if not metric.part_of:
            return None
        titles = [each.title for each in self.study.methods if each.label == metric.part_of]
        wholes = self.table((titles[0], point), metric.model_copy(update={"part_of": ""}))
        return {instance: value for (instance, _), value in wholes.items()}

    def where(self, place: Mapping[str, Scalar]) -> list[Point]:
        """The points of some values of the swept parameters."""
        names = list(self.bundle.axes)
        wanted = {names.index(name): value for name, value in place.items()}
        return [point for point in self.points if all(point[at] == value for at, value in wanted.items())]

    def trained(self, methods: Sequence[str]) -> float:
        """The least part of the paper's training that one of these methods has had."""
        return min((run.trained for run in self.bundle.runs if run.method in methods), default=1.0)

    def value(self, method: str, point: Point, metric: str) -> MeanInterval | None:
        """The mean of a method at a point; None without a score."""
        return self.effect([(method, point)], metric, lambda values: values[0])

    def effect(self, keys: Sequence[Key], metric: str, of: Effect) -> MeanInterval | None:
        """An effect: a function of the values of several methods and points.

        Only instances that all of them have a score on count. Times, which are the machine's, are not compared on
        instances: trainings are one for all of them.
        """
        given = self.metric(metric)
        tables = [self.table(key, given) for key in keys]
        learned = [key[0] in self.bundle.learners for key in keys]
        shared = sorted(set.intersection(*({i for i, _ in table} for table in tables)) if tables else ())
        seeds = _common([{s for i, s in t if i in shared} for t, one in zip(tables, learned, strict=True) if one])
        if not shared or (any(learned) and not seeds):
            return None
        cubes = [
            _cube(table, shared, seeds if one else sorted({s for _, s in table}))
            for table, one in zip(tables, learned, strict=True)
        ]  # (instances, seeds), the mean over seeds where a seed is no training
        if any(cube is None for cube in cubes):
            return None
        arrays: list[Array] = [
            cube if one else cube.mean(axis=1, keepdims=True)
            for cube, one in zip(cubes, learned, strict=True)
            if cube is not None
        ]
        if metric in TIMES:
            arrays, shared = [array.mean(axis=0, keepdims=True) for array in arrays], shared[:1]
        whole = of([float(array.mean()) for array in arrays])
        over_instances = [of([float(a[i].mean()) for a in arrays]) for i in range(len(shared))]
        over_seeds = [of([float(a[:, min(s, a.shape[1] - 1)].mean()) for a in arrays]) for s in range(len(seeds))]
        counts = ([len(shared)] if metric not in TIMES else []) + ([len(seeds)] if any(learned) else [])
        return _together(whole, over_instances if metric not in TIMES else [], over_seeds, min(counts, default=1))


def _proven(run: Run) -> Run:
    others = {name: value for name, value in run.values.items() if name != "objective"}
    return replace(run, values=others if run.bound is None else others | {"objective": run.bound})


def _common(sets: Sequence[set[int]]) -> list[int]:
    return sorted(set.intersection(*sets)) if sets else []


def _cube(table: Mapping[tuple[int, int], float], instances: Sequence[int], seeds: Sequence[int]) -> Array | None:
    """Values (instances, seeds); None if one is missing."""
    try:
        return np.array([[table[i, s] for s in seeds] for i in instances])
    except KeyError:
        return None


def _together(whole: float, over_instances: list[float], over_seeds: list[float], n: int) -> MeanInterval | None:
    """The estimate with the interval of both spreads; without one if there is a single value of one of them."""
    if not all(map(math.isfinite, [whole, *over_instances, *over_seeds])):
        return None
    halves = [half(values) for values in (over_instances, over_seeds) if values]
    if n < 2 or any(each is None for each in halves):
        return MeanInterval(n, whole)
    width = math.hypot(*(each for each in halves if each is not None))
    return MeanInterval(n, whole, None, whole - width, whole + width)


def half(values: Sequence[float]) -> float | None:
    """Half the width of the t interval of a mean; None of a single value."""
    found = mean_interval(values)
    return None if found.upper is None else found.upper - found.mean


def better_by(better: str) -> Effect:
    """By which part of the second value the first one is better.

    >>> better_by("less")([8.0, 10.0]), better_by("more")([12.0, 10.0])
    (0.2, 0.2)
    """
    sign = 1.0 if better == "more" else -1.0
    return lambda values: sign * (values[0] - values[1]) / abs(values[1]) if values[1] else math.nan


def grows_by(values: Sequence[float]) -> float:
    """By which part of the first value the second one is greater.

    >>> grows_by([10.0, 15.0])
    0.5
    """
    return (values[1] - values[0]) / abs(values[0]) if values[0] else math.nan
