"""Whether records hold: each against its checksum, its cell, the plan, its instance, and its decisions.

:func:`check` depends on nothing but files, so records can be checked in any order and process. It gives the first
thing that is wrong and looks no further: what comes later may follow from it, and a file whose checksum differs is not
opened.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from dtbench import netcdf
from dtbench.core import AnyProblem, Decision, Instance, Sense, check_decisions, is_better
from dtbench.errors import DtbenchError, InvalidDecision
from dtbench.experiments import decisions, memory
from dtbench.experiments.checkers import Part, Results
from dtbench.experiments.plan_file import PlannedCell
from dtbench.experiments.record import Cell, Record, Slots
from dtbench.experiments.store import Store
from dtbench.library import instances
from dtbench.library.best_known import HORIZON, best_known_or_none
from dtbench.outside import read_bytes
from dtbench.plugins.discovery import SolverEntry, discover
from dtbench.problems import all_problems, problem
from dtbench.referee import Scores, rescore
from dtbench.regime import Regime

TOLERANCE = 1e-9  # relative: rounding of sums in another order
LARGEST = 2**21  # numbers of instances whose decisions are scored at once


def check(folder: Path, part: Part) -> Results:
    """Check records of one folder: the first thing that is wrong with each, and the fingerprint of what was looked at.

    Decisions on one instance are scored at once.

    Parameters
    ----------
    folder
        The results.
    part
        Names of record files, without suffix, each with the cell of this name in the plan as JSON; None if it is not
        planned, or there is no plan.
    """
    store = Store(folder)
    results: Results = {}
    checksums: dict[str, str] = {}
    scored: dict[str, list[tuple[str, Record, Decision]]] = {}
    for stem, planned in part.items():
        reason = mark = ""
        try:
            content = store.content(stem)
            record = store.parse(stem, content)
            mark = fingerprint(stem, content, planned)
            cell = None if planned is None else PlannedCell.model_validate(planned)
            reason = next(_file_faults(store, stem, record, cell, checksums), "")
            if not reason and record.slots is not None:
                given = _decisions(store, record)
                scored.setdefault(record.cell.instance, []).append((stem, record, given))
        except DtbenchError as error:
            reason = str(error)
        results[stem] = (reason, mark)
    for group in scored.values():
        for (stem, record, _), scores in zip(group, _scores(store, group), strict=True):
            results[stem] = (next(_result_faults(store, record, scores), ""), results[stem][1])
    return results


def fingerprint(stem: str, content: bytes, planned: Any) -> str:
    """The fingerprint of a record, given its file's name and content and its cell in the plan.

    Empty where the record cannot hold. The name begins with the problem; a record that holds has the name of its cell.
    """
    problem_id = stem.split("--")[0]
    if problem_id not in all_problems():
        return ""
    return memory.fingerprint(problem_id, content, f"{stem}\n{json.dumps(planned, sort_keys=True)}\n{solvers_told()}")


def unchanged(store: Store, record: Record, checksums: dict[str, str]) -> bool:
    """Whether the files that a record names are as it says. ``checksums`` are those of instances, filled here."""
    file = store.decisions(record.cell.stem)
    here = store.whole(record) if record.decisions_sha256 is not None else not file.exists()
    return here and _instance_sha256(store, record.cell, checksums) == record.cell.instance_sha256


def _instance_sha256(store: Store, cell: Cell, checksums: dict[str, str]) -> str:
    """The checksum of a cell's instance as it is now, looked at once."""
    if cell.instance not in checksums:
        checksums[cell.instance] = store.instance_sha256(cell)
    return checksums[cell.instance]


def _file_faults(
    store: Store, stem: str, record: Record, planned: PlannedCell | None, checksums: dict[str, str]
) -> Iterator[str]:
    """What is wrong with a record and its files but decisions, cheapest first; only the first counts."""
    cell = record.cell
    if not record.intact:
        yield "the record was changed: its checksum differs"
    if cell.stem != stem:
        yield f"the file is named '{stem}', but its cell is '{cell.stem}'"
    if record.key != cell.key:
        yield f"key is {record.key[:12]}..., but the cell's is {cell.key[:12]}...: the cell was changed"
    problem(cell.problem)
    if planned is not None and planned.cell.key == cell.key:
        yield from _unlike(cell, planned.cell)
    yield from _instance_faults(store, cell, checksums)
    yield from record.faults()
    file = store.decisions(stem)
    if record.slots is None:
        if file.exists():
            yield f"status is '{record.status}', but decisions '{file.name}' lie beside the record"
        return
    entry = _solvers().get((cell.solver, cell.solver_sha256))
    known = [regime for regime in (_planned_regime(planned), entry and entry.sees) if regime is not None]
    for regime in known:
        if not (record.regime == regime or (not record.tells_local and "future" not in (record.regime, regime))):
            yield f"the record says that '{cell.solver}' sees '{record.regime}', but it sees '{regime}'"
    if entry is not None and entry.file is None and _certificates(record):
        yield f"'{cell.solver}' is a rule of the problem, which proves nothing, but the record holds certificates"


