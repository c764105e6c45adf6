"""How far exactness reaches, where a folder holds the tables and the figure of ``studies/frontier.py``."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dtbench.outside import parse_text, read_bytes
from dtbench.reports.numbers import DASH, one_line
from dtbench.reports.site.claims import LARGEST, PNG
from dtbench.reports.site.model import Site
from dtbench.reports.site.page import Page

SIZES, LIMITS, GROWTH, FIGURE = "frontier.csv", "frontier-limits.csv", "frontier-growth.csv", "frontier.png"


@dataclass(frozen=True)
class Sheet:
    """A table: headings with whether they hold numbers, and rows of (text, what it is sorted by)."""

    title: str
    heads: tuple[tuple[str, bool], ...]
    rows: tuple[tuple[tuple[str, str], ...], ...]


def is_report(folder: Path) -> bool:
    """Whether a folder holds the tables of the frontier."""
    return (folder / SIZES).is_file() and (folder / LIMITS).is_file()


def read(file: Path) -> list[dict[str, str]]:
    """The rows of a table, as texts; none where there is no file.

    Raises
    ------
    DtbenchError
        If the table cannot be read.
    """
    if not file.is_file():
        return []
    rows = csv.DictReader(io.StringIO(parse_text(read_bytes(file), f"'{file}'"), newline=""))
    return [{name: one_line(value or "") for name, value in row.items() if name} for row in rows]


def sheets(folder: Path) -> list[Sheet]:
    """What is proven in time and who is best by then; how time grows; every size and method."""
    limits = _sheet(
        "What is proven in time, and who is best by then",
        ("problem", "a slot may last", "proven up to size", "the best at each size"),
        [
            [_word(r, "problem"), _number(r, "limit", " s"), _number(r, "proven_up_to", zero="none"), _word(r, "best")]
            for r in read(folder / LIMITS)
        ],
        numeric=(1, 2),
    )
    growth = _sheet(
        "How time grows: seconds per slot as a power of the size",
        ("problem", "method", "exponent", "95 % interval", "sizes up to", "runs"),
        [
            [_word(r, "problem"), _word(r, "method"), _number(r, "exponent"), _between(r), _number(r, "up_to"),
             _number(r, "runs")]
            for r in read(folder / GROWTH)
        ],
        numeric=(2, 3, 4, 5),
    )  # fmt: skip
    sizes = _sheet(
        "Every size and method",
        ("problem", "size", "method", "over the best found", "95 % interval", "proven slots", "s per slot", "MiB"),
        [
            [_word(r, "problem"), _number(r, "size"), _word(r, "method"), _number(r, "ratio"), _between(r),
             _number(r, "proven", " %", 100.0), _number(r, "seconds"), _number(r, "memory_mib")]
            for r in read(folder / SIZES)
        ],
        numeric=(1, 3, 4, 5, 6, 7),
    )  # fmt: skip
    return [sheet for sheet in (limits, growth, sizes) if sheet.rows]


def _sheet(
    title: str, heads: Sequence[str], rows: Sequence[Sequence[tuple[str, str]]], numeric: Sequence[int]
) -> Sheet:
    return Sheet(title, tuple((head, i in numeric) for i, head in enumerate(heads)), tuple(map(tuple, rows)))


def _word(row: dict[str, str], name: str) -> tuple[str, str]:
    text = row.get(name, "")
    return text or DASH, text


def _number(row: dict[str, str], name: str, unit: str = "", times: float = 1.0, zero: str = "0") -> tuple[str, str]:
    """A number to four digits, and all of it to sort by; another word as it is."""
    text = row.get(name, "")
    try:
        value = times * float(text)
    except ValueError:
        return _word(row, name)
    return f"{value:.4g}{unit}".replace("-", "−") if value else zero + unit * (zero == "0"), repr(value)


def _between(row: dict[str, str]) -> tuple[str, str]:
    low, high = _number(row, "low"), _number(row, "high")
    return f"{low[0]} to {high[0]}", low[1]


def _figure(folder: Path) -> bytes | None:
    file = folder / FIGURE
    if not file.is_file() or file.stat().st_size > LARGEST:
        return None
    content = file.read_bytes()
    return content if content.startswith(PNG) else None


def pages(site: Site) -> Iterator[Page]:
    """One page where there are tables."""
    if site.frontier is not None:
        context = {"sheets": sheets(site.frontier), "figure": f"frontier/{FIGURE}" if _figure(site.frontier) else ""}
        yield Page("frontier.html", "frontier.html", "The frontier", "frontier", context)


def files(site: Site) -> Iterator[tuple[str, bytes]]:
    """The figure."""
    content = None if site.frontier is None else _figure(site.frontier)
    if content is not None:
        yield f"frontier/{FIGURE}", content
