"""``dtbench solve``: one solver on one instance."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from dtbench.cli.data import pairs
from dtbench.cli.output import (
    Json,
    ProblemsPath,
    SolversPath,
    a_number,
    number,
    percent,
    print_json,
    print_table,
    stderr,
)
from dtbench.cli.progress import steps
from dtbench.core import gap_to, relative_gap
from dtbench.errors import DtbenchError
from dtbench.experiments.record import CellLimits, Record
from dtbench.library import instances
from dtbench.library.best_known import HORIZON, BestKnown, known_of
from dtbench.plugins.discovery import SolverEntry, discover, find
from dtbench.problems import problem

GIB = 2**30
NOTHING = "-"  # as `number` and `percent` say that there is no value
SOURCES = {"file": "named file", "shipped": "shipped", "cache": "trained before", "trained": "trained now"}


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        epilog="Example: dtbench solve stin-deployment/paper-000 genetic --seed 1 --option generations=50",
    )(solve)


def solve(
    instance: Annotated[str, typer.Argument(help="Name in the library, or path of a .nc file.")],
    solver: Annotated[str, typer.Argument(help="Name of the solver.")],
    seed: Annotated[int, typer.Option(help="Seed of the solver.", min=0)] = 0,
    option: Annotated[
        list[str] | None, typer.Option("--option", metavar="NAME=VALUE", help="Option of the solver; repeatable.")
    ] = None,
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Trained policy to play, of a solver that learns.")
    ] = None,
    time_limit: Annotated[
        float, typer.Option(help="Seconds after which the solver is stopped.", min=0.1, max=1e7, callback=a_number)
    ] = 3600.0,
    memory_limit: Annotated[
        float, typer.Option(help="GiB above which the solver is stopped.", min=0.1, max=1e6, callback=a_number)
    ] = 8.0,
    threads: Annotated[int, typer.Option(help="Threads the solver may use.", min=1)] = 1,
    solvers_path: SolversPath = None,
    json: Json = False,
    problems_path: ProblemsPath = None,
) -> None:
    """Let a solver decide the whole horizon of an instance; exit 1 unless it ends ok or skipped."""
    from dtbench.experiments.job import job_of
    from dtbench.experiments.plan import planned
    from dtbench.experiments.process import run_cell
    from dtbench.experiments.suite import instance_file

    entry = find(solver, discover(solvers_path or []))
    loaded = instances.load(instance)
    owner = problem(loaded.problem)
    if not entry.takes(owner.id):
        raise DtbenchError(
            f"solver '{solver}' does not take problem '{owner.id}'; see `dtbench list solvers {owner.id}`."
        )
    options = pairs(option or [], "--option")
    entry.check_options(options, "--option")
    if checkpoint is not None:
        options |= _played(entry, checkpoint)
    limits = CellLimits(seconds=time_limit, memory=round(memory_limit * GIB), threads=threads)
    cell = planned(entry, instance_file(instance), seed=seed, limits=limits, options=options)
    with steps(stderr, f"{solver} on {instance}") as progress:
        record = Record.model_validate_json(run_cell(job_of(cell), progress)[0])
    best = known_of(instance).get(HORIZON)
    facts = summary(record, owner.sense, owner.coupled(loaded.params), best)
    if json:
        print_json(facts | {"slots": record.slots.model_dump() if record.slots else None})
    else:
        _print(facts, owner.unit)
    if record.status not in ("ok", "skipped"):
        raise typer.Exit(1)


def _played(entry: SolverEntry, file: Path) -> dict[str, str]:
    """The option that names a trained policy, once the file has been read."""
    from dtbench.learning.checkpoint import read

    if not entry.trains:
        raise DtbenchError(f"solver '{entry.name}' does not learn, so --checkpoint has no meaning for it.")
    entry.check_options({"checkpoint": str(file)}, "--checkpoint")
    identity = read(file).header.identity
    if identity.solver != entry.name:
        raise DtbenchError(f"'{file}' is a policy of solver '{identity.solver}', not of '{entry.name}'.")
    return {"checkpoint": str(file.resolve())}


def summary(record: Record, sense: Any, coupled: bool, best: BestKnown | None) -> dict[str, Any]:
    """What a record says, with the gaps to its own bound and to the best known value; ``coupled``: its slots."""
    slots = record.slots
    bound = record.horizon_bound(coupled)
    objective = record.objective
    away = float(gap_to(sense, objective, best.objective)) if best and objective is not None else None
    return {
        "instance": record.cell.instance,
        "solver": record.cell.solver,
        "seed": record.cell.seed,
        "options": record.cell.options,
        "status": record.status,
        "reason": record.reason,
        "objective": objective,
        "bound": bound,
        "gap": relative_gap(objective, bound) if objective is not None and bound is not None else None,
        "best_known": best.objective if best else None,
        "gap_to_best_known": away,
        "feasible_share": 1.0 - record.repaired_share if record.repaired_share is not None else None,
        "seconds": record.wall_seconds,
        "decision_seconds": sum(slots.seconds) / len(slots.seconds) if slots else None,
        "train_seconds": record.train_seconds,
        "training": record.method.get("training"),
        "traceback": record.traceback,
    }


def _policy(training: Mapping[str, Any]) -> str:
    """Where a policy is from and what it has played, as far as the solver tells."""
    source = str(training.get("source", ""))
    frames = f"{training['frames']} frames" if "frames" in training else ""
    return ", of ".join(part for part in (SOURCES.get(source, source), frames) if part)


def _print(facts: dict[str, Any], unit: str) -> None:
    """What is known, in lines; a cell that was declined has nothing but its reason."""
    rows = [
        ("status", facts["status"] + (f": {facts['reason']}" if facts["reason"] else "")),
        ("objective", number(facts["objective"], unit)),
        ("bound", number(facts["bound"], unit)),
        ("gap", percent(facts["gap"])),
        ("best known", number(facts["best_known"], unit)),
        ("gap to best known", percent(facts["gap_to_best_known"])),
        ("feasible share", percent(facts["feasible_share"])),
        ("seconds", number(facts["seconds"])),
        ("seconds per decision", number(facts["decision_seconds"])),
    ]
    if facts["train_seconds"] is not None:
        rows.append(("training seconds", number(facts["train_seconds"])))
    if facts["status"] != "ok":
        rows = [(name, said) for name, said in rows if said != NOTHING]
    policy = _policy(facts["training"] or {})
    if policy:
        rows.append(("policy", policy))
    if facts["traceback"]:
        rows.append(("traceback", facts["traceback"].rstrip()))
    print_table(f"{facts['solver']} on {facts['instance']}, seed {facts['seed']}", ["", "value"], rows)
