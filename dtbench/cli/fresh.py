"""``dtbench fresh``: methods on fresh traces, as ratios to the optimum."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from dtbench.cli import trainings
from dtbench.cli.output import Json, SolversPath, print_json, print_table, stderr
from dtbench.cli.run import WAIT, Retry, Scheduler, Wait, Workers, failure_facts, print_failures
from dtbench.files import csv_text, write_safely

COLUMNS = ("problem", "size", "method", "against", "networks", "traces", "seed", "ratio")


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        epilog="Example: dtbench fresh stin-deployment vdn qmix vdn:preset=paper greedy random --traces 5",
    )(fresh)


def fresh(
    problem: Annotated[str, typer.Argument(metavar="PROBLEM", help="Id of the problem.")],
    methods: Annotated[list[str], typer.Argument(metavar="METHOD...", help="SOLVER, or SOLVER:OPTION=VALUE,...")],
    size: Annotated[str, typer.Option(help="Size of the networks, which are the library's.")] = "paper",
    seeds: Annotated[int, typer.Option(help="Seeds of methods that draw or learn.", min=1)] = 3,
    traces: Annotated[int, typer.Option(help="Fresh traces of each network.", min=1)] = 10,
    networks: Annotated[int | None, typer.Option(help="Only the first networks.", min=1)] = None,
    against: Annotated[
        str | None, typer.Option(metavar="SOLVER", help="Ratios are to its score; by default to the proven optimum.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option("--results", metavar="DIR", help="Folder; results/fresh-<problem>-<size> by default.")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="CSV of the ratios.")] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    wait: Wait = WAIT,
    retry_failed: Retry = False,
    solvers_path: SolversPath = None,
    json: Json = False,
) -> None:
    """Play methods on fresh traces, which nothing was trained or tuned on: their objective over that of the optimum.

    A mean over networks and traces for each seed, and its 95 % t interval over seeds. What was run before is kept; exit
    1 if a cell failed.
    """
    from dtbench.cli.progress import display
    from dtbench.experiments.fresh import methods as tables_of
    from dtbench.experiments.fresh import prepare, scores
    from dtbench.experiments.plan import make_plan
    from dtbench.experiments.run import run
    from dtbench.experiments.store import Store
    from dtbench.plugins.discovery import discover
    from dtbench.problems import problem as problem_of

    owner, entries = problem_of(problem), discover(solvers_path or [])
    reference = against or ("clairvoyant" if owner.coupled(owner.params(size)) else "exact")
    labels = list(dict.fromkeys(methods))
    tables = tables_of(dict.fromkeys([reference, *labels]), entries, owner.id)
    store = Store(results or Path("results") / f"fresh-{owner.id}-{size}")
    suite = prepare(owner, size, tables, store.folder, traces=traces, seeds=seeds, most_networks=networks)
    plan = make_plan(suite, store, solvers_paths=solvers_path or [], retry_failed=retry_failed)
    command = shlex.join(["dtbench", *sys.argv[1:]])
    trainings.announce(plan, stderr.print)
    with display(stderr) as progress:
        run(plan, store, workers=workers, scheduler=scheduler, wait=wait, command=command, progress=progress)
    records = [record for p in plan.cells if (record := store.get(p.cell)) is not None]
    failed = [record for record in records if record.status not in ("ok", "skipped")]
    found = scores(records, labels, reference)
    n_traces = len({p.cell.instance for p in plan.cells})
    facts: dict[str, Any] = {
        "problem": owner.id, "size": size, "against": reference, "networks": n_traces // traces, "traces": traces
    }  # fmt: skip
    if output is not None:
        write_safely(output, _csv(facts, found).encode())
    if json:
        print_json(facts | {"methods": [_facts(each) for each in found], "failures": failure_facts(failed)})
    else:
        print_failures(failed)
        rows = [[each.method, *_shown(each)] for each in found]
        title = f"{owner.id}, {size}: objective over that of {reference}, {owner.sense}, on {n_traces} fresh traces"
        print_table(title, ["method", "ratio", "95 % interval", "seeds", "missing"], rows, right=["ratio", "missing"])
    if failed:
        raise typer.Exit(1)


def _interval(score: Any) -> Any:
    from dtbench.reports.statistics import mean_interval

    return mean_interval(score.means) if score.means else None


def _shown(score: Any) -> list[str]:
    interval = _interval(score)
    if interval is None:
        return ["-", "", "", str(score.missing)]
    bounds = "" if interval.lower is None else f"[{interval.lower:.4f}, {interval.upper:.4f}]"
    seeds = " ".join(f"{mean:.4f}" for mean in score.means)
    return [f"{interval.mean:.4f}", bounds, seeds, str(score.missing or "")]


def _facts(score: Any) -> dict[str, Any]:
    interval = _interval(score)
    mean, lower, upper = (None, None, None) if interval is None else (interval.mean, interval.lower, interval.upper)
    return {
        "method": score.method, "ratio": mean, "lower": lower, "upper": upper, "seeds": list(score.means),
        "missing": score.missing,
    }  # fmt: skip


def _csv(facts: dict[str, Any], found: list[Any]) -> str:
    """A row for each method and seed."""
    where = [facts[name] for name in ("problem", "size")]
    about = [facts[name] for name in ("against", "networks", "traces")]
    rows = [[*where, each.method, *about, seed, mean] for each in found for seed, mean in enumerate(each.means)]
    return csv_text([COLUMNS, *rows])
