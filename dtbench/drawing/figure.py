"""Panels side by side: the same slot as different decisions leave it, one legend below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from dtbench.drawing import plots
from dtbench.drawing.style import GREY, NAMED, canvas, styled
from dtbench.picture import Bars, Grid, Map, Picture, Plot, Table, colours_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 4.5  # inches of a panel
LEAST_WIDTH = 6.0  # of a figure, for its title
LEFT, RIGHT = 0.62, 0.14  # of its margins
LINE = 0.185  # height of a line of words
OVER, UNDER = 0.28, 0.42  # room over a plot for its title, under it for its axis
MOST_HEIGHT = 4.2  # of a map
LOW = 0.6  # height over width that a stretched map has at most
HANDLE = (1.9 + 0.5) * 8.0 / 72.0  # inches of what stands before the words of an entry
HEADING = 10.0
WORDS = 8.5
FRAME = (11.2, 6.8)  # inches of an environment's frame, at 100 dots per inch
HEAD, FOOT = 0.12 + 1.25 * 0.185 + 0.08, 0.08  # inches of the title, and under the legend


@dataclass(frozen=True)
class Panel:
    """A picture with lines over it: who decided, what it costs, what is broken (``warning``, "" for nothing)."""

    name: str
    cost: str
    picture: Picture
    warning: str = ""
    remark: str = ""


def compose(title: str, note: str, panels: Sequence[Panel], unit: str) -> Figure:
    """Draw panels side by side.

    Parameters
    ----------
    title, note
        Lines over all of them.
    panels
        Those that are compared: bars in a row, and terms, share one scale.
    unit
        Of the objective.

    Returns
    -------
    matplotlib.figure.Figure
        A figure apart from pyplot, for :mod:`dtbench.drawing.style`.
    """
    rows = _rows(panels)
    width = max(WIDTH * len(panels), LEAST_WIDTH)
    each = width / max(len(panels), 1)
    notes = _notes(note, width)
    handles: plots.Handles = {}
    with styled():
        entries = _legend_rows(_labels(panels), width)
        top = HEAD + LINE * (len(notes) + 3.2)
        heights = _heights(rows, each - LEFT - RIGHT)
        height = top + FOOT + LINE * len(entries) + sum(h + OVER + UNDER for h in heights)
        figure = canvas(width, height)
        _title(figure, title, notes, width, height)
        spans = [plots.span_of([plot for plot in row if plot is not None]) for row in rows]
        span = plots.span_of_terms([panel.picture.terms for panel in panels])
        for column, panel in enumerate(panels):
            left = column * each + LEFT
            _heading(figure, panel, left / width, 1.0 - (top - 3.0 * LINE) / height, each)
            y = height - top
            for row, room, common in zip(rows, heights, spans, strict=True):
                y -= OVER + room
                box = (left / width, y / height, (each - LEFT - RIGHT) / width, room / height)
                y -= UNDER
                _one(figure, box, row[column], panel, unit, handles, common or span)
        _legend(figure, handles, entries, width, height)
    return figure


def frame(title: str, note: str, panel: Panel, unit: str) -> Figure:
    """One panel in a figure of a given size, the first plot on the left and the others on the right.

    All frames have the same size, whatever is in them, so that they make a video. See :func:`compose`.
    """
    width, height = FRAME
    middle = 0.5 * width
    handles: plots.Handles = {}
    shown = panel.picture.plots
    with styled():
        entries = _legend_rows(_labels([panel]), width)
        notes = _notes(note, width)
        top, bottom = HEAD + LINE * (len(notes) + 2.2), FOOT + LINE * len(entries)
        figure = canvas(width, height)
        _title(figure, title, notes, width, height)
        _heading(figure, panel, LEFT / width, 1.0 - (HEAD + LINE * len(notes)) / height, width)
        span = plots.span_of_terms([panel.picture.terms])
        sides = ((shown[:1], LEFT), ((*shown[1:], None), middle + LEFT))
        for side, left in sides:
            y = height - top
            for plot, room in zip(side, _filling(side, middle - LEFT - RIGHT, y - bottom), strict=True):
                y -= OVER + room
                box = (left / width, y / height, (middle - LEFT - RIGHT) / width, room / height)
                y -= UNDER
                _one(figure, box, plot, panel, unit, handles, span if plot is None else None)
        _legend(figure, handles, entries, width, height)
    return figure


def _filling(side: Sequence[Plot | None], width: float, height: float) -> list[float]:
    """Heights of plots that fill a column; terms stay as high as they are, stretched maps lower than wide."""
    needs = [_heights([[plot]], width)[0] for plot in side]
    fixed = sum(need for plot, need in zip(side, needs, strict=True) if plot is None)
    grows = max(sum(needs) - fixed, 0.01)
    factor = max((height - len(side) * (OVER + UNDER) - fixed) / grows, 0.05)
    rooms = [need if plot is None else factor * need for plot, need in zip(side, needs, strict=True)]
    return [
        min(room, LOW * width) if isinstance(plot, Map) and plot.stretched else room
        for plot, room in zip(side, rooms, strict=True)
    ]


def _one(
    figure: Figure, box: tuple[float, float, float, float], plot: Plot | None, panel: Panel, unit: str,
    handles: plots.Handles, span: tuple[float, float] | None,
) -> None:  # fmt: skip
    """A plot in its place; the terms of the objective where there is none."""
    if plot is not None:
        plots.draw(figure.add_axes(box), plot, handles, span)
    elif panel.picture.terms:
        plots.draw_terms(figure.add_axes(box), panel.picture.terms, unit, handles, span or (0.0, 1.0))


def _rows(panels: Sequence[Panel]) -> list[list[Plot | None]]:
    """Plots by row and panel; the last row, of None, is for the terms."""
    count = max((len(panel.picture.plots) for panel in panels), default=0)
    rows: list[list[Plot | None]] = [
        [panel.picture.plots[k] if k < len(panel.picture.plots) else Table("", ()) for panel in panels]
        for k in range(count)
    ]
    return [*rows, [None] * len(panels)] if any(panel.picture.terms for panel in panels) else rows


def _heights(rows: Sequence[Sequence[Plot | None]], width: float) -> list[float]:
    """What each row needs [inches]."""

    def needs(plot: Plot | None) -> float:
        match plot:
            case Map():
                height = 0.4 * width if plot.stretched else width * plot.shape
                return min(height, MOST_HEIGHT) if plot.unit else 2.4
            case Bars():
                return 1.0
            case Grid():
                return 0.21 * len(plot.rows) + 0.02
            case Table():
                return max(LINE * len(plot.rows), 0.01)
        return 0.24

    return [max(needs(plot) for plot in row) for row in rows]


def _notes(note: str, width: float) -> list[str]:
    """A note in lines of the figure's width."""
    return wrap(note, int((width - LEFT - RIGHT) / (0.56 * WORDS / 72.0)))


