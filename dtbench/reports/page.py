"""The leaderboard as one self-contained HTML page: no network, sortable, everything from files escaped.

The template has autoescape on. Style and script are inline, and the content security policy allows these two by their
checksums and nothing else: markup that slipped through could still not run or load anything.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from dtbench.reports.columns import explained, shown
from dtbench.reports.model import Estimate, Leaderboard, Section

FOLDER = Path(__file__).parent / "templates"
AXIS = 200


@dataclass(frozen=True)
class Bar:
    """An estimate drawn on an axis from 0 to ``AXIS``: its interval, its value, and where a gap of 0 lies."""

    lower: float
    value: float
    upper: float
    zero: float


def html(board: Leaderboard) -> str:
    """The page."""
    style, script = checksum("leaderboard.css"), checksum("leaderboard.js")
    policy = f"default-src 'none'; style-src {style}; script-src {script}; base-uri 'none'; form-action 'none'"
    page = environment().get_template("leaderboard.html")
    return page.render(board=board, columns=explained(board), shown=shown, bars=_bars, axis=AXIS, policy=policy)


@cache
def environment() -> Environment:
    """Where templates are, and how they are filled: everything is escaped."""
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def checksum(name: str) -> str:
    """The source expression of an inline style or script, which the template includes as it is."""
    digest = hashlib.sha256((FOLDER / name).read_bytes()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _bars(section: Section) -> dict[int, Bar]:
    """Row number -> its gap on the axis of the section, which begins at 0 or at the least end of an interval."""
    found = dict(_estimates(section))
    ends = [0.0] + [x for e in found.values() for x in (e.lower, e.value, e.upper) if x is not None]
    low, high = min(ends), max(ends)
    if high == low:
        return {}

    def place(x: float | None, otherwise: float) -> float:
        return round(AXIS * ((otherwise if x is None else x) - low) / (high - low), 2)

    return {
        i: Bar(place(e.lower, e.value), place(e.value, 0.0), place(e.upper, e.value), place(0.0, 0.0))
        for i, e in found.items()
        if e.value is not None
    }


def _estimates(section: Section) -> Iterator[tuple[int, Estimate]]:
    for i, row in enumerate(section.table.rows):
        yield from ((i, value) for value in row if isinstance(value, Estimate))
