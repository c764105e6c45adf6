"""``dtbench sweep``: a problem's parameter varied, as CSV and a figure."""

from __future__ import annotations

import itertools
import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from dtbench.cli import trainings
from dtbench.cli.output import Json, ProblemsPath, SolversPath, number, print_json, print_table, stderr, stdout
from dtbench.cli.run import WAIT, Retry, Scheduler, Wait, Workers, failure_facts, print_failures

SweepArgument = Annotated[str, typer.Argument(metavar="SWEEP", help="Name of a built-in sweep, or a .toml file.")]
Results = Annotated[
    Path | None, typer.Option("--results", metavar="DIR", help="Folder of results; results/<sweep> by default.")
]
Solvers = Annotated[str | None, typer.Option("--solvers", metavar="A,B", help="Only these solvers.")]
Seeds = Annotated[
    int | None, typer.Option("--seeds", metavar="N", help="Instances per point instead of the sweep's.", min=1)
]


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog="Example: dtbench sweep stin-users --seeds 3; dtbench sweep my-sweep.toml --workers 2")(sweep)


def sweep(
    sweep: SweepArgument,
    results: Results = None,
    solvers: Solvers = None,
    seeds: Seeds = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    wait: Wait = WAIT,
    retry_failed: Retry = False,
    solvers_path: SolversPath = None,
    json: Json = False,
    problems_path: ProblemsPath = None,
) -> None:
    """Vary a parameter: run what has no record yet, write sweep.csv, summary.csv and sweep.png.

    Exit 1 if a cell failed, now or before, or a record does not hold.
    """
    from dtbench.cli.progress import display, steps
    from dtbench.experiments import decisions
    from dtbench.experiments.run import run as run_cells
    from dtbench.experiments.store import Store
    from dtbench.experiments.sweep import prepare, read
    from dtbench.experiments.verify import verify
    from dtbench.library import instances
    from dtbench.referee import metric_means
    from dtbench.reports.sweep import build, write

    found = read(sweep)
    store = Store(results or Path("results") / found.content.name)
    with steps(stderr, f"drawing the instances of {found.content.name}") as drawn:
        plan, samples = prepare(
            found,
            store,
            seeds=seeds,
            solvers=[name.strip() for name in solvers.split(",")] if solvers else None,
            solvers_paths=solvers_path or [],
            retry_failed=retry_failed,
            progress=drawn,
        )
    trainings.announce(plan, stderr.print)
    with display(stderr) as progress:
        summary = run_cells(
            plan,
            store,
            workers=workers,
            scheduler=scheduler,
            wait=wait,
            command=shlex.join(["dtbench", *sys.argv[1:]]),
            progress=progress,
        )
    records = {p.cell.stem: record for p in plan.cells if (record := store.get(p.cell)) is not None}
    with steps(stderr, f"verifying {store.folder}") as verified:
        wrong = [m for m in verify(store.folder, verified).mismatches if m.record in records]
    held = {stem: record for stem, record in records.items() if stem not in {m.record for m in wrong}}
    by_name = {sample.file.name: sample.file for sample in samples}

    with steps(stderr, "measuring decisions") as measured:
        count = itertools.count(1)

        def measure(record: Any) -> dict[str, float]:
            measured(next(count), len(held), "records")
            instance = instances.load(by_name[record.cell.instance])
            given = decisions.read(store.decisions(record.cell.stem), found.problem)
            return metric_means(found.problem, instance, given)

        report = build(found, samples, plan.cells, held, measure)
    files = write(store.folder, report)
    failed = [record for record in records.values() if record.status not in ("ok", "skipped")]
    for each in wrong:
        stderr.print(f"left out: {each.record}: {each.reason}", markup=False, soft_wrap=True)
    _show(found, store, plan, summary, report, files, failed, json)
    if failed or wrong:
        raise typer.Exit(1)


def _show(
    found: Any, store: Any, plan: Any, summary: Any, report: Any, files: list[Path], failed: list[Any], json: bool
) -> None:
    if json:
        facts = {
            "sweep": found.content.name,
            "results": str(store.folder),
            "cells": len(plan.cells),
            "ran": summary.ran,
            "seconds": summary.seconds,
            "trained": trainings.trained_facts(summary.trained),
            "statuses": report.statuses,
            "failures": failure_facts(failed),
        }
        print_json(facts | {"files": [str(file) for file in files], "summary": _facts(report)})
    else:
        print_failures(failed)
        _print(report)
        counts = ", ".join(f"{count} {status}" for status, count in report.statuses.items())
        now = f"{summary.ran} run now in {summary.seconds:.1f} s"
        stdout.print(
            f"{len(plan.cells)} cells: {counts}; {trainings.all_of([now, trainings.summary(summary.trained)])}"
        )
    stderr.print("written: " + ", ".join(str(file) for file in files), markup=False, soft_wrap=True)


def _facts(report: Any) -> list[dict[str, Any]]:
    axes = [axis.name for axis in report.sweep.axes]
    return [
        {
            "point": dict(zip(axes, each.point, strict=True)),
            "solver": each.solver,
            "planned": each.planned,
            "objective": vars(each.objective) if each.objective else None,
            "gap": vars(each.gap) if each.gap else None,
        }
        for each in report.estimates
    ]


def _print(report: Any) -> None:
    """A line per point, a column per solver."""
    problem, axes = report.sweep.problem, [axis.name for axis in report.sweep.axes]
    shown = {(each.point, each.solver): each.objective for each in report.estimates}
    rows = [[*point, *(_mean(shown.get((point, s))) for s in report.solvers)] for point in report.sweep.points()]
    unit = "" if problem.unit == "1" else f" [{problem.unit}]"
    title = f"{report.sweep.content.summary}: mean objective{unit} with its 95 % interval, {problem.sense}"
    print_table(title, [*axes, *report.solvers], rows, right=[*axes, *report.solvers])


def _mean(found: Any) -> str:
    if found is None:
        return "-"
    return number(found.mean) if found.upper is None else f"{found.mean:.4g} ± {found.upper - found.mean:.2g}"
