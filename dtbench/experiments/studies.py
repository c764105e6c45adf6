"""Studies: figures of papers as they are run again, and what the papers claim of them. One TOML file each.

    studies/papers/tao/fig6.toml

paper = "tao"
figure = "6"
caption = "Numbers of users vs average system latency for different algorithms."
x = "n_users"             # or "training": learning curves; "slot": the slots of an episode
problem = "stin-deployment"
size = "paper"

[over]                    # the first parameter is the axis, a second one makes panels
n_users = [18, 20, 22, 24]

[set]                     # other values of further parameters

[[methods]]
solver = "vdn"
label = "VDN (proposed)"
setting = "paper"         # whose settings: those of the preset of this name
role = "method"           # rival, baseline, rule, optimum

[[metrics]]
name = "objective"
label = "average system latency [s]"

[[claims]]
id = "tao-6-lowest"
place = "Sec. 6.2"
quote = "..."
kind = "order"

[budget.quick]            # what is run; "hours" and "paper" are the other budgets
instances = 3
seeds = 3
episodes = {vdn = 20}

A figure that shows the runs of another one says ``runs = "fig4"`` instead of problem, size, over, set and methods.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from pydantic import Field

from dtbench import files
from dtbench.errors import DtbenchError, near
from dtbench.experiments import sweep
from dtbench.experiments.record import FiniteScalar, Scalar
from dtbench.experiments.sweep import OWN_SEEDS, Sweep, SweepFile, Values
from dtbench.experiments.tables import FileTable, LimitsTable, SolverTable, Source, read_table
from dtbench.plugins.discovery import SolverEntry, discover, find

BudgetName = Literal["quick", "hours", "paper"]
BUDGETS: tuple[BudgetName, ...] = ("quick", "hours", "paper")
Role = Literal["method", "rival", "baseline", "rule", "optimum"]
Kind = Literal[
    "effect", "order", "trend", "value", "difference", "growth", "optimal", "slopes", "converges", "stated"
]  # fmt: skip
PAPERS = "papers.toml"
TRAINING, SLOT = "training", "slot"  # axes that are no parameters
Place = dict[str, Scalar]
SETTINGS = {"": "", "paper": "the paper's settings", "tuned": "our settings"}


class MethodTable(FileTable):
    """One of ``[[methods]]``: a solver, whose settings it has, and what it is in the figure."""

    solver: str = Field(description="the name of a solver")
    label: str = Field(min_length=1, max_length=60, description="a text: how the paper calls it")
    setting: Literal["", "paper", "tuned"] = Field(
        default="", description="'paper', 'tuned', or '' where none is learned"
    )
    role: Role = Field(description="one of method, rival, baseline, rule, optimum")
    options: dict[str, FiniteScalar] = Field(
        default_factory=dict, description="a table of texts, numbers, true or false"
    )
    only: dict[str, Scalar] = Field(default_factory=dict, description="a table of swept parameters: these points only")

    @property
    def title(self) -> str:
        """Label and setting: what tables and legends say."""
        return f"{self.label}, {SETTINGS[self.setting]}" if self.setting else self.label


class MetricTable(FileTable):
    """One of ``[[metrics]]``: a number per slot that the referee gives, ``objective``, or a time of the run.

    The number is multiplied by ``factor`` and divided by the parameters ``per``.
    """

    name: str = Field(description="'objective', a metric of the referee, 'train_seconds' or 'decide_seconds'")
    label: str = Field(description="a text: the axis, with its unit")
    better: Literal["less", "more", ""] = Field(default="less", description="'less', 'more' or ''")
    factor: float = Field(default=1.0, description="a number")
    per: list[str] = Field(default=[], description="a list of parameters")
    digits: int = Field(default=3, ge=1, le=6, description="a whole number from 1 to 6")


class ClaimTable(FileTable):
    """One of ``[[claims]]``: what the paper says, word by word, and how it is measured."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,60}$", description="a short name of a-z, 0-9 and -")
    place: str = Field(description="a text: where the paper says it")
    quote: str = Field(min_length=1, description="the paper's words")
    kind: Kind = Field(description=f"one of {', '.join(Kind.__args__)}")  # type: ignore[attr-defined]
    headline: bool = Field(default=False, description="true or false")
    metric: str = Field(default="objective", description="the name of a metric of the figure")
    a: str = Field(default="", description="the label of a method")
    b: str = Field(default="", description="the label of a method")
    order: list[str] = Field(default=[], description="a list of labels, the best first")
    methods: list[str] = Field(default=[], description="a list of labels")
    claimed: float | None = Field(default=None, description="a number")
    said: str = Field(default="", description="a text: the claimed value in words")
    tolerance: float = Field(default=0.0, ge=0.0, description="a number of at least 0")
    direction: Literal["rises", "falls", ""] = Field(default="", description="'rises' or 'falls'")
    at: Place = Field(default_factory=dict, description="a table of parameters: the points it is about")
    to: Place = Field(default_factory=dict, description="a table of parameters: the point it grows to")
    every: bool = Field(default=True, description="true, or false for claims of 'up to'")
    ceiling: bool = Field(default=False, description="whether the optimum bounds the effect")
    also: dict[str, str] = Field(default_factory=dict, description="a table of labels: what else a label can mean")
    reading: str = Field(default="", description="a swept parameter whose values are readings of the paper")
    open: str = Field(default="", description="a text: what the paper leaves open and the number hangs on")
    contradicts: str = Field(default="", description="a text: what else the paper says")
    note: str = Field(default="", description="a text")


