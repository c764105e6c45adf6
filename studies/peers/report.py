"""Tables and a picture of the measurements: cost and outcome of each side, and ratios to ours.

python -m studies.peers.report [--page docs/peers.md] [--picture docs/peers.png]

Prints the tables as Markdown. With ``--page`` they take the place of what stands between the page's marks.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from dtbench.problems import problem
from dtbench.reports.statistics import mean_interval
from studies.peers import rows as table
from studies.peers.environments import FAMILIES, requirements
from studies.peers.settings import OURS, Pair, pairs

LABELS = {
    ("marl", "core"): "BenchMARL, batched core",
    ("marl", "found"): "BenchMARL, PettingZoo",
    ("sb3", "core"): "Stable-Baselines3, batched core",
    ("sb3", "found"): "Stable-Baselines3, Gymnasium",
}
MARKS = ("<!-- {}: begin -->", "<!-- {}: end -->")


@dataclass(frozen=True)
class Ratio:
    """A geometric mean over seeds of the peer's number over ours, with a 95 % t interval; nan where there is none."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        if math.isnan(self.mean):
            return "-"
        return figure(self.mean) + ("" if math.isnan(self.low) else f" [{figure(self.low)}, {figure(self.high)}]")


@dataclass(frozen=True)
class Line:
    """A peer beside ours, over the seeds that both have."""

    pair: Pair
    side: str
    seeds: int
    cpu: Ratio
    update: Ratio
    memory: Ratio
    objective: Ratio
    theirs: dict[str, float]
    ours: dict[str, float]

    @property
    def label(self) -> str:
        """What the peer is called."""
        return self.pair.labels.get(self.side) or LABELS[self.pair.family, self.side]


def figure(value: float) -> str:
    """Two digits, or all before the point."""
    if math.isnan(value):
        return "-"
    return f"{value:.0f}" if value >= 99.5 else f"{value:.2g}" if value >= 9.95 else f"{value:.2f}"


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> Ratio:
    """Of numbers by seed."""
    if not len(theirs) or None in theirs or None in ours:
        return Ratio(math.nan, math.nan, math.nan)
    found = mean_interval(np.log(np.divide(theirs, ours)))
    ends = [math.nan if end is None else math.exp(end) for end in (found.lower, found.upper)]
    return Ratio(math.exp(found.mean), *ends)


def lines(known: Iterable[Pair], rows: Iterable[table.Row]) -> list[Line]:
    """Every peer that has been measured with the present settings, in the order of the pairs."""
    by_cell = {(row["pair"], row["side"], row["seed"], row["key"]): row for row in rows}
    found = []
    for pair in known:
        key = table.key(pair)
        for side in pair.sides[1:]:
            both = [
                (by_cell[pair.name, side, seed, key], by_cell[pair.name, OURS, seed, key])
                for name, of, seed, of_key in sorted(by_cell)
                if (name, of, of_key) == (pair.name, side, key) and (pair.name, OURS, seed, key) in by_cell
            ]
            if both:
                found.append(_line(pair, side, both))
    return found


def _line(pair: Pair, side: str, both: list[tuple[table.Row, table.Row]]) -> Line:
    theirs, ours = ([sides[of] for sides in both] for of in (0, 1))

    def of(field: str) -> Ratio:
        return ratio([row[field] for row in theirs], [row[field] for row in ours])

    return Line(
        pair, side, len(both), of("cpu"), of("cpu_update"), of("peak_mb"), of("objective"), means(theirs), means(ours)
    )


def means(rows: Sequence[table.Row]) -> dict[str, float]:
    """Means over seeds: CPU seconds, frames per CPU second, memory, objective; nan where nothing was measured."""

    def mean(values: Iterable[Any]) -> float:
        return float(np.mean([math.nan if value is None else value for value in values]))

    return {
        "cpu": mean(row["cpu"] for row in rows),
        "rate": mean(row["frames"] / row["cpu"] for row in rows),
        "peak_mb": mean(row["peak_mb"] for row in rows),
        "objective": mean(row["objective"] for row in rows),
    }


def costs(found: Sequence[Line]) -> str:
    """The table of costs."""
    head = (
        "work", "on", "peer", "CPU s, peer / ours", "ratio [95 %]", "wanted", "update", "frames/s, peer / ours",
        "memory MB, peer / ours", "seeds",
    )  # fmt: skip
    body = [
        (
            line.pair.title, f"`{line.pair.instance}`", line.label,
            beside(line, "cpu"), f"**{line.cpu}**", _wanted(line), str(line.update), beside(line, "rate"),
            beside(line, "peak_mb"), str(line.seeds),
        )
        for line in found
    ]  # fmt: skip
    return markdown(head, body)


