"""How to read the numbers, where they come from, and what failed."""

from __future__ import annotations

from collections.abc import Iterator

from dtbench.reports.columns import COLUMNS
from dtbench.reports.site.model import Site
from dtbench.reports.site.page import STRIP, Page


def pages(site: Site) -> Iterator[Page]:
    """One page."""
    columns = [column for each in COLUMNS for column in ((each, STRIP) if each.name == "gap" else (each,))]
    context = {"columns": columns, "failures": site.failures, "skipped": site.skipped, "provenance": site.provenance}
    yield Page("reading.html", "reading.html", "How to read it", "reading", context)
