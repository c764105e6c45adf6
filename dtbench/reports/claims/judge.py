"""From a claim and the runs of its figure to a verdict: which effects, at which points, in which reading."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dtbench.experiments.record import Scalar
from dtbench.experiments.studies import REWARD, Study
from dtbench.experiments.study_file import SETTINGS, ClaimTable
from dtbench.reports.claims import curves, verdict
from dtbench.reports.claims.bundle import Bundle, Point
from dtbench.reports.claims.measure import Runs, better_by, grows_by
from dtbench.reports.claims.verdict import Judgement
from dtbench.reports.numbers import one_line
from dtbench.reports.statistics import MeanInterval

OPTIMAL = 0.01  # a method this near to the optimum, relative to it, has found it
READINGS = ("paper", "tuned")


@dataclass(frozen=True)
class Judged:
    """A claim with its verdict, and what stands beside it: what the optimum and the best rule have in its place.

    ``optimum`` and ``rule`` are values of the claim's metric where they were measured at its points.
    """

    study: Study
    claim: ClaimTable
    found: Judgement
    optimum: MeanInterval | None = None
    rule: tuple[str, MeanInterval] | None = None


def judge(study: Study, claim: ClaimTable, bundle: Bundle | None) -> Judged:
    """The verdict of a claim."""
    if claim.kind == "stated":
        return Judged(study, claim, Judgement("cannot be decided", claim.note))
    if bundle is None:
        return Judged(study, claim, Judgement("cannot be decided", "not run"))
    runs = Runs(study, bundle)
    if not all(runs.where(place) for place in (claim.at, claim.to, claim.than)):
        return Judged(
            study, claim, Judgement("cannot be decided", f"the budget '{bundle.budget}' leaves its point out")
        )
    readings = list(_readings(runs, claim))
    found = verdict.best_of(readings) if readings else Judgement("cannot be decided", "not all of its methods were run")
    if found.verdict == "does not hold" and found.setting and not found.certified and not _in_full(readings):
        found = replace(found, reason=f"{found.reason}; not trained in full with the paper's settings")
    beside = _Beside(runs, claim, found.points)
    return Judged(study, claim, found, beside.optimum(), beside.rule())


def _readings(runs: Runs, claim: ClaimTable) -> Iterator[Judgement]:
    """A judgement for each reading: whose settings, and which value of the parameter that the paper can mean."""
    values: Sequence[Scalar | None] = list(runs.bundle.axes.get(claim.reading, [None])) or [None]
    for setting, value, meaning in itertools.product(_settings(runs, claim), values, [{}, *_meanings(claim)]):
        place = claim.at | ({} if value is None else {claim.reading: value})
        made = _Claim(runs, claim, setting, runs.where(place), value, meaning)
        if not made.points or not made.was_run or not all(map(made.where, (claim.to, claim.than))):
            continue
        words = [SETTINGS[setting]] if setting else []
        words += [] if value is None else [f"{claim.reading} = {value}"]
        words += [f"{label}: {other}" for label, other in meaning.items()]
        yield replace(_judged(made), reading=", ".join(words), points=tuple(made.points), setting=setting)


def _in_full(readings: Sequence[Judgement]) -> bool:
    """Whether a reading has the paper's settings and their whole training."""
    return any(each.setting == "paper" and not each.short for each in readings)


def _meanings(claim: ClaimTable) -> list[dict[str, str]]:
    return [{label: other} for label, others in claim.also.items() for other in others]


def _settings(runs: Runs, claim: ClaimTable) -> list[str]:
    """Settings that a method of the claim was run with."""
    named = {*claim.order, *claim.methods, claim.a, claim.b}
    there = {each.setting for each in runs.study.methods if each.label in named and each.title in runs.methods}
    return [setting for setting in READINGS if setting in there] or [""]


