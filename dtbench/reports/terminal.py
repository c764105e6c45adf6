"""The leaderboard for the terminal: Rich renderables that fit into 100 columns."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text as RichText

from dtbench.reports.columns import compact
from dtbench.reports.model import Leaderboard, Section, Table

BRIEFLY = {
    "sees": "sees: local, what agents observe; global, the whole slot; future, the whole trace.",
    "repaired": "repaired slots: the decision broke a constraint and was repaired before it was scored.",
    "proven": "proven slots: the solver proved that it is optimal.",
}
"""What columns mean whose headings do not say it, for those who have no page with explanations before them."""
MOST = 20  # lines of a list of failures; the files hold all


def terminal(board: Leaderboard, *, most: int = MOST) -> RenderableType:
    """All sections without their empty columns, then failures and skipped cells, at most ``most`` lines of each."""
    parts: list[RenderableType] = [part for section in board.sections for part in _section(section)]
    there = {column.name for section in board.sections for column in compact(section)[0].columns}
    said = [RichText(text, style="dim") for name, text in BRIEFLY.items() if name in there]
    parts += [*said, RichText()] if said else []
    for title, table in (("Failures", board.failures), ("Skipped cells", board.skipped)):
        if table.rows:
            parts += [RichText(title, style="bold"), grid(Table(table.columns, table.rows[:most]))]
            if len(table.rows) > most:
                parts.append(RichText(f"... and {len(table.rows) - most} more", style="dim"))
            parts.append(RichText())
    return Group(*parts)


def _section(section: Section) -> Iterator[RenderableType]:
    yield RichText.assemble((f"{section.title}: {section.size}", "bold"), (f"  {section.subject}", "dim"))
    table, notes = compact(section)
    yield grid(table)
    yield from (RichText(note, style="dim") for note in notes)
    yield RichText()


def grid(table: Table) -> RichTable:
    """Words go in as ``Text``: markup in them is not read. Numbers and the first column stay on a line, words wrap."""
    grid = RichTable(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False)
    for number, column in enumerate(table.columns):
        grid.add_column(
            RichText("\n".join(column.heading.rsplit(" ", 1))),
            justify="right" if column.numeric else "left",
            overflow="fold",
            no_wrap=column.numeric or number == 0,  # names are not cut
            min_width=None if column.numeric else 12,
        )
    for row in table.rows:
        grid.add_row(*(RichText(value.text) for value in row), style="dim" if row[0].sort is None else None)
    return grid
