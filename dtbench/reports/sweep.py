"""Records of a sweep as tidy tables: one row per run, one per point and solver. Written as CSV beside the figure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from dtbench.core import gap_to, is_better
from dtbench.experiments.planned import Planned
from dtbench.experiments.record import Record, Scalar
from dtbench.experiments.sweep import Axis, Sample, Sweep
from dtbench.files import csv_text, write_safely
from dtbench.reports.figures import Curve, Figure, Panel, write_png
from dtbench.reports.numbers import one_line
from dtbench.reports.statistics import MeanInterval, mean_interval

NOT_RUN = "not run"
PANEL_TITLE = 45  # characters that fit over a panel
ROWS = ("instance_seed", "solver", "solver_seed", "status", "objective", "bound", "gap", "feasible_share")
SUMMARY = (
    "solver", "n", "planned", "mean", "standard_error", "lower", "upper", "gap_mean", "gap_lower", "gap_upper",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One instance x solver x seed of a sweep.

    Attributes
    ----------
    point
        Values of the swept parameters.
    instance_seed
        Seed that the instance was drawn with.
    solver
        Label of the solver.
    solver_seed
        Seed of the solver.
    status
        Of the record; ``not run`` without one.
    objective
        Mean over slots; None unless the status is ``ok``.
    bound
        What the run proves about this mean; None where it proves nothing.
    gap
        Distance from the best objective of a feasible run on the instance, relative to it; below 0 only if this run is
        infeasible. None unless a run on the instance proves a bound: without one, the best of those that ran says
        nothing about the optimum.
    feasible_share
        Share of slots that are feasible (after repair); None without a score.
    metrics
        Means over slots of the sweep's metrics; empty without a score.
    """

    point: tuple[Scalar, ...]
    instance_seed: int
    solver: str
    solver_seed: int
    status: str
    objective: float | None = None
    bound: float | None = None
    gap: float | None = None
    feasible_share: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Estimate:
    """One solver at one point: means over instances, of ``planned`` instances those with a score.

    Runs of several solver seeds on one instance count as their mean: instances are what is independent.
    """

    point: tuple[Scalar, ...]
    solver: str
    planned: int
    objective: MeanInterval | None
    gap: MeanInterval | None
    metrics: Mapping[str, MeanInterval | None] = field(default_factory=dict)


@dataclass(frozen=True)
class SweepReport:
    """A sweep and its rows, in order of point, solver, instance and seed."""

    sweep: Sweep
    rows: tuple[Row, ...]

    @property
    def solvers(self) -> tuple[str, ...]:
        """Labels of the solvers, in the order of the sweep."""
        return tuple(dict.fromkeys(row.solver for row in self.rows))

    @property
    def statuses(self) -> dict[str, int]:
        """How many runs ended how."""
        return dict(sorted(Counter(row.status for row in self.rows).items()))

    @cached_property
    def estimates(self) -> tuple[Estimate, ...]:
        """One per point and solver, in the order of the rows."""
        groups: dict[tuple[tuple[Scalar, ...], str], list[Row]] = {}
        for row in self.rows:
            groups.setdefault((row.point, row.solver), []).append(row)
        return tuple(
            Estimate(
                point=point,
                solver=solver,
                planned=len({row.instance_seed for row in rows}),
                objective=_over_instances(rows, lambda row: row.objective),
                gap=_over_instances(rows, lambda row: row.gap),
                metrics={
                    name: _over_instances(rows, lambda row, name=name: row.metrics.get(name))  # type: ignore[misc]
                    for name in self.sweep.content.metrics
                },
            )
            for (point, solver), rows in groups.items()
        )


def _over_instances(rows: Iterable[Row], value_of: Callable[[Row], float | None]) -> MeanInterval | None:
    values: dict[int, list[float]] = {}
    for row in rows:
        value = value_of(row)
        if value is not None:
            values.setdefault(row.instance_seed, []).append(value)
    return mean_interval([float(np.mean(each)) for each in values.values()]) if values else None