@dataclass(frozen=True)
class _Claim:
    """A claim in one reading: with the methods of a setting, at the points of a value."""

    runs: Runs
    claim: ClaimTable
    setting: str
    points: list[Point]
    value: Scalar | None = None
    meaning: Mapping[str, str] = field(default_factory=dict)

    @property
    def was_run(self) -> bool:
        """Whether its learners were run at all of its points in this setting."""
        there = {(run.method, run.point) for run in self.runs.bundle.runs}
        named = {*self.claim.order, *self.claim.methods, self.claim.a, self.claim.b} - {""}
        titles = [self.title(label) for label in named]
        mine = [m.title for m in self.runs.study.methods if m.title in titles and m.setting]
        return all((title, point) in there for title in mine for point in self.points)

    def where(self, place: Mapping[str, Scalar]) -> list[Point]:
        """Points of a place in this reading."""
        return self.runs.where(place if self.value is None else {**place, self.claim.reading: self.value})

    @property
    def better_values(self) -> tuple[str, bool]:
        """Which values of a learning curve count, and whether more of them is better."""
        metric = self.claim.metric
        return metric, metric == REWARD or _sense(self.runs) == "more"

    def title(self, label: str) -> str:
        """The method of a label in this setting; the one without a setting where it has none."""
        meant = self.meaning.get(label, label)
        known = [each for each in self.runs.study.methods if each.label == meant]
        chosen = [each for each in known if each.setting == self.setting]
        return (chosen or known)[0].title

    def at(self, point: Point) -> str:
        """A point in words."""
        values = dict(zip(self.runs.bundle.axes, point, strict=True))
        varied = {name: value for name, value in values.items() if len(self.runs.bundle.axes[name]) > 1}
        return one_line(", ".join(f"{n} = {v}" for n, v in varied.items() if n != self.claim.reading))

    def judged(self, found: Judgement, titles: Sequence[str], where: str = "") -> Judgement:
        """Tempered by how long the methods were trained, and by what is open."""
        trained = self.runs.trained(titles)
        made = verdict.tempered(found, trained=trained, open_parameter=self.claim.open, fitted=self.claim.fitted)
        return replace(made, where=where)

    def better(self, a: str, b: str, point: Point, claimed: float | None) -> Judgement:
        """Whether method ``a`` is better than ``b`` at a point, by the claimed part."""
        runs, metric, titles = self.runs, self.claim.metric, [self.title(a), self.title(b)]
        of = better_by(runs.metric(metric).better)
        measured = runs.effect([(title, point) for title in titles], metric, of)
        ceiling = None
        best = next((each.title for each in runs.study.methods if each.role == "optimum"), None)
        if self.claim.ceiling and best is not None and metric == "objective":
            ceiling = runs.proven.effect([(best, point), (titles[1], point)], metric, of)
        found = verdict.of_effect(measured, claimed, ceiling=ceiling)
        if found.certified and runs.trained([titles[1]]) < verdict.WHOLE:  # the bound is on a gain over b, as it is
            found = replace(found, certified=False)
        return self.judged(found, titles, f"{a} and {b}" + (f" at {self.at(point)}" if self.at(point) else ""))


def _judged(given: _Claim) -> Judgement:
    return {
        "effect": _effect, "order": _order, "trend": _trend, "value": _value, "difference": _difference,
        "growth": _growth, "optimal": _optimal, "slopes": _slopes, "converges": _converges,
        "improves": _improves, "faster": _faster, "ahead": _ahead, "outweighs": _outweighs,
    }[given.claim.kind](given)  # fmt: skip


def _effect(given: _Claim) -> Judgement:
    """``a`` is better than ``b`` by the claimed part, at every point or at one."""
    claim = given.claim
    found = [given.better(claim.a, claim.b, point, claim.claimed) for point in given.points]
    return verdict.all_of(found) if claim.every else replace(verdict.best_of(found), others=())


def _order(given: _Claim) -> Judgement:
    """Each method of ``order`` is better than the next one, at every point."""
    claim = given.claim
    order = claim.order
    pairs = list(itertools.pairwise(order))
    if claim.methods:  # the first of the order against all of these
        pairs = [(order[0], other) for other in claim.methods]
    return verdict.all_of(given.better(a, b, point, None) for a, b in pairs for point in given.points)


def _trend(given: _Claim) -> Judgement:
    """The metric rises, or falls, along the axis, for every method; steps back count where they are shown."""
    claim, runs = given.claim, given.runs
    axis = next(iter(runs.bundle.axes))
    sign = 1.0 if claim.direction == "rises" else -1.0
    found = []
    for label in claim.methods:
        title = given.title(label)
        points = _sorted(given.points, list(runs.bundle.axes).index(axis))
        if len(points) < 2:
            return Judgement("cannot be decided", "a single point was run")
        steps = [(points[0], points[-1]), *itertools.pairwise(points)]
        judged = []
        for start, end in steps:
            effect = runs.effect([(title, start), (title, end)], claim.metric, lambda v: sign * _change(v))
            judged.append(
                replace(verdict.of_effect(effect), where=f"{label} from {given.at(start)} to {given.at(end)}")
            )
        back = [each for each in judged[1:] if each.measured and (each.measured.upper or 0.0) < -verdict.LEVEL]
        overall = judged[0]
        if overall.verdict == "holds" and back:
            overall = replace(back[0], verdict="holds in direction", reason="on the whole, with a step back")
        elif overall.verdict == "holds" and len(points) == 2:
            overall = replace(overall, reason="of two points: nothing is known between them")
        found.append(given.judged(overall, [title], overall.where))
    return verdict.all_of(found)


