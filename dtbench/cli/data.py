"""``dtbench generate`` and ``dtbench export``: instances and models as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from dtbench.cli.output import ProblemsPath, stderr
from dtbench.errors import DtbenchError
from dtbench.library import instances
from dtbench.problems import problem


def add_to(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(
        epilog="Example: dtbench generate stin-deployment paper --seed 7 --set n_users=24 -o mine.nc",
    )(generate)
    app.command(epilog="Example: dtbench export stin-deployment/tiny-000 --slot 3 --format lp -o slot3.lp")(export)


def generate(
    problem_id: Annotated[str, typer.Argument(metavar="PROBLEM", help="Id of the problem.")],
    size: Annotated[str, typer.Argument(help="tiny, small, paper or large.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, ending in .nc.")],
    seed: Annotated[int, typer.Option(help="Seed of the draw.", min=0)] = 0,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Another value of a parameter; repeatable.")
    ] = None,
    problems_path: ProblemsPath = None,
) -> None:
    """Draw an instance from the problem's generator and write it."""
    if output.suffix != ".nc":
        raise DtbenchError(f"--output is '{output}'; expected a file name that ends in '.nc'.")
    _folder_of(output)
    if output.exists():
        raise DtbenchError(f"'{output}' exists already; remove it or choose another name.")
    instance = problem(problem_id).generate(size, seed, **pairs(settings or [], "--set"))
    instances.save(output, instance)
    stderr.print(f"wrote {output}: {', '.join(f'{n} {d}' for d, n in instance.dims.items())}", markup=False)


def pairs(texts: list[str], option: str) -> dict[str, str]:
    """``["n_users=18"]`` as ``{"n_users": "18"}``.

    Raises
    ------
    DtbenchError
        If a text has no ``=``.
    """
    for text in texts:
        if "=" not in text:
            raise DtbenchError(f"{option} is '{text}'; expected NAME=VALUE.")
    return {name.strip(): value.strip() for name, value in (text.split("=", 1) for text in texts)}


def _folder_of(output: Path) -> None:
    if not output.parent.is_dir():
        raise DtbenchError(f"folder '{output.parent}' does not exist; make it first.")


def export(
    instance: Annotated[str, typer.Argument(help="Name in the library, or path of a .nc file.")],
    slot: Annotated[int, typer.Option(help="Slot number, from 0.", min=0)] = 0,
    format: Annotated[
        Literal["lp", "mps"] | None, typer.Option(help="File format; by default what the file's name ends in, or lp.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write; default: a name of ours.")
    ] = None,
    formulation: Annotated[
        Literal["reference", "strong"], typer.Option(help="The paper's own model, or the strong one.")
    ] = "reference",
    problems_path: ProblemsPath = None,
) -> None:
    """Write the exact model of one slot for other solvers (the state before it is that of a fresh start)."""
    from dtbench.exact.export import write_linear, write_pyomo

    found = instances.load(instance)
    owner = problem(found.problem)
    if slot >= found.horizon:
        raise DtbenchError(f"--slot is {slot}; '{instance}' has slots 0 to {found.horizon - 1}.")
    if format is None:
        format = "mps" if output is not None and output.suffix == ".mps" else "lp"
    output = output or Path(f"{owner.id}-{Path(found.name).stem}-slot{slot}.{format}")
    _folder_of(output)
    at = owner.slot(found, slot, owner.start(found))
    if formulation == "reference":
        write_pyomo(owner.reference_model(at), output, format)
    else:
        model = owner.linear_model(at)
        if model is None:
            raise DtbenchError(f"'{owner.id}' has no linear strong model; use --formulation reference.")
        write_linear(model, output, format)
    stderr.print(f"wrote {output}", markup=False)