class BudgetTable(FileTable):
    """``[budget.NAME]``: what a figure is run with."""

    instances: int = Field(default=5, ge=1, le=1000, description="a whole number of at least 1")
    seeds: int = Field(default=3, ge=1, le=1000, description="a whole number of at least 1: trainings of each learner")
    over: dict[str, Values] = Field(default_factory=dict, description="a table of swept parameters: these values only")
    set: dict[str, Scalar] = Field(default_factory=dict, description="a table of parameters")
    episodes: dict[str, int] = Field(
        default_factory=dict, description="a table of solvers, or solver:setting: episodes of training"
    )
    leave_out: list[str] = Field(default=[], description="a list of titles of methods")


class StudyFile(FileTable):
    """A study as it is written."""

    paper: str = Field(description="the key of a paper in papers.toml")
    figure: str = Field(description="a text: its number")
    caption: str = Field(description="the paper's words")
    title: str = Field(default="", description="a text")
    x: str = Field(default="", description="'training', 'slot' or a swept parameter; the first one by default")
    x_label: str = Field(default="", description="a text")
    played: Literal["episodes", "frames"] = Field(
        default="episodes", description="'episodes' or 'frames': the axis of training"
    )
    at: Place = Field(default_factory=dict, description="a table of parameters: the points that are drawn")
    runs: str = Field(default="", description="the figure of the same paper whose runs are shown")
    problem: str = Field(default="", description="the id of a problem")
    size: str = Field(default="paper", description="a size of the problem")
    first_seed: int = Field(default=20_000, ge=OWN_SEEDS, le=2**62, description=f"a whole number from {OWN_SEEDS} on")
    over: dict[str, Values] = Field(default_factory=dict, max_length=2, description="a table of one or two parameters")
    set: dict[str, Scalar] = Field(default_factory=dict, description="a table of texts, numbers and true or false")
    limits: LimitsTable = Field(default=LimitsTable(), description="a table")
    methods: list[MethodTable] = Field(default=[], description="[[methods]] tables")
    metrics: list[MetricTable] = Field(min_length=1, description="at least one [[metrics]] table")
    claims: list[ClaimTable] = Field(default=[], description="[[claims]] tables")
    notes: list[str] = Field(default=[], description="a list of texts: what differs from the paper")
    budget: dict[BudgetName, BudgetTable] = Field(default_factory=dict, description="tables quick, hours, paper")


class PaperTable(FileTable):
    """One of ``papers.toml``: what a paper is, and what is compared with what first."""

    authors: str
    year: int
    title: str
    method: str = Field(description="how the paper calls its method")
    without: list[str] = Field(default=[], description="figures without numbers: what they show")


class PapersFile(FileTable):
    """``papers.toml``."""

    papers: dict[str, PaperTable]


