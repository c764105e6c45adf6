"""``dtbench plan`` and ``dtbench run``: suites."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from dtbench.cli import trainings
from dtbench.cli.output import Json, ProblemsPath, SolversPath, a_number, print_json, print_table, stderr, stdout
from dtbench.experiments import plan_file
from dtbench.experiments.plan import Plan
from dtbench.experiments.record import Record
from dtbench.experiments.reference import bundles
from dtbench.experiments.run import Summary
from dtbench.experiments.session import outcome, prepare
from dtbench.experiments.store import Store
from dtbench.progress import clock

SuiteArgument = Annotated[str, typer.Argument(metavar="SUITE", help="Name of a built-in suite, or a .toml file.")]
Instances = Annotated[str | None, typer.Option("--instances", metavar="GLOB", help="Only instances that match.")]
Solvers = Annotated[
    str | None,
    typer.Option(
        "--solvers",
        metavar="A,B",
        help="Only these, by name or label. Ones that the suite does not list, such as your own, are added.",
    ),
]
Seeds = Annotated[int | None, typer.Option("--seeds", metavar="N", help="Seeds 0..N-1 instead of the suite's.", min=1)]
Results = Annotated[
    Path | None, typer.Option("--results", metavar="DIR", help="Folder of results; results/<suite> by default.")
]
Retry = Annotated[bool, typer.Option("--retry-failed", help="Run cells again whose record is a failure.")]
Workers = Annotated[int | None, typer.Option("--workers", metavar="N", help="Cells at once; all processors.", min=1)]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler", metavar="ADDRESS",
        help="A running Dask scheduler, tcp://host:8786 or tls://host:8786. Files of your own travel with the cells.",
    ),
]  # fmt: skip
Wait = Annotated[
    float,
    typer.Option(
        "--wait", metavar="SECONDS", min=0.0, callback=a_number,
        help="How long to wait for the first worker of the scheduler; long where a queue starts them.",
    ),
]  # fmt: skip
WAIT = 30.0


def add_to(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(epilog="Example: dtbench plan paper --solvers greedy,exact")(plan)
    app.command(epilog="Example: dtbench run quick --workers 2; dtbench run my-suite.toml --solvers-path mine")(run)


def _names(solvers: str | None) -> list[str] | None:
    return [name.strip() for name in solvers.split(",")] if solvers else None


def plan(
    suite: SuiteArgument,
    instances: Instances = None,
    solvers: Solvers = None,
    seeds: Seeds = None,
    workers: Workers = None,
    results: Results = None,
    retry_failed: Retry = False,
    solvers_path: SolversPath = None,
    json: Json = False,
    problems_path: ProblemsPath = None,
) -> None:
    """Show the cells of a suite, what is there already, and an estimate of the time."""
    from dtbench.experiments.cluster import default_workers

    made, store = prepare(
        suite, results, instances=instances, solvers=_names(solvers), seeds=seeds, solvers_paths=solvers_path or [],
        retry_failed=retry_failed,
    )  # fmt: skip
    workers = workers or default_workers()
    seconds, unknown = made.seconds(workers)
    facts: dict[str, Any] = {
        "suite": made.suite.name,
        "results": str(store.folder),
        "workers": workers,
        "seconds": seconds,
        "cells_without_estimate": unknown,
    } | trainings.plan_facts(made)
    stored = _stored(store, made)
    if json:
        cells = [
            {"instance": p.cell.instance, "solver": p.cell.label, "seed": p.cell.seed, "state": p.state,
             "seconds": p.seconds}
            for p in made.cells
        ]  # fmt: skip
        print_json(
            facts | {str(state): count for state, count in made.states.items()} | {"cells": cells, "stored": stored}
        )
        return
    rows: dict[tuple[str, ...], Counter[str]] = {}
    for p in made.cells:
        key = (p.cell.problem, p.cell.size, p.cell.label)
        rows.setdefault(key, Counter())[p.state] += 1
    states = ("done", "missing", "stale")
    print_table(
        f"suite {made.suite.name}: {len(made.cells)} cells",
        ["problem", "size", "solver", *states],
        [[*key, *(counts[state] or "" for state in states)] for key, counts in rows.items()],
        right=states,
    )
    told = _estimate(seconds, unknown, made.longest(workers))
    stdout.print(f"{len(made.todo)} cells to run with {workers} workers; time: {told}", markup=False, soft_wrap=True)
    trainings.announce(made, stdout.print)
    if stored is not None:
        stdout.print(_stored_line(stored), markup=False, soft_wrap=True)


def _stored(store: Store, made: Plan) -> dict[str, int] | None:
    """Counts of the plan that is stored in the results: its cells, those without a record, those given up by a run."""
    old = plan_file.read(store)
    if old is None:
        return None
    there = {*store.stems()}
    new = plan_file.grown(old, made)
    return {
        "cells": len(old.cells),
        "not_run": sum(stem not in there for stem in old.cells),
        "new": len(new.cells.keys() - old.cells.keys()),
        "no_longer_planned": len(old.cells.keys() - new.cells.keys()),
    }


def _stored_line(stored: dict[str, int]) -> str:
    line = f"planned here before: {stored['cells']} cells, {stored['not_run']} of them not run"
    changes = {"new": "more", "no_longer_planned": "no longer planned"}
    told = [f"{stored[name]} {words}" for name, words in changes.items() if stored[name]]
    return line + (f"; by running this: {', '.join(told)}" if told else "")


def _estimate(seconds: float | None, unknown: int, longest: tuple[str, float] | None) -> str:
    """``about 2 h 05 min, 40 min 10 s of it genetic``."""
    if seconds is None:
        return "unknown, nothing of the kind was run here before"
    most = "" if longest is None else f", {clock(longest[1])} of it {longest[0]}"
    more = f", plus {unknown} cells and trainings of unknown time" if unknown else ""
    return f"about {clock(seconds)}{most}{more}"


def run(
    suite: SuiteArgument,
    instances: Instances = None,
    solvers: Solvers = None,
    seeds: Seeds = None,
    workers: Workers = None,
    results: Results = None,
    scheduler: Scheduler = None,
    wait: Wait = WAIT,
    retry_failed: Retry = False,
    allow_failures: Annotated[bool, typer.Option("--allow-failures", help="Exit 0 even if cells failed.")] = False,
    solvers_path: SolversPath = None,
    json: Json = False,
    problems_path: ProblemsPath = None,
) -> None:
    """Run the cells of a suite that have no record yet; exit 1 if a cell of the suite failed, now or before."""
    from dtbench.cli.progress import display
    from dtbench.experiments.run import run as run_cells

    made, store = prepare(
        suite, results, instances=instances, solvers=_names(solvers), seeds=seeds, solvers_paths=solvers_path or [],
        retry_failed=retry_failed,
    )  # fmt: skip
    dropped = (_stored(store, made) or {}).get("no_longer_planned")
    if dropped:
        stderr.print(f"{dropped} cells that suite '{made.suite.name}' does not ask for any more are no longer planned")
    trainings.announce(made, stderr.print)
    if scheduler is not None:
        stderr.print(f"connecting to {scheduler} ...", markup=False, soft_wrap=True)
    try:
        with display(stderr) as progress:
            summary = run_cells(
                made,
                store,
                workers=workers,
                scheduler=scheduler,
                wait=wait,
                command=shlex.join(["dtbench", *sys.argv[1:]]),
                progress=progress,
            )
    except KeyboardInterrupt:
        stderr.print("interrupted: what was finished is kept; the same command goes on with the rest")
        raise typer.Exit(130) from None
    statuses, failed = outcome(made, store)
    _report(made, store, summary, statuses, failed, json)
    if failed and not allow_failures:
        raise typer.Exit(1)


def _report(made: Plan, store: Store, summary: Summary, statuses: Any, failed: Any, json: bool) -> None:
    ran, seconds = summary.ran, summary.seconds
    if json:
        print_json(
            {
                "suite": made.suite.name,
                "results": str(store.folder),
                "cells": len(made.cells),
                "ran": ran,
                "seconds": seconds,
                "trained": trainings.trained_facts(summary.trained),
                "statuses": dict(sorted(statuses.items())),
                "failures": failure_facts(failed),
            }
        )
        return
    print_failures(failed)
    counts = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    now = trainings.all_of([f"{ran} run now in {seconds:.1f} s", trainings.summary(summary.trained)])
    stdout.print(f"{len(made.cells)} cells: {counts}; {now}; records in {store.folder}")
    stdout.print(f"next: dtbench leaderboard --results {store.folder}", markup=False, soft_wrap=True)
    if any(file.parent.name == made.suite.name for file in bundles()):
        stdout.print(
            "with --reference beside what dtbench's own methods did on this suite", markup=False, soft_wrap=True
        )


def failure_facts(failed: Iterable[Record]) -> list[dict[str, Any]]:
    """Records of failed cells as plain values."""
    return [
        {"instance": r.cell.instance, "solver": r.cell.label, "seed": r.cell.seed, "status": r.status,
         "reason": r.reason, "record": r.cell.stem}
        for r in failed
    ]  # fmt: skip


def print_failures(failed: Iterable[Record]) -> None:
    """Print a table of failed cells; nothing if there are none."""
    rows = [[r.cell.instance, r.cell.label, r.cell.seed, r.status, r.reason] for r in failed]
    if rows:
        print_table("failures", ["instance", "solver", "seed", "status", "reason"], rows)
