"""``dtbench export``: exact models for other solvers, and MIP starts for them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from dtbench.cli.data import folder_of
from dtbench.cli.output import ProblemsPath, SolversPath, a_number, stderr
from dtbench.cli.progress import steps
from dtbench.core import AnyProblem, Limits
from dtbench.errors import DtbenchError
from dtbench.library import instances
from dtbench.problems import problem

Formulation = Literal["reference", "strong"]
StartSuffix = {"mst": ".mst", "cbc": ".cbc.mst", "highs": ".highs.sol", "cplex": ".cplex.mst"}

EPILOG = (
    "Examples: dtbench export stin-deployment/tiny-000 --slot 3 -o slot3.lp; "
    "dtbench export edge-migration/tiny-000 --horizon --format mps -o all.mps; "
    "dtbench export edge-placement/small-000 --formulation strong --start local-search -o warm.mps. "
    "Then: cbc slot3.lp solve solu slot3.sol; glpsol --lp slot3.lp -o slot3.sol; glpsol --freemps warm.mps; "
    "highs slot3.lp --solution_file slot3.sol; scip -f slot3.lp; "
    "dtbench score stin-deployment/tiny-000 --slot 3 --solution slot3.sol"
)


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog=EPILOG)(export)


def export(
    instance: Annotated[str, typer.Argument(help="Name in the library, or path of a .nc file.")],
    slot: Annotated[int | None, typer.Option(help="Slot number, from 0; 0 if not given.", min=0)] = None,
    horizon: Annotated[
        bool, typer.Option("--horizon", help="All slots in one model, where they are coupled, instead of one slot.")
    ] = False,
    format: Annotated[
        Literal["lp", "mps"] | None, typer.Option(help="File format; by default what the file's name ends in, or lp.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; default: a name of ours.")
    ] = None,
    formulation: Annotated[
        Formulation | None,
        typer.Option(help="The paper's own model, or the strong one; default: reference, with --horizon strong."),
    ] = None,
    time_limit: Annotated[
        float,
        typer.Option(
            help="Seconds for tangents, where a model needs some to be exact.", min=0.0, max=1e7, callback=a_number
        ),
    ] = 60.0,
    start: Annotated[
        str | None,
        typer.Option(metavar="SOLVER", help="Also write a MIP start: what this solver of ours decides, seed 0."),
    ] = None,
    start_format: Annotated[
        Literal["mst", "cbc", "highs", "cplex"], typer.Option(help="Of the start; mst is for Gurobi and SCIP.")
    ] = "mst",
    solvers_path: SolversPath = None,
    problems_path: ProblemsPath = None,
) -> None:
    """Write an exact model for other solvers, as an LP or a free MPS file.

    It is a minimisation whatever the problem's sense, in the objective's unit; a maximisation is negated. The screen
    and the file's header say whether it is exact or a bound, and which columns make up which fields of a decision;
    dtbench score reads solutions back. One slot is that of a fresh start: the state before it is the first one.
    """
    from dtbench.exact.export import write_model

    found = instances.load(instance)
    owner = problem(found.problem)
    if horizon and slot is not None:
        raise DtbenchError("--slot and --horizon exclude each other; take one.")
    if horizon and formulation == "reference":
        raise DtbenchError("no paper gives a model of the whole horizon; leave out --formulation reference.")
    t = None if horizon else in_horizon(slot or 0, instance, found)
    if format is None:
        format = "mps" if output is not None and output.suffix == ".mps" else "lp"
    what = "horizon" if t is None else f"slot{t}"
    output = output or Path(f"{owner.id}-{Path(found.name).stem}-{what}.{format}")
    folder_of(output)
    form = model_of(owner, found, t, formulation or "reference", Limits(seconds=time_limit))
    named = f"{owner.id}, instance {instance}, " + ("all slots (mean)" if t is None else f"slot {t}")
    back = f"dtbench score {instance} " + ("" if t is None else f"--slot {t} ") + "--solution FILE"
    header = [*form.header(named, owner.unit), *([f"Read a solution back with: {back}"] if form.decision else [])]
    write_model(form.model, output, format, header)
    size = f"{form.model.n_columns} columns, {form.model.n_rows} rows"
    sign = "" if form.model.sense == "min" else "; minimise MINUS the objective"
    stderr.print(f"wrote {output}: {form.kind} ({size}{sign})", markup=False, soft_wrap=True)
    if form.note:
        stderr.print(form.note, markup=False, soft_wrap=True)
    if start is not None:
        _start(owner, found, instance, t, form, start, output, start_format, solvers_path)


def in_horizon(slot: int, instance: str, found: Any) -> int:
    """The slot's number.

    Raises
    ------
    DtbenchError
        If the instance has no such slot.
    """
    if slot >= found.horizon:
        raise DtbenchError(f"--slot is {slot}; '{instance}' has slots 0 to {found.horizon - 1}.")
    return slot


def model_of(owner: AnyProblem, found: Any, slot: int | None, formulation: str, limits: Limits | None) -> Any:
    """The :class:`~dtbench.exact.form.Form` of a slot (the state before it is that of a fresh start), or of all slots.

    Raises
    ------
    DtbenchError
        If there is no such model.
    """
    from dtbench.exact.form import form_of

    if slot is not None:
        return form_of(owner, owner.slot(found, slot, owner.start(found)), formulation, limits)
    if not owner.coupled(found.params):
        raise DtbenchError(f"the slots of '{found.name}' are not coupled: take them one by one, with --slot.")
    form = owner.horizon_form(found, limits)
    if form is None:
        raise DtbenchError(f"'{owner.id}' has no model of a whole horizon; take single slots, with --slot.")
    return form


def _start(
    owner: AnyProblem, found: Any, instance: str, slot: int | None, form: Any, solver: str, output: Path, fmt: Any,
    solvers_path: list[str] | None,
) -> None:  # fmt: skip
    """Let a solver decide, and write what the model makes of its decision."""
    from dtbench.exact.export import CONSTANT, column_names
    from dtbench.exact.form import start_of
    from dtbench.exact.solutions import write_start

    decisions = _decided(owner, instance, solver, solvers_path)
    if slot is not None:
        at = owner.slot(found, slot, owner.start(found))
        decisions = owner.repair(at, decisions[slot])
    x = start_of(form, decisions)
    value = form.model.value(x)
    names = [*column_names(form.model), CONSTANT]
    file = output.with_name(output.stem + StartSuffix[fmt])
    write_start(file, zip(names, [*x.tolist(), 1.0], strict=True), value if form.model.sense == "min" else -value, fmt)
    unit = "" if owner.unit == "1" else f" {owner.unit}"
    stderr.print(f"wrote {file}: start by {solver}, in the model {value:.6g}{unit}", markup=False, soft_wrap=True)


def _decided(owner: AnyProblem, instance: str, solver: str, solvers_path: list[str] | None) -> Any:
    """What a solver decides in all slots of an instance (leading time axis), in a process of its own."""
    from dtbench.experiments import decisions
    from dtbench.experiments.job import job_of
    from dtbench.experiments.plan import planned
    from dtbench.experiments.process import run_cell
    from dtbench.experiments.record import CellLimits, Record
    from dtbench.experiments.suite import instance_file
    from dtbench.plugins.discovery import discover, find

    entry = find(solver, discover(solvers_path or []))
    if not entry.takes(owner.id):
        raise DtbenchError(f"solver '{solver}' does not take problem '{owner.id}'.")
    cell = planned(entry, instance_file(instance), seed=0, limits=CellLimits(), options={})
    with steps(stderr, f"{solver} on {instance}") as progress:
        text, image = run_cell(job_of(cell), progress)
    record = Record.model_validate_json(text)
    if image is None:
        raise DtbenchError(f"solver '{solver}' gives no start: {record.status}, {record.reason}.")
    return decisions.parse(image, Path("decisions.nc"), owner)
