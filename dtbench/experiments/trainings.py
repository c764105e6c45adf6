"""Which policies must be trained before cells can be scored, one training for all cells that play the same policy.

A training has an identity (:class:`dtbench.learning.checkpoint.Identity`): with ``scope = "network"`` all cells of one
solver, seed and network share it, with ``scope = "size"`` all of one size. Solvers are asked for it. Those of dtbench
are asked in this process; other people's code runs in a process with limits, as it does in cells. Who has no answer,
keeps no policies in files, or has the option ``cache = false`` trains inside its cells.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dtbench import files
from dtbench.errors import DtbenchError
from dtbench.experiments import luggage, memory, opening, process, training_work
from dtbench.experiments.job import job_of
from dtbench.experiments.planned import Planned, Training, training_kind
from dtbench.experiments.policies import Policies, TrainingRecord
from dtbench.experiments.record import CellLimits
from dtbench.experiments.training_work import Answer, Question
from dtbench.learning import cache, checkpoint
from dtbench.learning.checkpoint import Header, Identity
from dtbench.plugins.discovery import load_solver
from dtbench.problems import problem
from dtbench.solver import Solver

ASKING = CellLimits(seconds=30.0, memory=4 * 2**30)  # of a process that asks a solver
EPISODES = "episodes"  # the option that says how long a training is
ASKING_EACH = 0.5  # more seconds for each question
MOST_ANSWERS = 20_000  # that are remembered
MOST_KNOWN = 30  # earlier trainings that an estimate looks at


def with_trainings(
    cells: Sequence[Planned], limits: CellLimits, results: Path | None
) -> tuple[tuple[Planned, ...], tuple[Training, ...]]:
    """The cells, those that need a training marked with its name, and the trainings in the order of the cells.

    Parameters
    ----------
    cells
        Of a plan, compared with the records.
    limits
        Of each training.
    results
        Folder of results, whose policies are played and whose trainings are believed; None for none.
    """
    found: dict[str, Training] = {}
    of_cell: dict[str, str] = {}
    inside: dict[str, bool] = {}
    for p, answer in _answers(cells):
        if answer is None or answer.identity is None or not _fits(p, answer):
            inside[p.cell.stem] = answer is None or answer.needed
            continue
        planned = replace(p, cell=p.cell.model_copy(update={"limits": limits}))
        new = Training(planned, answer.identity, answer.key, file=_cached(answer))
        known = found.setdefault(new.stem, new)
        found[new.stem] = replace(known, cells=(*known.cells, p.cell.stem))
        of_cell[p.cell.stem], inside[p.cell.stem] = new.stem, False
    marked = (
        replace(p, training=of_cell.get(p.cell.stem, ""), untrained=inside.get(p.cell.stem, p.untrained)) for p in cells
    )
    return tuple(marked), tuple(_known(found.values(), results))


def _fits(p: Planned, answer: Answer) -> bool:
    """Whether an answer is one to a cell: other people's code gave it."""
    cell, identity = p.cell, answer.identity
    given = identity and (identity.solver, identity.problem, identity.size, identity.seed)
    return bool(answer.key and answer.file) and given == (cell.solver, cell.problem, cell.size, cell.seed)


def _known(trainings: Iterable[Training], results: Path | None) -> Iterator[Training]:
    """The trainings, with where their policies are, and how long those that are missing may take."""
    policies = None if results is None else Policies(results)
    seconds = _Estimates([] if policies is None else policies.records())
    for each in trainings:
        kept = None if policies is None else policies.kept(each.stem, each.key)
        file = kept or each.file
        if file is not None:
            yield replace(each, state="kept" if kept else "cached", file=file)
        else:
            yield replace(each, seconds=seconds.of(each))


def _cached(answer: Answer) -> Path | None:
    """The file of a policy in the user's cache."""
    assert answer.identity is not None  # noqa: S101  as the caller has seen
    file = cache.folder() / answer.identity.problem / answer.file
    return file if file.is_file() else None


class _Estimates:
    """How long trainings take: as those of the results did; else as those in the cache, else as shipped ones."""

    def __init__(self, records: Iterable[TrainingRecord]) -> None:
        self.told: dict[tuple[str, ...], list[float]] = {}
        self.seen: dict[tuple[str, ...], float | None] = {}
        for record in records:
            with contextlib.suppress(ValidationError):  # somebody else's results may say anything
                kind = training_kind(Identity.model_validate(record.training.get("identity")))
                if record.seconds is not None:
                    self.told.setdefault(kind, []).append(record.seconds)

    def of(self, training: Training) -> float | None:
        """Seconds of a training; None if nothing of its kind is known."""
        if training.kind not in self.seen:
            known = self.told.get(training.kind) or _earlier(training)
            self.seen[training.kind] = statistics.median(known) if known else None
        return self.seen[training.kind]


def _earlier(training: Training) -> list[float]:
    """Seconds of trainings of the kind whose policies lie in the cache, or are shipped with the solver."""
    wanted, solver_file = training.identity, training.planned.solver_file
    kept = sorted((cache.folder() / wanted.problem).glob(f"{wanted.solver}--{wanted.size}--s*{checkpoint.SUFFIX}"))
    kept = [file for file in kept if not file.name.endswith(cache.RESUME)]
    shipped = [] if solver_file is None else checkpoint.shipped_files(
        solver_file, wanted.problem, wanted.solver, wanted.size
    )  # fmt: skip
    for place in (kept, shipped):
        headers = [header for file in place[-MOST_KNOWN:] if (header := _header(file)) and _alike(header, wanted)]
        if headers:
            return [header.seconds * _longer(header, wanted) for header in headers]
    return []


