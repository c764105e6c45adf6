"""What a report holds: papers with their figures, runs and judged claims, and how far methods are from the optimum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dtbench.experiments.record import Scalar
from dtbench.experiments.studies import Study, papers, studies
from dtbench.experiments.study_file import PaperTable
from dtbench.reports.claims.bundle import Bundle, file_of, read
from dtbench.reports.claims.judge import Judged, best_rule, judge
from dtbench.reports.claims.measure import Runs
from dtbench.reports.claims.verdict import Verdict
from dtbench.reports.statistics import MeanInterval


@dataclass(frozen=True)
class Distance:
    """How far a method is from the optimum [1], mean over the points of a figure, and the best rule there."""

    study: Study
    method: str
    role: str
    gap: MeanInterval
    trained: float
    unproven: float | None = None  # of the optimum: the greatest part of its value that is not proven


@dataclass(frozen=True)
class FigurePart:
    """A figure with its claims; ``bundle`` is None where it was not run."""

    study: Study
    bundle: Bundle | None
    judged: tuple[Judged, ...]

    @property
    def stem(self) -> str:
        """``tao-fig6``."""
        return self.study.key.replace("/", "-")

    @property
    def budget(self) -> str:
        """What it was run with, in words."""
        if self.bundle is None:
            return "not run"
        b = self.bundle
        parts = sorted({round(100 * run.trained, 2) for run in b.runs if run.method in b.learners})
        words = [f"budget {b.budget}", f"{_count(b.instances, 'instance')} for each point"]
        if parts:
            words += [f"{_count(b.seeds, 'training')} of each learner", f"{_percents(parts)} of the settings' training"]
        if b.study_sha256 != self.study.runs_sha256(b.budget):
            words[-1] += "; the study's file asks for other runs now"
        return "; ".join([", ".join(words), *self._left_out(b)])

    def _left_out(self, b: Bundle) -> Iterator[str]:
        """In which points, parameters and methods the runs fall short of the study, in words."""
        for name, values in self.study.axes.items():
            if len(b.axes[name]) < len(values):
                yield f"{name} = {_values(b.axes[name])} of {_values(values)}"
        cut = self.study.budget(b.budget).set
        if cut:
            yield "with " + ", ".join(f"{name} = {value}" for name, value in cut.items())
        there = {run.method for run in b.runs}
        missing = [each.title for each in self.study.methods if each.title not in there]
        if missing:
            yield f"without {'; '.join(missing)}"


@dataclass(frozen=True)
class PaperPart:
    """A paper with its figures."""

    key: str
    paper: PaperTable
    figures: tuple[FigurePart, ...]

    @property
    def title(self) -> str:
        """Authors and year."""
        return f"{self.paper.authors} ({self.paper.year})"

    @property
    def verdicts(self) -> Counter[Verdict]:
        """How many claims have which verdict."""
        return Counter(each.found.verdict for part in self.figures for each in part.judged)


@dataclass(frozen=True)
class Report:
    """All papers."""

    papers: tuple[PaperPart, ...]

    def claims(self) -> Iterator[tuple[FigurePart, Judged]]:
        """Every claim with its figure."""
        for paper in self.papers:
            for part in paper.figures:
                yield from ((part, each) for each in part.judged)


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")


def _values(values: Sequence[Scalar]) -> str:
    return ", ".join(f"{value:g}" if isinstance(value, float) else str(value) for value in values)


def _percents(parts: Sequence[float]) -> str:
    low, high = (f"{part:g}" for part in (parts[0], parts[-1]))
    return f"{low} %" if low == high else f"{low} to {high} %"


def build(results: Path) -> Report:
    """The report on the data in a folder; figures without data are in it as not run."""
    known = papers()
    made = []
    for key, paper in known.items():
        parts = []
        for each in studies(key):
            file = file_of(results, each)
            bundle = read(file) if file.is_file() else None
            judged = tuple(judge(each, claim, bundle) for claim in each.content.claims)
            parts.append(FigurePart(each, bundle, judged))
        made.append(PaperPart(key, paper, tuple(parts)))
    return Report(tuple(made))


def distances(paper: PaperPart) -> list[Distance]:
    """How far learners and rules are from the optimum, for each figure that has runs of its own."""
    found = []
    for part in paper.figures:
        if part.bundle is None or part.study.runs is not None:
            continue
        runs = Runs(part.study, part.bundle)
        best = next((m.title for m in part.study.methods if m.role == "optimum" and m.title in runs.methods), None)
        if best is None:
            continue
        rules = [m.title for m in part.study.methods if m.role == "rule" and m.title in runs.methods]
        rule = best_rule(runs, rules, runs.points)
        none = MeanInterval(part.bundle.instances, 0.0)
        found.append(Distance(part.study, best, "optimum", none, 1.0, runs.unproven(best)))
        for method in part.study.methods:
            if method.title in runs.methods and (
                method.role in ("method", "rival", "baseline") or method.title == rule
            ):
                gap = gap_of(runs, method.title, best)
                if gap is not None:
                    found.append(Distance(part.study, method.title, method.role, gap, runs.trained([method.title])))
    return found


@dataclass(frozen=True)
class Short:
    """A paper in a line.

    Attributes
    ----------
    paper
        The paper.
    method
        Where its method is nearest to the optimum, among figures with the longest trainings; None without any.
    rule
        The best rule or search of that figure.
    rankings
        What became of its claims that one method is better than others.
    """

    paper: PaperPart
    method: Distance | None
    rule: Distance | None
    rankings: Counter[Verdict]


RANKINGS = ("effect", "order")  # kinds of claims


def short(paper: PaperPart) -> Short:
    """How far its method and the best rule or search are from the optimum, and whether its rankings survive."""
    found = distances(paper)
    mine = [each for each in found if each.role == "method"]
    method = min(mine, key=lambda each: (-each.trained, each.gap.mean), default=None)
    rule = next((each for each in found if method and each.role == "rule" and each.study == method.study), None)
    judged = [each for part in paper.figures for each in part.judged if each.claim.kind in RANKINGS]
    return Short(paper, method, rule, Counter(each.found.verdict for each in judged))


def gap_of(runs: Runs, method: str, best: str) -> MeanInterval | None:
    """The distance of a method from the optimum, relative to it, of means over the points where it was run."""
    points = [p for p in runs.points if runs.value(method, p, "objective") is not None]
    if not points:
        return None
    sign = -1.0 if runs.metric("objective").better == "more" else 1.0
    keys = [(method, p) for p in points] + [(best, p) for p in points]

    def of(values: Sequence[float]) -> float:
        mine, optimum = sum(values[: len(points)]), sum(values[len(points) :])
        return sign * (mine - optimum) / abs(optimum)

    return runs.effect(keys, "objective", of)


def headlines(paper: PaperPart) -> list[tuple[FigurePart, Judged]]:
    """The claims that come first, of figures that were run."""
    run = [part for part in paper.figures if part.bundle is not None]
    return [(part, each) for part in run for each in part.judged if each.claim.headline]
