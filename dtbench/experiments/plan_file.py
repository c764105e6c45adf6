"""The plan of a results folder: which cells were ever to be run there, stored before the first of them runs.

What is planned is what is counted. The leaderboard and the verification count against this file and never against the
records that happen to exist, so that a cell that was not run, was lost or does not hold is missed.

Each suite that is run into the folder has its part: its text, its checksum, its cells. A run adds its cells. A part of
a suite that is chosen on the command line takes nothing away; what the suite's text does not ask for any more is no
longer planned. The file is replaced as a whole, under the lock of the folder, so readers always see one plan.

The file holds a checksum of its content. It finds damage and careless edits, no more: whoever edits a plan on purpose
can compute it again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, Literal

from pydantic import ValidationError

from dtbench.errors import DtbenchError
from dtbench.experiments.plan import Plan, Scope, task_of
from dtbench.experiments.planned import Asked
from dtbench.experiments.record import Cell, Strict
from dtbench.experiments.store import Store
from dtbench.files import write_safely
from dtbench.problems import all_problems
from dtbench.regime import Regime

LARGEST = 2**28  # byte; a plan of 10 000 cells has 10 MB


class PlannedCell(Strict):
    """A cell that is planned; see :class:`dtbench.experiments.planned.Planned` for ``sees`` and ``asked``.

    Earlier plans say only who is ``clairvoyant``. What is None is not written, so their checksums hold.
    """

    cell: Cell
    clairvoyant: bool | None = None
    sees: Regime | None = None
    asked: Asked = ""


class SuitePlan(Strict):
    """What one suite (or sweep, by ``kind``) has planned: its name, its text with checksum, and the cells."""

    kind: str
    name: str
    sha256: str
    text: str
    cells: tuple[PlannedCell, ...]


class PlanFile(Strict):
    """All that is planned in a folder; the suite that was run last comes last."""

    schema_version: Literal[1] = 1
    suites: tuple[SuitePlan, ...] = ()
    sha256: str = ""

    @cached_property
    def cells(self) -> dict[str, PlannedCell]:
        """Every planned cell by the name of its record; where two suites have one, as the later of them has it."""
        return {each.cell.stem: each for suite in self.suites for each in suite.cells}

    @property
    def content_sha256(self) -> str:
        """Checksum of the suites."""
        facts = [_facts(suite) for suite in self.suites]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def faults(self) -> Iterator[str]:
        """What is wrong with the plan itself."""
        if self.sha256 != self.content_sha256:
            yield "the plan was changed: its checksum differs"
        for stem, each in self.cells.items():
            cell = each.cell
            name = f"{cell.problem}/{cell.size}-"
            if cell.problem not in all_problems():
                yield f"cell '{stem}' is of unknown problem '{cell.problem}'"
            elif not cell.instance.endswith(".nc") and not cell.instance.startswith(name):
                yield f"cell '{stem}': instance '{cell.instance}' is not of problem and size '{name}'"
        for suite in self.suites:
            if hashlib.sha256(suite.text.encode()).hexdigest() != suite.sha256:
                yield f"the text of suite '{suite.name}' was changed: its checksum differs"


def read(store: Store) -> PlanFile | None:
    """The plan of a folder; None if it has none, as folders of dtbench 0.1.

    Raises
    ------
    DtbenchError
        If the file cannot be read or is no plan.
    """
    file = store.plan_file
    if not file.exists():
        return None
    try:
        if not file.is_file() or file.stat().st_size > LARGEST:
            raise DtbenchError(
                f"plan '{file}' is not a file of at most {LARGEST} bytes; remove it and run the suite again."
            )
        return PlanFile.model_validate_json(file.read_bytes())
    except OSError as error:
        raise DtbenchError(f"plan '{file}' cannot be read: {error.strerror}.") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "plan"
        raise DtbenchError(
            f"plan '{file}' is damaged: {key}: {first['msg']}. Restore it, or remove it and run the suite again: "
            "records that hold stay as they are."
        ) from None


def keep(store: Store, plan: Plan) -> PlanFile:
    """Store what is planned, under the store's lock: what was planned before, changed as :func:`grown` says.

    Raises
    ------
    DtbenchError
        If the stored plan cannot be read or was changed, or two of its cells would be one in tables.
    """
    old = read(store)
    if old is not None and (fault := next(old.faults(), "")):
        raise DtbenchError(f"'{store.plan_file}': {fault}. Restore it, or remove it and run the suite again.")
    new = grown(old or PlanFile(), plan)
    check_labels(store, new)
    if new != old:
        write_safely(store.plan_file, to_json(new).encode())
    return new


def grown(old: PlanFile, plan: Plan) -> PlanFile:
    """The stored plan after a run of ``plan`` has begun.

    Other suites' parts stay. In the part of this suite the cells of the run are planned, and those planned before that
    its text still asks for, or that were asked for on the command line and are still possible.
    """
    source = plan.suite.source
    mine = (source.kind, source.name)
    before = next((suite for suite in old.suites if (suite.kind, suite.name) == mine), None)
    same_text = before is not None and before.sha256 == source.sha256
    cells = {each.cell.stem: each for each in _still_planned(before.cells if before else (), plan.scope, same_text)}
    for p in plan.cells:
        cells[p.cell.stem] = PlannedCell(cell=p.cell, sees=p.sees, asked=p.asked)
    part = SuitePlan(kind=source.kind, name=source.name, sha256=source.sha256, text=source.text,
                     cells=tuple(cells.values()))  # fmt: skip
    suites = (*(suite for suite in old.suites if (suite.kind, suite.name) != mine), part)
    new = PlanFile(suites=suites)
    return new.model_copy(update={"sha256": new.content_sha256})


def _still_planned(cells: Iterable[PlannedCell], scope: Scope, same_text: bool) -> Iterator[PlannedCell]:
    for each in cells:
        cell = each.cell
        wanted = scope.wanted.get(task_of(cell.instance, cell.solver, cell.options))
        if cell.seed > 0 and cell.solver in scope.deterministic:
            continue
        if wanted is None:
            asked = each.asked == "solver" and cell.instance in scope.instances
            if asked or (each.asked == "seeds" and same_text):  # further instances of a sweep
                yield each
        elif cell.seed < wanted.seeds or each.asked == "seeds":
            yield each.model_copy(update={"cell": cell.model_copy(update={"label": wanted.label})})


def check_labels(store: Store, plan: PlanFile) -> None:
    """Refuse two cells that tables could not tell apart."""
    seen: dict[tuple[str, str, str, int], Cell] = {}
    for each in plan.cells.values():
        cell = each.cell
        other = seen.setdefault((cell.problem, cell.label, cell.instance, cell.seed), cell)
        if other is not cell:
            raise DtbenchError(
                f"'{cell.label}' is the label of two planned solvers on '{cell.instance}' in '{store.folder}': "
                f"'{other.solver}' {other.options} and '{cell.solver}' {cell.options}. Give one another label in its "
                "suite, or name another folder with --results."
            )


def implied(cells: Iterable[Cell]) -> list[Cell]:
    """What is taken as planned where no plan is stored, without the given cells themselves.

    Every label of a problem and size is taken to owe each of its seeds on every instance that any label was run on.
    """
    given = list(cells)
    by_label: dict[tuple[str, str, str], list[Cell]] = {}
    instances: dict[tuple[str, str], dict[tuple[str, str], Cell]] = {}
    for cell in given:
        by_label.setdefault((cell.problem, cell.size, cell.label), []).append(cell)
        instances.setdefault((cell.problem, cell.size), {})[_place(cell)] = cell
    there = {(c.problem, c.label, _place(c), c.seed) for c in given}
    owed = []
    for (problem, size, label), mine in by_label.items():
        for place, other in instances[problem, size].items():
            for seed in sorted({cell.seed for cell in mine}):
                if (problem, label, place, seed) not in there:
                    changes = {"instance": other.instance, "instance_sha256": other.instance_sha256, "seed": seed}
                    owed.append(mine[0].model_copy(update=changes))
    return owed


def _place(cell: Cell) -> tuple[str, str]:
    """What tells instances apart: the name in the library, or name and content of a file."""
    return cell.instance, cell.instance_sha256 if cell.instance.endswith(".nc") else ""


def _facts(part: Strict) -> dict[str, Any]:
    """A part of a plan as it is written, and as its checksum takes it."""
    return part.model_dump(mode="json", exclude_none=True)


def to_json(plan: PlanFile) -> str:
    """A plan as JSON that people read and compare: one line for each cell."""
    parts = []
    for suite in plan.suites:
        head = json.dumps(suite.model_dump(mode="json", exclude={"cells"}), ensure_ascii=False)
        cells = ",\n".join(json.dumps(_facts(each), ensure_ascii=False) for each in suite.cells)
        parts.append(f'{head[:-1]}, "cells": [\n{cells}\n]}}')
    suites = ",\n".join(parts)
    return f'{{"schema_version": {plan.schema_version}, "sha256": "{plan.sha256}", "suites": [\n{suites}\n]}}\n'
