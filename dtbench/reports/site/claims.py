"""The papers' claims, where a folder holds a report of them (``claims.csv`` and ``figures/``, `dtbench reproduce`)."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dtbench.files import FORMULA
from dtbench.outside import parse_text, read_bytes
from dtbench.reports.numbers import one_line
from dtbench.reports.site.model import Site
from dtbench.reports.site.page import Page

TABLE = "claims.csv"
VERDICTS = ("holds", "holds in direction", "cannot be decided", "does not hold")
PNG = b"\x89PNG\r\n\x1a\n"
LARGEST = 4 * 2**20  # bytes of a figure
SHOWN = ("paper", "figure", "place", "quote", "claimed", "measured", "lower", "upper", "verdict", "reason", "where")


@dataclass(frozen=True)
class Claim:
    """A row of the report, in words."""

    paper: str
    figure: str
    place: str
    quote: str
    claimed: str
    measured: str
    verdict: str
    reason: str
    where: str

    @property
    def kind(self) -> str:
        """Number of the verdict for the style sheet; ``x`` for another word."""
        return str(VERDICTS.index(self.verdict)) if self.verdict in VERDICTS else "x"


def is_report(folder: Path) -> bool:
    """Whether a folder holds a report of claims."""
    return (folder / TABLE).is_file()


def read(folder: Path) -> list[Claim]:
    """The rows of a report; columns that are missing are empty.

    Raises
    ------
    DtbenchError
        If the table cannot be read.
    """
    file = folder / TABLE
    rows = csv.DictReader(io.StringIO(parse_text(read_bytes(file), f"'{file}'"), newline=""))
    return [_claim({name: one_line(_plain(row.get(name) or "")) for name in SHOWN}) for row in rows]


def _plain(text: str) -> str:
    """A text without the apostrophe that keeps spreadsheets from running it as a formula."""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text


def _claim(row: dict[str, str]) -> Claim:
    ends = [_rounded(row[name]) for name in ("measured", "lower", "upper")]
    measured = ends[0] + (f" [{ends[1]}, {ends[2]}]" if ends[1] and ends[2] else "")
    words = {name: row[name] for name in ("paper", "figure", "place", "quote", "claimed", "verdict", "reason", "where")}
    return Claim(measured=measured, **words)


def _rounded(text: str) -> str:
    """Four digits of a number; other words as they are."""
    try:
        return f"{float(text):.4g}".replace("-", "−")
    except ValueError:
        return text


def _figures(folder: Path) -> Iterator[tuple[str, bytes]]:
    for file in sorted((folder / "figures").glob("*.png")):
        if file.is_file() and file.stat().st_size <= LARGEST and (content := file.read_bytes()).startswith(PNG):
            yield file.name, content


def _path(name: str) -> str:
    return f"claims/{name}"


def pages(site: Site) -> Iterator[Page]:
    """One page where there is a report."""
    if site.claims is None:
        return
    found = read(site.claims)
    counts = Counter((each.paper, each.verdict) for each in found)
    verdicts = [verdict for verdict in VERDICTS if any(each.verdict == verdict for each in found)]
    papers = list(dict.fromkeys(each.paper for each in found))
    figures = [(_path(name), name.removesuffix(".png")) for name, _ in _figures(site.claims)]
    context = {"claims": found, "counts": counts, "verdicts": verdicts, "papers": papers, "figures": figures}
    yield Page("claims.html", "claims.html", "Claims of the papers", "claims", context)


def files(site: Site) -> Iterator[tuple[str, bytes]]:
    """The report's figures."""
    if site.claims is not None:
        yield from ((_path(name), content) for name, content in _figures(site.claims))
