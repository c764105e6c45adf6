"""``dtbench publish``: a static site of results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from dtbench.cli.output import Json, ProblemsPath, SolversPath, print_json, stderr, stdout
from dtbench.cli.scores import NoCache, WithReference, folders, verified
from dtbench.errors import DtbenchError
from dtbench.machine import uncollected
from dtbench.plugins.discovery import discover

CLAIMS, FRONTIER = "claims", "frontier"  # a folder of results may hold these reports, under these names


def add_to(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command(epilog="Example: dtbench publish --results results/quick -o site")(publish)


def publish(
    results: Annotated[
        list[Path] | None,
        typer.Option("--results", metavar="DIR", help="Folder of results, of a report of the papers' claims, or "
                     "of the tables of studies/frontier.py; repeatable. By default results/quick."),
    ] = None,
    reference: WithReference = False,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write to.")] = Path("site"),
    solvers_path: SolversPath = None,
    no_cache: NoCache = False,
    json: Json = False,
    problems_path: ProblemsPath = None,
) -> None:  # fmt: skip
    """Write a site of results: pages for problems, solvers and instances, to open as files or to put on any server.

    It needs no network. Records are verified first; one that does not hold is named and left out, and the command
    exits with 1. The same records give the same bytes, whenever and wherever it is made.
    """
    given = list(folders(results, reference))
    from dtbench.reports.folder import all_remarks
    from dtbench.reports.site import build, claims, frontier
    from dtbench.reports.site.gather import gather

    judged = the_report(given, claims.is_report, CLAIMS)
    reached = the_report(given, frontier.is_report, FRONTIER)
    scored = [each for each in given if each not in (judged, reached)]
    if not scored:
        raise DtbenchError("name a folder of results beside the reports: --results DIR.")
    checked = verified(scored, remembered=not no_cache)
    for text in all_remarks(checked):
        stderr.print(text, markup=False, soft_wrap=True)
    with uncollected():
        site = gather(checked, discover(solvers_path or []), judged, reached)
        written = build.write(output, site)
    holds = all(report.ok for report in checked.values())
    facts = {"site": str(output), "pages": sum(each.suffix == ".html" for each in written), "holds": holds}
    if json:
        print_json(facts)
    else:
        stdout.print(f"{facts['pages']} pages; open {output / 'index.html'}", markup=False, soft_wrap=True)
    if not holds:
        raise typer.Exit(1)


def the_report(given: Sequence[Path], is_report: Callable[[Path], bool], name: str) -> Path | None:
    """The folder of a report: one of those given, or a folder of that name in them; None if there is none.

    Raises
    ------
    DtbenchError
        If there are two.
    """
    found = list(dict.fromkeys(place for each in given for place in (each, each / name) if is_report(place)))
    if len(found) > 1:
        raise DtbenchError(f"two reports of {name}: '{found[0]}' and '{found[1]}'; name one.")
    return found[0] if found else None