def _header(file: Path) -> Header | None:
    try:
        return checkpoint.read(file).header
    except DtbenchError:
        return None


def _alike(header: Header, wanted: Identity) -> bool:
    """Whether all options that both know are the same, but for episodes; options that were added have defaults."""
    mine = header.identity.options
    return all(mine[name] == value for name, value in wanted.options.items() if name in mine and name != EPISODES)


def _longer(header: Header, wanted: Identity) -> float:
    """How many times as many episodes a training wants as an earlier one had."""
    had, wants = header.identity.options.get(EPISODES), wanted.options.get(EPISODES)
    return float(wants) / float(had) if had and wants else 1.0


def _answers(cells: Sequence[Planned]) -> Iterator[tuple[Planned, Answer | None]]:
    """Cells to run that may need a policy, and what their solvers say; None of those that say nothing."""
    groups: dict[tuple[str, str, Path], list[Planned]] = {}
    for p in cells:
        if p.state != "done" and p.learns and p.solver_file is not None:
            groups.setdefault((p.cell.problem, p.cell.solver, p.solver_file), []).append(p)
    if not groups:
        return
    known = _KnownAnswers()
    for group in groups.values():
        yield from zip(group, _asked(group, known), strict=True)
    known.keep()


def _asked(group: Sequence[Planned], known: _KnownAnswers) -> Sequence[Answer | None]:
    """What the solver of some cells, all of one problem, says to them."""
    first, file = group[0], group[0].solver_file
    if file is not None and file.parent == files.folder("solvers").resolve():
        new = [p for p in group if known.of(p) is None]
        with contextlib.suppress(DtbenchError):
            solver_class = load_solver(opening.entry_of(first.cell, str(file))) if new else Solver
            given = training_work.answers(problem(first.cell.problem), solver_class, [_question(p) for p in new])
            known.add(zip(new, given, strict=True))
        return [known.of(p) for p in group]
    limits = ASKING.model_copy(update={"seconds": ASKING.seconds + ASKING_EACH * len(group)})
    cell = first.cell.model_copy(update={"limits": limits})
    job = job_of(replace(first, cell=cell))
    told = process.ask(replace(job, task="ask", questions=tuple(_question(p).model_dump() for p in group)))
    return [None] * len(group) if told is None else told


class _KnownAnswers:
    """What solvers of dtbench have said, kept in the user's cache: asking takes milliseconds for each cell.

    An answer follows from the sources of dtbench, the cell, and the policies that are shipped for it.
    """

    def __init__(self) -> None:
        self.file = files.cache("trainings") / "answers.json"
        self.state = luggage.identity().sources_sha256
        self.answers: dict[str, Answer] = {}
        self.changed = False
        with contextlib.suppress(ValueError, RecursionError, AttributeError, TypeError):
            kept = json.loads(memory.ours(self.file))
            if kept["state"] == self.state:
                self.answers = {name: Answer.model_validate(each) for name, each in kept["answers"].items()}

    def of(self, p: Planned) -> Answer | None:
        """What was said of a cell; None if nothing was."""
        return self.answers.get(_mark(p))

    def add(self, given: Iterable[tuple[Planned, Answer]]) -> None:
        """Take note of answers."""
        for p, answer in given:
            self.answers[_mark(p)] = answer
            self.changed = True

    def keep(self) -> None:
        """Have them on the disk, but for those of cells that could not be asked, which may be mended."""
        if self.changed:
            lasting = {n: a.model_dump(mode="json") for n, a in self.answers.items() if a.key or not a.needed}
            newest = dict(list(lasting.items())[-MOST_ANSWERS:])
            memory.put(self.file, json.dumps({"state": self.state, "answers": newest}))


def _mark(p: Planned) -> str:
    """Checksum of all that an answer follows from beside the sources of dtbench."""
    cell = p.cell
    facts = [cell.problem_sha256, cell.instance_sha256, cell.solver, cell.solver_sha256, cell.checkpoints_sha256,
             cell.options, dict(p.files), cell.seed, cell.instance]  # fmt: skip
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _question(p: Planned) -> Question:
    cell, options = p.cell, dict(p.cell.options)
    return Question(
        instance=cell.instance, instance_file=str(p.instance.file.resolve()), instance_sha256=cell.instance_sha256,
        shipped=p.instance.shipped, options=options | dict(p.files), seed=cell.seed,
    )  # fmt: skip


def facts(training: Training) -> Mapping[str, Any]:
    """A training as plain values, for ``--json``."""
    cell = training.cell
    return {
        "solver": cell.solver, "label": cell.label, "problem": cell.problem, "size": cell.size, "seed": cell.seed,
        "scope": training.identity.scope, "preset": training.identity.preset, "cells": len(training.cells),
        "state": training.state, "seconds": training.seconds, "limit": cell.limits.seconds, "policy": training.stem,
    }  # fmt: skip
