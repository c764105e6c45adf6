"""``dtbench plot``: a slot as solvers decide it, a folder of results, or learning curves, as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dtbench.cli.output import Json, ProblemsPath, SolversPath, a_number, print_json, stderr
from dtbench.cli.progress import steps
from dtbench.drawing.style import encoded, format_of
from dtbench.errors import DtbenchError
from dtbench.files import write_safely
from dtbench.library import instances
from dtbench.plugins.discovery import discover, find
from dtbench.problems import problem

if TYPE_CHECKING:
    from dtbench.core import AnyProblem, Instance
    from dtbench.reports.scores import Entry
    from dtbench.reports.slots import Decided

GIB = 2**30
SUFFIX = ".safetensors"


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        epilog="Example: dtbench plot edge-placement/paper-000 --slot 3 --solver greedy --solver genetic -o slot.png; "
        "dtbench plot results/quick -o results.pdf; dtbench plot results/quick --kind anytime -o anytime.png; "
        "dtbench plot policy.safetensors runs/ -o curves.svg",
    )(plot)


def plot(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="WHAT...",
            help="An instance (name or .nc file); or a folder of results; or trained policies (.safetensors) and "
            "folders of --log-dir.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="File to write: .png, .svg or .pdf; of learning curves also .csv."
        ),
    ],
    slot: Annotated[int, typer.Option(metavar="T", help="Slot of the instance, from 0.", min=0)] = 0,
    solver: Annotated[
        list[str] | None,
        typer.Option("--solver", metavar="NAME", help="Whose decision to draw; repeatable. By default one rule's."),
    ] = None,
    decisions: Annotated[
        list[Path] | None,
        typer.Option("--decisions", metavar="FILE", help="Stored decisions (.nc) to draw beside; repeatable."),
    ] = None,
    optimum: Annotated[bool, typer.Option(help="Whether to solve the slot exactly and draw that beside.")] = True,
    optimum_limit: Annotated[
        float, typer.Option(metavar="SECONDS", help="For the optimum of a slot.", min=0.1, callback=a_number)
    ] = 60.0,
    seed: Annotated[int, typer.Option(help="Seed of the solvers.", min=0)] = 0,
    time_limit: Annotated[
        float, typer.Option(help="Seconds after which a solver is stopped.", min=0.1, max=1e7, callback=a_number)
    ] = 3600.0,
    problem_id: Annotated[
        str | None, typer.Option("--problem", metavar="PROBLEM", help="Of results: only this problem.")
    ] = None,
    size: Annotated[str | None, typer.Option(help="Of results: only this size.")] = None,
    kind: Annotated[
        Literal["overview", "anytime"],
        typer.Option(help="Of results: an overview, or the gap that methods reach against the seconds of a slot."),
    ] = "overview",
    solvers_path: SolversPath = None,
    json: Json = False,
    problems_path: ProblemsPath = None,
) -> None:
    """Draw a slot of an instance with decisions and what they cost; results; or learning curves.

    An instance: users, stations and links in space, the loads of hosts, and the terms of the objective; a panel for
    each solver, and one for the slot's optimum. Solvers decide the whole horizon, as in `dtbench solve`; where slots
    are coupled, `--solver clairvoyant` is what the optimum of the horizon does in the slot. Results: gap against time,
    profile and gap on each instance, the leaderboard's numbers; with `--kind anytime` the gap of what was found so far
    against the time of a slot; exit 1 if a record does not hold. Curves: what validations gave, and the logs' numbers.
    """
    form = format_of(output, ("csv",) if _kind_of(what) == "curves" else ())
    if not output.absolute().parent.is_dir():
        raise DtbenchError(f"folder '{output.parent}' does not exist; make it first.")
    drawn = draw(
        what, slot=slot, solvers=solver or [], decisions=decisions or [], seed=seed, time_limit=time_limit,
        optimum_limit=optimum_limit if optimum else None, problem_id=problem_id, size=size,
        solvers_path=solvers_path or [], kind=kind,
    )  # fmt: skip
    write_safely(output, drawn.table.encode() if form == "csv" else encoded(drawn.figure, form))
    if json:
        print_json({"file": str(output), "kind": drawn.kind, "shown": drawn.facts})
    stderr.print(f"written: {output}", markup=False, soft_wrap=True)
    if not drawn.holds:
        raise typer.Exit(1)


@dataclass(frozen=True)
class Drawn:
    """A figure, and what it shows.

    ``kind``: instance, results, anytime or curves. ``facts``: for JSON. ``table``: the numbers of curves as CSV.
    ``holds``: whether all records do.
    """

    kind: str
    figure: Any
    facts: Any
    table: str = ""
    holds: bool = True


def draw(
    what: Sequence[str],
    *,
    slot: int = 0,
    solvers: Sequence[str] = (),
    decisions: Sequence[Path] = (),
    seed: int = 0,
    time_limit: float = 3600.0,
    optimum_limit: float | None = 60.0,
    problem_id: str | None = None,
    size: str | None = None,
    solvers_path: Sequence[str] = (),
    kind: Literal["overview", "anytime"] = "overview",
) -> Drawn:
    """What :func:`plot` shows; see there.

    Raises
    ------
    DtbenchError
        If something named does not exist, or is of another kind.
    """
    shows = _kind_of(what)
    if kind == "anytime" and shows != "results":
        raise DtbenchError(f"--kind anytime is of a folder of results; '{what[0]}' is of another kind ({shows}).")
    if shows == "curves":
        return Drawn(shows, *_curves(what))
    if shows == "results":
        figure, facts, holds = _results(Path(what[0]), problem_id, size, kind)
        return Drawn(kind if kind == "anytime" else shows, figure, facts, holds=holds)
    given = (list(solvers), list(decisions), seed, time_limit, optimum_limit, list(solvers_path))
    return Drawn(shows, *_instance(what[0], slot, *given))


def _kind_of(what: Sequence[str]) -> str:
    """``instance``, ``results`` or ``curves``: all that is named must be of one kind."""
    kinds = {each: _kind(each) for each in what}
    if len(set(kinds.values())) > 1:
        listed = ", ".join(f"'{each}' is {'an' if kind == 'instance' else 'of'} {kind}" for each, kind in kinds.items())
        raise DtbenchError(f"one figure shows one kind of thing: {listed}.")
    kind = next(iter(kinds.values()))
    if kind != "curves" and len(what) > 1:
        raise DtbenchError(f"one figure shows one {'instance' if kind == 'instance' else 'folder of results'}.")
    return kind


def _kind(what: str) -> str:
    from dtbench.reports.curves import logs_in, policies_in

    path = Path(what)
    if what.endswith(SUFFIX):
        return "curves"
    if not path.is_dir():
        return "instance"
    if (path / "records").is_dir() or (path / "plan.json").is_file():
        return "results"
    if logs_in(path) or policies_in(path):
        return "curves"
    raise DtbenchError(
        f"folder '{what}' holds neither results (records, plan.json) nor the log of a training, nor trained policies."
    )


def _curves(what: Sequence[str]) -> tuple[Any, Any, str]:
    """Figure, facts, and the numbers as CSV."""
    from dtbench.reports import curves

    trainings = []
    for each in what:
        if each.endswith(SUFFIX):
            trainings.append(curves.of_checkpoint(Path(each)))
        else:
            trainings += [curves.of_log(folder) for folder in curves.logs_in(Path(each))]
            trainings += [curves.of_checkpoint(file) for file in curves.policies_in(Path(each))]
    facts = [
        {
            "file": str(t.file),
            "problem": t.problem,
            "size": t.size,
            "solver": t.solver,
            "seed": t.seed,
            "rows": len(t.rows),
        }
        for t in trainings
    ]
    return curves.figure(trainings, "Learning curves"), facts, curves.table(trainings)


def _results(
    folder: Path, problem_id: str | None, size: str | None, kind: Literal["overview", "anytime"]
) -> tuple[Any, Any, bool]:
    """Figure, facts, and whether all records hold."""
    from dtbench.cli.scores import collected
    from dtbench.reports import anytime
    from dtbench.reports.overview import overview

    found, holds = collected([folder])
    groups = [group for group in found if problem_id in (None, group.problem) and size in (None, group.size)]
    if not groups:
        raise DtbenchError(f"'{folder}' has no results of {problem_id or 'any problem'}, size {size or 'any'}.")
    facts = [
        {
            "problem": group.problem,
            "size": group.size,
            "solvers": [
                {"solver": e.label, "gap": e.gap.value, "slot_seconds": e.slot_seconds, "ok": len(e.ok)}
                | ({} if kind == "overview" else _after(e))
                for e in group.entries
            ],
        }
        for group in groups
    ]
    if kind == "anytime":
        return anytime.figure(groups, f"Gap against time: {folder}"), facts, holds
    return overview(groups, f"Results: {folder}"), facts, holds


def _after(entry: Entry) -> dict[str, Any]:
    """What a solver reaches when, for JSON."""
    from dtbench.reports import anytime

    gaps = {f"{seconds:g}": anytime.mean_gap_at(entry, seconds) for seconds in anytime.TIMES}
    return {"gap_after_seconds": gaps, "primal_integral_s": anytime.mean_integral(entry)}


def _instance(
    name: str, t: int, names: list[str], files: list[Path], seed: int, seconds: float, limit: float | None,
    solvers_path: list[str],
) -> tuple[Any, Any]:  # fmt: skip
    from dtbench.reports import slots

    instance = instances.load(name)
    owner = problem(instance.problem)
    if t >= instance.horizon:
        raise DtbenchError(f"--slot is {t}; '{name}' has slots 0 to {instance.horizon - 1}.")
    names = names or ([] if files else [_default(owner)])
    decided = [_stored(owner, instance, file, t) for file in files]
    decided += [_solved(owner, instance, name, each, seed, seconds, solvers_path, t) for each in names]
    if limit is not None:
        with steps(stderr, f"optimum of slot {t}"):
            decided = slots.prove(owner, instance, decided, limit)
    return slots.figure(owner, instance, Path(name).name if name.endswith(".nc") else name, t, decided), slots.facts(
        owner, decided
    )


def _default(owner: AnyProblem) -> str:
    """The rule that is drawn where none is named."""
    return "greedy" if "greedy" in owner.heuristics else next(iter(owner.heuristics), "random")


def _stored(owner: AnyProblem, instance: Instance, file: Path, t: int) -> Decided:
    from dtbench.core import check_decisions
    from dtbench.errors import InvalidDecision
    from dtbench.experiments.decisions import read
    from dtbench.reports.slots import replay

    given = read(file, owner)
    try:
        given = check_decisions(owner, instance, (instance.horizon,), given)
    except InvalidDecision as error:
        raise DtbenchError(f"'{file}' does not fit '{instance.name}': {error}.") from None
    return replay(owner, instance, file.stem, given, t)


def _solved(
    owner: AnyProblem, instance: Instance, name: str, solver: str, seed: int, seconds: float, solvers_path: list[str],
    t: int,
) -> Decided:  # fmt: skip
    """What a solver decides, run as `dtbench solve` runs it."""
    from dtbench.experiments.decisions import parse
    from dtbench.experiments.job import job_of
    from dtbench.experiments.plan import planned
    from dtbench.experiments.process import run_cell
    from dtbench.experiments.record import CellLimits, Record
    from dtbench.experiments.suite import instance_file
    from dtbench.reports.slots import replay

    entry = find(solver, discover(solvers_path))
    if not entry.takes(owner.id):
        raise DtbenchError(f"solver '{solver}' does not take problem '{owner.id}'.")
    limits = CellLimits(seconds=seconds, memory=8 * GIB, threads=1)
    cell = planned(entry, instance_file(name), seed=seed, limits=limits, options={})
    with steps(stderr, f"{solver} on {name}") as progress:
        text, given = run_cell(job_of(cell), progress)
    record = Record.model_validate_json(text)
    if record.status != "ok" or given is None:
        why = (record.reason or record.status).rstrip(".")
        raise DtbenchError(f"solver '{solver}' ended '{record.status}' on '{name}': {why}. Leave it out.")
    return replay(owner, instance, solver, parse(given, Path(f"{solver}.nc"), owner), t)