def build(
    sweep: Sweep,
    samples: Sequence[Sample],
    cells: Iterable[Planned],
    records: Mapping[str, Record],
    measure: Callable[[Record], Mapping[str, float]] = lambda _: {},
) -> SweepReport:
    """Rows of the cells of a sweep.

    Parameters
    ----------
    sweep, samples
        The sweep and its instances.
    cells
        Its cells.
    records
        Their records by the cell's stem; a cell without one becomes a row ``not run``.
    measure
        The sweep's metrics of a record with a score.
    """
    by_name = {sample.file.name: sample for sample in samples}
    order = {point: number for number, point in enumerate(sweep.points())}
    solvers = {table.title: number for number, table in enumerate(sweep.content.solvers)}
    rows = [_row(sweep, by_name[p.cell.instance], p, records.get(p.cell.stem), measure) for p in cells]
    rows.sort(
        key=lambda r: (order[r.point], solvers.get(r.solver, len(solvers)), r.solver, r.instance_seed, r.solver_seed)
    )
    return SweepReport(sweep, tuple(_with_gap(sweep, row, best) for row, best in _paired(sweep, rows)))


def _row(
    sweep: Sweep,
    sample: Sample,
    planned: Planned,
    record: Record | None,
    measure: Callable[[Record], Mapping[str, float]],
) -> Row:
    cell = planned.cell
    params = sweep.problem.params(sweep.content.size, sweep.settings(sample.point))
    if record is None:
        return Row(sample.point, sample.seed, cell.label, cell.seed, NOT_RUN)
    feasible = record.slots.feasible if record.slots else None
    return Row(
        point=sample.point,
        instance_seed=sample.seed,
        solver=cell.label,
        solver_seed=cell.seed,
        status=record.status,
        objective=record.objective,
        bound=record.horizon_bound(sweep.problem.coupled(params)),
        feasible_share=sum(feasible) / len(feasible) if feasible else None,
        metrics=measure(record) if record.status == "ok" and sweep.content.metrics else {},
    )


def _paired(sweep: Sweep, rows: Sequence[Row]) -> list[tuple[Row, float | None]]:
    """Each row with the best objective on its instance, None where nothing is proved there."""
    best: dict[tuple[tuple[Scalar, ...], int], float] = {}
    proved = {(row.point, row.instance_seed) for row in rows if row.bound is not None}
    for row in rows:
        key = (row.point, row.instance_seed)
        if (
            key in proved
            and row.objective is not None
            and row.feasible_share == 1.0
            and (key not in best or is_better(sweep.problem.sense, row.objective, best[key]))
        ):
            best[key] = row.objective
    return [(row, best.get((row.point, row.instance_seed))) for row in rows]


def _with_gap(sweep: Sweep, row: Row, best: float | None) -> Row:
    if best is None or row.objective is None:
        return row
    return Row(**vars(row) | {"gap": float(gap_to(sweep.problem.sense, row.objective, best))})


def write(folder: Path, report: SweepReport) -> list[Path]:
    """Write ``sweep.csv``, ``summary.csv``, ``sweep.png`` and a ``sweep-<metric>.png`` for each metric; their paths.

    Times are in none of them: the same records give the same files.
    """
    files = [folder / "sweep.csv", folder / "summary.csv", folder / "sweep.png"]
    write_safely(files[0], rows_csv(report).encode())
    write_safely(files[1], summary_csv(report).encode())
    write_safely(files[2], write_png(figure_of(report)))
    for name in report.sweep.content.metrics:
        files.append(folder / f"sweep-{name}.png")
        write_safely(files[-1], write_png(figure_of(report, name)))
    return files


