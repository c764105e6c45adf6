"""``dtbench pack`` and ``dtbench merge``: results in one file, and back into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dtbench.cli.output import Json, ProblemsPath, print_json, stderr, stdout
from dtbench.cli.progress import steps

SOME = 5


def add_to(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command(
        epilog="Example: dtbench pack --results results/small --solvers mine -o mine.tar.xz --who 'A. Name' "
        "--code https://example.org/repo/commit/1a2b3c"
    )(pack)
    app.command(epilog="Example: dtbench merge mine.tar.xz --results results/small")(merge)


def pack(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="What to write; NAME.tar.xz.")],
    results: Annotated[Path, typer.Option("--results", metavar="DIR", help="Folder of results.")],
    who: Annotated[str, typer.Option(help="Who answers for these results: a name, a group, a contact.")],
    code: Annotated[str, typer.Option(help="Where the code is: an address that names a commit.")] = "",
    note: Annotated[str, typer.Option(help="What else a reader should know.")] = "",
    solvers: Annotated[str, typer.Option(metavar="LIST", help="Only these, by label or solver's name.")] = "",
    suites: Annotated[str, typer.Option(metavar="LIST", help="Only what these suites planned.")] = "",
    solvers_path: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Folder with sources of your solvers, to put in; repeatable."),
    ] = None,
    json: Json = False,
    problems_path: ProblemsPath = None,
) -> None:
    """Write results to one file: records that hold, their decisions, their part of the plan, who made them.

    The same results give the same bytes. Verification comes first; nothing is written if a record does not hold.
    """
    from dtbench.cli.scores import names_of
    from dtbench.experiments.bundle import pack as write

    with steps(stderr, f"verifying {results}") as progress:
        head = write(
            results, output, who=who, code=code, note=note, solvers=names_of(solvers), suites=names_of(suites),
            sources=solvers_path or [], progress=progress,
        )  # fmt: skip
    facts = head.model_dump(mode="json", exclude={"files"}) | {"file": str(output), "bytes": output.stat().st_size}
    if json:
        print_json(facts | {"sha256": head.sha256})
        return
    labels = ", ".join(method.label for method in head.methods)
    stdout.print(f"{head.records} of {head.planned} planned cells, of {labels}", markup=False, soft_wrap=True)
    stdout.print(f"written: {output}, {facts['bytes']} bytes, sha256 of its head {head.sha256[:16]}", markup=False,
                 soft_wrap=True)  # fmt: skip


def merge(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Bundles, as `dtbench pack` writes them.")],
    results: Annotated[Path, typer.Option("--results", metavar="DIR", help="Folder to merge them into.")],
    json: Json = False,
    problems_path: ProblemsPath = None,
) -> None:
    """Take bundles into a folder of results: every decision is scored again before its record is taken in.

    Records that the folder has stay. What a bundle planned is planned from now on: cells that it lacks are counted as
    not run. Exit 1 if a record was refused.
    """
    from dtbench.experiments.bundle import merge as take

    told: list[dict[str, Any]] = []
    for file in files:
        with steps(stderr, f"verifying {file.name}") as progress:
            done = take(file, results, progress)
        told.append({
            "file": str(file), "who": done.head.who, "code": done.head.code, "taken": len(done.taken),
            "known": len(done.known), "refused": done.refused, "planned": done.head.planned,
            "records": done.head.records,
        })  # fmt: skip
        if not json:
            _say(told[-1])
    if json:
        print_json({"results": str(results), "bundles": told})
    if any(each["refused"] for each in told):
        raise typer.Exit(1)


def _say(facts: dict[str, Any]) -> None:
    refused = facts["refused"]
    line = f"{facts['file']}, by {facts['who']}: {facts['taken']} records taken in"
    line += f", {facts['known']} were here" if facts["known"] else ""
    line += (
        f", {facts['planned'] - facts['records']} planned cells have none"
        if facts["planned"] > facts["records"]
        else ""
    )
    stdout.print(line, markup=False, soft_wrap=True)
    for stem, reason in list(refused.items())[:SOME]:
        stdout.print(f"refused: {stem}: {reason}", markup=False, soft_wrap=True)
    if len(refused) > SOME:
        stdout.print(f"refused: {len(refused) - SOME} more; --json names them", markup=False)
