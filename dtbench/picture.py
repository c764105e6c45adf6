"""What a picture of a slot shows: maps, bars, grids and tables as plain data.

A problem's ``picture.py`` says what is where; :mod:`dtbench.drawing` draws it, the same for all problems, as figure,
frame of a video or text. Nothing here knows matplotlib.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, IntArray

Colour = Literal["blue", "orange", "green", "pink", "yellow", "sky", "black", "grey", "light"]
Mark = Literal["circle", "square", "triangle", "cross", "diamond", "star"]
Stroke = Literal["solid", "dashed", "dotted"]
WIDE = 0.3  # height over width, below which maps are stretched
MANY = 40  # from so many users on, they have no numbers and thinner lines


@dataclass(frozen=True)
class Points:
    """Things on a map at ``xy`` (n, 2).

    ``label`` is for the legend. ``names`` (n) stand beside the marks where there is room, ``needed`` ones first. Marks
    are ``filled`` or rings; ``size`` is in points.
    """

    label: str
    xy: Array
    mark: Mark = "circle"
    colour: Colour = "black"
    size: float = 5.0
    filled: bool = True
    names: tuple[str, ...] = ()
    needed: bool = False


@dataclass(frozen=True)
class Links:
    """Lines on a map from ``start`` to ``end`` (n, 2); ``width`` (n) or one for all, in points."""

    label: str
    start: Array
    end: Array
    colour: Colour = "blue"
    stroke: Stroke = "solid"
    width: float | Array = 1.0
    arrow: bool = False


@dataclass(frozen=True)
class Discs:
    """Circles on a map around ``xy`` (n, 2), as wide as the coordinates say."""

    label: str
    xy: Array
    radius: float
    colour: Colour = "light"


@dataclass(frozen=True)
class Map:
    """Things in space, in the range ``x`` and ``y``; first layers lie below. ``unit`` "" is a scheme without axes.

    Maps much wider than high are ``stretched``: a metre of height is longer on them than a metre of width.
    """

    title: str
    layers: tuple[Points | Links | Discs, ...]
    x: tuple[float, float]
    y: tuple[float, float]
    unit: str = "m"

    @property
    def shape(self) -> float:
        """Height over width."""
        return (self.y[1] - self.y[0]) / (self.x[1] - self.x[0])

    @property
    def stretched(self) -> bool:
        """Whether its axes have scales of their own."""
        return self.shape < WIDE


@dataclass(frozen=True)
class Part:
    """One part of stacked bars, ``values`` (n), or one term of the objective (a single value)."""

    label: str
    values: Array
    colour: Colour


@dataclass(frozen=True)
class Bars:
    """Stacked bars, one for each of ``names``; ``limits`` (n) are what a bar may reach, NaN for any height.

    ``axis`` says what the names are of: "server".
    """

    title: str
    unit: str
    axis: str
    names: tuple[str, ...]
    parts: tuple[Part, ...]
    limits: Array | None = None
    limit_label: str = "limit"

    @property
    def totals(self) -> Array:
        """Heights (n)."""
        return np.sum([part.values for part in self.parts], axis=0, dtype=np.float64)


@dataclass(frozen=True)
class Grid:
    """A table of coloured cells: ``cells`` (rows, columns) number ``kinds``, -1 = empty; ``texts`` stand in them."""

    title: str
    axis: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    kinds: tuple[tuple[str, Colour], ...]
    cells: IntArray
    texts: npt.NDArray[np.str_]


@dataclass(frozen=True)
class Table:
    """Lines of words: a name and what is said of it."""

    title: str
    rows: tuple[tuple[str, str], ...]


Plot = Map | Bars | Grid | Table


@dataclass(frozen=True)
class Picture:
    """Plots from top to bottom; ``terms`` add up to the objective (none where the problem does not say)."""

    plots: tuple[Plot, ...]
    terms: tuple[Part, ...] = ()


def colours_of(picture: Picture) -> dict[str, set[str]]:
    """What the legend names, and the colours of the lines and areas of this name; marks tell by their shape, too."""
    found: dict[str, set[str]] = {}
    for plot in picture.plots:
        match plot:
            case Map():
                for layer in plot.layers:
                    found.setdefault(layer.label, set()).add(layer.colour)
            case Bars():
                for part in plot.parts:
                    found.setdefault(part.label, set()).add(part.colour)
            case Grid():
                for label, colour in plot.kinds:
                    found.setdefault(label, set()).add(colour)
    for part in picture.terms:
        found.setdefault(part.label, set()).add(part.colour)
    return found


def term(label: str, value: npt.ArrayLike, colour: Colour) -> Part:
    """A term of the objective."""
    return Part(label, np.asarray([value], dtype=np.float64).reshape(1), colour)


def numbers(n: int) -> tuple[str, ...]:
    """Names of n like things, ``0`` to ``n - 1``; none where they are too many to be read on a map."""
    return tuple(map(str, range(n))) if n < MANY else ()


def chosen(names: tuple[str, ...], which: npt.NDArray[np.bool_]) -> tuple[str, ...]:
    """The names where ``which`` (n) holds; none if there are none."""
    return tuple(name for name, here in zip(names, which, strict=True) if here) if names else ()


def totals(values: npt.ArrayLike, group: IntArray, count: int) -> Array:
    """Sums (count,) of values (n) by group (n) in [0, count)."""
    return np.bincount(group, weights=np.broadcast_to(values, group.shape), minlength=count).astype(np.float64)


def thin(n: int) -> float:
    """Width of the lines of n users, in points."""
    return 1.2 if n < MANY else 0.8 if n < 3 * MANY else 0.5


def dot(n: int) -> float:
    """Size of the marks of n users, in points."""
    return 6.0 if n < MANY else 4.5 if n < 3 * MANY else 3.2