def _title(figure: Figure, title: str, notes: Sequence[str], width: float, height: float) -> None:
    figure.text(LEFT / width, 1.0 - 0.12 / height, title, fontsize=11.5, weight="bold", ha="left", va="top")
    for number, line in enumerate(notes):
        y = 1.0 - (0.14 + (1.25 + number) * LINE) / height
        figure.text(LEFT / width, y, line, fontsize=WORDS, color=GREY, ha="left", va="top")


def _heading(figure: Figure, panel: Panel, left: float, y: float, width: float) -> None:
    """Three lines over a panel; what is broken is told in words and colour."""
    step = LINE / figure.get_size_inches()[1]
    room = int((width - LEFT - RIGHT) / (0.58 * WORDS / 72.0))
    lines: list[tuple[str, dict[str, Any]]] = [
        (panel.name, {"fontsize": HEADING, "weight": "bold"}),
        (panel.cost, {"fontsize": WORDS}),
        (panel.warning or panel.remark, {"fontsize": WORDS, "color": NAMED["orange"] if panel.warning else GREY}),
    ]
    for number, (text, style) in enumerate(lines):
        most = room if number else int(room * WORDS / (1.2 * HEADING))
        shown = text if len(text) <= most else text[: most - 1] + "…"
        figure.text(left, y - number * step, shown, ha="left", va="top", **style)


def _labels(panels: Sequence[Panel]) -> list[str]:
    """What the legend will name, in the order of drawing."""
    found: dict[str, None] = {}
    for panel in panels:
        found |= dict.fromkeys(colours_of(panel.picture))
        limited = [plot for plot in panel.picture.plots if isinstance(plot, Bars) and plot.limits is not None]
        found |= {plot.limit_label: None for plot in limited}
    return [label for label in found if label]


def _legend_rows(labels: Sequence[str], width: float) -> list[list[tuple[str, float]]]:
    """The legend's labels in lines, each with its place [inches from the left]."""
    rows: list[list[tuple[str, float]]] = []
    at = width
    for label in labels:
        needs = HANDLE + _width(label) + 0.18
        if at + needs > width or not rows:
            rows.append([])
            at = 0.3
        rows[-1].append((label, at))
        at += needs
    return rows


def _width(label: str) -> float:
    """Width of an entry's words [inches]."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    width, _, _ = text_to_path.get_text_width_height_descent(label, FontProperties(size=plots.SMALL), False)
    return float(width) / 72.0


def _legend(
    figure: Figure, handles: plots.Handles, rows: list[list[tuple[str, float]]], width: float, height: float
) -> None:
    """Every line of the legend is one of matplotlib's with a single entry per place, so that none runs into another."""
    from matplotlib.legend import Legend

    for number, row in enumerate(rows):
        y = (0.06 + LINE * (len(rows) - number - 0.5)) / height
        for label, at in row:
            if label in handles:
                entry = Legend(
                    figure, [handles[label]], [label], loc="center left", bbox_to_anchor=(at / width, y),
                    bbox_transform=figure.transFigure, fontsize=plots.SMALL, handlelength=1.9, handletextpad=0.5,
                    borderpad=0.0, borderaxespad=0.0, frameon=False,
                )  # fmt: skip
                figure.add_artist(entry)
