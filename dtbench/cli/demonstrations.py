"""``dtbench demonstrations``: what an exact method decides on fresh traces, as a data set to learn from."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dtbench.cli import trainings
from dtbench.cli.output import Json, SolversPath, print_json, stderr, stdout
from dtbench.cli.run import WAIT, Retry, Scheduler, Wait, Workers, failure_facts, print_failures

if TYPE_CHECKING:
    from dtbench.core import AnyProblem
    from dtbench.experiments.offline import Episode


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog="Example: dtbench demonstrations stin-deployment paper --count 50 --seed 1")(demonstrations)


def demonstrations(
    problem: Annotated[str, typer.Argument(metavar="PROBLEM", help="Id of the problem.")],
    size: Annotated[str, typer.Argument(metavar="SIZE", help="Size of the networks, which are the library's.")],
    count: Annotated[int, typer.Option(help="Fresh traces, in turn on each network.", min=1)] = 10,
    seed: Annotated[int, typer.Option(help="Seed of the traces.", min=0)] = 0,
    method: Annotated[
        str | None, typer.Option(metavar="SOLVER", help="Who decides; by default the proven optimum.")
    ] = None,
    results: Annotated[
        Path | None, typer.Option("--results", metavar="DIR", help="Folder; results/demonstrations-... by default.")
    ] = None,
    minari: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Also write a Minari dataset of this name, like NAMESPACE/NAME-v0."),
    ] = None,
    encoding: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of the actions in it; by default the first that can say a decision."),
    ] = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    wait: Wait = WAIT,
    retry_failed: Retry = False,
    solvers_path: SolversPath = None,
    json: Json = False,
) -> None:
    """Solve fresh traces; gather decisions, objectives and bounds in DIR/demonstrations.nc, beside the traces.

    The optimum is that of each slot, or of the horizon where slots are coupled. What was solved before is kept; a
    larger --count adds to it. Exit 1 if a trace was not solved: it is left out.
    """
    from dtbench.cli.progress import display
    from dtbench.experiments.demonstrations import FILE, gather, prepare
    from dtbench.experiments.fresh import methods
    from dtbench.experiments.offline import check_name, encoding_of, episodes
    from dtbench.experiments.plan import make_plan
    from dtbench.experiments.run import run
    from dtbench.experiments.store import Store
    from dtbench.plugins.discovery import discover
    from dtbench.problems import problem as problem_of

    owner, entries = problem_of(problem), discover(solvers_path or [])
    name = method or ("clairvoyant" if owner.coupled(owner.params(size)) else "exact")
    (table,) = methods([name], entries, owner.id)
    if method is None:
        table = table.model_copy(update={"options": {"prices": True}})
    store = Store(results or Path("results") / f"demonstrations-{owner.id}-{size}-{seed}")
    if minari is not None:
        check_name(minari)
        encoding = encoding_of(owner, owner.generate(size, 0), encoding)
    suite = prepare(owner, size, table, store.folder, count=count, seed=seed)
    plan = make_plan(suite, store, solvers_paths=solvers_path or [], retry_failed=retry_failed)
    command = shlex.join(["dtbench", *sys.argv[1:]])
    trainings.announce(plan, stderr.print)
    with display(stderr) as progress:
        run(plan, store, workers=workers, scheduler=scheduler, wait=wait, command=command, progress=progress)
    records = [record for p in plan.cells if (record := store.get(p.cell)) is not None]
    failed = [record for record in records if record.status != "ok"]
    file = store.folder / FILE
    solved = gather(owner, store, records, file)
    facts: dict[str, Any] = {
        "file": str(file),
        "solver": name,
        "traces": count,
        "solved": solved,
        "failures": failure_facts(failed),
    }
    if minari is not None:
        facts["minari"] = _minari(owner, size, minari, list(episodes(owner, store, records, encoding)), encoding, name)
    if json:
        print_json(facts)
    else:
        print_failures(failed)
        stdout.print(f"{solved} of {count} traces, decided by {name}: {file}", markup=False)
        if minari is not None:
            told = "Minari dataset {name}: {folder}; mean objective {objective:.6g}, demonstrated {demonstrated:.6g}"
            stdout.print(told.format(**facts["minari"]), markup=False)
    if failed:
        raise typer.Exit(1)


def _minari(
    owner: AnyProblem, size: str, dataset: str, played: list[Episode], encoding: str | None, solver: str
) -> dict[str, Any]:
    """Write the dataset, and tell where it is and what its episodes are worth beside what was demonstrated."""
    from dtbench.experiments.offline import write_minari

    folder = write_minari(owner, size, dataset, played, encoding, solver)
    objective, demonstrated = (sum(float(getattr(e, name).mean()) for e in played) / len(played)
                               for name in ("objective", "demonstrated"))  # fmt: skip
    return {
        "name": dataset,
        "encoding": encoding,
        "folder": str(folder),
        "objective": objective,
        "demonstrated": demonstrated,
    }
