"""A comparison of two solvers for the terminal, for papers (LaTeX), and as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Group, RenderableType
from rich.text import Text as RichText

from dtbench.drawing.style import COLOURS, GREY, canvas, styled
from dtbench.reports.comparison import Comparison, Duel
from dtbench.reports.latex import NEEDS, Block, Cells, Head, Mark, PaperTable, Part, breakable, plain
from dtbench.reports.model import P_VALUE, Estimate, Quantity
from dtbench.reports.terminal import grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW, TOP, BOTTOM = 0.62, 0.72, 0.56  # inches
LEFT, WIDE, NARROW, BETWEEN, RIGHT = 2.1, 4.3, 2.3, 0.3, 0.25
LINEAR = 0.1  # per cent: between this and its negative, the axis of advantages is linear
TICKS = (0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0, 100_000.0)
PAPER = (
    Head(("Problem",), "name"),
    Head(("n",)),
    Head(("Advantage [%]",), "interval"),
    Head(("W/T/L",)),
    Head(("P", "[%]")),
    Head(("p",)),
)


def terminal(comparison: Comparison) -> RenderableType:
    """Heading, table, notes."""
    return Group(
        RichText(comparison.heading, style="bold"),
        grid(comparison.table.without_blank()),
        *(RichText(note, style="dim") for note in comparison.notes),
    )


def latex(comparison: Comparison) -> str:
    """A table that fits a column of a paper, with caption and notes; see :mod:`dtbench.reports.latex`."""
    first, second = comparison.first, comparison.second
    shown = any(map(comparison.better, range(len(comparison.duels))))
    sizes = list(dict.fromkeys(duel.size for duel in comparison.duels))
    blocks = [
        Block(
            f"Size {size}" if len(sizes) > 1 else "",
            tuple(_row(comparison, n) for n, duel in enumerate(comparison.duels) if duel.size == size),
        )
        for size in sizes
    ]
    notes = (
        f"Advantage: how much better {first} is, relative to the best known value (where none is known, to the better "
        "mean on the instance); negative where it is worse. Interquartile mean over pairs of runs, in brackets the "
        "95 % interval of a bootstrap over instances and, within each, pairs.",
        f"n: instances. W/T/L: instances on which {first} is better, as good, worse. P: probability that a run of "
        f"{first} beats one of {second}. p: Wilcoxon's signed-rank test over instances, adjusted for all rows (Holm).",
        "Bold: shown at 5 %." if shown else "No difference is shown at 5 %.",
        *_remarks(comparison.duels),
    )
    table = PaperTable(
        key=f"compare-{first}-{second}",
        caption=breakable(f"{first} against {second}{'' if len(sizes) > 1 else f', size {sizes[0]}'}"),
        heads=PAPER,
        blocks=tuple(blocks),
        notes=tuple(map(breakable, notes)),
        comments=(f"Written by `dtbench compare`. {NEEDS}",),
    )
    return table.text()


def _remarks(duels: Sequence[Duel]) -> list[str]:
    """Notes of all duels; what is to be said of several is said once."""
    found: dict[str, list[str]] = {}
    for duel in duels:
        for note in duel.notes:
            found.setdefault(note, []).append(f"{duel.problem} {duel.size}")
    return [f"{', '.join(where)}: {note}" for note, where in found.items()]


def _row(comparison: Comparison, number: int) -> Cells:
    """A problem and size in a paper."""
    duel = comparison.duels[number]
    better: Mark = "bold" if comparison.better(number) else ""
    places = (len(duel.instances), "/".join(map(str, duel.outcomes)))
    chance, p = duel.probability.figure.removesuffix(" %"), Quantity(comparison.p[number], P_VALUE).text
    return (
        (Part(breakable(duel.problem)),),
        (plain(str(places[0])),),
        (plain(duel.advantage.figure.removesuffix(" %"), better), plain(duel.advantage.interval.strip())),
        (plain(places[1]),),
        (plain(chance),),
        (plain(p),),
    )


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
