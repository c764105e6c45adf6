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
from urllib.parse import quote

from dtbench import files
from dtbench.errors import DtbenchError, near
from dtbench.experiments import sweep
from dtbench.experiments.record import FiniteScalar, Scalar
from dtbench.experiments.study_file import (
    BudgetName,
    BudgetTable,
    ClaimTable,
    MethodTable,
    MetricTable,
    PapersFile,
    PaperTable,
    StudyFile,
)
from dtbench.experiments.sweep import Sweep, SweepFile
from dtbench.experiments.tables import SolverTable, Source, read_table
from dtbench.plugins.discovery import SolverEntry, discover, find

PAPERS = "papers.toml"
TRAINING, SLOT = "training", "slot"  # axes that are no parameters


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
    for whole in (each.part_of for each in content.metrics if each.part_of):
        if whole not in labels:
            raise source.problem("metrics.part_of", whole, f"one of {', '.join(sorted(labels))}", sorted(labels))
    for number, claim in enumerate(content.claims):
        named = [*claim.order, *claim.methods, *(name for name in (claim.a, claim.b) if name)]
        named += [*claim.also, *(other for others in claim.also.values() for other in others)]
        for label in named:
            if label not in labels:
                raise source.problem(f"claims.{number}", label, f"one of {', '.join(sorted(labels))}", sorted(labels))
        if claim.kind != "stated" and claim.metric not in metrics:
            raise source.problem(f"claims.{number}.metric", claim.metric, f"one of {', '.join(sorted(metrics))}")
        for parameter in (*claim.at, *claim.to, *claim.than, *([claim.reading] if claim.reading else [])):
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
