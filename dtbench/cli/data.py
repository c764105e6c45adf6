"""``dtbench generate``: instances as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dtbench.cli.output import ProblemsPath, stderr
from dtbench.errors import DtbenchError
from dtbench.library import instances
from dtbench.problems import problem


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(
        epilog="Example: dtbench generate stin-deployment paper --seed 7 --set n_users=24 -o mine.nc",
    )(generate)


def generate(
    problem_id: Annotated[str, typer.Argument(metavar="PROBLEM", help="Id of the problem.")],
    size: Annotated[str, typer.Argument(help="tiny, small, paper, large or city.")],
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
    folder_of(output)
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


def folder_of(output: Path) -> None:
    """Refuse a file in a folder that does not exist."""
    if not output.parent.is_dir():
        raise DtbenchError(f"folder '{output.parent}' does not exist; make it first.")
