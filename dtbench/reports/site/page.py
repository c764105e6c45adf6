"""A page before it is written: where it goes, its template, and what the template is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dtbench.reports.columns import COLUMNS
from dtbench.reports.model import Column
from dtbench.reports.numbers import DASH
from dtbench.reports.site import charts
from dtbench.reports.site.model import Standing
from dtbench.reports.site.scale import Axis

FEW = 8  # rows that need no filters
SPARED = ("objective", "marks", "sees")  # columns of the leaderboard that stand elsewhere in a row
MEANINGS = {column.name: column for column in COLUMNS}
STRIP = Column(
    "strip", "interval", "The gap and its interval on one axis for the whole table, in percent, logarithmic beyond "
    "0.01 %: one bad method cannot flatten it. Circles see the whole slot, diamonds what agents observe, triangles the "
    "future; filled marks are learned.",
)  # fmt: skip


@dataclass(frozen=True)
class Page:
    """``path`` is relative to the site; ``here`` names the entry of the menu that it belongs to."""

    path: str
    template: str
    title: str
    here: str
    context: Mapping[str, Any] = field(default_factory=dict)

    @property
    def root(self) -> str:
        """The way from the page to the top of the site."""
        return "../" * self.path.count("/")


@dataclass(frozen=True)
class Board:
    """A table of standings: columns, rows, and the axis of intervals.

    ``where``: whether problem and size are columns. ``filters``: the values that rows can be filtered by, by name.
    """

    key: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Standing, ...]
    axis: Axis
    where: bool
    filters: Mapping[str, Sequence[str]]


def board(key: str, caption: str, rows: Sequence[Standing], *, where: bool = False, filters: bool = True) -> Board:
    """The table of some standings, without columns that say nothing in any row."""
    spared = (*SPARED, "mean_rank") if where else SPARED
    names = [name for name in MEANINGS if name not in spared and _told(name, rows)]
    if not any(each.entry.gap.value is not None for each in rows):
        names.insert(names.index("solver") + 1, "objective")
    columns = [MEANINGS[name] for name in names]
    at = names.index("gap") if "gap" in names else len(names) - 1
    if "gap" in names:
        columns.insert(at + 1, STRIP)
    solver = next(k for k, column in enumerate(columns) if column.name == "solver")
    columns.insert(solver + 1, MEANINGS["sees"])
    axis = charts.strip_axis(each.entry.gap for each in rows)
    found: dict[str, Sequence[str]] = {}
    if filters and len(rows) > FEW:
        if where:
            found["problem"] = _distinct(each.group.problem for each in rows)
            found["size"] = _distinct(each.group.size for each in rows)
        found["sees"] = [
            regime for regime in ("local", "global", "future") if any(each.sees == regime for each in rows)
        ]
        found["learned"] = ["learned", "not learned"]
        found["learned"] = found["learned"] if len({each.learned for each in rows}) == 2 else []
        found = {name: values for name, values in found.items() if len(values) > 1}
    return Board(key, caption, tuple(columns), tuple(rows), axis, where, found)


def _distinct(values: Any) -> list[str]:
    return list(dict.fromkeys(values))


def _told(name: str, rows: Sequence[Standing]) -> bool:
    """Whether a column says something."""
    if name in ("rank", "solver", "cells"):
        return True
    texts = {each.values[name].text for each in rows}
    return bool(texts - {"", "0", DASH})