def rows_csv(report: SweepReport) -> str:
    """Every row: the swept parameters, then :data:`ROWS`; numbers with all their digits, nothing where there is none.

    A parameter is named ``param:<name>`` if a column has its name already.
    """
    metrics = report.sweep.content.metrics
    rows = [
        [*row.point, *(getattr(row, name) for name in ROWS), *(row.metrics.get(name) for name in metrics)]
        for row in report.rows
    ]
    return csv_text([[*_names(report, ROWS), *ROWS, *metrics], *rows])


def summary_csv(report: SweepReport) -> str:
    """Every point and solver: mean over instances with standard error and 95 % t interval, of objective and gap."""
    rows = []
    for e in report.estimates:
        o, g = e.objective, e.gap
        objective = [o.mean, o.standard_error, o.lower, o.upper] if o else [None] * 4
        gap = [g.mean, g.lower, g.upper] if g else [None] * 3
        means = [found.mean if found else None for found in e.metrics.values()]
        rows.append([*e.point, e.solver, o.n if o else 0, e.planned, *objective, *gap, *means])
    metrics = [f"{name}_mean" for name in report.sweep.content.metrics]
    return csv_text([[*_names(report, SUMMARY), *SUMMARY, *metrics], *rows])


def _names(report: SweepReport, taken: Sequence[str]) -> list[str]:
    return [f"param:{axis.name}" if axis.name in taken else axis.name for axis in report.sweep.axes]


def figure_of(report: SweepReport, metric: str | None = None) -> Figure:
    """The curves of the objective, or of a metric: x is the first parameter, a panel per value of the second."""
    sweep, problem = report.sweep, report.sweep.problem
    x, *second = sweep.axes
    panels = []
    for value in second[0].values if second else [None]:
        curves = []
        for solver in report.solvers:
            there = {
                e.point: e.objective if metric is None else e.metrics[metric]
                for e in report.estimates
                if e.solver == solver
            }
            points = [(v, there.get((v,) if value is None else (v, value))) for v in x.values]
            curves.append(
                Curve(
                    label=one_line(solver),
                    x=tuple(v for v, found in points if found),
                    mean=tuple(found.mean for _, found in points if found),
                    half=tuple(_half(found) for _, found in points if found),
                )
            )
        panels.append(Panel(_panel_title(second[0], value) if second else "", tuple(curves)))
    if metric is None:
        direction = "less" if problem.sense == "min" else "more"
        y_label = f"objective, mean over slots{_unit(problem.unit, ' [{}]')}\n{direction} is better"
    else:
        y_label = f"{metric}, mean over slots"
    return Figure(
        title=one_line(sweep.content.title or sweep.content.name),
        note=_note(report),
        x_label=f"{x.name}{_unit(x.spec.unit, ' [{}]')}: {_meaning(x)}",
        y_label=y_label,
        x_values=x.values,
        panels=tuple(panels),
    )


def _panel_title(axis: Axis, value: Scalar | None) -> str:
    title, meaning = f"{axis.name} = {value}{_unit(axis.spec.unit, ' {}')}", _meaning(axis)
    return f"{title} ({meaning})" if len(title) + len(meaning) <= PANEL_TITLE else title


def _meaning(axis: Axis) -> str:
    """The declaration's line without what comes after a semicolon: where the default is from."""
    return axis.spec.doc.split(";")[0]


def _half(found: MeanInterval) -> float:
    return 0.0 if found.upper is None else found.upper - found.mean


def _unit(unit: str, pattern: str) -> str:
    return "" if unit == "1" else pattern.format(unit)


def _note(report: SweepReport) -> str:
    """What the marks are, and how many instances each stands for; shorter ones are named."""
    counts = {e.objective.n if e.objective else 0 for e in report.estimates}
    planned = max(e.planned for e in report.estimates)
    some = f"{min(counts)} to {max(counts)} (of {planned})" if counts != {planned} else f"{planned}"
    many = "s" if planned > 1 else ""
    bars = "; bars: 95 % t interval of the mean" if max(counts) > 1 else ""
    return f"{report.sweep.content.problem}, size {report.sweep.content.size}: mean of {some} instance{many}{bars}"
