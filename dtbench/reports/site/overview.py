"""The first page: a heat map of solvers by problems, the best of each regime, what is new."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from dtbench.library.best_known import HORIZON
from dtbench.regime import REGIMES
from dtbench.reports.model import Best
from dtbench.reports.numbers import ZERO
from dtbench.reports.site.model import Group, Site, SolverName, Standing, named, usual
from dtbench.reports.site.page import Page
from dtbench.reports.site.scale import stretched

DAYS = 6
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class HeatRow:
    """A solver in a heat map; a standing, or None, for each problem."""

    name: SolverName
    sees: str
    learned: bool
    cells: tuple[Standing | None, ...]


@dataclass(frozen=True)
class Heat:
    """The heat map of a size."""

    size: str
    problems: tuple[str, ...]
    rows: tuple[HeatRow, ...]


@dataclass(frozen=True)
class News:
    """What a day brought: how many records, solvers that were not there before, and new best values."""

    day: str
    records: int
    solvers: tuple[SolverName, ...]
    problems: tuple[str, ...]
    better: tuple[tuple[str, SolverName], ...]


def pages(site: Site) -> Iterator[Page]:
    """One page."""
    certified = sum(1 for each in site.instances if HORIZON in each.known and each.known[HORIZON].status == "optimal")
    counts = (
        (len(site.problems), "problem"),
        (len(site.instances), "instance"),
        (certified, "proven optimal"),
        (len({name.short for name in site.solvers}), "method"),
        (len(site.records), "verified record"),
    )
    stats = [(n, what if n == 1 or what == "proven optimal" else f"{what}s") for n, what in counts]
    cards = [(id, site.owners[id], [group.size for group in site.of_problem(id)]) for id in site.problems]
    context = {
        "stats": stats, "heats": [heat(site, size) for size in site.sizes], "usual": _usual(site),
        "bests": [(group, _best(group)) for group in site.groups],
        "regimes": REGIMES, "news": news(site)[:DAYS], "cards": cards,
    }  # fmt: skip
    yield Page("index.html", "overview.html", "Results", "overview", context)


def _usual(site: Site) -> str:
    """The size that is shown first: the one with most problems; of equal ones the papers', or the largest."""
    count = {size: sum(group.size == size for group in site.groups) for size in site.sizes}
    return usual([size for size in site.sizes if count[size] == max(count.values())])


def heat(site: Site, size: str) -> Heat:
    """Solvers by problems; those that take most problems first, of these the best."""
    groups = [group for group in site.groups if group.size == size]
    by_label: dict[str, dict[str, Standing]] = {}
    for group in groups:
        for each in group.standings:
            by_label.setdefault(each.name.label, {})[group.problem] = each
    rows = []
    for label, found in by_label.items():
        gaps = [each.entry.gap.value for each in found.values() if each.entry.gap.value is not None]
        if not gaps:
            continue
        some = next(iter(found.values()))
        sees = next((each.sees for each in found.values() if each.sees), "")
        cells = tuple(found.get(group.problem) for group in groups)
        place = (-len(gaps), sum(map(stretched, gaps)) / len(gaps), label)
        rows.append((place, HeatRow(named(label), sees, some.learned, cells)))
    rows.sort(key=lambda row: row[0])
    return Heat(size, tuple(group.problem for group in groups), tuple(row for _, row in rows))


def _best(group: Group) -> dict[str, Best]:
    return {best.regime: best for best in group.section.best}


def news(site: Site) -> list[News]:
    """What each day brought, the last one first; days are those on which records were made."""
    runs = [(run, group) for group in site.groups for run in group.runs.runs if run.record is not None]
    by_day: dict[str, list[tuple[str, str, str, bool]]] = {}
    for run, group in runs:
        assert run.record is not None  # noqa: S101
        day = run.record.provenance.started[:10]
        if DAY.fullmatch(day):
            beats = run.gap is not None and run.gap < -ZERO
            by_day.setdefault(day, []).append((run.label, group.problem, run.instance, beats))
    seen: set[str] = set()
    found = []
    for day in sorted(by_day):
        fresh = sorted({label for label, *_ in by_day[day]} - seen)
        seen.update(fresh)
        better = sorted({(instance, label) for label, _, instance, new in by_day[day] if new})
        problems = tuple(id for id in site.problems if any(problem == id for _, problem, *_ in by_day[day]))
        found.append(
            News(day, len(by_day[day]), tuple(map(named, fresh)), problems, tuple((i, named(s)) for i, s in better))
        )
    return found[::-1]
