"""The leaderboard as tables for papers: one for each problem, and one over all of them.

*Marks.* Of what can be compared, the best is bold and the second underlined: gaps, objectives, mean ranks; never times.
Methods that know the future, and those without a score for every planned cell, are not compared, and say so. What is
equal as it is printed is marked alike, and the second is the next value that is printed otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dtbench.errors import DtbenchError, near
from dtbench.files import write_safely
from dtbench.params import unit_in_words
from dtbench.reports import paper_summary
from dtbench.reports.columns import COLUMNS
from dtbench.reports.latex import DASHED, Block, Cells, Head, Mark, PaperTable, Part, breakable, latex_escape, plain
from dtbench.reports.model import Estimate, Leaderboard, Section, Value
from dtbench.reports.numbers import DASH
from dtbench.reports.paper_rows import (
    ALIKE,
    GAP,
    PARTIAL,
    comments,
    compared,
    counted,
    figure_of,
    marked,
    raised,
    regimes,
    scored,
    seeds_of,
    symbols,
    value_of,
)

NAMES = tuple(column.name for column in COLUMNS)
HEADS: Mapping[str, Head] = {
    "rank": Head(("#",)),
    "solver": Head(("Method",), "name"),
    "sees": Head(("Sees",), "word"),
    "gap": Head(("Gap [%]",), "interval"),
    "objective": Head(("Mean", "objective")),
    "mean_rank": Head(("Mean", "rank")),
    "repaired": Head(("Rep.", "[%]")),
    "proven": Head(("Proven", "[%]")),
    "decision_time": Head(("Time", "per slot")),
    "train_time": Head(("Training", "(frames)")),
    "cells": Head(("Cells",)),
    "failures": Head(("Failures",), "prose"),
    "marks": Head(("Remarks",), "prose"),
}
SAID: Mapping[str, str] = {
    "rank": "#: place among all rows.",
    "sees": "Sees: what a method is given, the agents' local observations, the whole current slot (global), or the "
    "whole trace (future).",
    "gap": GAP,
    "objective": "Mean objective: over instances, of each over its seeds.",
    "mean_rank": "Mean rank: place by objective on each instance, averaged over instances.",
    "repaired": "Rep.: share of slots whose decision broke a constraint and was repaired before it was scored.",
    "proven": "Proven: share of slots whose decision the method proved optimal.",
    "train_time": "Training: median time, and slots played in it.",
    "cells": "Cells: runs with a score, of those planned.",
}
INTERVAL = " [95 % interval of a bootstrap over instances and, within each, seeds]"
COMPARED = ("gap", "objective", "mean_rank")  # the best is bold in these
SAID_BETTER = ("Rows without a rank", "Planned, but without any record")  # how notes begin that others here stand for
ROUGH = ("One instance: intervals", "instances: intervals")  # what notes on intervals hold


@dataclass(frozen=True)
class Wanted:
    """What tables are to show: columns by name (by default those that fit), and whether gaps have intervals."""

    columns: tuple[str, ...] = ()
    intervals: bool = True

    def __post_init__(self) -> None:
        for name in self.columns:
            if name not in NAMES:
                raise DtbenchError(f"unknown column '{name}'.{near(name, NAMES)} Known: {', '.join(NAMES)}.")


DEFAULT = Wanted()


def tables(board: Leaderboard, wanted: Wanted = DEFAULT) -> tuple[PaperTable, ...]:
    """One table for each problem, then the summary; none of a single problem.

    Parameters
    ----------
    board
        Sections of one problem are blocks of its table, one for each size.
    wanted
        The method's name is shown whether it is named or not. The summary shows gaps.
    """
    problems: dict[str, list[Section]] = {}
    for section in board.sections:
        problems.setdefault(section.problem, []).append(section)
    found = [_problem(board, sections, wanted) for sections in problems.values()]
    return (*found, *([paper_summary.table(board)] if len(found) > 1 else []))


def write(folder: Path, made: Iterable[PaperTable], *, wide: bool = False, bare: bool = False) -> list[Path]:
    """Write ``<key>.tex`` for each table; a file is replaced whole or not at all.

    Parameters
    ----------
    folder
        It is made if it is not there.
    made
        What :func:`tables` gives.
    wide
        Whether tables go over both columns of the page.
    bare
        Whether only the tabulars are written, without float, caption and notes.

    Raises
    ------
    DtbenchError
        If the folder cannot be written to.
    """
    contents = {folder / f"{table.key}.tex": table.text(wide=wide, bare=bare).encode() for table in made}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in contents.items():
            write_safely(file, content)
    except OSError as error:
        raise DtbenchError(
            f"cannot write to '{folder}': {error.strerror}. Name a folder that can be written."
        ) from error
    return list(contents)


def document(board: Leaderboard) -> str:
    """All tables in one file, the summary first; failures and skipped cells are comments."""
    chosen = board.sections[0].columns if board.sections else ()
    *problems, last = tables(board, Wanted(chosen))
    made = [last, *problems]
    lost = [
        f"% {name}: " + ", ".join(value.text for value in row)
        for name, table in (("failure", board.failures), ("skipped", board.skipped))
        for row in table.rows
    ]
    return "\n".join([table.text() for table in made] + [line + "\n" for line in lost])


def _problem(board: Leaderboard, sections: Sequence[Section], wanted: Wanted) -> PaperTable:
    first = sections[0]
    names = _names(sections, wanted)
    several = len(sections) > 1
    heads = [_head(name, wanted) for name in names]
    titles = [f"Size {section.size}: {_extent(board, section)}" if several else "" for section in sections]
    rows = [tuple(_rows(section, names, wanted)) for section in sections]
    where = "" if several else f", size {first.size}"
    what = "Gap to the best known value" if "gap" in names else "Results"
    return PaperTable(
        key=first.problem,
        caption=rf"{what} on \mbox{{{latex_escape(first.problem)}}}{latex_escape(where)}",
        heads=tuple(heads),
        blocks=tuple(map(Block, titles, rows)),
        notes=tuple(_notes(board, sections, names, wanted)),
        comments=comments(board),
    )


def _names(sections: Sequence[Section], wanted: Wanted) -> tuple[str, ...]:
    """The columns: those that are wanted, else those that fit a column of a paper and say something."""
    if wanted.columns:
        return tuple(dict.fromkeys(wanted.columns if "solver" in wanted.columns else ("solver", *wanted.columns)))
    known = any(value_of(row, "gap").sort is not None for s in sections for row in s.table.rows)
    repaired = any(value_of(row, "repaired").sort for s in sections for row in s.table.rows)
    objective = not all(section.known for section in sections)
    said = {"gap": known, "objective": objective, "repaired": repaired}
    return tuple(
        name for name in ("rank", "solver", "gap", "objective", "repaired", "decision_time") if said.get(name, True)
    )


def _head(name: str, wanted: Wanted) -> Head:
    head = HEADS[name]
    return replace(head, kind="number") if head.kind == "interval" and not wanted.intervals else head


def _extent(board: Leaderboard, section: Section) -> str:
    """``3 instances, 1 seed``."""
    return f"{counted(section.n_instances, 'instance')}, {seeds_of(board, [section])}"


def _rows(section: Section, names: Sequence[str], wanted: Wanted) -> Iterator[Cells]:
    marks = {name: _marks(section, name) for name in names if name in COMPARED}
    for number, row in enumerate(section.table.rows):
        if scored(row):
            mine = {name: mark[number] for name, mark in marks.items()}
            yield tuple(_parts(name, row, mine.get(name, ""), _head(name, wanted)) for name in names)


def _parts(name: str, row: Sequence[Value], mark: Mark, head: Head) -> tuple[Part, ...]:
    value = value_of(row, name)
    if name == "solver":
        return (Part(breakable(value.text) + symbols(row)),)
    text = figure_of(value)
    if head.kind == "prose":
        return (Part(breakable("" if text == "0" else text)),)
    figure = DASHED if text in ("", DASH) else plain(text, mark)
    if head.kind != "interval":
        return (figure,)
    interval = value.interval.strip() if isinstance(value, Estimate) else ""
    return (figure, plain(interval) if interval else Part())


def _marks(section: Section, name: str) -> list[Mark]:
    """What the values of a column are marked with, row by row."""
    more = name == "objective" and section.sense == "more is better"
    values = [value_of(row, name) if compared(row) else None for row in section.table.rows]
    return marked([(v.sort, figure_of(v)) if v is not None else (None, "") for v in values], more_is_better=more)


# Notes: LaTeX, a sentence each


def _notes(board: Leaderboard, sections: Sequence[Section], names: Sequence[str], wanted: Wanted) -> Iterator[str]:
    first = sections[0]
    extent = f" {_extent(board, first)}." if len(sections) == 1 else ""
    yield breakable(f"{first.title}; {_objective(first)}.{extent}")
    for name in names:
        if name == "gap":
            yield breakable(SAID["gap"] + (INTERVAL if wanted.intervals else "") + ".")
        elif name == "decision_time":
            machines = board.provenance["processors"]
            yield breakable(f"Time: median of one decision{', on ' * bool(machines)}{machines}.")
        elif name in SAID:
            yield breakable(SAID[name])
    rows = [row for section in sections for row in section.table.rows if scored(row)]
    if "repaired" not in names and not wanted.columns:
        yield "No decision needed repair."
    yield from regimes(rows, "sees" in names)
    if any(compared(row) for row in rows) and set(names) & set(COMPARED):
        yield _bold(rows, several=len(sections) > 1)
    yield from _caveats(sections, names, wanted)


def _objective(section: Section) -> str:
    """What is optimised, in words: ``objective without unit, more is better``."""
    unit = unit_in_words(section.unit)
    named = {"dimensionless": "without unit", "cost": "a cost"}.get(unit, f"in {unit}")
    return f"objective {named}, {section.sense}"


def _bold(rows: Iterable[Sequence[Value]], *, several: bool) -> str:
    left_out = any(value_of(row, "rank").sort is None for row in rows)
    block = " of each block" if several else ""
    return (
        f"Bold: best{block}, underlined: second; {ALIKE}"
        f"{', and methods with ' + raised(PARTIAL) + ' are not compared' if left_out else ''}."
    )


def _caveats(sections: Sequence[Section], names: Sequence[str], wanted: Wanted) -> Iterator[str]:
    """Methods that lack scores, and what the leaderboard says of a section."""
    for section in sections:
        where = f"Size {section.size}: " if len(sections) > 1 else ""
        lost = [_lack(row) for row in section.table.rows if not scored(row)]
        lacking = [_lack(row) for row in section.table.rows if scored(row) and value_of(row, "rank").sort is None]
        if lacking:
            yield raised(PARTIAL) + breakable(f"{where}Without a score on everything planned: {'; '.join(lacking)}.")
        if lost:
            yield breakable(f"{where}Left out, without any score: {'; '.join(lost)}.")
        intervals = wanted.intervals and "gap" in names and any(_has_interval(row) for row in section.table.rows)
        for note in section.notes:
            if not note.startswith(SAID_BETTER) and (intervals or not any(said in note for said in ROUGH)):
                yield breakable(where + note)


def _has_interval(row: Sequence[Value]) -> bool:
    value = value_of(row, "gap")
    return isinstance(value, Estimate) and bool(value.interval)


def _lack(row: Sequence[Value]) -> str:
    """A method with what it lacks: ``greedy (1 timeout)``."""
    texts = [value_of(row, name).text for name in ("failures", "marks")]
    why = ", ".join(text for text in texts if text not in ("", "0"))
    return value_of(row, "solver").text + (f" ({why})" if why else "")
