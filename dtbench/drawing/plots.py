"""Each kind of plot of :mod:`dtbench.picture` on a pair of axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbench.arrays import Array
from dtbench.drawing.labels import Word, place
from dtbench.drawing.style import GREY, NAMED
from dtbench.picture import Bars, Discs, Grid, Links, Map, Part, Plot, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MARKS: Mapping[str, str] = {
    "circle": "o", "square": "s", "triangle": "^", "cross": "X", "diamond": "D", "star": "*",
}  # fmt: skip
STROKES: Mapping[str, Any] = {"solid": "-", "dashed": (0, (4, 2)), "dotted": (0, (1, 1.5))}
SMALL = 8.0  # points, of words in plots: 11 pixels at 100 dots per inch
LEAST = 7.5
TITLE = 9.0
FAINT = 0.6  # opacity of the thinnest lines, which are many
CHARACTER = 0.62  # of the font size: mean width of a sign
Handles = dict[str, Any]  # label -> what stands before it in the legend


def draw(axes: Axes, plot: Plot, handles: Handles, span: tuple[float, float] | None = None) -> None:
    """Draw a plot; add to ``handles`` what the legend needs. ``span`` is the common range of bars."""
    axes.set_title(_fitting(axes, plot.title, TITLE), fontsize=TITLE, loc="left", pad=4.0)
    axes.tick_params(labelsize=SMALL, length=2.5)
    match plot:
        case Map():
            _map(axes, plot, handles)
        case Bars():
            _bars(axes, plot, handles, span)
        case Grid():
            _grid(axes, plot, handles)
        case Table():
            _table(axes, plot)


def draw_terms(axes: Axes, terms: Sequence[Part], unit: str, handles: Handles, span: tuple[float, float]) -> None:
    """The terms of the objective as one lying bar, negative ones to the left of 0; numbers stand where they fit."""
    inches = _inches(axes)
    low = high = 0.0
    for part in terms:
        value = float(part.values[0])
        left = high if value >= 0.0 else low + value
        patch = axes.barh([0.0], [abs(value)], left=left, height=0.62, color=NAMED[part.colour], linewidth=0)
        handles.setdefault(part.label, _patch(part))
        text = short(value)
        if abs(value) / max(span[1] - span[0], 1e-300) * inches > _width(text, SMALL) + 0.04:
            dark = part.colour in ("blue", "orange", "green", "black", "grey")
            axes.text(
                left + abs(value) / 2.0, 0.0, text, ha="center", va="center", fontsize=SMALL,
                color="white" if dark else "black",
            )  # fmt: skip
        low, high = (low, high + value) if value >= 0.0 else (low + value, high)
        patch[0].set_label(part.label)
    axes.set_title(_fitting(axes, f"terms of the objective{in_unit(unit)}", TITLE), fontsize=TITLE, loc="left", pad=4.0)
    axes.set_xlim(*span)
    axes.set_ylim(-0.5, 0.5)
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)
    axes.tick_params(labelsize=SMALL, length=2.5)
    axes.locator_params(axis="x", nbins=5)
    if low < 0.0:
        axes.axvline(0.0, color="black", linewidth=0.8)


def span_of(plots: Sequence[Plot]) -> tuple[float, float] | None:
    """The common range of bars that stand side by side."""
    bars = [plot for plot in plots if isinstance(plot, Bars)]
    if not bars:
        return None
    tops = [float(np.nanmax(np.append(v, 0.0))) for b in bars for v in (b.totals, b.limits) if v is not None]
    top = max(tops)
    return 0.0, 1.3 * top if top > 0.0 else 1.0  # room for numbers


def span_of_terms(terms: Sequence[Sequence[Part]]) -> tuple[float, float]:
    """The common range of terms that stand side by side."""
    values = [np.array([float(part.values[0]) for part in each]) for each in terms if each]
    low = min((float(v[v < 0.0].sum()) for v in values), default=0.0)
    high = max((float(v[v > 0.0].sum()) for v in values), default=0.0)
    room = 0.03 * max(high - low, 1e-12)
    return (low - room if low < 0.0 else 0.0, high + room)


def short(value: float) -> str:
    """A number of three digits.

    >>> [short(x) for x in (0.0, 3.0, 12.345, -0.01234, 1234.5)]
    ['0', '3', '12.3', '-0.0123', '1234']
    """
    return f"{value:.0f}" if abs(value) >= 1000.0 and abs(value) < 1e6 else f"{value:.3g}"


def in_unit(unit: str) -> str:
    """A unit in brackets, nothing for pure numbers."""
    return "" if unit in ("", "1") else f" [{unit}]"


def _map(axes: Axes, plot: Map, handles: Handles) -> None:
    from matplotlib.collections import EllipseCollection, LineCollection
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    axes.set_xlim(*plot.x)
    axes.set_ylim(*plot.y)
    axes.grid(visible=False)
    if plot.unit:
        if not plot.stretched:
            axes.set_aspect("equal", anchor="NW")
        axes.set_xlabel(f"x [{plot.unit}]", fontsize=SMALL, labelpad=1.5)
        axes.set_ylabel(f"y [{plot.unit}]", fontsize=SMALL, labelpad=1.5)
        axes.locator_params(nbins=5)
        for side in axes.spines.values():
            side.set_visible(True)
            side.set_color("#B0B0B0")
    else:
        axes.set_axis_off()
        axes.set_title(axes.get_title(loc="left"), fontsize=TITLE, loc="left", pad=4.0)
    axes.apply_aspect()
    words: list[Word] = []
    marks: list[tuple[Array, float]] = []
    for order, layer in enumerate(plot.layers):
        colour = NAMED[layer.colour]
        if isinstance(layer, Discs):
            n = len(layer.xy)
            axes.add_collection(
                EllipseCollection(
                    np.full(n, 2.0 * layer.radius), np.full(n, 2.0 * layer.radius), np.zeros(n), units="xy",
                    offsets=layer.xy, offset_transform=axes.transData, facecolors=colour, edgecolors="#B0B0B0",
                    linewidths=0.6, alpha=0.45, zorder=1.0, label=layer.label,
                )
            )  # fmt: skip
            handles.setdefault(layer.label, Patch(facecolor=colour, edgecolor="#B0B0B0"))
        elif isinstance(layer, Links):
            segments: Any = np.stack([layer.start, layer.end], axis=-2).reshape(-1, 2, 2)
            lines = LineCollection(
                segments, colors=colour, linestyles=STROKES[layer.stroke], linewidths=layer.width,
                zorder=2.0 + 0.01 * order, label=layer.label, capstyle="butt", snap=False,
                alpha=FAINT if np.max(layer.width, initial=0.0) < 0.6 else 1.0,
            )  # fmt: skip
            axes.add_collection(lines)
            if layer.arrow:
                _heads(axes, segments, colour, 2.0 + 0.01 * order)
            stroke = STROKES[layer.stroke]
            handles.setdefault(layer.label, Line2D([], [], color=colour, linestyle=stroke, linewidth=1.6))
        else:
            marks.append((layer.xy, layer.size))
            face = colour if layer.filled else "white"
            style: dict[str, Any] = {"marker": MARKS[layer.mark], "markeredgecolor": colour, "markerfacecolor": face}
            edge = 0.6 if layer.filled else max(0.8, 0.16 * layer.size)
            axes.plot(
                *layer.xy.T, linestyle="none", markersize=layer.size, markeredgewidth=edge, zorder=3.0 + 0.01 * order,
                label=layer.label, clip_on=False, **style,
            )  # fmt: skip
            handles.setdefault(layer.label, Line2D([], [], linestyle="none", markersize=6.5, **style))
            words += [Word(t, xy, layer.size, layer.needed) for t, xy in zip(layer.names, layer.xy, strict=False)]
    middle = None if plot.unit else sum(plot.y) / 2.0
    place(axes, words, marks, LEAST, middle)


def _limits(plot: Bars) -> Array:
    return np.full(len(plot.names), np.nan) if plot.limits is None else plot.limits


def _of(limit: float) -> str:
    return "" if np.isnan(limit) else f"/{short(limit)}"


def _heads(axes: Axes, segments: Array, colour: str, order: float) -> None:
    """Arrow heads two thirds of the way, where other lines do not hide them."""
    for start, end in segments:
        if (start == end).all():
            continue
        axes.annotate(
            "", xy=start + 0.66 * (end - start), xytext=start + 0.5 * (end - start), zorder=order,
            arrowprops={
                "arrowstyle": "-|>", "color": colour, "linewidth": 0.0, "mutation_scale": 13.0,
                "shrinkA": 0.0, "shrinkB": 0.0,
            },
        )  # fmt: skip


def _bars(axes: Axes, plot: Bars, handles: Handles, span: tuple[float, float] | None) -> None:
    from matplotlib.lines import Line2D

    n = len(plot.names)
    at, base = np.arange(n), np.zeros(n)
    for part in plot.parts:
        axes.bar(at, part.values, 0.72, bottom=base, color=NAMED[part.colour], label=part.label, linewidth=0)
        handles.setdefault(part.label, _patch(part))
        base = base + part.values
    if plot.limits is not None:
        kept = np.isfinite(plot.limits)
        axes.hlines(
            plot.limits[kept], at[kept] - 0.45, at[kept] + 0.45, colors="black", linewidths=1.4, label=plot.limit_label
        )
        handles.setdefault(plot.limit_label, Line2D([], [], color="black", linewidth=1.4))
    axes.set_title(_fitting(axes, plot.title + in_unit(plot.unit), TITLE), fontsize=TITLE, loc="left", pad=4.0)
    axes.set_xlim(-0.6, n - 0.4)
    axes.set_ylim(*(span or span_of([plot]) or (0.0, 1.0)))
    axes.locator_params(axis="y", nbins=4, integer=bool((plot.totals == np.round(plot.totals)).all()))
    each = _inches(axes) / (n + 0.2)
    _names(axes, plot.names, each)
    axes.set_xlabel(plot.axis, fontsize=SMALL, labelpad=1.0)
    texts = [short(value) + _of(limit) for value, limit in zip(plot.totals, _limits(plot), strict=True)]
    if max(_width(text, LEAST) for text in texts) + 0.02 <= each:
        tops = np.fmax(plot.totals, _limits(plot))
        room = 0.03 * axes.get_ylim()[1]
        for x, top, text in zip(at.tolist(), tops.tolist(), texts, strict=True):
            axes.text(x, top + room, text, ha="center", va="bottom", fontsize=LEAST)


def _names(axes: Axes, names: Sequence[str], each: float) -> None:
    """Names under the bars, every one or every second, fifth, tenth ..., so that none meets its neighbour."""
    needed = max(_width(name, SMALL) for name in names) + 0.05
    every = next(step for step in (1, 2, 5, 10, 20, 50, 100, 1000, 10_000) if step * each >= needed or step == 10_000)
    axes.set_xticks(range(0, len(names), every), [names[i] for i in range(0, len(names), every)])


def _grid(axes: Axes, plot: Grid, handles: Handles) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Patch, Rectangle

    n_rows, n_columns = plot.cells.shape
    for number, (label, colour) in enumerate((("", "light"), *plot.kinds), start=-1):
        boxes = [Rectangle((c - 0.46, r - 0.42), 0.92, 0.84) for r, c in np.argwhere(plot.cells == number)]
        axes.add_collection(PatchCollection(boxes, facecolor=NAMED[colour], edgecolor="none", label=label, alpha=1.0))
        if label:
            handles.setdefault(label, Patch(color=NAMED[colour]))
    each = _inches(axes) / n_columns
    kinds = [colour for _, colour in plot.kinds]
    for r, c in np.argwhere(plot.cells >= 0).tolist():
        text = str(plot.texts[r, c])
        if text and _width(text, LEAST) <= 0.95 * each:
            dark = kinds[plot.cells[r, c]] in ("blue", "orange", "green", "black", "grey")
            axes.text(c, r, text, ha="center", va="center", fontsize=LEAST, color="white" if dark else "black")
    axes.set_xlim(-0.5, n_columns - 0.5)
    axes.set_ylim(n_rows - 0.5, -0.5)
    axes.grid(visible=False)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0)
    axes.set_yticks(range(n_rows), plot.rows)
    _names(axes, plot.columns, each)
    axes.set_xlabel(plot.axis, fontsize=SMALL, labelpad=1.0)


def _table(axes: Axes, plot: Table) -> None:
    axes.set_axis_off()
    axes.set_title(axes.get_title(loc="left"), fontsize=TITLE, loc="left", pad=4.0)
    inches = _inches(axes)
    split = min(max((_width(name, SMALL) for name, _ in plot.rows), default=0.0) + 0.15, 0.5 * inches)
    for number, (name, value) in enumerate(plot.rows):
        y = 1.0 - (number + 0.5) / max(len(plot.rows), 1)
        axes.text(0.0, y, name, fontsize=SMALL, color=GREY, va="center", transform=axes.transAxes)
        room = int((inches - split) / (CHARACTER * SMALL / 72.0))
        shown = value if len(value) <= room else value[: max(room - 1, 1)] + "…"
        axes.text(split / inches, y, shown, fontsize=SMALL, va="center", transform=axes.transAxes)


def _patch(part: Part) -> Any:
    from matplotlib.patches import Patch

    return Patch(color=NAMED[part.colour], linewidth=0)


def _inches(axes: Axes) -> float:
    """Width of axes."""
    figure = axes.get_figure(root=True)
    assert figure is not None  # noqa: S101
    return float(axes.get_position().width * figure.get_size_inches()[0])


def _width(text: str, fontsize: float) -> float:
    """Width of a line [inches], about."""
    return len(text) * CHARACTER * fontsize / 72.0


def _fitting(axes: Axes, title: str, fontsize: float) -> str:
    """A title cut to the width of its axes."""
    room = int((_inches(axes) + 0.25) / (0.55 * fontsize / 72.0))
    return title if len(title) <= room else title[: room - 1] + "…"
