"""How long cells may take: as earlier ones of the results did, or as those of the reference results did."""

from __future__ import annotations

import functools
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dtbench import files
from dtbench.errors import DtbenchError
from dtbench.experiments.planned import kind_of
from dtbench.experiments.record import Record
from dtbench.outside import parse_json, read_bytes

SECONDS = "seconds.json"
Kind = tuple[str, ...]  # problem, size, solver, options; see kind_of


def folder() -> Path:
    """Where the reference results are; a wheel has their times only."""
    return files.folder("results") / "reference"


def seconds(kinds: Iterable[Kind], records: Iterable[Record]) -> dict[Kind, float]:
    """Expected wall clock [s] of cells of some kinds: the median of the records'; else that of the reference results.

    Those are scaled by the speed of this machine, which is measured, in a second, if it was not lately. Kinds of which
    nothing is known are left out.
    """
    found = estimates(records)
    reference = _reference(folder() / SECONDS)
    missing = [kind for kind in kinds if kind not in found and kind in reference]
    if missing:
        from dtbench.experiments.calibration import speed

        mine = speed()
        found |= {kind: reference[kind] / mine for kind in missing}
    return found


def estimates(records: Iterable[Record]) -> dict[Kind, float]:
    """Median wall clock [s] by kind of cells that came to an end or to a limit."""
    return dict(_medians((kind_of(each.cell), each.wall_seconds) for each in records if _ended(each)))


def at_speed_one(records: Iterable[Record]) -> list[dict[str, Any]]:
    """The same on a machine of speed 1, as the plain values of ``seconds.json``."""
    ended = [r for r in records if _ended(r)]
    known = [(kind_of(r.cell), r.wall_seconds * r.provenance.speed) for r in ended if r.provenance.speed]
    return [
        {"problem": problem, "size": size, "solver": solver, "options": json.loads(options),
         "seconds": float(f"{median:.3g}")}
        for (problem, size, solver, options), median in sorted(_medians(known))
    ]  # fmt: skip


def _ended(record: Record) -> bool:
    return record.status in ("ok", "timeout", "memory")


def _medians(known: Iterable[tuple[Kind, float]]) -> Iterator[tuple[Kind, float]]:
    import statistics  # takes as long to import as the rest of this file

    groups: dict[Kind, list[float]] = defaultdict(list)
    for kind, value in known:
        groups[kind].append(value)
    return ((kind, statistics.median(values)) for kind, values in groups.items())


@functools.cache
def _reference(file: Path) -> Mapping[Kind, float]:
    """Seconds at speed 1 by kind; empty without the file."""
    if not file.is_file():
        return {}
    try:
        return {
            (each["problem"], each["size"], each["solver"], json.dumps(each["options"], sort_keys=True)):
            float(each["seconds"])
            for each in parse_json(read_bytes(file), str(file))
        }  # fmt: skip
    except (KeyError, TypeError, ValueError):
        raise DtbenchError(f"'{file}' is damaged; fetch it again.") from None
