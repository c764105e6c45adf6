"""A folder of results as a figure: gap against time, profile, gap per instance; the leaderboard's own numbers.

A row for each problem and size, from the same :class:`~dtbench.reports.scores.ProblemRuns` as the tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbench.arrays import Array
from dtbench.drawing.style import COLOURS, GREY, canvas, styled
from dtbench.errors import DtbenchError
from dtbench.reports.figures import LINES, MARKERS
from dtbench.reports.numbers import format_seconds
from dtbench.reports.scores import Entry, ProblemRuns

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTHS = (3.3, 3.3, 3.3)  # inches of the three plots
LEFT, BETWEEN, LEGEND = 0.75, 0.72, 2.7
HEIGHT, OVER, UNDER = 2.35, 0.62, 0.62  # of a plot, and of the room over and under it
TOP = 0.5
LINEAR = 0.01  # per cent: below, the axis of gaps is linear, so that 0 has a place
BEYOND = 1e9  # per cent: where profiles go on to
TICKS = (0.0, 0.01, 0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0)
FONT = 8.5
NAMED = 12  # instances whose numbers are all written


def overview(groups: Sequence[ProblemRuns], title: str) -> Figure:
    """A row of three plots for each group.

    Parameters
    ----------
    groups
        What :func:`dtbench.reports.scores.collect` gives.
    title
        Over all of them.

    Raises
    ------
    DtbenchError
        If there are no groups.
    """
    if not groups:
        raise DtbenchError("there are no results to draw; see `dtbench verify --results DIR`.")
    labels = sorted({entry.label for group in groups for entry in group.entries})
    styles = {label: _style(number) for number, label in enumerate(labels)}
    width = LEFT + sum(WIDTHS) + 2 * BETWEEN + LEGEND
    height = TOP + len(groups) * (OVER + HEIGHT + UNDER)
    with styled():
        figure = canvas(width, height)
        figure.text(LEFT / width, 1.0 - 0.14 / height, title, fontsize=12.0, weight="bold", va="top")
        for number, group in enumerate(groups):
            low = height - TOP - (number + 1) * (OVER + HEIGHT + UNDER) + UNDER
            _row(figure, group, styles, low, width, height)
    return figure


def profile(entry: Entry) -> tuple[Array, Array]:
    """Gaps (n,) in ascending order, and the share of planned runs (n,) whose gap is at most that.

    Runs without a score count in the shares and never finish.
    """
    gaps = np.sort([run.gap for run in entry.ok if run.gap is not None]).astype(np.float64)
    return gaps, np.arange(1, len(gaps) + 1) / max(entry.planned, 1)


def _style(number: int) -> tuple[dict[str, Any], str]:
    """Colour and marker, and the stroke of lines, of a solver: the same in all rows."""
    style = {"color": COLOURS[number % len(COLOURS)], "marker": MARKERS[number % len(MARKERS)], "markersize": 5.5}
    return style, LINES[number // len(COLOURS) % len(LINES)]


def _row(
    figure: Figure,
    group: ProblemRuns,
    styles: Mapping[str, tuple[dict[str, Any], str]],
    low: float,
    width: float,
    height: float,
) -> None:
    lefts = LEFT + np.concatenate([[0.0], np.cumsum(np.array(WIDTHS[:-1]) + BETWEEN)])
    axes = [
        figure.add_axes((left / width, low / height, w / width, HEIGHT / height))
        for left, w in zip(lefts, WIDTHS, strict=True)
    ]
    heading = f"{group.problem}, {group.size}: {group.facts.title}"
    y = (low + HEIGHT + 0.34) / height
    figure.text(LEFT / width, y, heading, fontsize=10.0, weight="bold", va="bottom")
    handles: list[Any] = []
    labels: list[str] = []
    for entry in group.entries:
        style, stroke = styles[entry.label]
        _against_time(axes[0], entry, style)
        _profile(axes[1], entry, style, stroke)
        _per_instance(axes[2], group, entry, style)
        handles.append(_handle(style, stroke))
        labels.append(entry.label if entry.ok else f"{entry.label} (no score)")
    _dress(axes, group)
    anchor = ((lefts[-1] + WIDTHS[-1] + 0.2) / width, (low + HEIGHT) / height)
    columns = 1 if len(labels) <= 13 else 2
    legend = figure.legend(
        handles, [label if len(label) <= 34 // columns else label[: 34 // columns - 1] + "…" for label in labels],
        loc="upper left", bbox_to_anchor=anchor, fontsize=FONT - 0.5 * (columns - 1), ncols=columns, borderpad=0.0,
        borderaxespad=0.0, handlelength=2.0, columnspacing=0.8,
    )  # fmt: skip
    legend.set_in_layout(False)


def _against_time(axes: Axes, entry: Entry, style: dict[str, Any]) -> None:
    """The leaderboard's gap, with its interval, against the median time of a decision."""
    gap, seconds = entry.gap, entry.slot_seconds
    if gap.value is None or seconds is None:
        return
    lower = gap.value if gap.lower is None else gap.lower
    upper = gap.value if gap.upper is None else gap.upper
    error = [[100.0 * (gap.value - lower)], [100.0 * (upper - gap.value)]]
    axes.errorbar(
        [max(seconds, 1e-9)], [100.0 * gap.value], yerr=np.maximum(error, 0.0), linestyle="none", elinewidth=0.9,
        capsize=2.0, label=entry.label, **style,
    )  # fmt: skip


