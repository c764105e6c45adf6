"""Two solvers compared in pairs: what both did on the same instances, by problem and size.

*Pairs.* Runs are of one pair if they are of the same instance and seed. A solver with a single run on an instance, as
deterministic ones have, is paired there with each run of the other. Runs without a score are left out, and named: that
flatters whoever failed.

*Advantage.* How much better the first is than the second, in per cent of the best known value; where none is known, of
the better one's mean objective on the instance. Positive is better, whatever the sense; what differs by less than 1e-9
ties. Numbers of one instance are not independent of each other, so wins, ties and losses, and the signed-rank test, are
over the instances' means. Intervals draw instances, and for each of them runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from dtbench.core import Sense
from dtbench.errors import DtbenchError, near
from dtbench.params import unit_in_words
from dtbench.reports.model import (
    CORRELATION,
    P_VALUE,
    PLACE,
    Column,
    Estimate,
    Quantity,
    Table,
    Text,
    Value,
    WinTieLoss,
)
from dtbench.reports.pairs import (
    SignedRank,
    holm,
    improvement_interval,
    probability_of_improvement,
    signed_rank,
)
from dtbench.reports.scores import TIE, Entry, ProblemRuns, Run
from dtbench.reports.statistics import bootstrap_interval, stratified_iqm

SIGNIFICANT = 0.05
SAID = (" skipped", " not run", " stale", " instances")  # marks that other notes say
TOO_FEW = 6  # instances; with fewer, no p-value can be below 5 %


@dataclass(frozen=True)
class OnInstance:
    """What both did on one instance: objectives of their runs, which of them are pairs, and a scale for differences."""

    instance: str
    first: tuple[float, ...]
    second: tuple[float, ...]
    pairs: tuple[tuple[int, int], ...]  # places in the two
    scale: float
    sense: Sense

    @cached_property
    def losses(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Objectives over the scale; less is better."""
        sign = 1.0 if self.sense == "min" else -1.0
        one, other = (tuple(sign * x / self.scale for x in side) for side in (self.first, self.second))
        return one, other

    @cached_property
    def advantages(self) -> tuple[float, ...]:
        """How much better the first is, of each pair."""
        one, other = self.losses
        return tuple(_tied(other[j] - one[i]) for i, j in self.pairs)

    @property
    def advantage(self) -> float:
        """Mean over the pairs."""
        return _tied(float(np.mean(self.advantages)))

    @property
    def facts(self) -> dict[str, Any]:
        """Mean objectives of both, and the advantage."""
        return {
            "instance": self.instance,
            "first_objective_mean": float(np.mean(self.first)),
            "second_objective_mean": float(np.mean(self.second)),
            "pairs": len(self.pairs),
            "advantage_ratio": self.advantage,
        }