def _planned_regime(planned: PlannedCell | None) -> Regime | None:
    """What the plan says that a cell's solver is given; None if it does not say. Earlier plans know the future only."""
    if planned is None:
        return None
    return planned.sees or ("future" if planned.clairvoyant else None)


def _decisions(store: Store, record: Record) -> Decision:
    """The decisions (T,) of a record, in their declared types. Their file is read once, and parsed if it is the one.

    Raises
    ------
    DtbenchError
        If they are missing, changed, cannot be read, or are none of its instance.
    """
    cell, file = record.cell, store.decisions(record.cell.stem)
    if not file.is_file():
        raise DtbenchError(f"decisions '{file.name}' are missing")
    image = read_bytes(file, netcdf.MOST_BYTES)
    if hashlib.sha256(image).hexdigest() != record.decisions_sha256:
        raise DtbenchError(f"decisions '{file.name}' were changed: their checksum differs")
    owner, instance = problem(cell.problem), _loaded(store.instance_of(cell), cell.instance_sha256)
    given = decisions.parse(image, file, owner, strict=False)
    if given.batch_shape != (instance.horizon,):
        raise DtbenchError(
            f"decisions '{file.name}' are of {given.batch_shape} slots, the instance has {instance.horizon}"
        )
    try:
        checked: Decision = check_decisions(owner, instance, given.batch_shape, given)
    except InvalidDecision as error:
        raise DtbenchError(f"decisions '{file.name}': {error}") from None
    return checked