@dataclass(frozen=True)
class Study:
    """A study that has been read; ``runs`` is the one whose runs it shows, itself for most."""

    content: StudyFile
    source: Source
    runs: Study | None = None

    @property
    def key(self) -> str:
        """``tao/fig6``."""
        return f"{self.content.paper}/{self.source.name}"

    @property
    def base(self) -> Study:
        """The study whose runs it shows."""
        return self.runs or self

    @property
    def methods(self) -> list[MethodTable]:
        """Those that are run."""
        return self.base.content.methods

    @cached_property
    def axes(self) -> dict[str, list[Scalar]]:
        """Swept parameters with their values."""
        return dict(self.base.content.over)

    @property
    def x(self) -> str:
        """``training``, ``slot``, or the first swept parameter."""
        return self.content.x or next(iter(self.axes))

    def budget(self, name: BudgetName) -> BudgetTable:
        """A budget; without a table of its own, five instances and three seeds."""
        return self.base.content.budget.get(name, BudgetTable())

    def runs_sha256(self, name: BudgetName) -> str:
        """Checksum of what decides the runs of a budget: not of titles, claims and notes."""
        decisive = {"problem", "size", "first_seed", "over", "set", "methods"}
        facts = [self.base.content.model_dump(include=decisive), self.budget(name).model_dump()]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def sweep(self, name: BudgetName, seeds: int | None = None) -> Sweep:
        """What is run for a budget, as a sweep; ``seeds`` trainings of each learner instead of the budget's.

        Raises
        ------
        DtbenchError
            If a point or a solver cannot be run.
        """
        content, budget, entries = self.base.content, self.budget(name), discover()
        over = {parameter: budget.over.get(parameter, values) for parameter, values in content.over.items()}
        tables = [
            solver_table(each, entries, budget, seeds, over)
            for each in content.methods
            if each.title not in budget.leave_out and all(value in over[name] for name, value in each.only.items())
        ]
        referee = [m.name for m in self._all_metrics() if m.name not in OTHERS]
        made = SweepFile(
            name=f"{content.paper}-{self.base.source.name}",
            title=f"{content.paper}, Fig. {content.figure}",
            problem=content.problem,
            size=content.size,
            seeds=budget.instances,
            first_seed=content.first_seed,
            metrics=list(dict.fromkeys(referee)),
            over=over,
            set=content.set | budget.set,
            limits=content.limits,
            solvers=tables,
        )
        return sweep.checked(made, self.base.source)

    def _all_metrics(self) -> Iterator[MetricTable]:
        """Those of all figures that show the same runs."""
        for other in studies(self.content.paper):
            if other.base.key == self.base.key:
                yield from other.content.metrics


TIMES = ("train_seconds", "decide_seconds")  # measured by the run, not by the referee
REWARD = "reward"  # of validations, in learning curves only
OTHERS = ("objective", REWARD, *TIMES)


def solver_table(
    method: MethodTable,
    entries: Mapping[str, SolverEntry],
    budget: BudgetTable,
    seeds: int | None,
    over: Iterable[str] = (),
) -> SolverTable:
    """A method as a suite's table: its setting is a preset, learners have several seeds; ``over`` is what is swept."""
    entry = find(method.solver, entries)
    options: dict[str, FiniteScalar] = {"preset": method.setting} if method.setting else {}
    options |= method.options
    episodes = budget.episodes.get(f"{method.solver}:{method.setting}", budget.episodes.get(method.solver))
    if entry.trains and episodes is not None:
        options["episodes"] = episodes
    count = (seeds or budget.seeds) if entry.trains else 1
    values = [quote(str(method.only[name]), safe="") if name in method.only else "*" for name in over]
    names = "*" + "".join(f"-{name}={value}" for name, value in zip(over, values, strict=True)) + "-s*"
    instances = [names] if method.only else ["*"]
    return SolverTable(name=method.solver, label=method.title, options=options, seeds=count, instances=instances)


def folder() -> Path:
    """Where the shipped studies of papers are."""
    return files.folder("studies") / "papers"


def papers() -> dict[str, PaperTable]:
    """The papers, by their keys."""
    content, _ = read_table("papers", folder() / PAPERS, PapersFile)
    return content.papers


