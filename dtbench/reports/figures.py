"""Figures for print: curves with error bars in panels, as PNG. The same content gives the same bytes.

Colours are those of :mod:`dtbench.drawing.style`; markers differ, too, so that curves can be told apart without
colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill, wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbench.arrays import Array
from dtbench.drawing.style import COLOURS, DPI, GREY, canvas, encoded, styled
from dtbench.experiments.record import Scalar

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "*")
LINES = ("-", "--", ":", "-.")  # changes when the colours are used up
SPREAD = 0.3  # of the least distance between values of x: over so much at most are curves set apart, for their bars,
APART = 0.012  # and neighbours by this part of the axis
RATIO = 20.0  # from this ratio of the greatest to the least positive value on, an axis is logarithmic
LABEL = 30  # characters per line in the legend
PER_INCH = 11  # characters of the title


@dataclass(frozen=True)
class Curve:
    """A line of one method: at each of ``x`` a mean and the half-width of its interval (0 for none)."""

    label: str
    x: tuple[Scalar, ...]
    mean: tuple[float, ...]
    half: tuple[float, ...]


@dataclass(frozen=True)
class Panel:
    """Curves on one pair of axes; all panels of a figure have the same labels in the same order."""

    title: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class Figure:
    """Panels side by side with a common y axis. ``x_values`` are numbers, or texts that stand at equal distances."""

    title: str
    note: str
    x_label: str
    y_label: str
    x_values: tuple[Scalar, ...]
    panels: tuple[Panel, ...]


def write_png(figure: Figure) -> bytes:
    """A figure as the content of a PNG file, 200 dots per inch, without date or version."""
    with styled():
        n_panels = len(figure.panels)
        width = 2.2 + 3.6 * max(n_panels, 1.3)
        page = canvas(width, 4.0, DPI, layout="constrained")
        every = page.subplots(1, n_panels, sharey=True, squeeze=False)[0]
        for axes, panel in zip(every, figure.panels, strict=True):
            _draw(axes, figure, panel)
        every[0].set_ylabel(figure.y_label)
        logarithmic = " (logarithmic axis)" if spans_magnitudes(figure.x_values) else ""
        page.supxlabel(fill(figure.x_label + logarithmic, round(PER_INCH * width)), fontsize=9.0)
        title = wrap(figure.title, round(PER_INCH * width))
        page.suptitle("\n".join([*title, ""]), fontsize=10.5)  # its last line is the note's
        page.text(0.5, 0.974 - 0.044 * len(title), figure.note, ha="center", va="center", fontsize=8.0, color=GREY)
        handles, labels = _legend(every[0], figure)
        page.legend(handles, labels, loc="outside right center", fontsize=9.0, handlelength=2.6)
        return encoded(page, "png")


def _draw(axes: Axes, figure: Figure, panel: Panel) -> None:
    at = positions(figure.x_values)
    where = dict(zip(figure.x_values, at, strict=True))
    step = float(np.diff(np.sort(at)).min()) if len(at) > 1 else 1.0
    margin = min(0.4 * step, 0.15 * float(np.ptp(at))) if len(at) > 1 else 0.5
    width = float(np.ptp(at)) + 2.0 * margin
    n = len(panel.curves)
    apart = min(APART * width, SPREAD * step / max(n - 1, 1))
    for number, curve in enumerate(panel.curves):
        aside = apart * (number - (n - 1) / 2.0)
        axes.errorbar(
            [where[x] + aside for x in curve.x], curve.mean, yerr=curve.half if any(curve.half) else None,
            label=fill(curve.label, LABEL),
            color=COLOURS[number % len(COLOURS)], marker=MARKERS[number % len(MARKERS)],
            linestyle=LINES[number // len(COLOURS) % len(LINES)],
            linewidth=1.3, markersize=4.8, markeredgewidth=0.9, elinewidth=0.9, capsize=2.0,
        )  # fmt: skip
    axes.set_title(panel.title, fontsize=9.5)
    axes.set_xticks(at, [str(x) for x in figure.x_values])
    axes.set_xlim(at.min() - margin, at.max() + margin)
    if is_logarithmic(figure):
        set_logarithmic(axes)


def set_logarithmic(axes: Axes) -> None:
    """A logarithmic y axis whose ticks say 0.1 and 100: powers of ten would need the mathematics that is turned off."""
    from matplotlib.ticker import NullFormatter, StrMethodFormatter

    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def positions(values: Sequence[Scalar]) -> Array:
    """Places on the x axis (n,): of numbers the values, or their logarithms if they span orders of magnitude.

    Texts, and true and false, stand at 0, 1, 2 ...
    """
    if not _are_numbers(values):
        return np.arange(len(values), dtype=np.float64)
    at = np.asarray(values, dtype=np.float64)
    return np.log10(at) if spans_magnitudes(values) else at


def spans_magnitudes(values: Sequence[Scalar]) -> bool:
    """Whether values are positive numbers so far apart that a linear axis would crowd the lesser ones."""
    at = np.asarray(values, dtype=np.float64) if _are_numbers(values) else np.zeros(1)
    return bool(at.min() > 0.0 and at.max() / at.min() >= RATIO)


def _are_numbers(values: Sequence[Scalar]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def is_logarithmic(figure: Figure) -> bool:
    """Whether the means differ so much that a linear axis would hide the better curves."""
    means = [m for panel in figure.panels for curve in panel.curves for m in curve.mean]
    low = [
        m - h for panel in figure.panels for curve in panel.curves for m, h in zip(curve.mean, curve.half, strict=True)
    ]
    return bool(means) and min(low) > 0.0 and max(means) / min(means) >= RATIO


def _legend(axes: Axes, figure: Figure) -> tuple[list[Any], list[str]]:
    """Handles and labels in the order in which the curves lie, the uppermost first."""
    found: Any = axes.get_legend_handles_labels()
    containers, labels = found
    handles = [container[0] for container in containers]  # line and marker without the bar
    height = [
        float(np.mean([m for panel in figure.panels for m in panel.curves[number].mean] or [-np.inf]))
        for number in range(len(labels))
    ]
    order = sorted(range(len(labels)), key=lambda number: -height[number])
    return [handles[number] for number in order], [labels[number] for number in order]
