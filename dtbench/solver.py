"""The base class of solvers, and how solver files are found.

A solver is one file with one (or more) subclasses of :class:`Solver`. Files are *read*, not run, to list what there is:
the class attributes must be literals. Code of a solver runs only in the process of a cell, under its limits.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dtbench import resources
from dtbench.core import AnyProblem, Certificate, Decision, Instance, Slot
from dtbench.errors import Declined, DtbenchError
from dtbench.params import Options
from dtbench.problems import all_problems

ENTRY_POINTS = "dtbench.solvers"
FLAGS = ("deterministic", "clairvoyant", "coupled_only", "trains")
PATH_VARIABLE = "DTBENCH_SOLVERS_PATH"


class Solver:
    """One method on one instance. Subclass it, name it, implement :meth:`decide`.

    Attributes
    ----------
    name
        How the method is called in commands, suites and tables.
    problems
        Ids of the problems it takes, or None for all.
    deterministic
        The seed changes nothing: a suite runs it once per instance.
    batched
        ``decide`` takes slots with leading axes and does not look at the carried state: on problems whose slots are
        not coupled, the whole horizon is decided in one call.
    clairvoyant
        It looks at the future (:meth:`plan`); the leaderboard marks it.
    coupled_only
        It takes only problems whose slots are coupled, such as those that migrate.
    trains
        It has a :meth:`train` step, whose time is reported apart.
    Options
        A subclass of :class:`dtbench.params.Options`: the fields are what ``--option name=value`` takes.

    Raises
    ------
    Declined
        From ``__init__`` or ``decide``, with the reason, where the method does not take the instance: the cell is
        recorded as ``skipped``.
    """

    name: ClassVar[str]
    problems: ClassVar[tuple[str, ...] | None] = None
    deterministic: ClassVar[bool] = False
    batched: ClassVar[bool] = False
    clairvoyant: ClassVar[bool] = False
    coupled_only: ClassVar[bool] = False
    trains: ClassVar[bool] = False
    Options: ClassVar[type[Options]] = Options

    def __init__(self, problem: AnyProblem, instance: Instance, *, seed: int = 0, **options: Any) -> None:
        self.problem = problem
        self.instance = instance
        self.seed = seed
        self.rng = np.random.default_rng(np.random.SeedSequence(seed))
        self.options: Any = type(self).Options().replace(options)
        self.certificate: Certificate | None = None  # set by exact methods: what they prove of the slot just decided
        if self.problems is not None and problem.id not in self.problems:
            raise Declined(f"'{self.name}' does not take problem '{problem.id}'")

    def train(self) -> None:
        """Learn before the first decision; timed apart."""

    def decide(self, slot: Slot) -> Decision:
        """The decision of one slot (or, if ``batched``, of all slots along the leading axes)."""
        raise TypeError(f"solver '{self.name}' implements neither decide nor plan")

    def plan(self, instance: Instance) -> Decision | None:
        """All decisions at once, with a leading time axis, by methods that see the future; None = use ``decide``."""
        return None


class Heuristic(Solver):
    """A rule of the problem, by the solver's name in :attr:`dtbench.core.Problem.heuristics`, for whole batches.

    Raises
    ------
    Declined
        Where the problem has no rule of this name.
    """

    deterministic = True
    batched = True

    def __init__(self, problem: AnyProblem, instance: Instance, *, seed: int = 0, **options: Any) -> None:
        super().__init__(problem, instance, seed=seed, **options)
        if self.name not in problem.heuristics:
            raise Declined(f"'{problem.id}' has no rule '{self.name}'; it has {', '.join(problem.heuristics)}")

    def decide(self, slot: Slot) -> Decision:
        """Apply the rule."""
        decision: Decision = self.problem.heuristics[self.name](slot)
        return decision


@dataclass(frozen=True)
class SolverEntry:
    """What is known of a solver without running its file."""

    name: str
    file: Path
    sha256: str
    summary: str = ""
    problems: tuple[str, ...] | None = None
    deterministic: bool = False
    clairvoyant: bool = False
    trains: bool = False
    coupled_only: bool = False
    heuristic: bool = False  # a rule that problems provide, or not
    class_name: str = ""
    error: str = ""  # why the file cannot be used

    def takes(self, problem: str) -> bool:
        """Whether the solver says that it takes this problem; a heuristic does where the problem has its rule."""
        owner = all_problems()[problem]
        if (self.heuristic and self.name not in owner.heuristics) or (self.coupled_only and not owner.coupled):
            return False
        return self.problems is None or problem in self.problems


def read_solver_file(file: Path) -> list[SolverEntry]:
    """The solvers in a file, from its syntax tree; one entry with ``error`` where the file cannot be read."""
    text = file.read_bytes()
    digest = hashlib.sha256(text).hexdigest()
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", 0)
        return [SolverEntry(file.stem, file, digest, error=f"{file}:{line}: {getattr(error, 'msg', error)}")]
    summary = (ast.get_docstring(tree) or "").split("\n\n")[0].replace("\n", " ")
    found: list[SolverEntry] = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            given = dict(_literals(node))
            if isinstance(given.get("name"), str):
                known: dict[str, Any] = {k: given[k] for k in FLAGS if k in given}
                if any(ast.unparse(base).split(".")[-1] == Heuristic.__name__ for base in node.bases):
                    known = {"deterministic": True} | known | {"heuristic": True}
                problems = given.get("problems")
                found.append(
                    SolverEntry(
                        given["name"],
                        file,
                        digest,
                        summary=summary if not found else (ast.get_docstring(node) or summary).split("\n")[0],
                        problems=tuple(problems) if problems is not None else None,
                        class_name=node.name,
                        **known,
                    )
                )
    return found


def _literals(node: ast.ClassDef) -> Iterator[tuple[str, Any]]:
    for statement in node.body:
        if isinstance(statement, ast.Assign):
            names, value = [t.id for t in statement.targets if isinstance(t, ast.Name)], statement.value
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
            names, value = [statement.target.id], statement.value
        else:
            continue
        try:
            yield from ((name, ast.literal_eval(value)) for name in names)
        except ValueError:
            continue


def discover(paths: Iterable[Path | str] = ()) -> dict[str, SolverEntry]:
    """All solvers: the shipped folder, installed packages, ``$DTBENCH_SOLVERS_PATH``, then ``paths``; later ones win.

    Raises
    ------
    DtbenchError
        If a folder of ``paths`` does not exist, or two solvers of one folder have one name.
    """
    folders = [resources.folder("solvers")]
    folders += [Path(p) for p in os.environ.get(PATH_VARIABLE, "").split(os.pathsep) if p]
    folders += [Path(p) for p in paths]
    found: dict[str, SolverEntry] = {}
    for number, folder in enumerate(folders):
        if not folder.is_dir():
            raise DtbenchError(f"solvers folder '{folder}' does not exist or is not a folder.")
        here: dict[str, SolverEntry] = {}
        for file in sorted(folder.glob("*.py")):
            for entry in read_solver_file(file):
                if entry.name in here:
                    raise DtbenchError(
                        f"'{entry.file}' and '{here[entry.name].file}' both define solver '{entry.name}'."
                    )
                here[entry.name] = entry
        found |= here
        if number == 0:
            found |= _installed()
    return dict(sorted(found.items()))


def _installed() -> dict[str, SolverEntry]:
    found = {}
    for point in importlib.metadata.entry_points(group=ENTRY_POINTS):
        spec = importlib.util.find_spec(point.module)
        if spec is not None and spec.origin is not None:
            wanted = point.attr or None
            for entry in read_solver_file(Path(spec.origin)):
                if wanted in (None, entry.class_name):
                    found[entry.name] = entry
    return found


def find(name: str, entries: Mapping[str, SolverEntry]) -> SolverEntry:
    """The entry of a solver's name.

    Raises
    ------
    DtbenchError
        If there is none, with near names; or if its file cannot be used, with the file and line.
    """
    if name not in entries:
        near = difflib.get_close_matches(name, entries, 1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise DtbenchError(f"unknown solver '{name}'.{hint} Known: {', '.join(entries)}.")
    if entries[name].error:
        raise DtbenchError(f"solver '{name}' cannot be used: {entries[name].error}.")
    return entries[name]


def load_solver(entry: SolverEntry) -> type[Solver]:
    """Run the solver's file and return the class. Called in the process of a cell.

    Raises
    ------
    DtbenchError
        If the class is not a subclass of :class:`Solver`.
    """
    module_name = f"dtbench_solvers.{entry.file.stem}"
    spec = importlib.util.spec_from_file_location(module_name, entry.file)
    if spec is None or spec.loader is None:
        raise DtbenchError(f"'{entry.file}' is not a Python file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    spec.loader.exec_module(module)
    cls = getattr(module, entry.class_name)
    if not (isinstance(cls, type) and issubclass(cls, Solver)):
        raise DtbenchError(f"'{entry.class_name}' in '{entry.file}' is not a subclass of dtbench.Solver.")
    return cls
