"""``dtbench certify``: best known values of an instance of one's own, kept beside its file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dtbench import files
from dtbench.cli.output import Json, ProblemsPath, a_number, number, percent, print_json, print_table, stderr
from dtbench.cli.progress import steps
from dtbench.core import Limits
from dtbench.errors import DtbenchError
from dtbench.library import instances
from dtbench.library.best_known import HORIZON, BestKnown, known_of, own_name, table_beside, write_best_known
from dtbench.problems import problem


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog="Example: dtbench generate stin-deployment tiny --seed 7 -o mine.nc; dtbench certify mine.nc")(
        certify
    )


def certify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An instance file (.nc) of your own.")],
    time_limit: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", help="For one slot, or for the horizon where slots are coupled.", min=0.1, max=1e7,
            callback=a_number,
        ),
    ] = 600.0,
    json: Json = False,
    problems_path: ProblemsPath = None,
) -> None:  # fmt: skip
    """Find and prove the optimum of an instance of your own, and keep it beside the file: mine.nc, mine.best_known.csv.

    `solve`, `show` and `score` then know it, and the leaderboard has gaps: a run copies the table into its results. For
    results that are there already, run their suite again (what is done is not run again). Of two certifications the one
    with the smaller proven gap stays.
    """
    if file.suffix != ".nc":
        raise DtbenchError(f"'{file}' is not an instance file; its name must end in '.nc'. The library is certified.")
    instance = instances.load(file)
    if file.resolve().parent.parent == files.folder("instances").resolve():
        raise DtbenchError(f"'{file}' is an instance of the library, which has its values: see `dtbench show`.")
    rows, kept = _certified(file, instance, Limits(seconds=time_limit))
    owner = problem(instance.problem)
    best = next(row for row in rows if row.slot == HORIZON)
    if json:
        print_json({"file": str(table_beside(file)), "replaced": not kept, "best_known": [vars(row) for row in rows]})
    else:
        print_table(
            f"{file.name}: best known value of the horizon",
            ["", "value"],
            [
                ("objective", number(best.objective, owner.unit)), ("bound", number(best.bound, owner.unit)),
                ("gap", percent(best.gap)), ("status", best.status), ("method", f"{best.method} ({best.version})"),
                ("slots", sum(row.slot != HORIZON for row in rows) or "only together: they are coupled"),
            ],
        )  # fmt: skip
    what = "kept, what was there is at least as well proven" if kept else "written"
    stderr.print(f"{what}: {table_beside(file)}", markup=False, soft_wrap=True)


def _certified(file: Path, instance: Any, limits: Limits) -> tuple[list[BestKnown], bool]:
    """The rows that are beside the file now, and whether they were there before."""
    from dtbench.library.build import certify_instance

    name = own_name(file.name, instances.sha256_of(file))
    before = known_of(file)
    with steps(stderr, f"certifying {file.name}") as progress:
        rows = certify_instance(instance, name, limits, progress)
    for row in rows:
        if not abs(row.objective) < float("inf"):
            raise DtbenchError(
                f"no decision was found for slot {row.slot} of '{file}' in {limits.seconds:g} s; allow more with "
                "--time-limit."
            )
    old, new = before.get(HORIZON), next(row for row in rows if row.slot == HORIZON)
    if old is not None and not new.gap < old.gap:
        return list(before.values()), True
    write_best_known(table_beside(file), rows)
    return rows, False
