"""Sites out of thin air: records of real problems, no folders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from dtbench.experiments.record import Record
from dtbench.plugins.discovery import SolverEntry
from dtbench.problems import all_problems
from dtbench.reports.scores import ProblemFacts, collect
from dtbench.reports.site.gather import assemble
from dtbench.reports.site.model import Site

ENTRIES = {
    "vdn": SolverEntry("vdn", None, "", "Learns the sum of values.", sees="local", trains=True),
    "greedy": SolverEntry("greedy", None, "", "Takes what is best now."),
}
PROBLEM = "stin-deployment"


@pytest.fixture(scope="session")
def make_site() -> Callable[..., Site]:
    def make(records: Sequence[Record], best: dict[str, float] | None = None, **more: Any) -> Site:
        facts = {id: ProblemFacts.of(owner) for id, owner in all_problems().items()}
        return assemble(collect(records, best or {}, facts), records, ENTRIES, **more)

    return make


@pytest.fixture(scope="session")
def some(make_record) -> Callable[..., Record]:
    """A record of ``stin-deployment``; ``sees`` is its regime."""

    def make(label: str, number: int = 0, objective: float = 1.0, *, sees: str = "global", **more: Any) -> Record:
        more = {"problem": PROBLEM, "method": {"regime": sees}} | more
        return make_record(label, number, objective, **more)

    return make


@pytest.fixture(scope="session")
def two_days(make_site, some) -> Site:
    """``greedy`` and ``vdn`` on three instances, best known 2; ``vdn`` a day later, and once better than known."""
    best = {f"{PROBLEM}/tiny-{k:03d}": 2.0 for k in range(3)}
    later = {"origin": {"started": "2025-01-02T10:00:00+00:00"}}
    records = [some("greedy", k, 2.19 + 0.1 * k, seconds=0.01) for k in range(3)]
    records += [some("vdn", k, value, sees="local", seconds=0.001, train_seconds=0.5,
                     **later) for k, value in enumerate((4.0, 3.0, 1.9))]  # fmt: skip
    return make_site(records, best)
