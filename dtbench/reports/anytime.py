"""What methods know after some time: gaps, primal integrals, and a figure of gaps against time.

A record holds the curve of its cell (:class:`dtbench.experiments.record.Anytime`); of records without one only the end
is known: nothing before the slowest decision, then the objective.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbench.arrays import Array
from dtbench.core import Sense, gap_to
from dtbench.drawing.style import COLOURS, GREY, canvas, styled
from dtbench.errors import DtbenchError
from dtbench.experiments.record import Record
from dtbench.reports.figures import LINES
from dtbench.reports.numbers import format_seconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dtbench.reports.scores import Entry, ProblemRuns, Run

UNTIL = 100.0  # seconds over which the primal integral is taken
TIMES = (0.1, 1.0, 10.0, 100.0)  # seconds after which the leaderboard tells the gap
LEAST = 1e-6  # ratio: smaller gaps stand at the foot of the figure
MOST = 10.0  # ratio: larger ones at its top
QUARTILES = (0.25, 0.5, 0.75)
LEFT, WIDTH, BETWEEN, LEGEND = 1.0, 4.4, 0.6, 2.6  # inches
TOP, OVER, HEIGHT, UNDER = 0.5, 0.4, 2.7, 0.6
FONT = 8.5


@dataclass(frozen=True, eq=False)
class Steps:
    """Incumbents as steps: from ``seconds`` (P,) on, the mean objective ``value`` (P,); before the first, none."""

    seconds: Array
    value: Array

    def at(self, seconds: float) -> float | None:
        """What was known after so many seconds; None before the first incumbent."""
        place = int(np.searchsorted(self.seconds, seconds, side="right")) - 1
        return None if place < 0 else float(self.value[place])


def steps_of(record: Record, pace: float = 1.0) -> Steps | None:
    """The incumbents of a record, its times multiplied by ``pace``; None without a score."""
    if record.slots is None or record.objective is None:
        return None
    if record.anytime is None:
        spent = record.slots.seconds
        end = math.fsum(spent) if record.regime == "future" else max(spent)
        return Steps(np.array([end * pace]), np.array([record.objective]))
    known = [
        (seconds * pace, value)
        for seconds, value in zip(record.anytime.seconds, record.anytime.incumbent, strict=True)
        if value is not None
    ]
    return Steps(*np.array(known, dtype=np.float64).T)


def primal_gap(sense: Sense, value: float, best: float) -> float:
    """The primal gap of Berthold (2013), Sec. 2: ``|value - best| / max(|value|, |best|)``, in [0, 1].

    1 where signs differ; 0 where the value is the best known one, or better.

    >>> primal_gap("min", 4.0, 3.0), primal_gap("max", 1.0, -1.0), primal_gap("max", -1.0, 1.0)
    (0.25, 0.0, 1.0)
    """
    if value == best or (value < best) == (sense == "min"):
        return 0.0
    return 1.0 if value * best < 0.0 else abs(value - best) / max(abs(value), abs(best))


def primal_integral(sense: Sense, steps: Steps, best: float, until: float = UNTIL) -> float:
    """The primal integral of Berthold (2013), Sec. 2 [s]: the primal gap integrated from 0 to ``until`` [s].

    It is 1 before the first incumbent. Less is better; ``until`` if nothing is found in that time.

    T. Berthold, "Measuring the impact of primal heuristics", Operations Research Letters 41 (2013) 611-614.
    """
    ends = np.clip(np.append(steps.seconds, np.inf), 0.0, until)
    gaps = [1.0, *(primal_gap(sense, value, best) for value in steps.value.tolist())]
    return float(np.diff(np.concatenate([[0.0], ends])) @ np.array(gaps))


def steps(run: Run) -> Steps | None:
    """The incumbents of a run, at the pace of most machines; None without a score."""
    return None if run.record is None or run.status != "ok" else steps_of(run.record, run.pace or 1.0)


def gap_at(run: Run, sense: Sense, seconds: float) -> float | None:
    """Gap to the best known value of what a run knew after so many seconds; None before the first incumbent."""
    known = steps(run)
    value = None if known is None else known.at(seconds)
    return None if value is None or run.best is None else float(gap_to(sense, value, run.best))


def integral(run: Run, sense: Sense) -> float | None:
    """Primal integral of a run [s]; None without a score or a best known value."""
    known = steps(run)
    return None if known is None or run.best is None else primal_integral(sense, known, run.best)


def mean_over_instances(entry: Entry, values: Sequence[float | None]) -> float | None:
    """Mean over instances of the mean over seeds of one value for each of ``entry.ok``; None if one is not known."""
    strata: dict[str, list[float]] = {}
    for run, value in zip(entry.ok, values, strict=True):
        if value is None:
            return None
        strata.setdefault(run.instance, []).append(value)
    return float(np.mean([np.mean(each) for each in strata.values()])) if strata else None


def mean_gap_at(entry: Entry, seconds: float) -> float | None:
    """Mean gap after so many seconds; None while a run has no incumbent."""
    return mean_over_instances(entry, [gap_at(run, entry.facts.sense, seconds) for run in entry.ok])


def mean_integral(entry: Entry) -> float | None:
    """Mean primal integral [s]."""
    return mean_over_instances(entry, [integral(run, entry.facts.sense) for run in entry.ok])


# The figure


@dataclass(frozen=True, eq=False)
class Band:
    """Quartiles of the gap over runs: from ``seconds`` (P,) on, ``gap`` (3, P); inf where too few have an incumbent."""

    label: str
    seconds: Array
    gap: Array


def bands(group: ProblemRuns) -> list[Band]:
    """The quartiles of each solver that has scores and best known values."""
    found = []
    for entry in group.entries:
        known = [(run, each) for run in entry.ok if run.best is not None and (each := steps(run)) is not None]
        if not known:
            continue
        times = np.unique(np.concatenate([each.seconds for _, each in known]))
        table = np.full((len(known), len(times)), np.inf)
        for row, (run, each) in enumerate(known):
            place = np.searchsorted(each.seconds, times, side="right") - 1
            gaps = gap_to(group.facts.sense, each.value[place], np.asarray(run.best))
            table[row] = np.where(place < 0, np.inf, gaps)
        gap = np.quantile(table, QUARTILES, axis=0, method="inverted_cdf")
        found.append(Band(entry.label, times, gap))
    return found


def figure(groups: Sequence[ProblemRuns], title: str) -> Figure:
    """Gap against seconds, both logarithmic, a panel for each problem and size, a line for each solver.

    Lines are medians over instances and seeds, bands reach from the lower to the upper quartile.

    Raises
    ------
    DtbenchError
        If nothing has a gap.
    """
    drawn = [(group, bands(group)) for group in groups]
    drawn = [(group, each) for group, each in drawn if each]
    if not drawn:
        raise DtbenchError("there are no gaps to draw: no scores, or no best known values.")
    labels = sorted({band.label for _, each in drawn for band in each})
    styles = {
        label: {"color": COLOURS[number % len(COLOURS)], "linestyle": LINES[number % len(LINES)]}
        for number, label in enumerate(labels)
    }
    columns = min(2, len(drawn))
    rows = -(-len(drawn) // columns)
    width = LEFT + columns * WIDTH + (columns - 1) * (BETWEEN + LEFT - 0.3) + LEGEND
    height = TOP + rows * (OVER + HEIGHT + UNDER) + 0.1
    with styled():
        page = canvas(width, height)
        page.text(LEFT / width, 1.0 - 0.14 / height, title, fontsize=12.0, weight="bold", va="top")
        for number, (group, each) in enumerate(drawn):
            row, column = divmod(number, columns)
            left = LEFT + column * (WIDTH + BETWEEN + LEFT - 0.3)
            low = height - TOP - (row + 1) * (OVER + HEIGHT + UNDER) + UNDER
            axes = page.add_axes((left / width, low / height, WIDTH / width, HEIGHT / height))
            _draw(axes, group, each, styles)
        _legend(page, styles, (width - LEGEND + 0.1) / width, 1.0 - (TOP + OVER) / height)
    return page


def _draw(axes: Axes, group: ProblemRuns, found: Sequence[Band], styles: Mapping[str, Mapping[str, Any]]) -> None:
    there = np.isfinite(np.concatenate([band.gap[1] for band in found]))
    times = np.concatenate([band.seconds for band in found])
    first, last = max(float(times[there].min(initial=1e3)), 1e-9), float(times.max())
    ends = 10.0 ** np.floor(np.log10(first) - 0.05), 10.0 ** np.ceil(np.log10(last) + 0.05)
    medians = np.concatenate([100.0 * np.clip(band.gap[1], LEAST, MOST) for band in found])
    low, high = (medians[there].min(), medians[there].max()) if there.any() else (1.0, 1.0)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(*ends)
    axes.set_ylim(max(0.6 * low, 60.0 * LEAST), min(3.0 * high, 150.0 * MOST))
    for band in found:
        style = styles[band.label]
        x = np.append(band.seconds, ends[1])
        lower, middle, upper = (np.append(each, each[-1]) for each in np.clip(band.gap, LEAST, MOST) * 100.0)
        known = np.isfinite(np.append(band.gap[1], band.gap[1, -1]))
        axes.fill_between(x, lower, upper, where=known, step="post", color=style["color"], alpha=0.13, linewidth=0.0)
        axes.step(x[known], middle[known], where="post", linewidth=1.5, label=band.label, **style)
        axes.plot(x[known][:1], middle[known][:1], marker="o", markersize=3.5, color=style["color"], linestyle="none")
    axes.set_title(f"{group.problem}, {group.size}", fontsize=9.5, loc="left", weight="bold")
    axes.set_xlabel("time of a slot (of the horizon, where a method plans it at once)", fontsize=FONT)
    axes.set_ylabel("gap to best known [%]", fontsize=FONT)
    axes.tick_params(labelsize=FONT)
    axes.grid(visible=True, axis="both", which="major")
    _ticks(axes, ends)


def _ticks(axes: Axes, ends: tuple[float, float]) -> None:
    """Times such as ``10 ms``, gaps such as ``0.1``; the least gap stands for 0."""
    from matplotlib.ticker import FixedLocator, NullLocator

    low, high = (round(float(np.log10(end))) for end in ends)
    times = 10.0 ** np.arange(low, high + 1, max(1, -(-(high - low) // 6)))
    axes.xaxis.set_major_locator(FixedLocator(times.tolist()))
    axes.set_xticklabels([format_seconds(float(t)).replace(".00", "").replace(".0", "") for t in times])
    foot, top = axes.get_ylim()
    gaps = [g for g in (100.0 * LEAST * 10.0**k for k in range(9)) if foot <= g <= top]
    axes.yaxis.set_major_locator(FixedLocator(gaps))
    axes.set_yticklabels(["≤ 0.0001" if math.isclose(g, 100.0 * LEAST) else f"{g:g}" for g in gaps])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_minor_locator(NullLocator())


def _legend(page: Figure, styles: Mapping[str, Mapping[str, Any]], left: float, top: float) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], linewidth=1.6, **style) for style in styles.values()]
    labels = [label if len(label) <= 30 else label[:29] + "…" for label in styles]
    legend = page.legend(
        handles, labels, loc="upper left", bbox_to_anchor=(left, top), fontsize=FONT, borderpad=0.0, borderaxespad=0.0,
        handlelength=2.2, title="median, and quartiles\nover instances and seeds", title_fontsize=FONT - 0.5,
        alignment="left",
    )  # fmt: skip
    legend.get_title().set_color(GREY)
