"""The pairs that are measured: what both sides play, and with which settings; see ``pairs.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
OURS = "dtbench"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A method, or a piece of work, that dtbench and peers do with the same settings.

    Attributes
    ----------
    name, title
        In commands, and in tables.
    family
        Which virtual environment both sides run in.
    adapter
        Module of this folder that plays it.
    instance
        Problem and size; traces are fresh, on a network that is not of the library.
    sides
        Who plays: ``dtbench`` first, then the peers.
    labels
        What sides are called in tables.
    wanted
        Least ratio of a side's CPU seconds to ours.
    solver
        Ours, by name; empty where none is trained.
    at_once
        Whether our agents choose at the same time, as the peer's do, where the problem would let them choose in order.
    settings
        Equal for all sides.
    """

    name: str
    title: str
    family: str
    adapter: str
    instance: str
    sides: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    wanted: Mapping[str, float] = field(default_factory=dict)
    solver: str = ""
    at_once: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)


def pairs(file: Path = HERE / "pairs.toml") -> dict[str, Pair]:
    """All pairs by name; ``like`` in settings starts from those of another pair."""
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    found: dict[str, Pair] = {}
    for name, table in tables.items():
        given = dict(table.pop("settings", {}))
        like = given.pop("like", None)
        given = {**found[like].settings, **given} if like else given
        sides = tuple(table.pop("sides"))
        if not sides or sides[0] != OURS:
            raise ValueError(f"{file.name}, {name}: sides are {sides}; expected '{OURS}' first.")
        found[name] = Pair(name=name, sides=sides, settings=given, **table)
    return found
