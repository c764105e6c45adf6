"""Words on a map where there is room: none lies over another, over a mark, or beyond the edge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbench.arrays import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PLACES = ((1, 0), (0, 1), (-1, 0), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))  # beside a mark, tried in this order
GAP = 2.0  # points between a mark and its word
LIFT = 0.72  # of the font size: height of figures and capitals


@dataclass(frozen=True)
class Word:
    """What is to be said beside a point ``xy`` (2,) whose mark has a size in points."""

    text: str
    xy: Array
    size: float
    needed: bool


def place(
    axes: Axes,
    words: Sequence[Word],
    marks: Iterable[tuple[Array, float]],
    fontsize: float,
    middle: float | None = None,
) -> int:
    """Write words beside their points; those that find no room are left out, if they are needed they go last.

    Needed words are placed first, and over marks if there is no other place; limits and size of the axes must be final.

    Parameters
    ----------
    axes
        Of the map.
    words, marks
        What is to be written; where marks are (n, 2), and their size in points.
    fontsize
        In points.
    middle
        In schemes: words stand above points over this height, and below the others, if they can.

    Returns
    -------
    int
        How many are written.
    """
    canvas: Any = axes.figure.canvas
    scale = float(canvas.figure.dpi) / 72.0  # pixels per point
    inside = axes.get_window_extent()
    taken = [_boxes(axes, np.asarray(xy), size * scale) for xy, size in marks]
    blocked = np.concatenate(taken) if taken else np.zeros((0, 4))
    written: Array = np.zeros((0, 4))
    count = 0
    for word in sorted(words, key=lambda word: not word.needed):
        x, y = axes.transData.transform(word.xy)
        width, height = _extent(canvas, word.text, fontsize)
        found = None
        for over_marks in (False, True) if word.needed else (False,):
            for dx, dy in _tried(word, middle):
                away = (word.size / 2.0 + GAP) * scale
                box = _beside(x, y, dx, dy, away, width, height)
                if not (inside.x0 <= box[0] and box[2] <= inside.x1 and inside.y0 <= box[1] and box[3] <= inside.y1):
                    continue
                if _touches(box, written) or (not over_marks and _touches(box, blocked)):
                    continue
                found = box
                break
            if found is not None:
                break
        if found is None:
            continue
        written = np.concatenate([written, found[None]])
        centre = axes.transData.inverted().transform(((found[0] + found[2]) / 2.0, (found[1] + found[3]) / 2.0))
        axes.text(
            centre[0], centre[1], word.text, fontsize=fontsize, ha="center", va="center", zorder=5,
            weight="bold" if word.needed else "normal",
            bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.6},
        )  # fmt: skip
        count += 1
    return count


def _tried(word: Word, middle: float | None) -> tuple[tuple[int, int], ...]:
    return PLACES if middle is None else ((0, 1 if word.xy[1] > middle else -1), *PLACES)


def _extent(canvas: Any, text: str, fontsize: float) -> tuple[float, float]:
    """Width and height of a line of text [pixels]."""
    from matplotlib.font_manager import FontProperties

    properties = FontProperties(size=fontsize, weight="bold")
    width, _, _ = canvas.get_renderer().get_text_width_height_descent(text, properties, False)
    return float(width) + 1.0, fontsize * float(canvas.figure.dpi) / 72.0 * (LIFT + 0.28)


def _beside(x: float, y: float, dx: int, dy: int, away: float, width: float, height: float) -> Array:
    """The box (left, low, right, high) of a word beside a point."""
    reach = away * (0.7 if dx and dy else 1.0)
    left = x + dx * reach - (width / 2.0) * (1 - dx)
    low = y + dy * reach - (height / 2.0) * (1 - dy)
    return np.array([left, low, left + width, low + height])


def _boxes(axes: Axes, xy: Array, size: float) -> Array:
    """Boxes (n, 4) of marks at points (n, 2)."""
    if not len(xy):
        return np.zeros((0, 4))
    at = axes.transData.transform(xy)
    return np.concatenate([at - size / 2.0, at + size / 2.0], axis=1)


def _touches(box: Array, others: Array) -> bool:
    apart = (others[:, 0] >= box[2]) | (others[:, 2] <= box[0]) | (others[:, 1] >= box[3]) | (others[:, 3] <= box[1])
    return bool((~apart).any())
