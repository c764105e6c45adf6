"""Each kind of plot of :mod:`dtbench.picture` as SVG for pages: milliseconds, and in the colours of the page.

Colours are classes (``c-blue``): the style sheet of the page has one set for light and one for dark.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from dtbench.arrays import Array
from dtbench.drawing.markup import EMPTY, drawing, points, tag
from dtbench.drawing.plots import in_unit, short
from dtbench.picture import Bars, Discs, Grid, Links, Map, Part, Picture, Plot, Points, Table

WIDTH = 460.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 10.0, 8.0, 34.0
MOST, LEAST, STRETCHED = 440.0, 150.0, 0.42  # heights of a map; of a stretched one, to its width
BARS, ROW = 150.0, 20.0  # heights of bars, and of a row of a grid
SIGN = 6.4  # width of a sign of 11 units
DARK = ("blue", "orange", "green", "black", "grey")  # areas on which words are white
FAINT = 0.6  # points: thinner lines are many


@dataclass(frozen=True)
class Figure:
    """A plot, drawn, and what it is called; ``rows`` instead of a drawing where it is words."""

    title: str
    svg: Markup = EMPTY
    rows: tuple[tuple[str, str], ...] = ()


def figures(picture: Picture, unit: str) -> list[Figure]:
    """All plots of a picture, and the terms of its objective."""
    drawn = [_figure(plot) for plot in picture.plots]
    if picture.terms:
        drawn.append(Figure("what the objective consists of" + in_unit(unit), _terms(picture.terms)))
    return drawn


def legend(picture: Picture) -> list[tuple[str, Markup]]:
    """Labels of all that is drawn, each with a small picture of its mark."""
    found: dict[str, Markup] = {}
    for plot in picture.plots:
        match plot:
            case Map():
                for layer in plot.layers:
                    if len(layer.start if isinstance(layer, Links) else layer.xy):
                        found.setdefault(layer.label, _key(layer))
            case Bars():
                for part in plot.parts:
                    if part.values.any():
                        found.setdefault(part.label, _swatch(part.colour))
                if plot.limits is not None and np.isfinite(plot.limits).any():
                    found.setdefault(plot.limit_label, _key_of(tag("path", d="M2 8H22", class_="limit")))
            case Grid():
                for kind, (label, colour) in enumerate(plot.kinds):
                    if (plot.cells == kind).any():
                        found.setdefault(label, _swatch(colour))
    for part in picture.terms:
        found.setdefault(part.label, _swatch(part.colour))
    return [(label, key) for label, key in found.items() if label]


def _figure(plot: Plot) -> Figure:
    match plot:
        case Map():
            return Figure(plot.title, _map(plot))
        case Bars():
            return Figure(plot.title + in_unit(plot.unit), _bars(plot))
        case Grid():
            return Figure(plot.title, _grid(plot))
        case Table():
            return Figure(plot.title, rows=plot.rows)


def _signed(value: float) -> str:
    """A number of three digits with a proper minus sign."""
    return short(value).replace("-", "−")


# Maps


def _map(plot: Map) -> Markup:
    axes = bool(plot.unit)
    left, bottom = (LEFT, BOTTOM) if axes else (8.0, 8.0)
    width = WIDTH - left - RIGHT
    height = STRETCHED * width if plot.stretched else min(max(width * plot.shape, LEAST), MOST)
    if not axes:
        height = min(height, 230.0)
    elif not plot.stretched and width * plot.shape > MOST:
        width = MOST / plot.shape

    def at(xy: Array) -> Array:
        unit = (np.asarray(xy, dtype=np.float64) - (plot.x[0], plot.y[0])) / (
            plot.x[1] - plot.x[0],
            plot.y[1] - plot.y[0],
        )
        placed: Array = np.stack([left + width * unit[..., 0], TOP + height * (1.0 - unit[..., 1])], axis=-1)
        return placed

    inner: list[Markup] = []
    if axes:
        inner.append(tag("rect", x=left, y=TOP, width=width, height=height, class_="frame"))
        inner += _ticks(plot, left, width, height)
    discs: list[Markup] = []
    for layer in plot.layers:
        match layer:
            case Discs():
                radius = layer.radius / (plot.x[1] - plot.x[0]) * width
                high = layer.radius / (plot.y[1] - plot.y[0]) * height
                discs += [
                    tag("ellipse", cx=x, cy=y, rx=radius, ry=high, class_=f"disc c-{layer.colour}")
                    for x, y in at(layer.xy).tolist()
                ]
            case Links():
                inner += _links(layer, at(layer.start), at(layer.end))
            case Points():
                inner += [_mark(layer, x, y) for x, y in at(layer.xy).tolist()]
    if discs:  # an inner picture cuts what does not fit
        box = f"{left:.1f} {TOP:.1f} {width:.1f} {height:.1f}"
        inner.insert(0, tag("svg", discs, x=left, y=TOP, width=width, height=height, viewBox=box, class_="cut"))
    inner += _words(plot, at, left + width)
    return drawing(WIDTH, TOP + height + bottom, inner, title=plot.title)


def _ticks(plot: Map, left: float, width: float, height: float) -> Iterator[Markup]:
    """Numbers on both axes."""
    for low, high, across in ((*plot.x, True), (*plot.y, False)):
        for value in round_steps(low, high, 4 if not across and height < 220 else 5):
            part = (value - low) / (high - low)
            if across:
                x = left + part * width
                yield tag("path", d=f"M{x:.1f} {TOP + height:.1f}v4", class_="tick")
                yield tag("text", _signed(value), x=x, y=TOP + height + 15, text_anchor="middle")
            else:
                y = TOP + (1.0 - part) * height
                yield tag("path", d=f"M{left:.1f} {y:.1f}h-4", class_="tick")
                yield tag("text", _signed(value), x=left - 6, y=y + 4, text_anchor="end")
    yield tag("text", f"x [{plot.unit}]", x=left + width / 2, y=TOP + height + 30, text_anchor="middle", class_="axis")
    middle = TOP + height / 2
    yield tag(
        "text", f"y [{plot.unit}]", x=10.0, y=middle, text_anchor="middle", class_="axis",
        transform=f"rotate(-90 10 {middle:.1f})",
    )  # fmt: skip


def round_steps(low: float, high: float, most: int) -> list[float]:
    """Round numbers between two ends, ``most`` steps of them at most.

    >>> round_steps(-2.0, 102.0, 5)
    [0.0, 50.0, 100.0]
    """
    if not high > low:
        return []
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * k for k in (1.0, 2.0, 5.0, 10.0) if power * k >= rough)
    first = math.ceil(low / step)
    return [k * step for k in range(first, math.floor(high / step) + 1)]


def _links(layer: Links, start: Array, end: Array) -> Iterator[Markup]:
    widths = np.broadcast_to(np.asarray(layer.width, dtype=np.float64), (len(start),))
    if not len(start):
        return
    kind = f"link c-{layer.colour} {layer.stroke}"
    if np.ptp(widths) == 0.0:  # one element for all
        path = "".join(
            f"M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" for (a, b), (c, d) in zip(start.tolist(), end.tolist(), strict=True)
        )
        opacity = 0.6 if widths[0] < FAINT else None
        yield tag("path", d=path, class_=kind, stroke_width=f"{1.2 * widths[0]:.2f}", opacity=opacity)
    else:
        for (a, b), (c, d), width in zip(start.tolist(), end.tolist(), widths.tolist(), strict=True):
            yield tag("path", d=f"M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}", class_=kind, stroke_width=f"{1.2 * width:.2f}")
    if layer.arrow:
        for a, b in zip(start, end, strict=True):
            length = float(np.hypot(*(b - a)))
            if length > 1.0:
                along = (b - a) / length
                tip, side = a + 0.66 * (b - a), np.array([-along[1], along[0]])
                back = tip - 9.0 * along
                corners = [tip, back + 3.6 * side, back - 3.6 * side]
                yield tag(
                    "polygon", points=points((float(x), float(y)) for x, y in corners), class_=f"area c-{layer.colour}"
                )


def _mark(layer: Points, x: float, y: float) -> Markup:
    r = 0.62 * layer.size
    kind = f"{'mark' if layer.filled else 'ring'} c-{layer.colour}"
    return shape(layer.mark, x, y, r, kind)


def shape(mark: str, x: float, y: float, r: float, kind: str, title: str = "") -> Markup:
    """A mark around a point, ``r`` from its middle to its edge; a title shows where the pointer rests on it."""
    inner = [tag("title", title)] if title else ()
    match mark:
        case "circle":
            return tag("circle", inner, cx=x, cy=y, r=r, class_=kind)
        case "square":
            return tag("rect", inner, x=x - r, y=y - r, width=2 * r, height=2 * r, class_=kind)
        case "triangle":
            corners = [(x, y - 1.15 * r), (x + 1.05 * r, y + 0.8 * r), (x - 1.05 * r, y + 0.8 * r)]
        case "diamond":
            corners = [(x, y - 1.25 * r), (x + 1.25 * r, y), (x, y + 1.25 * r), (x - 1.25 * r, y)]
        case "star":
            turns = [(math.sin(k * math.pi / 5), math.cos(k * math.pi / 5)) for k in range(10)]
            corners = [(x + (1.3 if k % 2 == 0 else 0.55) * r * s, y - (1.3 if k % 2 == 0 else 0.55) * r * c)
                       for k, (s, c) in enumerate(turns)]  # fmt: skip
        case _:
            a, b = 0.35 * r, r
            corners = [(x, y - a), (x + b - a, y - b), (x + b, y - b + a), (x + a, y), (x + b, y + b - a),
                       (x + b - a, y + b), (x, y + a), (x - b + a, y + b), (x - b, y + b - a), (x - a, y),
                       (x - b, y - b + a), (x - b + a, y - b)]  # fmt: skip
    return tag("polygon", inner, points=points(corners), class_=kind)


def _words(plot: Map, at: Callable[[Array], Array], right: float) -> Iterator[Markup]:
    """Names beside marks, needed ones first, where none lies on a mark or on another name."""
    taken: list[tuple[float, float, float, float]] = []
    wanted: list[tuple[bool, str, float, float, float]] = []
    for layer in plot.layers:
        if isinstance(layer, Points):
            r = 0.62 * layer.size
            spots = at(layer.xy).tolist()
            taken += [(x - r, y - r, x + r, y + r) for x, y in spots]
            wanted += [(layer.needed, name, x, y, r) for name, (x, y) in zip(layer.names, spots, strict=False)]
    for needed, name, x, y, r in sorted(wanted, key=lambda word: not word[0]):
        w = SIGN * len(name)
        places = (
            (x + r + 2, y + 4, w),
            (x - r - 2 - w, y + 4, w),
            (x - w / 2, y - r - 3, w),
            (x - w / 2, y + r + 11, w),
        )
        boxes = [(a, b - 9, a + c, b + 1) for a, b, c in places]
        free = [k for k, box in enumerate(boxes) if box[2] <= right + 8 and box[0] >= 0 and not _meets(box, taken)]
        if free or needed:
            k = free[0] if free else 0
            taken.append(boxes[k])
            yield tag("text", name, x=places[k][0], y=places[k][1], class_="name")


def _meets(box: tuple[float, float, float, float], others: Iterable[tuple[float, float, float, float]]) -> bool:
    return any(box[0] < o[2] and o[0] < box[2] and box[1] < o[3] and o[1] < box[3] for o in others)


# Bars, grids, terms


def _bars(plot: Bars) -> Markup:
    totals = plot.totals
    limits = np.full(len(totals), np.nan) if plot.limits is None else plot.limits
    low = min(0.0, float(totals.min(initial=0.0)))
    high = float(np.fmax(totals, limits).max(initial=0.0)) or 1.0
    high += 0.14 * (high - low)
    width, n = WIDTH - LEFT - RIGHT, max(len(totals), 1)
    each = width / n

    def y(value: float) -> float:
        return TOP + BARS * (high - value) / (high - low)

    inner = []
    for value in round_steps(low, high, 4):
        inner.append(tag("path", d=f"M{LEFT:.1f} {y(value):.1f}h{width:.1f}", class_="grid"))
        inner.append(tag("text", _signed(value), x=LEFT - 6, y=y(value) + 4, text_anchor="end"))
    base = np.zeros(len(totals))
    for part in plot.parts:
        for k, value in enumerate(part.values.tolist()):
            if value:
                top = y(max(base[k], base[k] + value))
                size = abs(value) / (high - low) * BARS
                inner.append(
                    tag("rect", x=LEFT + (k + 0.14) * each, y=top, width=0.72 * each, height=max(size, 0.3),
                        class_=f"area c-{part.colour}")
                )  # fmt: skip
        base = base + part.values
    for k, limit in enumerate(limits.tolist()):
        if math.isfinite(limit):
            x = LEFT + (k + 0.05) * each
            inner.append(tag("path", d=f"M{x:.1f} {y(limit):.1f}h{0.9 * each:.1f}", class_="limit"))
    texts = [
        short(t) + ("" if math.isnan(m) else f"/{short(m)}")
        for t, m in zip(totals.tolist(), limits.tolist(), strict=True)
    ]
    if max((len(text) for text in texts), default=0) * SIGN + 2 <= each:
        tops = np.fmax(totals, limits).tolist()
        inner += [
            tag("text", text, x=LEFT + (k + 0.5) * each, y=y(top) - 4, text_anchor="middle")
            for k, (text, top) in enumerate(zip(texts, tops, strict=True))
        ]
    inner += _along(plot.names, each, LEFT, TOP + BARS + 14)
    inner.append(tag("path", d=f"M{LEFT:.1f} {y(0.0):.1f}h{width:.1f}", class_="base"))
    inner.append(tag("text", plot.axis, x=LEFT + width / 2, y=TOP + BARS + 29, text_anchor="middle", class_="axis"))
    return drawing(WIDTH, TOP + BARS + BOTTOM, inner, title=plot.title, text=_spoken(plot.names, texts))


def _spoken(names: Sequence[str], texts: Sequence[str]) -> str:
    most = 40
    said = ", ".join(f"{name}: {text}" for name, text in zip(names[:most], texts[:most], strict=True))
    return said + (" and more" if len(names) > most else "")


def _along(names: Sequence[str], each: float, left: float, y: float) -> Iterator[Markup]:
    """Names under bars or columns, every one or every second, fifth, tenth ..., so that none meets its neighbour."""
    needed = max((len(name) for name in names), default=0) * SIGN + 4
    every = next(step for step in (1, 2, 5, 10, 20, 50, 100, 1000, 10_000) if step * each >= needed or step == 10_000)
    for k in range(0, len(names), every):
        yield tag("text", names[k], x=left + (k + 0.5) * each, y=y, text_anchor="middle")


def _grid(plot: Grid) -> Markup:
    n_rows, n_columns = plot.cells.shape
    left = min(max((len(name) for name in plot.rows), default=0) * SIGN + 8, 150.0)
    width = WIDTH - left - RIGHT
    each = width / max(n_columns, 1)
    inner = [
        tag("text", name, x=left - 5, y=TOP + (r + 0.5) * ROW + 4, text_anchor="end")
        for r, name in enumerate(plot.rows)
    ]
    for r in range(n_rows):
        for c in range(n_columns):
            kind = int(plot.cells[r, c])
            colour = plot.kinds[kind][1] if kind >= 0 else "light"
            x, y = left + c * each, TOP + r * ROW
            inner.append(
                tag("rect", x=x + 0.04 * each, y=y + 1, width=0.92 * each, height=ROW - 2, class_=f"area c-{colour}")
            )
            text = str(plot.texts[r, c]) if kind >= 0 else ""
            if text and len(text) * SIGN <= 0.98 * each:
                word = "on-dark" if colour in DARK else "on-light"
                inner.append(tag("text", text, x=x + each / 2, y=y + 14, text_anchor="middle", class_=word))
    inner += _along(plot.columns, each, left, TOP + n_rows * ROW + 13)
    height = TOP + n_rows * ROW + BOTTOM
    inner.append(tag("text", plot.axis, x=left + width / 2, y=height - 5, text_anchor="middle", class_="axis"))
    used = ", ".join(f"{label}: {int((plot.cells == k).sum())}" for k, (label, _) in enumerate(plot.kinds))
    return drawing(WIDTH, height, inner, title=plot.title, text=f"{used} of {plot.cells.size}")


def _terms(terms: Sequence[Part]) -> Markup:
    values = [float(part.values[0]) for part in terms]
    low, high = sum(v for v in values if v < 0), sum(v for v in values if v > 0)
    span = (high - low) or 1.0
    width = WIDTH - 2 * RIGHT
    negative = positive = 0.0
    inner = []
    for part, value in zip(terms, values, strict=True):
        start = positive if value >= 0 else negative + value
        x, size = RIGHT + width * (start - low) / span, width * abs(value) / span
        inner.append(tag("rect", x=x, y=TOP, width=size, height=28, class_=f"area c-{part.colour}"))
        text = _signed(value)
        if size > len(text) * SIGN + 6:
            word = "on-dark" if part.colour in DARK else "on-light"
            inner.append(tag("text", text, x=x + size / 2, y=TOP + 18, text_anchor="middle", class_=word))
        positive, negative = (positive + value, negative) if value >= 0 else (positive, negative + value)
    if low < 0:
        x = RIGHT + width * -low / span
        inner.append(tag("path", d=f"M{x:.1f} {TOP - 4:.1f}v36", class_="base"))
    text = ", ".join(f"{part.label}: {short(value)}" for part, value in zip(terms, values, strict=True))
    return drawing(WIDTH, TOP + 36, inner, title="terms of the objective", text=text)


# Keys


def _swatch(colour: str) -> Markup:
    return _key_of(tag("rect", x=4, y=2, width=14, height=12, class_=f"area c-{colour}"))


def _key(layer: Points | Links | Discs) -> Markup:
    match layer:
        case Points():
            inner = shape(layer.mark, 12, 8, min(5.0, max(3.0, 0.62 * layer.size)),
                          f"{'mark' if layer.filled else 'ring'} c-{layer.colour}")  # fmt: skip
        case Links():
            inner = tag("path", d="M1 8H23", class_=f"link c-{layer.colour} {layer.stroke}", stroke_width=2)
        case Discs():
            inner = tag("circle", cx=12, cy=8, r=6, class_=f"disc c-{layer.colour}")
    return _key_of(inner)


def _key_of(inner: Markup) -> Markup:
    """A mark as it stands before its label."""
    return tag("svg", [inner], viewBox="0 0 24 16", class_="key", aria_hidden="true")