def studies(paper: str | None = None) -> list[Study]:
    """The shipped studies, of one paper or of all, in order of papers and figures.

    Raises
    ------
    DtbenchError
        If there is no such paper, or a file is not valid.
    """
    known = papers()
    if paper is not None and paper not in known:
        raise DtbenchError(f"unknown paper '{paper}'.{near(paper, list(known))} Known: {', '.join(known)}.")
    found: list[Study] = []
    for each in [paper] if paper else known:
        found += map(read, sorted((folder() / each).glob("*.toml"), key=lambda file: number_of(file.stem)))
    return found


def number_of(stem: str) -> tuple[int, str]:
    """``fig10`` comes after ``fig9``.

    >>> sorted(["fig10", "fig9"], key=number_of)
    ['fig9', 'fig10']
    """
    digits = "".join(sign for sign in stem if sign.isdigit())
    return int(digits or 0), stem


def study(paper: str, figure: str) -> Study:
    """One figure of a paper: ``6``, ``fig6``.

    Raises
    ------
    DtbenchError
        If there is none.
    """
    stem = figure if figure.startswith("fig") else f"fig{figure}"
    known = {each.source.name: each for each in studies(paper)}
    if stem not in known:
        raise DtbenchError(
            f"paper '{paper}' has no study '{figure}'.{near(stem, list(known))} Known: {', '.join(known)}."
        )
    return known[stem]


def read(file: Path) -> Study:
    """Read a study's file.

    Raises
    ------
    DtbenchError
        If it is not a valid study: the message names file, key, value and what is allowed.
    """
    content, source = read_table("study", file, StudyFile)
    runs = None
    if content.runs:
        runs = read(file.parent / f"{content.runs}.toml")
        if runs.runs is not None:
            raise source.problem("runs", content.runs, "a figure that has runs of its own")
    found = Study(content, source, runs)
    _check(found)
    return found


def _check(found: Study) -> None:
    """Names that the file mentions exist: labels, metrics, parameters."""
    base, content, source = found.base.content, found.content, found.source
    if not (base.problem and base.methods and base.over):
        missing = next(name for name in ("problem", "methods", "over") if not getattr(base, name))
        raise source.problem(missing, getattr(base, missing), "a value: the study has no 'runs' of another figure")
    if found.x not in (TRAINING, SLOT, *base.over):
        raise source.problem("x", found.x, f"'training', 'slot' or one of {', '.join(base.over)}")
    labels = {each.label for each in base.methods}
    metrics = {each.name for each in content.metrics}
    for number, claim in enumerate(content.claims):
        named = [*claim.order, *claim.methods, *(name for name in (claim.a, claim.b) if name)]
        for label in named:
            if label not in labels:
                raise source.problem(f"claims.{number}", label, f"one of {', '.join(sorted(labels))}", sorted(labels))
        if claim.kind != "stated" and claim.metric not in metrics:
            raise source.problem(f"claims.{number}.metric", claim.metric, f"one of {', '.join(sorted(metrics))}")
        for parameter in (*claim.at, *claim.to, *([claim.reading] if claim.reading else [])):
            if parameter not in base.over:
                raise source.problem(f"claims.{number}", parameter, f"one of {', '.join(base.over)}")


def claims(chosen: Sequence[Study]) -> list[tuple[Study, ClaimTable]]:
    """All claims of studies, in their order.

    Raises
    ------
    DtbenchError
        If two have one id.
    """
    found = [(each, claim) for each in chosen for claim in each.content.claims]
    seen: dict[str, Study] = {}
    for each, claim in found:
        if seen.setdefault(claim.id, each) is not each:
            raise DtbenchError(f"'{each.source.file}': claim '{claim.id}' is in '{seen[claim.id].source.file}', too.")
    return found


def share_trained(frames: int | None, full: int | None) -> float:
    """The part of a whole training that some frames are, at most 1; 1 where nothing is trained.

    >>> share_trained(50, 200), share_trained(500, 200), share_trained(None, None)
    (0.25, 1.0, 1.0)
    """
    return 1.0 if frames is None or full is None else min(1.0, frames / full)
