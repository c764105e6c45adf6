"""The leaderboard as Markdown, CSV, LaTeX, HTML and JSON-able data, and the files of a results folder.

Markdown and LaTeX are one walk over the leaderboard; a :class:`TextFormat` is a value that says how each kind of block
is written. Words from files are escaped in there and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dtbench.errors import DtbenchError
from dtbench.files import csv_text, write_safely
from dtbench.reports import cells
from dtbench.reports.columns import COLUMNS, compact, shown
from dtbench.reports.model import Column, Leaderboard, Raw, Section, Table, Value
from dtbench.reports.page import html

Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Heading:
    """What stands above or below a table: its name, what it is about, and a key that is unique in the document."""

    key: str
    name: str
    subject: str = ""


@dataclass(frozen=True)
class TextFormat:
    """How each kind of block is written; every function takes plain words and escapes them."""

    begin: str
    compact: bool  # whether space is short, as on paper
    table: Callable[[Heading, Table, Sequence[str]], str]
    terms: Callable[[str, Pairs], str]  # heading, terms with what they mean


FAILURES = Heading("failures", "Failures")
SKIPPED = Heading("skipped", "Skipped cells")


def document(board: Leaderboard, form: TextFormat) -> str:
    """The whole leaderboard in a text format."""
    blocks = [form.begin, *_tables(board, form)]
    blocks += [form.terms("How to read it", [(c.heading, c.meaning) for c in COLUMNS])]
    blocks += [form.terms("Where it comes from", list(board.provenance.items()))]
    return "\n\n".join(blocks) + "\n"


def summary(board: Leaderboard) -> str:
    """The tables alone, in Markdown and without columns that say nothing."""
    return "\n\n".join(_tables(board, replace(MARKDOWN, compact=True)))


def _tables(board: Leaderboard, form: TextFormat) -> Iterator[str]:
    """Sections, failures, skipped cells."""
    for section in board.sections:
        name = f"{section.title} ({section.problem}), {section.size}"
        heading = Heading(f"{section.problem}-{section.size}", name, section.subject)
        content = compact(section) if form.compact else (shown(section), section.remarks)
        yield form.table(heading, *content)
    for heading, table in ((FAILURES, board.failures), (SKIPPED, board.skipped)):
        if table.rows:
            yield form.table(heading, table, ())


# Markdown

MARKDOWN_SPECIAL = re.compile(r"([\\`*_\[\]<>|~$#])")


def markdown_escape(text: str) -> str:
    """Words that Markdown shows as they are, in tables as well.

    >>> markdown_escape("a_b | <i>")
    'a\\\\_b \\\\| \\\\<i\\\\>'
    """
    return MARKDOWN_SPECIAL.sub(r"\\\1", text.replace("&", "&amp;"))


def _markdown_table(heading: Heading, table: Table, notes: Sequence[str]) -> str:
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


MARKDOWN = TextFormat(
    begin="# dtbench leaderboard",
    compact=False,
    table=_markdown_table,
    terms=_markdown_terms,
)


# LaTeX

LATEX_SPECIAL: Mapping[str, str] = {
    **{c: rf"\{c}" for c in "#$%&_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
    '"': r"\textquotedbl{}",
    "[": "{[}",  # a command before it, such as the end of a row, takes a bracket or star for its own
    "*": "{*}",
    "-": "-{}",  # "--" would become a dash
    "–": "--",
    "−": "$-$",
    "µ": r"\textmu{}",
    "×": r"$\times$",
    "…": r"\dots{}",
}


def latex_escape(text: str) -> str:
    """Words that LaTeX prints as they are; letters that its standard fonts lack become their code point.

    >>> latex_escape("50 % of a_b, 中")
    '50 \\\\% of a\\\\_b, {[}U+4E2D]'
    """

    def one(c: str) -> str:
        known = LATEX_SPECIAL.get(c)
        if known is None:
            return c if c.isascii() or "À" <= c <= "ÿ" else f"{{[}}U+{ord(c):04X}]"
        return known

    return re.sub(r"-\{\}(?!-)", "-", "".join(map(one, text)))


def _latex_table(heading: Heading, table: Table, notes: Sequence[str]) -> str:
    kinds = ["r" if c.numeric else r"p{0.5\linewidth}" if c.prose else "l" for c in table.columns]

    def line(cells: Iterable[str]) -> str:
        return "      " + " & ".join(cells) + r" \tabularnewline"

    def cell(value: Value, column: Column) -> str:
        return (r"\raggedright " if column.prose else "") + latex_escape(value.text)

    def two_lines(column: Column) -> str:
        words = r" \\ ".join(map(latex_escape, column.heading.rsplit(" ", 1)))
        return rf"\shortstack[{'r' if column.numeric else 'l'}]{{{words}}}"

    caption = f"{heading.name}: {heading.subject}." if heading.subject else f"{heading.name}."
    lines = [
        r"\begin{table}",
        r"  \centering\footnotesize\setlength{\tabcolsep}{4pt}",
        rf"  \caption{{{latex_escape(caption)}}}",
        r"  \vspace{\abovecaptionskip}",
        rf"  \label{{tab:dtbench-{re.sub('[^A-Za-z0-9-]', '-', heading.key)}}}",
        r"  \resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",
        rf"    \begin{{tabular}}{{@{{}}{''.join(kinds)}@{{}}}}",
        r"      \toprule",
        line(map(two_lines, table.columns)),
        r"      \midrule",
        *(line(map(cell, row, table.columns)) for row in table.rows),
        r"      \bottomrule",
        r"    \end{tabular}%",
        r"  }",
        *([rf"  \par\smallskip\raggedright {' '.join(map(latex_escape, notes))}"] if notes else []),
        r"\end{table}",
    ]
    return "\n".join(lines)


def _latex_terms(heading: str, pairs: Pairs) -> str:
    """A comment: a paper explains its columns in its own words."""
    lines = [f"{heading}:", *(f"- {term}: {meaning}" for term, meaning in pairs)]
    return "\n".join(f"% {line}" for line in lines)


LATEX = TextFormat(
    begin=r"% dtbench leaderboard. Needs \usepackage[T1]{fontenc} and \usepackage{textcomp,booktabs,graphicx}.",
    compact=True,
    table=_latex_table,
    terms=_latex_terms,
)


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
    "md": lambda board: document(board, MARKDOWN),
    "csv": leaderboard_csv,
    "tex": lambda board: document(board, LATEX),
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
