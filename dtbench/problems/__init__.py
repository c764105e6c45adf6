"""The problems: shipped in this folder, installed (entry points ``dtbench.problems``), or in folders of the user."""

from __future__ import annotations

from dtbench.core import AnyProblem
from dtbench.errors import DtbenchError, near
from dtbench.problems.registry import current, sha256_of


def all_problems() -> dict[str, AnyProblem]:
    """Every problem by its id, sorted."""
    return current().problems


def problem(id: str) -> AnyProblem:
    """The problem of an id.

    Raises
    ------
    DtbenchError
        If there is none; the message has near ids, and the packages that were left out.
    """
    known = all_problems()
    if id not in known:
        reasons = "".join(f" {reason}" for reason in current().left_out)
        raise DtbenchError(f"unknown problem '{id}'.{near(id, known)} Known: {', '.join(known)}.{reasons}")
    return known[id]


def source_sha256(id: str) -> str:
    """Checksum of the problem's package, sources and weights: results of other ones are not the same results."""
    problem(id)
    return sha256_of(current().folders[id])
