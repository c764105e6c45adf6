"""All standings in one table, to sort and filter."""

from __future__ import annotations

from collections.abc import Iterator

from dtbench.reports.site.model import Site
from dtbench.reports.site.page import Page, board


def pages(site: Site) -> Iterator[Page]:
    """One page."""
    table = board("all", "Every solver on every problem and size", site.standings, where=True)
    yield Page("results.html", "results.html", "All results", "results", {"table": table})