@dataclass(frozen=True)
class Duel:
    """Two solvers on one problem and size. ``notes`` are sentences: what is missing, and what is to be known."""

    problem: str
    size: str
    title: str
    unit: str
    instances: tuple[OnInstance, ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def advantage(self) -> Estimate:
        """Interquartile mean of the advantage over pairs, instances counting equally, with its interval."""
        strata = [each.advantages for each in self.instances]
        return Estimate(stratified_iqm(strata), *(bootstrap_interval(strata) or (None, None))) if strata else NOTHING

    @property
    def outcomes(self) -> tuple[int, int, int]:
        """On how many instances the first is better, as good, and worse."""
        means = [each.advantage for each in self.instances]
        return sum(x > 0 for x in means), sum(x == 0 for x in means), sum(x < 0 for x in means)

    @cached_property
    def probability(self) -> Estimate:
        """Probability that a run of the first beats one of the second, with its interval."""
        sides = [each.losses for each in self.instances]
        if not sides:
            return NOTHING
        return Estimate(probability_of_improvement(sides, TIE), *(improvement_interval(sides, TIE) or (None, None)))

    @cached_property
    def test(self) -> SignedRank:
        """Wilcoxon's test of the instances' mean advantages."""
        return signed_rank([each.advantage for each in self.instances])


@dataclass(frozen=True)
class Comparison:
    """Two solvers on every problem and size that both are planned on; ``p`` are adjusted over all of these (Holm)."""

    first: str
    second: str
    duels: tuple[Duel, ...]

    @cached_property
    def p(self) -> tuple[float, ...]:
        """Adjusted p-value of each duel."""
        return tuple(holm([duel.test.p for duel in self.duels]))

    def better(self, number: int) -> str:
        """Who is shown to be better in a duel at the level of 5 %, or nobody."""
        test = self.duels[number].test
        if self.p[number] > SIGNIFICANT or test.correlation == 0.0:
            return ""
        return self.first if test.correlation > 0.0 else self.second

    @cached_property
    def table(self) -> Table:
        """A row for each problem and size."""
        return Table(COLUMNS, tuple(self._row(number) for number in range(len(self.duels))))

    def _row(self, number: int) -> tuple[Value, ...]:
        duel = self.duels[number]
        return (
            Text(duel.problem),
            Text(duel.size),
            Quantity(len(duel.instances), PLACE),
            Quantity(sum(len(each.pairs) for each in duel.instances), PLACE),
            duel.advantage,
            WinTieLoss(*duel.outcomes),
            duel.probability,
            Quantity(duel.test.correlation, CORRELATION),
            Quantity(duel.test.p, P_VALUE),
            Quantity(self.p[number], P_VALUE),
            Text(self.better(number) or "not significant"),
        )

    @property
    def heading(self) -> str:
        """What the table is about, in one line."""
        return f"{self.first} against {self.second}: advantages are those of {self.first}"

    def as_data(self) -> dict[str, Any]:
        """Names, rows, instances and notes as raw numbers, words and None, for JSON."""
        rows = zip(self.table.fields(), self.duels, strict=True)
        return {
            "first": self.first,
            "second": self.second,
            "rows": [
                row | {"unit": duel.unit, "on": [each.facts for each in duel.instances], "notes": list(duel.notes)}
                for row, duel in rows
            ],
        }

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be known beside the table, in sentences."""
        return tuple(f"{duel.problem} {duel.size}: {note}" for duel in self.duels for note in duel.notes)


NOTHING = Estimate(None)
COLUMNS = (
    Column("problem", "problem", numeric=False),
    Column("size", "size", numeric=False),
    Column("instances", "instances", "Instances on which both have a score."),
    Column("pairs", "pairs", "Pairs of runs on the same instance with the same seed; a single run is of every seed."),
    Column(
        "advantage",
        "advantage",
        "How much better the first is than the second, relative to the best known value (where none is known, to the "
        "better one's mean on the instance); negative where it is worse. Interquartile mean over pairs, instances "
        "counting equally, and its 95 % interval: a bootstrap that draws instances, and for each of them pairs.",
    ),
    Column("outcomes", "win / tie / loss", "Instances on which the first is better, as good to nine digits, worse."),
    Column(
        "probability",
        "probability of improvement",
        "How likely a run of the first beats one of the second on an instance drawn at random, a tie counting half "
        "(Agarwal et al. 2021), and its 95 % bootstrap interval.",
    ),
    Column(
        "correlation",
        "rank correlation",
        "Effect size of the test: the share of the ranks of differences that speak for the first, minus that for the "
        "second.",
    ),
    Column("p", "p (Wilcoxon)", "Two-sided signed-rank test of the mean advantages on the instances."),
    Column("p_holm", "p (Holm)", "The same, adjusted for testing every problem and size that is shown."),
    Column("better", "better", "Whose advantage is shown, at 5 % of the adjusted p-value.", numeric=False),
)


def compare(
    groups: Sequence[ProblemRuns], first: str, second: str, *, problem: str | None = None, size: str | None = None
) -> Comparison:
    """Two solvers, by label or by a name that has one label, in what :func:`dtbench.reports.scores.collect` gives.

    Raises
    ------
    DtbenchError
        If a label is unknown or a name has several, both are the same, or they share no instance in what is chosen.
    """
    chosen = [group for group in groups if problem in (None, group.problem) and size in (None, group.size)]
    if not chosen:
        there = ", ".join(f"{group.problem} {group.size}" for group in groups)
        raise DtbenchError(f"there are no results of {problem or 'any problem'}, size {size or 'any'}. There: {there}.")
    names: dict[str, set[str]] = {}  # label -> solvers of this label
    for run in (run for group in chosen for run in group.runs):
        names.setdefault(run.label, set()).add(run.cell.solver)
    first, second = check_names((first, second), names)
    duels = [_duel(group, first, second) for group in chosen]
    met = tuple(duel for duel in duels if duel is not None)
    if not any(duel.instances for duel in met):
        raise DtbenchError(
            f"'{first}' and '{second}' have no pair of runs: no instance on which both have a score of one seed, or "
            "one of them a single run."
        )
    return Comparison(first, second, met)


def check_names(given: tuple[str, str], names: Mapping[str, set[str]]) -> tuple[str, str]:
    """The two labels that are meant, of ``names``: labels, and the solvers of each. Without any, those given.

    Raises
    ------
    DtbenchError
        If a label is unknown or a name has several, or both are the same.
    """
    if not names:
        return given
    first, second = (_label(each, names) for each in given)
    if first == second:
        raise DtbenchError(f"'{first}' is compared with itself; name two solvers. There: {_listed(sorted(names))}.")
    return first, second


def _listed(labels: Sequence[str]) -> str:
    """Labels in a sentence; one with a comma in it is quoted."""
    return ", ".join(f"'{label}'" if "," in label else label for label in labels)


def _label(given: str, names: Mapping[str, set[str]]) -> str:
    """The label that is meant: a solver's name will do where it has one label only.

    Raises
    ------
    DtbenchError
        If there is none, or there are several.
    """
    if given in names:
        return given
    meant = [label for label, solvers in names.items() if given in solvers]
    if len(meant) == 1:
        return meant[0]
    if meant:
        raise DtbenchError(f"'{given}' is the solver of several labels: name one of {_listed(sorted(meant))}.")
    raise DtbenchError(f"no results of solver '{given}'.{near(given, names)} There: {_listed(sorted(names))}.")


def _duel(group: ProblemRuns, first: str, second: str) -> Duel | None:
    """The two on one problem and size; None where not both are planned."""
    entries = {entry.label: entry for entry in group.entries}
    if first not in entries or second not in entries:
        return None
    one, other = entries[first], entries[second]
    instances = tuple(_on(name, one, other, group.facts.sense) for name in group.instances)
    met = [each for each in instances if each is not None]
    shared = tuple(each for each in met if each.pairs)
    apart = [each.instance for each in met if not each.pairs]
    notes = (*_notes(group, one, other, shared), *([f"No seed in common on: {', '.join(apart)}."] if apart else []))
    return Duel(group.problem, group.size, group.facts.title, unit_in_words(group.facts.unit), shared, notes)


def _on(name: str, one: Entry, other: Entry, sense: Sense) -> OnInstance | None:
    """The two on one instance; None where not both have a score."""
    first, second = one.on(name).ok, other.on(name).ok
    if not first or not second:
        return None
    sides = [tuple(run.objective for run in side if run.objective is not None) for side in (first, second)]
    means = [float(np.mean(side)) for side in sides]
    best = first[0].best
    if best is None:
        best = min(means) if sense == "min" else max(means)
    return OnInstance(name, sides[0], sides[1], _paired(one.on(name), other.on(name)), max(abs(best), 1e-12), sense)


def _paired(one: Entry, other: Entry) -> tuple[tuple[int, int], ...]:
    """Places of runs with a score that are a pair; one run in all stands for every seed."""
    first, second = one.ok, other.ok
    if one.planned == 1 or other.planned == 1:
        return tuple((i, j) for i in range(len(first)) for j in range(len(second)))
    places = {run.cell.seed: j for j, run in enumerate(second)}
    return tuple((i, places[run.cell.seed]) for i, run in enumerate(first) if run.cell.seed in places)


def _notes(group: ProblemRuns, one: Entry, other: Entry, shared: Sequence[OnInstance]) -> Iterator[str]:
    for entry in (one, other):
        missing = [run for run in entry.runs if run.status != "ok"]
        if missing:
            yield (
                f"{entry.label} has no score in {len(missing)} of its {entry.planned} runs ({_statuses(missing)}); "
                "they are left out, which flatters it."
            )
        if entry.n_instances < entry.instances:
            yield f"{entry.label} is planned on {entry.n_instances} of {entry.instances} instances only."
        marks = [mark for mark in entry.marks if not mark.endswith(SAID)]
        if marks:
            yield f"{entry.label}: {', '.join(marks)}."
    best = {run.instance: run.best for run in group.runs}
    unknown = [each.instance for each in shared if best[each.instance] is None]
    if unknown:
        yield f"No best known value, hence relative to the better one's mean: {', '.join(unknown)}."
    differ = sum(each.advantage != 0.0 for each in shared)
    if differ < TOO_FEW:
        yield f"Instances that differ: {differ}; with fewer than {TOO_FEW} no p-value can be below {SIGNIFICANT}."


def _statuses(runs: Iterable[Run]) -> str:
    counts: dict[str, int] = {}
    for run in runs:
        counts[str(run.status)] = counts.get(str(run.status), 0) + 1
    return ", ".join(f"{n} {status}" for status, n in sorted(counts.items()))


def _tied(advantage: float) -> float:
    return 0.0 if abs(advantage) <= TIE else advantage