def _change(values: Sequence[float]) -> float:
    """The change relative to the greater of two values; 0 where both are 0."""
    top = max(abs(values[0]), abs(values[1]))
    return (values[1] - values[0]) / top if top else 0.0


def _sorted(points: Sequence[Point], axis: int) -> list[Point]:
    """Points in the order of an axis, those of other panels left out."""
    first = points[0]
    alike = [p for p in points if all(p[i] == first[i] for i in range(len(p)) if i != axis)] if points else []
    return sorted(alike, key=lambda point: float(point[axis]))


def _value(given: _Claim) -> Judgement:
    """A method's value at every point of the claim."""
    claim, found = given.claim, []
    for label in claim.methods or [claim.a]:
        title = given.title(label)
        for point in given.points:
            measured = given.runs.value(title, point, claim.metric)
            judged = verdict.of_value(measured, claim.claimed or 0.0, claim.tolerance)
            found.append(given.judged(judged, [title], f"{label} at {given.at(point)}" if given.at(point) else label))
    return verdict.all_of(found)


def _difference(given: _Claim) -> Judgement:
    """The value of ``a`` minus that of ``b``, in the metric's unit."""
    claim, found = given.claim, []
    titles = [given.title(claim.a), given.title(claim.b)]
    for point in given.points:
        measured = given.runs.effect([(title, point) for title in titles], claim.metric, lambda v: v[0] - v[1])
        judged = verdict.of_effect(measured, claim.claimed, relative=False)
        found.append(given.judged(judged, titles, given.at(point)))
    return verdict.all_of(found)


def _growth(given: _Claim) -> Judgement:
    """By which part a method's value grows from ``at`` to ``to``."""
    claim = given.claim
    title = given.title(claim.a)
    points = [given.points[0], given.where(claim.to)[0]]
    measured = given.runs.effect([(title, point) for point in points], claim.metric, grows_by)
    if claim.tolerance:
        found = verdict.of_value(measured, claim.claimed or 0.0, claim.tolerance)
    else:
        found = verdict.of_effect(measured, claim.claimed)
    return given.judged(found, [title], f"{claim.a} from {given.at(points[0])} to {given.at(points[1])}")


def _optimal(given: _Claim) -> Judgement:
    """The method is the optimum, up to :data:`OPTIMAL`, at every point."""
    runs, title = given.runs, given.title(given.claim.a)
    best = next(each.title for each in runs.study.methods if each.role == "optimum")
    found = []
    for point in given.points:
        gap = runs.effect([(title, point), (best, point)], "objective", lambda v: abs(v[0] - v[1]) / abs(v[1]))
        judged = verdict.of_value(gap, 0.0, OPTIMAL)
        found.append(given.judged(judged, [title], given.at(point)))
    return verdict.all_of(found)


def _slopes(given: _Claim) -> Judgement:
    """The slope of ``a`` along the axis relative to that of ``b``."""
    claim, runs = given.claim, given.runs
    points = _sorted(given.points, 0)
    if len(points) < 2:
        return Judgement("cannot be decided", "a single point was run")
    titles = [given.title(claim.a), given.title(claim.b)]
    keys = [(title, point) for title in titles for point in (points[0], points[-1])]
    measured = runs.effect(keys, claim.metric, _ratio_of_changes)
    return given.judged(verdict.of_value(measured, claim.claimed or 0.0, claim.tolerance), titles)


def _ratio_of_changes(values: Sequence[float]) -> float:
    """``(v1 - v0) / (v3 - v2)``.

    >>> _ratio_of_changes([1.0, 2.0, 1.0, 4.0]) == 1 / 3
    True
    """
    return (values[1] - values[0]) / (values[3] - values[2]) if values[3] != values[2] else float("nan")


