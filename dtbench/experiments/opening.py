"""What a job names, on this machine: its problem, its instance, its solver's class; and who is told how far it is."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter as clock
from typing import Any

import numpy as np

from dtbench import files
from dtbench.core import AnyProblem, Instance
from dtbench.errors import DtbenchError
from dtbench.experiments.record import Cell
from dtbench.library import instances
from dtbench.plugins.discovery import load_solver, read_solver_file
from dtbench.problems import problem, registry, source_sha256
from dtbench.progress import Step, untold
from dtbench.regime import Regime, shown
from dtbench.solver import Solver, rule_solver

NOTE = "note.json"  # how far the cell is, where somebody watches
NOTE_PAUSE = 0.2  # s between two notes


def opened(cell: Cell, job: dict[str, Any], progress: Step) -> tuple[AnyProblem, Instance, Regime, Solver]:
    """Problem, instance, what the solver is given of it, and the solver, before anything else of it runs."""
    owner = problem_of(cell, job["problems_paths"])
    instance = instance_of(cell.instance, job["instance_file"], cell.instance_sha256, job["shipped"])
    solver_class = solver_class_of(cell, job["solver_file"])
    _seed_globals(cell.seed)
    regime = solver_class.regime()  # before anything of the solver runs: what it changes later gives no access
    options = cell.options | job["files"]
    solver = solver_class(owner, shown(owner, instance, regime), seed=cell.seed, **options)
    solver.watcher = progress
    return owner, instance, regime, solver


def progress_of(job: dict[str, Any], folder: Path) -> Step:
    """Who is told how far the cell is, if anybody watches."""
    return Notes(folder) if job.get("watched") else untold


def instance_of(name: str, file: str, sha256: str, shipped: bool) -> Instance:
    """The instance of a job on this machine, which is the one that its checksum names."""
    here = located(file, "instances", sha256)
    return instances.load(name if shipped else here, known=True)


def problem_of(cell: Cell, folders: Sequence[str]) -> AnyProblem:
    """The cell's problem on this machine, from the folders that it was planned with.

    Raises
    ------
    DtbenchError
        If it is not here, or its package is another one than that of the plan.
    """
    registry.look_in(folder for folder in folders if Path(folder).is_dir())
    owner = problem(cell.problem)
    if folders and source_sha256(cell.problem) != cell.problem_sha256:
        raise DtbenchError(
            f"the package of problem '{cell.problem}' was changed after the run was planned. Plan again; on a cluster, "
            "give every worker the same files."
        )
    return owner


def _seed_globals(seed: int) -> None:
    """Seed the global generators: cells are forks of one process, and would all draw the same from them."""
    first, second = np.random.SeedSequence(seed).generate_state(2)
    np.random.seed(first)  # noqa: NPY002
    random.seed(int(second))


def located(given: str, shipped: str, sha256: str) -> Path:
    """The file of a job on this machine: the path itself, or the same file in this machine's shipped folder.

    Raises
    ------
    DtbenchError
        If neither has the checksum that the cell was planned with.
    """
    path = Path(given)
    home = files.folder(shipped)
    for candidate in (path, home / path.name, home / path.parent.name / path.name):
        with contextlib.suppress(OSError):
            if hashlib.sha256(candidate.read_bytes()).hexdigest() == sha256:
                return candidate
    raise DtbenchError(
        f"'{path.name}' is missing here or was changed after the run was planned (expected SHA-256 {sha256[:12]}...). "
        "Plan again; on a cluster, give every worker the same files."
    )


def solver_class_of(cell: Cell, given: str) -> type[Solver]:
    """The class in a solver's file; of a rule of the problem, where no file is given."""
    if not given:
        return rule_solver(cell.solver)
    file = located(given, "solvers", cell.solver_sha256)
    for entry in read_solver_file(file):
        if entry.name == cell.solver:
            sys.path.append(str(file.parent))  # a solver may import files beside it; last, so they hide no package
            return load_solver(entry)
    raise DtbenchError(f"'{file.name}' holds no solver '{cell.solver}'.")


class Notes:
    """Writes how far the cell is into its folder, for the runner, not more often than a person can read."""

    def __init__(self, folder: Path) -> None:
        self.file, self.next = folder / NOTE, 0.0

    def __call__(self, done: int, total: int, words: str = "") -> None:
        now = clock()
        if now >= self.next:
            self.next = now + NOTE_PAUSE
            part = self.file.with_suffix(".part")
            with contextlib.suppress(OSError):  # a note that is lost is no failure of the cell
                part.write_text(json.dumps([done, total, words]), encoding="utf-8")
                part.replace(self.file)
