"""A comparison of two solvers for the terminal, for papers (LaTeX), and as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text as RichText

from dtbench.drawing.style import COLOURS, GREY, canvas, styled
from dtbench.reports.comparison import Comparison, Duel
from dtbench.reports.model import Estimate
from dtbench.reports.render import LATEX, Heading
from dtbench.reports.terminal import grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW, TOP, BOTTOM = 0.62, 0.72, 0.56  # inches
LEFT, WIDE, NARROW, BETWEEN, RIGHT = 2.1, 4.3, 2.3, 0.3, 0.25
LINEAR = 0.1  # per cent: between this and its negative, the axis of advantages is linear
TICKS = (0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0)


def terminal(comparison: Comparison) -> RenderableType:
    """Heading, table, notes."""
    return Group(
        RichText(comparison.heading, style="bold"),
        grid(comparison.table.without_blank()),
        *(RichText(note, style="dim") for note in comparison.notes),
    )


def latex(comparison: Comparison) -> str:
    """A table with a caption; its columns are explained in comments."""
    name = f"{comparison.first} against {comparison.second}"
    subject = f"advantages are those of {comparison.first}, intervals cover 95 %"
    heading = Heading(f"compare-{comparison.first}-{comparison.second}", name, subject)
    parts = [
        LATEX.begin.replace("leaderboard", "comparison"),
        LATEX.table(heading, comparison.table.without_blank(), comparison.notes),
        LATEX.terms("How to read it", [(c.heading, c.meaning) for c in comparison.table.columns if c.meaning]),
    ]
    return "\n\n".join(parts) + "\n"


def figure(comparison: Comparison) -> Figure:
    """A row for each problem and size: the advantage on each instance and in all, and the probability of improvement.

    Circles are instances, the diamond with a line is the interquartile mean with its interval.
    """
    duels = comparison.duels
    height = TOP + ROW * len(duels) + BOTTOM
    width = LEFT + WIDE + BETWEEN + NARROW + RIGHT
    with styled():
        page = canvas(width, height)
        title = f"{_short(comparison.first)} against {_short(comparison.second)}"
        page.text(0.12 / width, 1.0 - 0.12 / height, title, fontsize=11.0, weight="bold", va="top")
        box = (LEFT / width, BOTTOM / height, WIDE / width, ROW * len(duels) / height)
        advantages = page.add_axes(box)
        chances = page.add_axes(((LEFT + WIDE + BETWEEN) / width, box[1], NARROW / width, box[3]))
        for place, duel in enumerate(duels):
            _advantage(advantages, duel, place)
            _estimate(chances, duel.probability, place)
        for axes in (advantages, chances):
            axes.set_ylim(len(duels) - 0.5, -0.5)
            axes.grid(visible=True, axis="x")
            axes.grid(visible=False, axis="y")
            axes.tick_params(labelsize=8.5, left=False)
            axes.spines["left"].set_visible(False)
        advantages.set_yticks(range(len(duels)), [_name(duel) for duel in duels])
        advantages.axvline(0.0, color=GREY, linewidth=1.0, zorder=1)
        chances.axvline(50.0, color=GREY, linewidth=1.0, zorder=1)
        chances.set_yticks([])
        chances.set_xlim(-4.0, 104.0)
        _axis(advantages, [100.0 * x for duel in duels for x in _spread(duel)])
        advantages.set_xlabel(f"advantage of {_short(comparison.first)} [%], right: better", fontsize=8.5)
        chances.set_xlabel("probability of improvement [%]", fontsize=8.5)
        advantages.set_title(
            "circles: instances; diamond: interquartile mean, 95 % interval", fontsize=8.5, loc="left", color=GREY
        )
    return page


def _name(duel: Duel) -> str:
    return f"{duel.problem}\n{duel.size}, {len(duel.instances)} instances"


def _short(label: str) -> str:
    return label if len(label) <= 30 else label[:29] + "…"


def _spread(duel: Duel) -> list[float]:
    """All advantages that are drawn."""
    ends = [duel.advantage.lower, duel.advantage.value, duel.advantage.upper]
    return [each.advantage for each in duel.instances] + [x for x in ends if x is not None]


def _advantage(axes: Axes, duel: Duel, place: int) -> None:
    x = 100.0 * np.array([each.advantage for each in duel.instances])
    axes.plot(x, np.full(len(x), place - 0.16), "o", color=COLOURS[5], markeredgecolor=COLOURS[0], markersize=4.5,
              alpha=0.8)  # fmt: skip
    _estimate(axes, duel.advantage, place + 0.16)


def _estimate(axes: Axes, estimate: Estimate, y: float) -> None:
    """A value with its interval, in per cent."""
    if estimate.value is None:
        return
    ends = [estimate.value if end is None else end for end in (estimate.lower, estimate.upper)]
    axes.plot([100.0 * end for end in ends], [y, y], color=COLOURS[1], linewidth=1.6)
    axes.plot([100.0 * estimate.value], [y], "D", color=COLOURS[1], markersize=5.5)


def _axis(axes: Axes, values: Sequence[float]) -> None:
    """Per cent on an axis that is linear near 0 and logarithmic beyond, where values are that far apart."""
    from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

    low, high = min(values, default=0.0), max(values, default=0.0)
    sizes = [abs(x) for x in values if abs(x) > LINEAR]
    if not sizes or max(sizes) < 20.0 * min(sizes):
        axes.margins(x=0.08)
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        return
    axes.set_xscale("symlog", linthresh=LINEAR, linscale=0.5)
    low, high = min(2.0 * low, -LINEAR), max(2.0 * high, LINEAR)
    ticks: list[Any] = [-t for t in reversed(TICKS) if -t >= low] + [0.0] + [t for t in TICKS if t <= high]
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
