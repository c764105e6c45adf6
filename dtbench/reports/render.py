"""The leaderboard as Markdown, CSV, LaTeX, HTML and JSON-able data, and the files of a results folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dtbench.errors import DtbenchError
from dtbench.files import csv_text, write_safely
from dtbench.reports import cells, paper
from dtbench.reports.columns import compact, explained, shown
from dtbench.reports.model import Leaderboard, Raw, Section, Table
from dtbench.reports.page import html

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Heading:
    """What stands above a table: its name, and what it is about."""

    name: str
    subject: str = ""


FAILURES = Heading("Failures")
SKIPPED = Heading("Skipped cells")


def document(board: Leaderboard) -> str:
    """The whole leaderboard in Markdown."""
    blocks = ["# dtbench leaderboard", *_tables(board, spare=False)]
    blocks += [_markdown_terms("How to read it", [(c.heading, c.meaning) for c in explained(board)])]
    blocks += [_markdown_terms("Where it comes from", list(board.provenance.items()))]
    return "\n\n".join(blocks) + "\n"


def summary(board: Leaderboard) -> str:
    """The tables alone, in Markdown and without columns that say nothing."""
    return "\n\n".join(_tables(board, spare=True))


def _tables(board: Leaderboard, *, spare: bool) -> Iterator[str]:
    """Sections, failures, skipped cells; ``spare``: without columns that say nothing."""
    for section in board.sections:
        name = f"{section.title} ({section.problem}), {section.size}"
        heading = Heading(name, section.subject)
        content = compact(section) if spare else (shown(section), section.remarks)
        yield markdown_table(heading, *content)
    for heading, table in ((FAILURES, board.failures), (SKIPPED, board.skipped)):
        if table.rows:
            yield markdown_table(heading, table, ())


# Markdown

MARKDOWN_SPECIAL = re.compile(r"([\\`*_\[\]<>|~$#])")


def markdown_escape(text: str) -> str:
    """Words that Markdown shows as they are, in tables as well.

    >>> markdown_escape("a_b | <i>")
    'a\\\\_b \\\\| \\\\<i\\\\>'
    """
    return MARKDOWN_SPECIAL.sub(r"\\\1", text.replace("&", "&amp;"))


def markdown_table(heading: Heading, table: Table, notes: Sequence[str]) -> str:
    """A table under its heading, and a list of notes; all words are plain."""
    head = [markdown_escape(column.heading) for column in table.columns]
    body = [[markdown_escape(value.text) for value in row] for row in table.rows]
    widths = [max(3, *(len(row[i]) for row in [head, *body])) for i in range(len(head))]
    numeric = [column.numeric for column in table.columns]
    rule = ["-" * (w - 1) + ":" if n else "-" * w for w, n in zip(widths, numeric, strict=True)]

    def line(cells: Iterable[str]) -> str:
        padded = (c.rjust(w) if n else c.ljust(w) for c, w, n in zip(cells, widths, numeric, strict=True))
        return f"| {' | '.join(padded)} |"

    lines = [f"## {markdown_escape(heading.name)}", ""]
    if heading.subject:
        lines += [f"{markdown_escape(heading.subject)}.", ""]
    lines += [line(head), f"| {' | '.join(rule)} |", *map(line, body)]
    return "\n".join(lines + [""] * bool(notes) + [f"- {markdown_escape(note)}" for note in notes])


def _markdown_terms(heading: str, pairs: Pairs) -> str:
    lines = [f"- **{markdown_escape(term)}**: {markdown_escape(meaning)}" for term, meaning in pairs]
    return "\n".join([f"## {markdown_escape(heading)}", "", *lines])


# CSV, JSON


def _csv(rows: Sequence[Mapping[str, Raw]]) -> str:
    names = list(rows[0])
    return csv_text([names, *([row.get(name) for name in names] for row in rows)])


def leaderboard_csv(board: Leaderboard) -> str:
    """Raw numbers, SI units in the names of the columns, one line for each section and solver."""
    return _csv(leaderboard_rows(board))


def leaderboard_rows(board: Leaderboard) -> list[dict[str, Raw]]:
    """Raw numbers and words, a row for each section and solver."""
    rows: list[dict[str, Raw]] = []
    for section in board.sections:
        where: dict[str, Raw] = {"problem": section.problem, "size": section.size, "instances": section.n_instances}
        rows += [where | row for row in _fields(section)]
    return rows


def _fields(section: Section) -> list[dict[str, Raw]]:
    """Raw numbers and words of the columns that were chosen; of all if nobody has."""
    return (shown(section) if section.columns else section.table).fields()


def instances_csv(board: Leaderboard) -> str:
    """Raw numbers, one line for each instance and solver: means over seeds."""
    return _csv(board.instances.fields())


def as_data(board: Leaderboard) -> dict[str, Any]:
    """The leaderboard as dicts and lists of raw numbers, words and None, for JSON."""
    names = ("problem", "title", "size", "unit", "sense", "n_instances")
    return {
        "sections": [
            {name: getattr(s, name) for name in names}
            | {"rows": _fields(s), "notes": list(s.notes), "best": [best.facts for best in s.best]}
            for s in board.sections
        ],
        "failures": board.failures.fields(),
        "skipped": board.skipped.fields(),
        "instances": board.instances.fields(),
        "cells": cells.as_dicts(board.cells),
        "provenance": dict(board.provenance),
    }


# Files

FORMATS: Mapping[str, Callable[[Leaderboard], str]] = {
    "md": document,
    "csv": leaderboard_csv,
    "tex": paper.document,
    "html": html,
}
PARQUET = "parquet"  # of the cells only


def write(folder: Path, board: Leaderboard, formats: Sequence[str] = tuple(FORMATS)) -> list[Path]:
    """Write ``leaderboard.<format>`` for each format, ``instances.csv`` and ``cells.csv``; with ``parquet`` also
    ``cells.parquet``. A file is replaced whole or not at all.

    Returns
    -------
    list of Path
        The files written, in order of ``formats``, then those of instances and cells.

    Raises
    ------
    DtbenchError
        If a format is unknown or needs what is not installed, or the folder cannot be written to.
    """
    unknown = [name for name in formats if name not in (*FORMATS, PARQUET)]
    if unknown:
        raise DtbenchError(f"unknown format '{unknown[0]}'. Known: {', '.join((*FORMATS, PARQUET))}.")
    contents = {f"leaderboard.{name}": FORMATS[name](board).encode() for name in formats if name != PARQUET}
    contents |= {"instances.csv": instances_csv(board).encode(), "cells.csv": cells.to_csv(board.cells).encode()}
    if PARQUET in formats:
        contents["cells.parquet"] = cells.to_parquet(board.cells)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            write_safely(folder / name, content)
    except OSError as error:
        raise DtbenchError(
            f"cannot write to '{folder}': {error.strerror}. Name a folder that can be written."
        ) from error
    return [folder / name for name in contents]