def outcomes(found: Sequence[Line]) -> str:
    """The table of what policies, searches and solvers reached."""
    head = ("work", "peer", "objective, peer / ours", "better is", "ours better by, over seeds [95 %]")
    body = []
    for line in found:
        if math.isnan(line.ours["objective"]):
            continue
        less = problem(line.pair.instance.partition("/")[0]).sense == "min"
        body.append(
            (
                line.pair.title, line.label, beside(line, "objective", 4), "less" if less else "more",
                better_by(line.objective, less=less),
            )
        )  # fmt: skip
    return markdown(head, body)


def better_by(objective: Ratio, *, less: bool) -> str:
    """By which share ours is better, of the ratio of the peer's objective to ours, with its interval.

    >>> better_by(Ratio(1.04, 1.01, 1.07), less=True)
    '4.0% [1.0, 7.0]'
    >>> better_by(Ratio(1.04, math.nan, math.nan), less=False)
    '-4.0%'
    """
    sign = 1.0 if less else -1.0
    middle, *ends = (sign * (value - 1.0) + 0.0 for value in (objective.mean, objective.low, objective.high))
    if abs(middle) < 5e-5:
        return "equal"
    interval = "" if math.isnan(ends[0]) else " [{:.1f}, {:.1f}]".format(*(100.0 * end for end in sorted(ends)))
    return f"{middle:.1%}{interval}"


def beside(line: Line, name: str, digits: int = 0) -> str:
    """The peer's mean and ours."""
    pair = (line.theirs[name], line.ours[name])
    if digits:
        return " / ".join(f"{value:.{digits}g}" for value in pair)
    return " / ".join(f"{value:.0f}" if value >= 99.5 else f"{value:.3g}" for value in pair)


def _wanted(line: Line) -> str:
    least = line.pair.wanted.get(line.side)
    if least is None:
        return ""
    if line.cpu.mean < least:
        return f"{least:g}: not yet"
    return f"{least:g}: yes" if line.cpu.low >= least else f"{least:g}: yes, but not surely"


def versions() -> str:
    """The table of the peers' pinned versions."""
    body = [
        (family, ", ".join(f"{name} {version}" for name, version in requirements(family).items()))
        for family in FAMILIES
    ]
    return markdown(("environment", "packages"), body)


def markdown(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """A table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body))


def put(text: str, parts: dict[str, str]) -> str:
    """A page with tables between its marks.

    Raises
    ------
    ValueError
        If a mark is missing.
    """
    for name, content in parts.items():
        begin, end = (mark.format(name) for mark in MARKS)
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"the page has no '{begin}' and '{end}'.")
        before, rest = text.split(begin)
        text = f"{before}{begin}\n{content}\n{end}{rest.split(end)[1]}"
    return text


def draw(found: Sequence[Line]) -> Figure:
    """Ratios of CPU seconds, a bar per peer, on a logarithmic axis."""
    figure = Figure(figsize=(8.0, 0.5 + 0.26 * len(found)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(found))[::-1]
    colours = ["tab:blue" if line.side == "core" else "tab:gray" for line in found]
    axes.barh(places, [line.cpu.mean for line in found], color=colours)
    for place, line in zip(places, found, strict=True):
        if not math.isnan(line.cpu.low):
            axes.plot([line.cpu.low, line.cpu.high], [place, place], color="black", linewidth=1.0)
        if line.side in line.pair.wanted:
            axes.plot([line.pair.wanted[line.side]] * 2, [place - 0.4, place + 0.4], color="tab:red")
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_yticks(
        places, [f"{line.pair.title} ({line.pair.instance.partition('/')[0]}): {line.label}" for line in found]
    )
    axes.tick_params(labelsize=7)
    axes.set_xscale("log")
    figure.supxlabel("CPU seconds of the peer / ours (blue: peer given our batched core; red: wanted)", fontsize=8)
    return figure


def main() -> None:
    """Print the tables, and write what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=Path, default=table.FILE)
    parser.add_argument("--page", type=Path)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    found = lines(pairs().values(), table.read(given.rows))
    parts = {"costs": costs(found), "outcomes": outcomes(found), "versions": versions()}
    print("\n\n".join(parts.values()))
    if given.page:
        given.page.write_text(put(given.page.read_text(encoding="utf-8"), parts), encoding="utf-8")
    if given.picture:
        draw(found).savefig(given.picture, dpi=110)


if __name__ == "__main__":
    main()
