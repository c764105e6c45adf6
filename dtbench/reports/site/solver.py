"""A page for each solver, and the list of them."""

from __future__ import annotations

from collections.abc import Iterator

from dtbench.reports.model import Table
from dtbench.reports.site import charts
from dtbench.reports.site.model import Site, SolverName, Standing
from dtbench.reports.site.page import Page, board


def pages(site: Site) -> Iterator[Page]:
    """One page each, and ``solvers.html``."""
    listed = [(name, site.of_solver(name.label)) for name in site.solvers]
    yield Page("solvers.html", "solvers.html", "Solvers", "solvers",
               {"listed": [(name, rows, summary(site, rows)) for name, rows in listed]})  # fmt: skip
    for name, rows in listed:
        yield Page(f"solver/{name.key}.html", "solver.html", name.label, "solvers", _context(site, name, rows))


def _context(site: Site, name: SolverName, rows: list[Standing]) -> dict[str, object]:
    cells = [run.cell for each in rows for run in each.entry.runs]
    method = cells[0].solver
    entry = site.entries.get(method)
    given = {key: value for cell in cells for key, value in cell.options.items()}
    mine = [each for each in site.trainings if each.solver == method]
    found = [
        (each.group, charts.learning(
            [t for t in mine if t.problem == each.group.problem and t.size == each.group.size],
            "" if each.group.runs.facts.unit == "1" else each.group.runs.facts.unit,
            f"Learning curves, {each.group.problem}, {each.group.size}",
        ))
        for each in rows
    ]  # fmt: skip
    instances = {each.name: each for each in site.instances}
    gaps = [
        (instances[instance], gap)
        for each in rows
        for instance, gap in zip(each.group.runs.instances, charts.means(each, each.group.runs.instances), strict=True)
        if any(run.instance == instance for run in each.entry.runs)
    ]
    return {
        "name": name, "rows": rows, "method": method, "entry": entry, "given": given, "summary": summary(site, rows),
        "rules": {each.group.problem: entry.rules[each.group.problem] for each in rows
                  if entry is not None and each.group.problem in entry.rules},
        "table": board("standings", "Where it stands", rows, where=True),
        "curves": [(group, made) for group, made in found if made is not None],
        "gaps": gaps, "failures": _of(site.failures, name.label), "skipped": _of(site.skipped, name.label),
    }  # fmt: skip


def summary(site: Site, rows: list[Standing]) -> str:
    """What a solver does, in a line, as its file or its problem says; empty if it is not installed here."""
    method = rows[0].entry.runs[0].cell.solver
    entry = site.entries.get(method)
    return "" if entry is None else entry.summary or next(iter(entry.rules.values()), "")


def _of(table: Table, label: str) -> Table:
    """The rows of a table of reasons that are of one solver."""
    at = [column.name for column in table.columns].index("solver")
    return Table(table.columns, tuple(row for row in table.rows if row[at].text == label))
