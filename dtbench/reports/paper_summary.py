"""All problems in one table for a paper: rows are methods, columns problems, numbers gaps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dtbench.reports.latex import DASHED, Block, Cells, Head, Mark, PaperTable, Part, breakable, latex_escape, plain
from dtbench.reports.model import Leaderboard, Section, Value
from dtbench.reports.numbers import DASH
from dtbench.reports.paper_rows import (
    ALIKE,
    GAP,
    PARTIAL,
    SYMBOLS,
    comments,
    compared,
    figure_of,
    marked,
    raised,
    regimes,
    scored,
    seeds_of,
    value_of,
)

KEY = "summary"


def table(board: Leaderboard) -> PaperTable:
    """Rows are methods, columns problems, numbers gaps; a block for each size.

    Methods that are planned on one problem only are left out where any is planned on several.
    """
    problems = list(dict.fromkeys(section.problem for section in board.sections))
    sizes = list(dict.fromkeys(section.size for section in _by_size(board.sections)))
    of = {(section.problem, section.size): section for section in board.sections}
    on: dict[str, set[str]] = {}
    for section in board.sections:
        for row in section.table.rows:
            on.setdefault(value_of(row, "solver").text, set()).add(section.problem)
    shown = {label for label, where in on.items() if len(where) > 1} or set(on)
    blocks, rows = [], []
    for size in sizes:
        there = [of.get((problem, size)) for problem in problems]
        block = _rows(there, shown)
        if block:
            rows += [row for s in there if s for row in s.table.rows if value_of(row, "solver").text in shown]
            blocks.append(Block(f"Size {size}" if len(sizes) > 1 else "", tuple(block)))
    heads = [Head(("Method",), "name"), *(Head(_short(problem, problems)) for problem in problems)]
    where = "" if len(sizes) > 1 else f", size {sizes[0]}"
    return PaperTable(
        key=KEY,
        caption=latex_escape(f"Gap to the best known value in per cent{where}"),
        heads=tuple(heads),
        blocks=tuple(blocks),
        notes=tuple(_notes(board, problems, rows, left_out=len(shown) < len(on), several=len(sizes) > 1)),
        comments=comments(board),
    )


def _by_size(sections: Sequence[Section]) -> list[Section]:
    """Sections in an order in which sizes come as every problem has them."""
    after: dict[str, set[str]] = {}
    by_problem: dict[str, list[str]] = {}
    for section in sections:
        by_problem.setdefault(section.problem, []).append(section.size)
    for sizes in by_problem.values():
        for i, size in enumerate(sizes):
            after.setdefault(size, set()).update(sizes[:i])
    return sorted(sections, key=lambda section: len(after[section.size]))


def _rows(there: Sequence[Section | None], shown: set[str]) -> list[Cells]:
    """The methods of a block, those with ranks on more problems first, then by mean place."""
    columns = [_by_label(section, shown) for section in there]
    marks = [_marks(column) for column in columns]

    def order(label: str) -> tuple[int, float, str]:
        places = [value_of(column[label], "rank").sort for column in columns if label in column]
        ranks = [place for place in places if isinstance(place, int | float)]
        return -len(ranks), sum(ranks) / len(ranks) if ranks else 0.0, label

    rows: list[Cells] = []
    for label in sorted({label for column in columns for label in column}, key=order):
        mine = [column.get(label) for column in columns]
        sees = next(value_of(row, "sees").text for row in mine if row is not None)
        name = Part(breakable(label) + raised(SYMBOLS.get(sees, "")))
        gaps = [DASHED if row is None else _gap(row, mark[label]) for row, mark in zip(mine, marks, strict=True)]
        rows.append(((name,), *((gap,) for gap in gaps)))
    return rows


def _by_label(section: Section | None, shown: set[str]) -> dict[str, Sequence[Value]]:
    """Rows of the methods that have a score, by label."""
    rows = () if section is None else section.table.rows
    named = {value_of(row, "solver").text: row for row in rows if scored(row)}
    return {label: row for label, row in named.items() if label in shown}


def _marks(column: Mapping[str, Sequence[Value]]) -> dict[str, Mark]:
    gaps = [(value_of(row, "gap").sort if compared(row) else None, figure_of(value_of(row, "gap")))
            for row in column.values()]  # fmt: skip
    return dict(zip(column, marked(gaps), strict=True))


def _gap(row: Sequence[Value], mark: Mark) -> Part:
    """A gap; one that is not over everything planned has a symbol."""
    text = figure_of(value_of(row, "gap"))
    if text == DASH:
        return DASHED
    figure = plain(text, mark)
    return Part(figure.tex + raised(PARTIAL), figure.em + 0.4) if value_of(row, "rank").sort is None else figure


def _short(problem: str, problems: Sequence[str]) -> tuple[str, ...]:
    """The head of a problem's column, a line for each word of its id; whole words where short ones are of two problems.

    >>> _short("stin-deployment", ["stin-deployment", "edge-placement"])
    ('stin', 'depl.')
    """
    short = [tuple(_cut(word) for word in each.split("-")) for each in problems]
    mine = short[problems.index(problem)]
    return mine if short.count(mine) == 1 else tuple(problem.split("-"))


def _cut(word: str) -> str:
    """A word of at most five letters, or its first four without a vowel at the end.

    >>> _cut("satellite"), _cut("place"), _cut("synchronization")
    ('sat.', 'place', 'sync.')
    """
    return word if len(word) <= 5 else word[:4].rstrip("aeiou") + "."


def _notes(
    board: Leaderboard, problems: Sequence[str], rows: Sequence[Sequence[Value]], *, left_out: bool, several: bool
) -> Iterator[str]:
    by_problem = {p: [section for section in board.sections if section.problem == p] for p in problems}
    columns = []
    for problem, sections in by_problem.items():
        counts = ", ".join(f"{s.n_instances} {s.size}" if several else str(s.n_instances) for s in sections)
        columns.append(f"{' '.join(_short(problem, problems))}: {problem} ({counts})")
    yield breakable(f"Columns, with numbers of instances: {'; '.join(columns)}; {seeds_of(board, board.sections)}.")
    yield latex_escape(GAP + ".")
    yield "A dash: no score, or no best known value."
    if left_out:
        yield "Methods of one problem only are in its own table."
    yield from regimes(rows, told=False)
    if any(compared(row) for row in rows):
        each = "column and block" if several else "column"
        yield f"Bold: best of its {each}, underlined: second; {ALIKE}."
    if any(value_of(row, "rank").sort is None and value_of(row, "gap").sort is not None for row in rows):
        yield f"{raised(PARTIAL)}Over the runs that have a score, of those planned; not compared."
