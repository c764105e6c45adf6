"""Verification: every stored decision is scored again and compared with what its record claims."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dtbench.core import Instance, Sense, is_better
from dtbench.errors import DtbenchError
from dtbench.experiments import decisions
from dtbench.experiments.record import Record, Slots
from dtbench.experiments.store import Store
from dtbench.library import instances
from dtbench.library.best_known import HORIZON, best_known
from dtbench.problems import problem
from dtbench.referee import Scores, rescore

TOLERANCE = 1e-9  # relative: rounding of sums in another order


@dataclass(frozen=True)
class Mismatch:
    """A record that does not hold, and why."""

    record: str
    reason: str


@dataclass(frozen=True)
class VerifyReport:
    """Records looked at, those whose decisions were scored again, and those that do not hold."""

    checked: int
    rescored: int
    mismatches: tuple[Mismatch, ...]

    @property
    def ok(self) -> bool:
        """Whether every record holds."""
        return not self.mismatches


def verify(folder: Path | str) -> VerifyReport:
    """Check every record of a folder: schema, key, instance, decisions, and all scores by scoring again.

    Raises
    ------
    DtbenchError
        If the folder holds no records.
    """
    store = Store(folder)
    stems = store.stems()
    if not stems:
        raise DtbenchError(f"'{folder}' holds no records; run a suite with `dtbench run SUITE --results {folder}`.")
    found: list[Mismatch] = []
    rescored = 0
    loaded: dict[str, Instance] = {}
    for stem in stems:
        try:
            record = store.read(stem)
            reasons = list(_reasons(store, stem, record, loaded))
            rescored += record.status == "ok"
        except DtbenchError as error:
            reasons = [str(error)]
        found += [Mismatch(stem, reason) for reason in reasons[:1]]
    return VerifyReport(len(stems), rescored, tuple(found))


def _reasons(store: Store, stem: str, record: Record, loaded: dict[str, Instance]) -> Iterator[str]:
    """What is wrong with a record; what comes later may follow from what comes first."""
    cell = record.cell
    if cell.stem != stem:
        yield f"the file is named '{stem}', but its cell is '{cell.stem}'"
    if record.key != cell.key:
        yield f"key is {record.key[:12]}..., but the cell's is {cell.key[:12]}...: the cell was changed"
    if store.instance_sha256(cell) != cell.instance_sha256:
        yield f"instance '{cell.instance}' is not the one that was solved: its checksum differs"
    if record.slots is None:
        return
    file = store.decisions(stem)
    if not file.is_file():
        yield f"decisions '{file.name}' are missing"
        return
    if hashlib.sha256(file.read_bytes()).hexdigest() != record.decisions_sha256:
        yield f"decisions '{file.name}' were changed: their checksum differs"
    if cell.instance not in loaded:
        loaded[cell.instance] = instances.load(store.instance_of(cell))
    owner = problem(cell.problem)
    instance = loaded[cell.instance]
    given = decisions.read(file, owner)
    if given.batch_shape != (instance.horizon,):
        yield f"decisions '{file.name}' are of {given.batch_shape} slots, the instance has {instance.horizon}"
        return
    scores = rescore(owner, instance, given)
    yield from differences(record.slots, scores)
    yield from _beyond_bounds(owner.sense, record.slots)
    yield from _beyond_known(record, owner.coupled, owner.sense)
    if record.objective is None or not _close(record.objective, scores.mean):
        yield f"objective is {record.objective!r}, scored again it is {scores.mean!r}"


def differences(claimed: Slots, scores: Scores) -> Iterator[str]:
    """Slots whose objective, repaired or feasible differ from the scores."""
    if len(claimed.objective) != len(scores.objective):
        yield f"{len(claimed.objective)} slots, but the decisions are of {len(scores.objective)}"
        return
    for name in ("objective", "repaired", "feasible"):
        pairs = zip(getattr(claimed, name), getattr(scores, name).tolist(), strict=True)
        for t, (claim, value) in enumerate(pairs):
            if not (_close(claim, value) if name == "objective" else claim == value):
                yield f"slot {t}: {name} is {claim!r}, scored again it is {value!r}"
                break


def _beyond_bounds(sense: Sense, slots: Slots) -> Iterator[str]:
    """Slots whose objective is better than a bound that was said to be proved."""
    for t, (objective, bound) in enumerate(zip(slots.objective, slots.bound, strict=True)):
        if bound is not None and is_better(sense, objective, bound) and not _close(objective, bound, 1e-6):
            yield f"slot {t}: objective {objective!r} is better than its bound {bound!r}"
            return


def _beyond_known(record: Record, coupled: bool, sense: Sense) -> Iterator[str]:
    """Bounds that a certified value of the library refutes: nothing better than them is said to exist, but it does."""
    known = best_known(record.cell.problem).get(record.cell.instance, {})
    claimed = [(HORIZON, record.horizon_bound(coupled))]
    if record.slots is not None and not coupled:
        claimed += [(str(t), bound) for t, bound in enumerate(record.slots.bound)]
    for slot, bound in claimed:
        best = known.get(slot)
        if best is None or bound is None:
            continue
        if is_better(sense, best.objective, bound) and not _close(best.objective, bound, 1e-6):
            yield f"slot {slot}: bound {bound!r} is refuted by the known value {best.objective!r}"
            return


def _close(claim: float, value: float, tolerance: float = TOLERANCE) -> bool:
    return math.isclose(claim, value, rel_tol=tolerance, abs_tol=1e-12)
