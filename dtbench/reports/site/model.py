"""What all pages are made of: the leaderboard's own numbers, gathered once, with the names of pages."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from dtbench.core import AnyProblem
from dtbench.experiments.record import Record
from dtbench.library.best_known import BestKnown
from dtbench.plugins.discovery import SolverEntry
from dtbench.reports.curves import Training
from dtbench.reports.model import Section, Table, Value
from dtbench.reports.scores import Entry, ProblemRuns, Run

PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")


def file_name(name: str) -> str:
    """The name of a page: the name itself where any file system takes it, else what is left of it and a checksum.

    >>> file_name("vdn"), file_name("Genetic, <50>")
    ('vdn', 'genetic-50-9ed33d')
    """
    if PLAIN.fullmatch(name):
        return name
    left = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "x"
    return f"{left}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def split(label: str) -> tuple[str, str]:
    """The short name in a label, and the rest of it.

    >>> split("genetic, 50 generations"), split("vdn (episodes=64)"), split("exact")
    (('genetic', '50 generations'), ('vdn', 'episodes=64'), ('exact', ''))
    """
    found = re.match(r"([^\s,(]+)(?:,\s*|\s*\()(.*)", label)
    if found is None:
        return label, ""
    short, rest = found.groups()
    return short, rest[:-1] if rest.endswith(")") and "(" not in rest else rest


@dataclass(frozen=True)
class SolverName:
    """How a solver is shown: short name first, then its options; ``key`` names its page and its marks in charts."""

    label: str
    short: str
    rest: str
    key: str


def named(label: str) -> SolverName:
    """The name of a label."""
    short, rest = split(label)
    return SolverName(label, short, rest, file_name(label))


@dataclass(frozen=True)
class Standing:
    """One solver on one problem at one size, as a row of tables: names, and the values of the leaderboard's columns."""

    group: Group
    name: SolverName
    entry: Entry
    values: Mapping[str, Value]
    learned: bool

    @cached_property
    def sees(self) -> str:
        """The regime, empty without a score."""
        return self.entry.sees

    @property
    def ranked(self) -> bool:
        """Whether it has a rank."""
        return self.entry.comparable


@dataclass(frozen=True)
class Group:
    """One problem at one size."""

    runs: ProblemRuns
    section: Section
    learners: frozenset[str]

    @property
    def problem(self) -> str:
        """The problem's id."""
        return self.runs.problem

    @property
    def size(self) -> str:
        """The size's name."""
        return self.runs.size

    @cached_property
    def standings(self) -> tuple[Standing, ...]:
        """A row for each solver, in the leaderboard's order."""
        columns = [column.name for column in self.section.table.columns]
        entries = {entry.label: entry for entry in self.runs.entries}
        found = []
        for row in self.section.table.rows:
            values = dict(zip(columns, row, strict=True))
            entry = entries[values["solver"].text]
            learned = bool({run.cell.solver for run in entry.runs} & self.learners) or entry.train_seconds is not None
            found.append(Standing(self, named(entry.label), entry, values, learned))
        return tuple(found)


@dataclass(frozen=True)
class InstanceFacts:
    """An instance: where it is, its certificate, and its runs."""

    name: str
    key: str
    group: Group
    runs: tuple[Run, ...]
    known: Mapping[str, BestKnown]
    folder: Path | None = None  # of the results with the best record

    @property
    def short(self) -> str:
        """The name without the problem's."""
        return self.name.removeprefix(f"{self.group.problem}/")

    @cached_property
    def best(self) -> Run | None:
        """The run with the best score; of equal ones the first by name."""
        sense = 1.0 if self.group.runs.facts.sense == "min" else -1.0
        scored = [run for run in self.runs if run.status == "ok" and run.objective is not None]
        return min(scored, key=lambda run: (sense * (run.objective or 0.0), run.label, run.cell.seed), default=None)


@dataclass(frozen=True)
class Site:
    """All that is published."""

    groups: tuple[Group, ...]
    failures: Table
    skipped: Table
    provenance: Mapping[str, str]
    records: tuple[Record, ...]
    entries: Mapping[str, SolverEntry]  # of solvers that are installed here
    owners: Mapping[str, AnyProblem]
    instances: tuple[InstanceFacts, ...]
    trainings: tuple[Training, ...] = ()
    claims: Path | None = None  # folder of a report of the papers' claims
    frontier: Path | None = None  # folder of the tables of studies/frontier.py

    @cached_property
    def problems(self) -> tuple[str, ...]:
        """Problems with results."""
        return tuple(dict.fromkeys(group.problem for group in self.groups))

    @cached_property
    def sizes(self) -> tuple[str, ...]:
        """Sizes with results, small ones first."""
        order = [size for id in self.problems for size in self.owners[id].sizes] if self.owners else []
        found = dict.fromkeys(group.size for group in self.groups)
        known = [size for size in dict.fromkeys(order) if size in found]
        return (*known, *(size for size in found if size not in known))

    @cached_property
    def solvers(self) -> tuple[SolverName, ...]:
        """Every label with results or a plan, by name."""
        labels = {standing.name.label for group in self.groups for standing in group.standings}
        return tuple(named(label) for label in sorted(labels))

    @cached_property
    def standings(self) -> tuple[Standing, ...]:
        """All rows."""
        return tuple(standing for group in self.groups for standing in group.standings)

    def of_problem(self, problem: str) -> list[Group]:
        """The sizes of a problem."""
        return [group for group in self.groups if group.problem == problem]

    def of_solver(self, label: str) -> list[Standing]:
        """The rows of a solver."""
        return [standing for standing in self.standings if standing.name.label == label]


def usual(sizes: Sequence[str]) -> str:
    """The size that is shown first."""
    return "paper" if "paper" in sizes else sizes[-1] if sizes else ""
