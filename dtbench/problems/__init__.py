"""The problems. A package in this folder that lists its problems in ``PROBLEMS`` is found by itself."""

from __future__ import annotations

import hashlib
import importlib
import pkgutil
from functools import cache
from pathlib import Path

from dtbench.core import AnyProblem
from dtbench.errors import DtbenchError, near


@cache
def all_problems() -> dict[str, AnyProblem]:
    """Every problem by its id, sorted."""
    found: dict[str, AnyProblem] = {}
    for module in pkgutil.iter_modules(__path__):
        package = importlib.import_module(f"{__name__}.{module.name}")
        found |= {p.id: p for p in package.PROBLEMS}
    return dict(sorted(found.items()))


def problem(id: str) -> AnyProblem:
    """The problem of an id.

    Raises
    ------
    DtbenchError
        If there is none.
    """
    known = all_problems()
    if id not in known:
        raise DtbenchError(f"unknown problem '{id}'.{near(id, known)} Known: {', '.join(known)}.")
    return known[id]


@cache
def source_sha256(id: str) -> str:
    """Checksum of the problem's package, sources and weights: results of other ones are not the same results."""
    package = type(problem(id)).__module__.split(".")[2]
    folder = Path(__path__[0]) / package
    digest = hashlib.sha256()
    for file in sorted([*folder.rglob("*.py"), *folder.rglob("*.safetensors")]):
        digest.update(f"{file.relative_to(folder).as_posix()}\0".encode())
        digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()