def _scores(store: Store, group: Sequence[tuple[str, Record, Decision]]) -> Iterator[Scores]:
    """Scores of decisions on one instance, some at once, in order."""
    cell = group[0][1].cell
    owner, instance = problem(cell.problem), _loaded(store.instance_of(cell), cell.instance_sha256)
    at_once = max(1, LARGEST // sum(np.size(value) for _, _, value in instance.arrays()))
    for start in range(0, len(group), at_once):
        some = [given for _, _, given in group[start : start + at_once]]
        scores = rescore(owner, instance, type(some[0]).stack(some))
        for row in range(len(some)):
            yield Scores(scores.objective[row], scores.repaired[row], scores.feasible[row])


@cache
def solvers_told() -> str:
    """What checks take from the solvers that are here."""
    return json.dumps(sorted((name, sha256, entry.sees) for (name, sha256), entry in _solvers().items()))


def _unlike(cell: Cell, planned: Cell) -> Iterator[str]:
    """Fields of a cell that are not as planned, where its key is."""
    for name in type(cell).model_fields:
        given, wanted = getattr(cell, name), getattr(planned, name)
        if given != wanted:
            yield f"{name} is {given!r}, but the plan says {wanted!r}"


def _instance_faults(store: Store, cell: Cell, checksums: dict[str, str]) -> Iterator[str]:
    """Whether the instance is the one that was solved, and of the problem and size that the cell says."""
    if cell.instance.endswith(".nc") and PurePath(cell.instance).name != cell.instance:
        yield f"instance is '{cell.instance}'; expected a name of the library, or the name of a file without a folder"
    if _instance_sha256(store, cell, checksums) != cell.instance_sha256:
        yield f"instance '{cell.instance}' is not the one that was solved: its checksum differs"
    instance = _loaded(store.instance_of(cell), cell.instance_sha256)
    for name in ("problem", "size"):
        if getattr(cell, name) != getattr(instance, name):
            yield f"{name} is '{getattr(cell, name)}', but that of the instance is '{getattr(instance, name)}'"


@lru_cache(maxsize=32)
def _loaded(name: str | Path, sha256: str) -> Instance:
    """An instance; ``sha256`` is that of its file, so a file that changes is read again."""
    return instances.load(name)


@lru_cache(maxsize=1)
def _solvers() -> dict[tuple[str, str], SolverEntry]:
    """The solvers here by name and checksum: what a record's solver is known to do, if it is one of them."""
    return {(entry.name, entry.sha256): entry for entry in discover().values()}


def _result_faults(store: Store, record: Record, scores: Scores) -> Iterator[str]:
    """What a record claims that its decisions do not give, and bounds that cannot be."""
    cell = record.cell
    yield from _score_faults(record, scores)
    owner, instance = problem(cell.problem), _loaded(store.instance_of(cell), cell.instance_sha256)
    yield from _bound_faults(owner, instance, record)
    yield from _curve_faults(owner, instance, record)


def _score_faults(record: Record, scores: Scores) -> Iterator[str]:
    if record.slots is None:
        return
    yield from differences(record.slots, scores)
    if record.objective is None or not _close(record.objective, scores.mean):
        yield f"objective is {record.objective!r}, scored again it is {scores.mean!r}"


def differences(claimed: Slots, scores: Scores) -> Iterator[str]:
    """Slots whose objective, repaired or feasible differ from the scores."""
    if len(claimed.objective) != len(scores.objective):
        yield f"{len(claimed.objective)} slots, but the decisions are of {len(scores.objective)}"
        return
    for name in ("objective", "repaired", "feasible"):
        claims, values = getattr(claimed, name), getattr(scores, name).tolist()
        if claims == values:
            continue
        for t, (claim, value) in enumerate(zip(claims, values, strict=True)):
            if not (_close(claim, value) if name == "objective" else claim == value):
                yield f"slot {t}: {name} is {claim!r}, scored again it is {value!r}"
                break


def _bound_faults(owner: AnyProblem, instance: Instance, record: Record) -> Iterator[str]:
    """Bounds that cannot be: nobody gave a certificate, or something better than them is known."""
    slots = record.slots
    if slots is None:
        return
    coupled = owner.coupled(instance.params)
    horizon = record.horizon_bound(coupled)
    claims = [bound for bound in slots.bound if bound is not None]
    certificates = _certificates(record)
    if len(claims) + ("horizon_bound" in record.method) > certificates:
        yield f"the record has more bounds than certificates, which are {certificates}"
    yield from _beyond_bounds(owner.sense, slots)
    if horizon is not None and record.objective is not None and _beats(owner.sense, record.objective, horizon):
        yield f"objective {record.objective!r} is better than its bound {horizon!r}"
    yield from _beyond_known(record, coupled, owner.sense)


def _curve_faults(owner: AnyProblem, instance: Instance, record: Record) -> Iterator[str]:
    """A curve that gets worse, or whose last bound is not the record's."""
    if record.anytime is None:
        return
    yield from record.curve_faults(owner.sense)
    last = record.anytime.bound[-1]
    bound = record.horizon_bound(owner.coupled(instance.params))
    if last is not None and (bound is None or not _close(last, bound)):
        yield f"anytime: the last bound is {last!r}, but that of the record is {bound!r}"


def _certificates(record: Record) -> int:
    """How many certificates the method says that it gave, by their status."""
    told = record.method.get("statuses")
    counts = list(told.values()) if isinstance(told, dict) else []
    return sum(n for n in counts if isinstance(n, int) and n > 0)


def _beyond_bounds(sense: Sense, slots: Slots) -> Iterator[str]:
    """Slots whose objective is better than a bound that was said to be proved."""
    for t, (objective, bound) in enumerate(zip(slots.objective, slots.bound, strict=True)):
        if bound is not None and _beats(sense, objective, bound):
            yield f"slot {t}: objective {objective!r} is better than its bound {bound!r}"
            return


def _beyond_known(record: Record, coupled: bool, sense: Sense) -> Iterator[str]:
    """Bounds that a certified value of the library refutes: nothing better than them is said to exist, but it does."""
    known = best_known_or_none(record.cell.problem).get(record.cell.instance, {})
    claimed = [(HORIZON, record.horizon_bound(coupled))]
    if record.slots is not None and not coupled:
        claimed += [(str(t), bound) for t, bound in enumerate(record.slots.bound)]
    for slot, bound in claimed:
        best = known.get(slot)
        if best is not None and bound is not None and _beats(sense, best.objective, bound):
            yield f"slot {slot}: bound {bound!r} is refuted by the known value {best.objective!r}"
            return


def _beats(sense: Sense, objective: float, bound: float) -> bool:
    """Whether an objective is better than a bound by more than rounding."""
    return is_better(sense, objective, bound) and not _close(objective, bound, 1e-6)


def _close(claim: float, value: float, tolerance: float = TOLERANCE) -> bool:
    return math.isclose(claim, value, rel_tol=tolerance, abs_tol=1e-12)