def _profile(axes: Axes, entry: Entry, style: dict[str, Any], stroke: str) -> None:
    gaps, shares = profile(entry)
    if not len(gaps):
        return
    x = np.concatenate([100.0 * gaps[:1], 100.0 * gaps, [BEYOND]])
    y = 100.0 * np.concatenate([[0.0], shares, shares[-1:]])
    axes.step(x, y, where="post", color=style["color"], linestyle=stroke, linewidth=1.4, label=entry.label)
    axes.plot(x[-2:-1], y[-1:], linestyle="none", **style)


def _per_instance(axes: Axes, group: ProblemRuns, entry: Entry, style: dict[str, Any]) -> None:
    """Mean gap on each instance, as the table of instances has it."""
    gaps = [entry.on(name).mean_gap for name in group.instances]
    kept = [(place, 100.0 * gap) for place, gap in enumerate(gaps) if gap is not None]
    if kept:
        axes.plot(*zip(*kept, strict=True), linestyle="none", label=entry.label, alpha=0.9, **style)


def _dress(axes: Sequence[Axes], group: ProblemRuns) -> None:
    titles = ("gap against time per decision", "profile", "gap on each instance")
    for each, title in zip(axes, titles, strict=True):
        each.set_title(title, fontsize=9.5, loc="left", pad=4.0)
        each.tick_params(labelsize=FONT)
        each.grid(visible=True, axis="both")
        if not any(run.gap is not None for run in group.runs):
            each.text(0.5, 0.5, "no gaps: no best known value", ha="center", transform=each.transAxes, color=GREY)
    gaps = [100.0 * run.gap for run in group.runs if run.gap is not None] or [0.0]
    for each, direction in ((axes[0], "y"), (axes[1], "x"), (axes[2], "y")):
        _gap_axis(each, direction, min(gaps), max(gaps))
    axes[0].set_ylabel("gap, interquartile mean [%]", fontsize=FONT)
    axes[0].set_xlabel("median time of a decision", fontsize=FONT)
    _time_axis(axes[0], [s for e in group.entries if (s := e.slot_seconds) is not None])
    axes[1].set_xlabel("gap [%]", fontsize=FONT)
    axes[1].set_ylabel("planned runs within this gap [%]", fontsize=FONT)
    axes[1].set_ylim(-3.0, 105.0)
    axes[2].set_ylabel("gap, mean over seeds [%]", fontsize=FONT)
    names = [name.rpartition("-")[2] if name.startswith(f"{group.problem}/") else name for name in group.instances]
    every = -(-len(names) // NAMED)
    shown = [name if len(name) <= 12 else name[:11] + "…" for name in names]
    axes[2].set_xticks(range(0, len(names), every), shown[::every])
    if max(map(len, shown)) > 4:
        axes[2].tick_params(axis="x", rotation=30)
    axes[2].set_xlim(-0.6, len(names) - 0.4)
    axes[2].set_xlabel("instance", fontsize=FONT)


def _gap_axis(axes: Axes, direction: str, low: float, high: float) -> None:
    """A scale that is linear around 0 and logarithmic beyond, with ticks in plain numbers."""
    from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

    scale, limits = (axes.set_xscale, axes.set_xlim) if direction == "x" else (axes.set_yscale, axes.set_ylim)
    scale("symlog", linthresh=LINEAR, linscale=0.5)
    ticks = [tick for tick in TICKS if tick <= max(high, LINEAR) * 10.0]
    ticks = [*(-tick for tick in reversed(ticks[1:]) if tick <= -low * 10.0), *ticks]
    axis = axes.xaxis if direction == "x" else axes.yaxis
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    limits(min(1.6 * low, -0.3 * LINEAR), max(2.0 * high, 3.0 * LINEAR))


def _time_axis(axes: Axes, seconds: Sequence[float]) -> None:
    """A logarithmic axis of times, with ticks such as ``1 ms``."""
    from matplotlib.ticker import FixedLocator, NullLocator

    low = np.floor(np.log10(max(min(seconds, default=1e-3), 1e-9)) - 0.1)
    high = np.ceil(np.log10(max(max(seconds, default=1.0), 1e-9)) + 0.1)
    every = max(1, int(-(-(high - low) // 5)))
    ticks = 10.0 ** np.arange(low, high + 1, every)
    axes.set_xscale("log")
    axes.set_xlim(10.0**low, 10.0**high)
    axes.xaxis.set_major_locator(FixedLocator(ticks.tolist()))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([format_seconds(float(tick)).replace(".00", "").replace(".0", "") for tick in ticks])


def _handle(style: dict[str, Any], stroke: Any) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle=stroke, linewidth=1.4, **style)
