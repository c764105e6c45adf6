"""A page for each problem: what it is, how good methods are, and how that changes with time, instance and training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from dtbench.reports.describe import describe_problem
from dtbench.reports.site import anytime, charts, drawings
from dtbench.reports.site.charts import Series
from dtbench.reports.site.model import Group, InstanceFacts, Site, usual
from dtbench.reports.site.page import Board, Page, board


@dataclass(frozen=True)
class Part:
    """The results of a size: table, charts, and the numbers behind the charts."""

    group: Group
    table: Board
    legend: list[tuple[Series, Markup]]
    charts: list[tuple[str, str, Markup]]
    rows: list[Series]
    instances: list[InstanceFacts]
    curves: tuple[Markup, list[tuple[str, int]]] | None
    gaps: list[tuple[Series, list[float | None]]]
    shares: list[tuple[Series, list[float]]]


def pages(site: Site) -> Iterator[Page]:
    """A page for each problem with results."""
    for id in site.problems:
        groups = site.of_problem(id)
        owner = site.owners[id]
        facts = describe_problem(owner, None, site.entries)
        sizes = [group.size for group in groups]
        context: dict[str, Any] = {
            "facts": facts, "owner": owner, "parts": [_part(site, group) for group in groups], "usual": usual(sizes),
            "drawing": _drawing(site, id, usual(sizes)), "within": [f"{100 * end:g} %" for end in charts.WITHIN],
            "labels": {name.short: name for name in reversed(site.solvers)},
        }  # fmt: skip
        yield Page(f"problem/{id}.html", "problem.html", owner.title, "problems", context)


def _part(site: Site, group: Group) -> Part:
    about = site.owners[group.problem].about
    rows = charts.series(group, about.strong if about else ())
    names = group.runs.instances
    drawn = [
        ("Gap against time", "Lower is better, further left is faster; no method beats those on the line in both.",
         charts.pareto(group, rows)),
        ("Gap as time goes by", "What there is if every slot is stopped early; lower and further left is better.",
         anytime.falling(group, rows)),
        ("Profile", "How many runs come within a gap; lines further to the upper left are better.",
         charts.profiles(group, rows)),
        ("Gap on each instance", "Whether a method is good everywhere, or on some instances only.",
         charts.per_instance(group, rows)),
    ]  # fmt: skip
    trainings = [each for each in site.trainings if each.problem == group.problem and each.size == group.size]
    unit = site.owners[group.problem].unit
    title = f"Learning curves, {group.problem}, {group.size}"
    ordered = sorted(rows, key=lambda each: group.standings.index(each.standing))
    return Part(
        group=group,
        table=board(f"table-{group.size}", group.section.subject, group.standings),
        legend=charts.legend(rows),
        charts=[(name, what, svg) for name, what, svg in drawn if svg is not None],
        rows=ordered,
        instances=[each for each in site.instances if each.group is group],
        curves=charts.learning(trainings, "" if unit == "1" else unit, title),
        gaps=[(each, charts.means(each.standing, names)) for each in ordered],
        shares=[(each, charts.within(each.standing)) for each in ordered],
    )


def _drawing(site: Site, id: str, size: str) -> tuple[InstanceFacts, drawings.Drawing] | None:
    """The first instance of the usual size that can be drawn; of another size if there is none."""
    mine = [each for each in site.instances if each.group.problem == id]
    for each in sorted(mine, key=lambda facts: facts.group.size != size):
        made = drawings.drawn(each, site.owners[id])
        if made is not None:
            return each, made
    return None
