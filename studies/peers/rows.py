"""Rows of measurements in a CSV file: what a side of a pair cost and reached with one seed."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from studies.peers.settings import HERE, Pair

FILE = HERE / "peers.csv"
FIELDS = (
    "pair", "side", "seed", "key", "frames", "cpu", "cpu_environment", "cpu_acting", "cpu_update", "base_mb", "peak_mb",
    "objective", "reward", "versions",
)  # fmt: skip
TEXTS = ("pair", "side", "key", "versions")

Row = Mapping[str, Any]


def key(pair: Pair) -> str:
    """What rows of a pair are of: eight characters that change with its instance and its settings."""
    facts = [pair.solver, pair.instance, dict(pair.settings), *(["at once"] if pair.at_once else [])]
    told = json.dumps(facts, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:8]


def read(file: Path = FILE) -> list[dict[str, Any]]:
    """All rows; numbers as numbers, what was not measured as None."""
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as stream:
        return [{name: _parsed(name, text) for name, text in row.items()} for row in csv.DictReader(stream)]


def write(rows: Iterable[Row], file: Path = FILE) -> None:
    """All rows, in place of those that were there; in the order of their names and seeds."""
    ordered = sorted(rows, key=lambda row: (row["pair"], row["side"], row["seed"]))
    new = file.with_suffix(".new")
    with new.open("w", encoding="utf-8", newline="") as stream:
        out = csv.DictWriter(stream, FIELDS, lineterminator="\n")
        out.writeheader()
        out.writerows({name: _told(row.get(name)) for name in FIELDS} for row in ordered)
    new.replace(file)


def missing(rows: Iterable[Row], pair: Pair, seeds: Iterable[int], sides: Iterable[str]) -> list[tuple[int, str]]:
    """Seeds and sides of a pair that no row has, seed by seed, so that sides take turns."""
    known = {(row["side"], row["seed"]) for row in rows if row["pair"] == pair.name and row["key"] == key(pair)}
    return [(seed, side) for seed in seeds for side in sides if side in pair.sides and (side, seed) not in known]


def _parsed(name: str, text: str) -> Any:
    if name in TEXTS:
        return text
    if text == "":
        return None
    return int(text) if name in ("seed", "frames") else float(text)


def _told(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value
