"""Checks the shipped library: files against checksums and declarations, best known values against their bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from dtbench import files
from dtbench.core import AnyProblem, Instance, relative_gap
from dtbench.errors import DtbenchError
from dtbench.library import instances
from dtbench.library.best_known import BEST_KNOWN, HORIZON, BestKnown, best_known
from dtbench.problems import all_problems

ROUNDING = 1e-9


@dataclass(frozen=True)
class Finding:
    """One shipped file and what is wrong with it; no message means nothing is."""

    name: str
    message: str = ""


def verify() -> Iterator[Finding]:
    """Check all shipped instances, one finding per file; problems of the tables come with the file's name."""
    for id, owner in all_problems().items():
        folder = files.folder("instances") / id
        listed = instances.recorded_checksums(id)
        for missing in sorted(name for name in listed if not (folder / name).is_file()):
            yield Finding(f"{id}/{missing}", f"listed in {instances.CHECKSUMS}, but the file is missing")
        known = None
        try:
            known = best_known(id)
        except DtbenchError as error:
            yield Finding(f"{id}/{BEST_KNOWN}", str(error))
        for name in instances.names(id):
            try:
                instance = instances.load(name, whole=True)
            except DtbenchError as error:
                yield Finding(name, str(error))
                continue
            wrong = [] if known is None else _problems_of(owner, instance, known.get(name, {}))
            yield Finding(name, "; ".join(wrong))


def _problems_of(owner: AnyProblem, instance: Instance, rows: dict[str, BestKnown]) -> Iterator[str]:
    if HORIZON not in rows:
        yield f"no best known value in {BEST_KNOWN}"
        return
    for slot, row in rows.items():
        beyond = row.bound - row.objective if owner.sense == "min" else row.objective - row.bound
        if not beyond <= ROUNDING * max(1.0, abs(row.objective)):
            yield f"slot {slot}: bound {row.bound!r} lies beyond objective {row.objective!r}"
        if not abs(row.gap - relative_gap(row.objective, row.bound)) <= ROUNDING:
            yield f"slot {slot}: gap {row.gap!r} is not that of objective and bound"
    if not owner.coupled(instance.params):
        slots = [rows[str(t)].objective for t in range(instance.horizon) if str(t) in rows]
        if not slots:  # only the horizon's is known
            return
        if len(slots) != instance.horizon:
            yield f"{len(slots)} slots have a best known value, expected {instance.horizon}"
        elif not np.isclose(np.mean(slots), rows[HORIZON].objective, rtol=1e-9, atol=0.0):
            yield f"horizon objective {rows[HORIZON].objective!r} is not the mean of its slots"
