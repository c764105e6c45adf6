"""Records out of thin air."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from dtbench.experiments.record import Cell, CellLimits, Provenance, Record, Slots, Status
from dtbench.reports.scores import ProblemFacts

FACTS = {
    "lights": ProblemFacts("Street lights", "min", "s", 1e-4, ("tiny", "small", "paper")),
    "harvest": ProblemFacts("Wheat harvest", "max", "kg", 1e-4, ("tiny", "paper")),
}


def provenance(**changes: Any) -> Provenance:
    given: dict[str, Any] = {
        "dtbench": "0.1.0",
        "commit": "0123456789abcdef",
        "python": "3.11.7",
        "versions": {},
        "platform": "Linux",
        "cpu": "Abacus 9",
        "cores": 4,
        "started": "2025-01-01T00:00:00+00:00",
        "command": "dtbench run quick",
        "suite": "quick",
        "suite_sha256": "feed" * 16,
    }
    return Provenance(**given | changes)


def record(
    label: str,
    number: int = 0,
    objective: float | list[float] = 1.0,
    *,
    seed: int = 0,
    status: Status = "ok",
    problem: str = "lights",
    size: str = "tiny",
    seconds: float = 0.001,
    bound: list[float | None] | None = None,
    repaired: list[bool] | None = None,
    feasible: list[bool] | None = None,
    cell: dict[str, Any] | None = None,
    origin: dict[str, Any] | None = None,
    **changes: Any,
) -> Record:
    """A record of ``<problem>/<size>-<number>``; ``objective`` is that of each slot."""
    name = f"{problem}/{size}-{number:03d}"
    given: dict[str, Any] = {
        "problem": problem,
        "instance": name,
        "size": size,
        "instance_sha256": hashlib.sha256(name.encode()).hexdigest(),
        "solver": label,
        "solver_sha256": "a" * 64,
        "solver_file": f"{label}.py",
        "label": label,
        "seed": seed,
        "limits": CellLimits(seconds=60),
    }
    made = Cell(**given | (cell or {}))
    values = objective if isinstance(objective, list) else [objective] * 2
    n = len(values)
    slots = Slots(
        objective=values,
        repaired=repaired or [False] * n,
        feasible=feasible or [True] * n,
        seconds=[seconds] * n,
        bound=bound or [None] * n,
    )
    scored = {"objective": slots.mean, "slots": slots, "decisions_sha256": "b" * 64} if status == "ok" else {}
    return Record(
        cell=made,
        key=made.key,
        status=status,
        wall_seconds=1.0,
        provenance=provenance(**origin or {}),
        **scored | changes,
    )


@pytest.fixture(scope="session")
def make_record() -> Callable[..., Record]:
    return record


@pytest.fixture(scope="session")
def facts() -> dict[str, ProblemFacts]:
    return FACTS
