"""What a table for a paper says of a row of the leaderboard: figures, the best of them, symbols of methods, seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dtbench.reports import cells
from dtbench.reports.columns import COLUMNS
from dtbench.reports.latex import NEEDS, Mark
from dtbench.reports.model import Count, Estimate, Leaderboard, Quantity, Section, Training, Value

PLACE = {column.name: i for i, column in enumerate(COLUMNS)}  # in a row of a section
PARTIAL = r"\ddagger"
SYMBOLS = {"local": r"\ast", "future": r"\dagger"}  # of what is given less than the slot, or more
GAP = (
    "Gap: relative distance of the mean objective from the best known value, less is better; interquartile mean over "
    "instances and seeds"
)
ALIKE = "equal as printed, marked alike"


def value_of(row: Sequence[Value], name: str) -> Value:
    """The value of a column in a row of a section, all columns of which are there."""
    return row[PLACE[name]]


def figure_of(value: Value) -> str:
    """A value without its sign of per cent, which the head has, and frames in short."""
    if isinstance(value, Estimate):
        return value.figure.removesuffix(" %")
    if isinstance(value, Quantity):
        return value.text.removesuffix(" %")
    return value.text.replace(" frames)", ")") if isinstance(value, Training) else value.text


def symbols(row: Sequence[Value]) -> str:
    """What a reader must know of a method, in symbols."""
    found = SYMBOLS.get(value_of(row, "sees").text, "")
    if scored(row) and value_of(row, "rank").sort is None:
        found += PARTIAL
    return raised(found)


def raised(symbols: str) -> str:
    """Symbols as they stand after words."""
    return f"$^{{{symbols}}}$" if symbols else ""


def compared(row: Sequence[Value]) -> bool:
    """Whether a row is compared with others: it has a rank, and does not know the future."""
    return value_of(row, "rank").sort is not None and value_of(row, "sees").text != "future"


def marked(values: Sequence[tuple[float | str | None, str]], *, more_is_better: bool = False) -> list[Mark]:
    """``bold`` for the best, ``underline`` for the second, of numbers with their texts; None is not compared.

    Equal texts are marked alike; the second is the next other text. Where only one number is compared, nothing is best.

    >>> marked([(1.004, "1.00"), (1.003, "1.00"), (None, ""), (2.0, "2.00"), (3.0, "3.00")])
    ['bold', 'bold', '', 'underline', '']
    """
    known = [(x, text) for x, text in values if isinstance(x, int | float)]
    if len(known) < 2:
        return [""] * len(values)
    ordered = sorted(known, key=lambda pair: pair[0], reverse=more_is_better)
    texts = list(dict.fromkeys(text for _, text in ordered))
    first_two: tuple[Mark, Mark] = ("bold", "underline")
    signs: dict[str, Mark] = dict(zip(texts, first_two, strict=False))
    return [signs.get(text, "") if isinstance(x, int | float) else "" for x, text in values]


def scored(row: Sequence[Value]) -> bool:
    """Whether a method has any score."""
    count = value_of(row, "cells")
    return isinstance(count, Count) and count.n > 0


def seeds_of(board: Leaderboard, sections: Sequence[Section]) -> str:
    """How many seeds methods have on an instance: ``3 seeds``, or ``1 to 3 seeds`` where methods differ."""
    at = {field.name: i for i, field in enumerate(cells.FIELDS)}
    where = {(section.problem, section.size) for section in sections}
    found: dict[tuple[object, ...], set[object]] = {}
    for row in board.cells:
        if (row[at["problem"]], row[at["size"]]) in where:
            key = tuple(row[at[name]] for name in ("problem", "size", "instance", "solver"))
            found.setdefault(key, set()).add(row[at["seed"]])
    counts = sorted({len(each) for each in found.values()} or {0})
    return counted(counts[-1], "seed") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds per method"


def counted(n: int, what: str) -> str:
    """``1 seed``, ``3 seeds``."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def regimes(rows: Iterable[Sequence[Value]], told: bool) -> Iterator[str]:
    """What the symbols of regimes mean, and what methods without one are given."""
    seen = {value_of(row, "sees").text for row in rows}
    parts = []
    if "local" in seen:
        parts.append(f"{raised(SYMBOLS['local'])}Decides from the agents' local observations.")
    if "future" in seen:
        parts.append(f"{raised(SYMBOLS['future'])}Knows the whole trace in advance; for reference, not compared.")
    if seen - {"local", "future", ""} and not told:
        others = "All other methods see" if parts else "All methods see"
        parts.append(f"{others} the whole current slot.")
    yield from parts


def comments(board: Leaderboard) -> tuple[str, ...]:
    """For whoever opens the file: what it needs, and where its numbers come from."""
    return (
        f"Written by `dtbench tables`. {NEEDS}",
        *(f"{key}: {text}" for key, text in board.provenance.items()),
    )