def _converges(given: _Claim) -> Judgement:
    """In the second half of its training, a method has :data:`~curves.SETTLED` of all that the training gains."""
    claim, title, found = given.claim, given.title(given.claim.a), []
    for point in given.points:
        measured = curves.held(curves.curves_of(given.runs, title, point), *given.better_values)
        judged = verdict.of_value(measured, 1.0, 1.0 - curves.SETTLED)
        if measured is not None and measured.lower is not None and measured.lower >= curves.SETTLED:
            judged = replace(judged, verdict="holds", reason="")
        found.append(given.judged(judged, [title], " at ".join(filter(None, (claim.a, given.at(point))))))
    return verdict.all_of(found)


def _improves(given: _Claim) -> Judgement:
    """At the end of its training, every method is better than at the beginning."""
    found = []
    for label in given.claim.methods:
        title = given.title(label)
        for point in given.points:
            measured = curves.improved(curves.curves_of(given.runs, title, point), *given.better_values)
            found.append(given.judged(verdict.of_effect(measured, given.claim.claimed), [title], label))
    return verdict.all_of(found)


def _faster(given: _Claim) -> Judgement:
    """Every method has its gain after fewer slots than ``b``."""
    claim, rival, found = given.claim, given.title(given.claim.b), []
    for label in claim.methods:
        title = given.title(label)
        for point in given.points:
            mine, other = (curves.curves_of(given.runs, each, point) for each in (title, rival))
            measured = curves.sooner(mine, other, *given.better_values)
            found.append(
                given.judged(verdict.of_effect(measured, claim.claimed), [title, rival], f"{label} and {claim.b}")
            )
    return verdict.all_of(found)


def _ahead(given: _Claim) -> Judgement:
    """At some validation of their trainings ``a`` is better than ``b`` by the claimed part."""
    claim, titles, found = given.claim, [given.title(given.claim.a), given.title(given.claim.b)], []
    for point in given.points:
        mine, other = (curves.curves_of(given.runs, each, point) for each in titles)
        judged = verdict.of_effect(curves.ahead(mine, other, *given.better_values), claim.claimed)
        found.append(given.judged(judged, titles, f"{claim.a} and {claim.b}"))
    return verdict.all_of(found)


def _outweighs(given: _Claim) -> Judgement:
    """A method's value changes more from ``at`` to ``to`` than from ``at`` to ``than``, relative to that at ``at``."""
    claim, title = given.claim, given.title(given.claim.a)
    points = [given.points[0], given.where(claim.to)[0], given.where(claim.than)[0]]
    measured = given.runs.effect([(title, point) for point in points], claim.metric, _weighed)
    return given.judged(verdict.of_effect(measured, claim.claimed), [title], claim.a)


def _weighed(values: Sequence[float]) -> float:
    """``(|v1 - v0| - |v2 - v0|) / |v0|``.

    >>> _weighed([10.0, 8.0, 11.0])
    0.1
    """
    start, end, other = values
    return (abs(end - start) - abs(other - start)) / abs(start) if start else float("nan")


@dataclass(frozen=True)
class _Beside:
    """What stands beside a claim: the optimum's and the best rule's value of its metric, means over its points."""

    runs: Runs
    claim: ClaimTable
    points: tuple[Point, ...]

    def _mean(self, title: str) -> MeanInterval | None:
        keys = [(title, point) for point in self.points]
        return self.runs.effect(keys, self.claim.metric, lambda values: sum(values) / len(values))

    def optimum(self) -> MeanInterval | None:
        """Of the optimum."""
        best = next((each.title for each in self.runs.study.methods if each.role == "optimum"), None)
        return None if best not in self.runs.methods else self._mean(str(best))

    def rule(self) -> tuple[str, MeanInterval] | None:
        """Of the rule that has the best objective at these points."""
        rules = [
            each.title for each in self.runs.study.methods if each.role == "rule" and each.title in self.runs.methods
        ]
        found = best_rule(self.runs, rules, self.points)
        value = self._mean(found) if found else None
        return None if found is None or value is None else (found, value)


def best_rule(runs: Runs, rules: Sequence[str], points: Sequence[Point]) -> str | None:
    """The rule with the best mean objective over points."""
    scored = []
    for title in rules:
        mean = runs.effect([(title, point) for point in points], "objective", lambda v: sum(v) / len(v))
        if mean is not None:
            scored.append((mean.mean, title))
    if not scored:
        return None
    more = _sense(runs) == "more"
    return (max if more else min)(scored, key=lambda each: each[0])[1]


def _sense(runs: Runs) -> str:
    from dtbench.problems import problem

    return "more" if problem(runs.study.base.content.problem).sense == "max" else "less"
