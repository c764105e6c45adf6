"""The tables of a study's file, as they are written; ``studies.py`` has an example and reads them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from dtbench.experiments.record import FiniteScalar, Scalar
from dtbench.experiments.sweep import OWN_SEEDS, Values
from dtbench.experiments.tables import FileTable, LimitsTable

BudgetName = Literal["quick", "hours", "paper"]
BUDGETS: tuple[BudgetName, ...] = ("quick", "hours", "paper")
Role = Literal["method", "rival", "baseline", "rule", "optimum"]
Kind = Literal[
    "effect", "order", "trend", "value", "difference", "growth", "optimal", "slopes", "converges", "improves", "faster",
    "ahead", "outweighs", "stated"
]  # fmt: skip
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

    The number is multiplied by ``factor`` and divided by the parameters ``per``, and by that of the method ``part_of``.
    """

    name: str = Field(description="'objective', a metric of the referee, 'train_seconds' or 'decide_seconds'")
    label: str = Field(description="a text: the axis, with its unit")
    better: Literal["less", "more", ""] = Field(default="less", description="'less', 'more' or ''")
    factor: float = Field(default=1.0, description="a number")
    per: list[str] = Field(default=[], description="a list of parameters")
    part_of: str = Field(default="", description="the label of a method whose number on the same instance is the whole")
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
    than: Place = Field(default_factory=dict, description="a table of parameters: the point with the lesser change")
    every: bool = Field(default=True, description="true, or false for claims of 'up to'")
    ceiling: bool = Field(default=False, description="whether the optimum bounds the effect")
    also: dict[str, list[str]] = Field(default_factory=dict, description="a table of labels: what else one can mean")
    reading: str = Field(default="", description="a swept parameter whose values are readings of the paper")
    open: str = Field(default="", description="a text: what the paper leaves open and the number hangs on")
    fitted: str = Field(default="", description="a text: which open parameters were chosen so as to meet the number")
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
