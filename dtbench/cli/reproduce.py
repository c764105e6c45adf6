"""``dtbench reproduce``: figures of the papers, run again and judged."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from dtbench.cli.output import Json, number, print_json, print_table, stderr, stdout
from dtbench.cli.run import WAIT, Retry, Scheduler, Wait, Workers, failure_facts, print_failures
from dtbench.errors import DtbenchError

ALL = "all"
RUNS = "runs"  # folder of records in the results
Budget = Literal["quick", "hours", "paper"]


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog="Example: dtbench reproduce tao 5; dtbench reproduce all --budget hours --workers 2")(reproduce)


def reproduce(
    paper: Annotated[str, typer.Argument(metavar="[PAPER]", help="tao, li, liu, lu, yu; or all of them.")] = ALL,
    figure: Annotated[
        str | None, typer.Argument(metavar="[FIGURE]", help="Number of a figure; all by default.")
    ] = None,
    budget: Annotated[Budget, typer.Option(help="How long methods are trained, and on how much.")] = "quick",
    seeds: Annotated[int | None, typer.Option(help="Trainings of each learner instead of the budget's.", min=1)] = None,
    results: Annotated[
        Path | None,
        typer.Option(
            "--results", metavar="DIR", help="Folder; results/claims by default, results/claims-quick for quick."
        ),
    ] = None,
    report_only: Annotated[
        bool, typer.Option("--report-only", help="Run nothing: make figures and report from the data in the folder.")
    ] = False,
    workers: Workers = None,
    scheduler: Scheduler = None,
    wait: Wait = WAIT,
    retry_failed: Retry = False,
    json: Json = False,
) -> None:
    """Run figures of the papers again; judge what the papers claim; write data, figures and the report.

    What has a record is not run again: kill it and run it again at any time. Exit 1 if a cell failed, now or before, or
    a record does not hold.
    """
    from dtbench.experiments.studies import studies, study
    from dtbench.reports.claims import report as reports
    from dtbench.reports.claims.parts import build
    from dtbench.reports.claims.words import row

    if paper == ALL and figure is not None:
        raise DtbenchError(f"a figure is of one paper; expected `dtbench reproduce PAPER {figure}`.")
    chosen = [study(paper, figure)] if figure else studies(None if paper == ALL else paper)
    folder = results or Path("results") / ("claims-quick" if budget == "quick" else "claims")
    failed: list[Any] = []
    wrong: list[Any] = []
    if not report_only:
        run: set[str] = set()
        for each in chosen:
            if each.base.key not in run:
                run.add(each.base.key)
                ended, mismatched = _run(each.base, folder, budget, seeds, workers, scheduler, wait, retry_failed)
                failed += ended
                wrong += mismatched
    made = build(folder)
    files = reports.write(folder, made, chosen)
    keys = {each.key for each in chosen}
    rows = [(part, each) for part, each in made.claims() if part.study.key in keys]
    if json:
        facts = [row(part, each) | {"figure": part.study.key, "budget": part.budget} for part, each in rows]
        print_json({"results": str(folder), "claims": facts, "failures": failure_facts(failed)})
    else:
        print_failures(failed)
        _print(made, rows, keys)
    stderr.print(f"written: {len(files)} files, {folder / 'report.md'} among them", markup=False, soft_wrap=True)
    if budget == "quick" and not report_only:
        stderr.print("budget quick: short trainings and few instances; it shows that all runs, and decides little")
    if failed or wrong:
        raise typer.Exit(1)


def _run(
    study: Any, folder: Path, budget: Any, seeds: int | None, workers: int | None, scheduler: str | None, wait: float,
    retry_failed: bool,
) -> tuple[list[Any], list[Any]]:  # fmt: skip
    """Run a study's cells and write its data; records of failed cells, and records that do not hold."""
    from dtbench.cli.progress import display, steps
    from dtbench.experiments.run import run as run_cells
    from dtbench.experiments.store import Store
    from dtbench.experiments.sweep import prepare
    from dtbench.experiments.verify import verify
    from dtbench.reports.claims import bundle

    name = study.key.replace("/", "-")
    found = study.sweep(budget, seeds)
    store = Store(folder / RUNS / budget / name)
    with steps(stderr, f"{name}: drawing instances") as drawn:
        plan, samples = prepare(found, store, retry_failed=retry_failed, progress=drawn)
    with display(stderr) as progress:
        command = shlex.join(["dtbench", *sys.argv[1:]])
        run_cells(
            plan, store, workers=workers, scheduler=scheduler, wait=wait, command=command, progress=progress
        )  # fmt: skip
    records = {p.cell.stem: record for p in plan.cells if (record := store.get(p.cell)) is not None}
    with steps(stderr, f"{name}: verifying") as verified:
        wrong = [m for m in verify(store.folder, verified).mismatches if m.record in records]
    for each in wrong:
        stderr.print(f"left out: {each.record}: {each.reason}", markup=False, soft_wrap=True)
    held = {stem: record for stem, record in records.items() if stem not in {m.record for m in wrong}}
    with steps(stderr, f"{name}: measuring decisions") as measured:
        made = bundle.gather(study, budget, found, samples, plan.cells, held, store, measured)
    bundle.write(folder, study, made)
    return [record for record in records.values() if record.status not in ("ok", "skipped")], wrong


def _print(made: Any, rows: list[Any], keys: set[str]) -> None:
    """Distances, then a line per claim."""
    from dtbench.reports.claims.parts import distances
    from dtbench.reports.claims.words import row

    for paper in made.papers:
        lines = [
            [each.study.key, each.method, each.role, number(100 * each.gap.mean)]
            for each in distances(paper)
            if each.role != "optimum"
            if any(part.study.base.key == each.study.key for part in paper.figures if part.study.key in keys)
        ]
        if lines:
            head = ["figure", "method", "role", "from the optimum [%]"]
            print_table(f"{paper.title}: distance from the optimum", head, lines, right=head[-1:])
            for part in paper.figures:
                if part.study.key in keys and part.study.key != part.study.base.key:
                    stdout.print(f"{part.study.key} shows the runs of {part.study.base.key}.")
    columns = ["claim", "claimed", "measured", "optimum", "rule", "verdict", "reason"]
    lines = [[row(part, each)[name] for name in columns] for part, each in rows]
    print_table("claims", columns, lines)
    stdout.print(f"{len(rows)} claims")
