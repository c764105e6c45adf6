"""Charts of a problem at one size, as SVG: gap against time, profile, gap on each instance; intervals for tables.

Methods are told apart by colour where they are named (the best of each regime, strong baselines, learned ones), by the
shape of their marks (what they see), and by whether marks are filled (learned). All others are grey, and come out
when a row of the table is pointed at or marked as mine.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from markupsafe import Markup

from dtbench.drawing.markup import EMPTY, drawing, points, tag
from dtbench.drawing.svg import round_steps, shape
from dtbench.reports.curves import OBJECTIVE, Training
from dtbench.reports.model import Estimate
from dtbench.reports.numbers import format_ratio, format_seconds
from dtbench.reports.overview import profile
from dtbench.reports.site.model import Group, Standing, named
from dtbench.reports.site.scale import Axis, gap_axis, time_axis

WIDTH, HEIGHT = 470.0, 330.0
LEFT, RIGHT, TOP, BOTTOM = 50.0, 14.0, 12.0, 44.0
NAMED = 7  # methods with colours
SIGN = 6.6
STRIP = (150.0, 22.0)  # an interval in a table
SHAPES: Mapping[str, str] = {"local": "diamond", "global": "circle", "future": "triangle", "": "circle"}


@dataclass(frozen=True)
class Series:
    """A method as charts show it; ``colour`` from 1, 0 for grey."""

    standing: Standing
    colour: int

    @property
    def kind(self) -> str:
        """Classes of its marks."""
        return f"{'dot' if self.standing.learned else 'hollow'}"

    @property
    def mark(self) -> str:
        """Shape of its marks."""
        return SHAPES.get(self.standing.sees, "circle")

    def group(self, inner: Iterable[Markup]) -> Markup:
        """All that belongs to it in one chart."""
        return tag("g", inner, class_=f"series k{self.colour}", data_s=self.standing.name.key)


def series(group: Group, strong: Sequence[str]) -> list[Series]:
    """All methods with a score, grey ones first, so that the others lie above them."""
    scored = [each for each in group.standings if each.entry.ok]
    chosen = _chosen(group, scored, strong)
    colours = {each.name.label: number for number, each in enumerate(chosen, start=1)}
    rows = [Series(each, colours.get(each.name.label, 0)) for each in scored]
    return sorted(rows, key=lambda each: -each.colour if each.colour else -100)


def _chosen(group: Group, scored: Sequence[Standing], strong: Sequence[str]) -> list[Standing]:
    """The methods that get a colour: best of each regime, best learned ones, strong baselines, then the best left."""
    by_label = {each.name.label: each for each in scored}
    found: dict[str, Standing] = {}
    for best in group.section.best:
        found.setdefault(best.solvers[0], by_label[best.solvers[0]])
    for each in [each for each in scored if each.learned][:2]:
        found.setdefault(each.name.label, each)
    for name in strong:
        for each in [each for each in scored if each.name.short == name][:1]:
            found.setdefault(each.name.label, each)
    for each in scored:
        found.setdefault(each.name.label, each)
    return list(found.values())[:NAMED]


def legend(all_series: Sequence[Series]) -> list[tuple[Series, Markup]]:
    """The coloured ones with their keys, best first."""
    return [(each, _key(each)) for each in sorted(all_series, key=lambda s: s.colour) if each.colour]


def _key(each: Series) -> Markup:
    inner = [tag("path", d="M1 8H23", class_="line"), shape(each.mark, 12, 8, 4.5, each.kind)]
    return tag("svg", [each.group(inner)], viewBox="0 0 24 16", class_="key", aria_hidden="true")


# Frames


@dataclass(frozen=True)
class Frame:
    """A pair of axes."""

    x: Axis | None
    y: Axis | None
    right: float = RIGHT

    @property
    def width(self) -> float:
        """Of the plot."""
        return WIDTH - LEFT - self.right

    @property
    def height(self) -> float:
        """Of the plot."""
        return HEIGHT - TOP - BOTTOM

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point lies, from places in [0, 1]."""
        return LEFT + x * self.width, TOP + (1.0 - y) * self.height

    def drawn(self, x_label: str, y_label: str) -> Iterator[Markup]:
        """Grid, numbers and labels."""
        if self.y is not None:
            for place, text in self.y.ticks:
                _, y = self.at(0, place)
                yield tag("path", d=f"M{LEFT:.1f} {y:.1f}h{self.width:.1f}", class_="base" if text == "0" else "grid")
                yield tag("text", text, x=LEFT - 7, y=y + 4, text_anchor="end")
        if self.x is not None:
            for place, text in self.x.ticks:
                x, _ = self.at(place, 0)
                yield tag("path", d=f"M{x:.1f} {TOP:.1f}v{self.height:.1f}", class_="base" if text == "0" else "grid")
                yield tag("text", text, x=x, y=TOP + self.height + 16, text_anchor="middle")
        yield tag("text", x_label, x=LEFT + self.width / 2, y=HEIGHT - 6, text_anchor="middle", class_="axis")
        middle = TOP + self.height / 2
        yield tag(
            "text", y_label, x=11.0, y=middle, text_anchor="middle", class_="axis",
            transform=f"rotate(-90 11 {middle:.1f})",
        )  # fmt: skip


def _gaps(rows: Sequence[Series]) -> list[float]:
    """Gaps and ends of their intervals."""
    found = [each.standing.entry.gap for each in rows]
    return [v for gap in found for v in (gap.value, gap.lower, gap.upper) if v is not None]


# Gap against time


def pareto(group: Group, rows: Sequence[Series]) -> Markup | None:
    """Gap with its interval against the median time of a decision; the step line joins those that no other beats."""
    shown = [s for s in rows if s.standing.entry.gap.value is not None and s.standing.entry.slot_seconds is not None]
    if not shown:
        return None
    frame = Frame(time_axis([s.standing.entry.slot_seconds or 0.0 for s in shown]), gap_axis(_gaps(shown)))
    assert frame.x is not None and frame.y is not None  # noqa: PT018, S101
    inner = list(frame.drawn("median time of a decision", "gap to best known [%]"))
    spots = []
    for each in shown:
        gap, seconds = each.standing.entry.gap, each.standing.entry.slot_seconds or 0.0
        x, y = frame.at(frame.x.place(seconds), frame.y.place(gap.value or 0.0))
        marks = []
        if gap.lower is not None and gap.upper is not None:
            (_, low), (_, high) = frame.at(0, frame.y.place(gap.lower)), frame.at(0, frame.y.place(gap.upper))
            marks.append(tag("path", d=f"M{x:.1f} {low:.1f}V{high:.1f}", class_="range"))
        marks.append(
            shape(each.mark, x, y, 5.0, each.kind, f"{each.standing.name.label}: {gap.text}, {format_seconds(seconds)}")
        )
        spots.append((each, x, y))
        inner.append(each.group(marks))
    front = _front(spots)
    if len(front) > 1:
        stairs = [front[0][1:]]
        for (_, _, y), (_, x2, y2) in pairwise(front):
            stairs += [(x2, y), (x2, y2)]
        inner.insert(0, tag("polyline", points=points(stairs), class_="front"))
    inner += _labels(spots, [each for each, _, _ in front], frame)
    said = "; ".join(f"{s.standing.name.label} {s.standing.entry.gap.figure}" for s, _, _ in front)
    return drawing(
        WIDTH, HEIGHT, inner, title=f"Gap against time per decision, {group.problem}, {group.size}",
        text=f"Not beaten in both: {said}. All numbers are in the table.",
    )  # fmt: skip


def _front(spots: Sequence[tuple[Series, float, float]]) -> list[tuple[Series, float, float]]:
    """Those than which none is both faster and better; y grows downwards, so better is greater."""
    front: list[tuple[Series, float, float]] = []
    for spot in sorted(spots, key=lambda s: (s[1], -s[2])):
        if not front or spot[2] > front[-1][2]:
            front.append(spot)
    return front


def _labels(spots: Sequence[tuple[Series, float, float]], front: Sequence[Series], frame: Frame) -> Iterator[Markup]:
    """Short names beside marks, those of the front and the coloured ones first, where there is room."""
    taken = [(x - 6, y - 6, x + 6, y + 6) for _, x, y in spots]
    order = sorted(spots, key=lambda s: (not (s[0] in front and s[0].colour), s[0] not in front, not s[0].colour))
    for each, x, y in order:
        text = each.standing.name.short
        text = text if len(text) <= 18 else text[:17] + "…"
        w = SIGN * len(text)
        boxes = [(x + 8, y - 9, x + 8 + w, y + 4), (x - 8 - w, y - 9, x - 8, y + 4),
                 (x - w / 2, y - 20, x + w / 2, y - 8), (x - w / 2, y + 8, x + w / 2, y + 20),
                 (x + 6, y - 20, x + 6 + w, y - 8), (x + 6, y + 7, x + 6 + w, y + 19)]  # fmt: skip
        for box in boxes:
            inside = (
                box[0] >= LEFT + 2
                and box[2] <= LEFT + frame.width + 8
                and box[1] >= TOP
                and box[3] <= HEIGHT - BOTTOM + 6
            )
            if inside and not any(box[0] < o[2] and o[0] < box[2] and box[1] < o[3] and o[1] < box[3] for o in taken):
                taken.append(box)
                yield each.group([tag("text", text, x=box[0], y=box[3] - 3, class_="name")])
                break


# Profile


def profiles(group: Group, rows: Sequence[Series]) -> Markup | None:
    """Share of planned runs whose gap is at most that on the axis; who does not finish stays below 100 %."""
    found = [(each, *profile(each.standing.entry)) for each in rows]
    found = [(each, gaps, shares) for each, gaps, shares in found if len(gaps)]
    if not found:
        return None
    x = gap_axis([float(g) for _, gaps, _ in found for g in (gaps[0], gaps[-1])])
    y = Axis(-3.0, 103.0, tuple(((t + 3) / 106, f"{t}") for t in (0, 25, 50, 75, 100)), False)
    frame = Frame(x, y)
    inner = list(frame.drawn("gap to best known [%]", "runs within this gap [%]"))
    for each, gaps, shares in found:
        line = [(x.place(float(gaps[0])), 0.0)]
        before = 0.0
        for gap, share in zip(gaps.tolist(), shares.tolist(), strict=True):
            line += [(x.place(gap), before), (x.place(gap), share)]
            before = share
        line.append((1.0, before))
        places = [frame.at(a, (3 + 100 * b) / 106) for a, b in line]
        title = tag("title", each.standing.name.label)
        inner.append(each.group([tag("polyline", [title], points=points(places), class_="line")]))
    return drawing(
        WIDTH, HEIGHT, inner, title=f"Profile of gaps, {group.problem}, {group.size}",
        text="Lines further to the upper left are better. Numbers are in the table below the charts.",
    )  # fmt: skip


# Gap on each instance


def per_instance(group: Group, rows: Sequence[Series]) -> Markup | None:
    """Mean gap of each method on each instance."""
    names = group.runs.instances
    found = [(each, means(each.standing, names)) for each in rows]
    every = [g for _, gaps in found for g in gaps if g is not None]
    if not every:
        return None
    frame = Frame(None, gap_axis(every))
    assert frame.y is not None  # noqa: S101
    inner = list(frame.drawn("instance", "gap, mean over seeds [%]"))
    each_width = 1.0 / len(names)
    prefix = f"{group.problem}/"
    short = [name.removeprefix(prefix).removeprefix(f"{group.size}-") for name in names]
    short = [name if len(name) <= 12 else name[:11] + "…" for name in short]
    needed = max(map(len, short)) * SIGN + 4
    step = max(1, int(-(-needed // (frame.width * each_width))))
    for k in range(0, len(names), step):
        x, y = frame.at((k + 0.5) * each_width, 0.0)
        inner.append(tag("text", short[k], x=x, y=y + 16, text_anchor="middle"))
    for k in range(len(names)):
        x, _ = frame.at((k + 0.5) * each_width, 0.0)
        inner.append(tag("path", d=f"M{x:.1f} {TOP:.1f}v{frame.height:.1f}", class_="grid"))
    radius = 4.2 if len(names) <= 20 else 3.0
    for each, gaps in found:
        places = [frame.at((k + 0.5) * each_width, frame.y.place(g)) for k, g in enumerate(gaps) if g is not None]
        marks = [shape(each.mark, x, y, radius, each.kind) for x, y in places]
        title = [tag("title", each.standing.name.label)]
        if each.colour and len(places) > 1:
            title.append(tag("polyline", points=points(places), class_="thread"))
        inner.append(each.group([*title, *marks]))
    return drawing(
        WIDTH, HEIGHT, inner, title=f"Gap on each instance, {group.problem}, {group.size}",
        text="Numbers are in the table below the charts.",
    )  # fmt: skip


def means(standing: Standing, names: Sequence[str]) -> list[float | None]:
    """Mean gap on each instance."""
    found: dict[str, list[float]] = {}
    for run in standing.entry.ok:
        if run.gap is not None:
            found.setdefault(run.instance, []).append(run.gap)
    return [float(np.mean(found[name])) if name in found else None for name in names]


WITHIN = (1e-4, 1e-3, 0.01, 0.05, 0.1, 0.5)


def within(standing: Standing) -> list[float]:
    """Shares of planned runs within each gap of :data:`WITHIN`."""
    gaps, _ = profile(standing.entry)
    return [float((gaps <= end).sum()) / max(standing.entry.planned, 1) for end in WITHIN]


# Learning curves


def learning(trainings: Sequence[Training], unit: str, title: str) -> tuple[Markup, list[tuple[str, int]]] | None:
    """Objective of validations against frames played, a line for each training; and who has which colour."""
    curves = []
    for each in trainings:
        rows = [(row.frames, row.value) for row in each.rows if row.quantity == OBJECTIVE and np.isfinite(row.value)]
        if len(rows) > 1:
            curves.append((each, rows))
    if not curves:
        return None
    values = [value for _, rows in curves for _, value in rows]
    last = max(frames for _, rows in curves for frames, _ in rows) or 1
    low, high = min(values), max(values)
    pad = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
    low, high = low - pad, high + pad
    y = Axis(low, high, tuple(((v - low) / (high - low), f"{v:.4g}") for v in round_steps(low, high, 6)), False)
    x = Axis(0, last, tuple((v / last, _thousands(v)) for v in round_steps(0.0, float(last), 5)), False)
    frame = Frame(x, y)
    inner = list(frame.drawn("frames played in training", f"objective of validations{f' [{unit}]' if unit else ''}"))
    solvers = list(dict.fromkeys(each.solver for each, _ in curves))
    colours = {name: k % NAMED + 1 for k, name in enumerate(solvers)}
    for each, rows in curves:
        places = [frame.at(f / last, (v - low) / (high - low)) for f, v in rows]
        marks = [
            tag("title", f"{each.solver}, seed {each.seed}"),
            tag("polyline", points=points(places), class_="line"),
        ]
        marks += [
            shape("circle", *frame.at(row.frames / last, (row.value - low) / (high - low)), 4.5, "dot")
            for row in each.rows
            if row.quantity == OBJECTIVE and row.round == each.kept and np.isfinite(row.value)
        ]
        inner.append(tag("g", marks, class_=f"series k{colours[each.solver]}", data_s=named(each.solver).key))
    said = "; ".join(f"{each.solver}, seed {each.seed}: {rows[-1][1]:.4g} at the end" for each, rows in curves[:20])
    return drawing(WIDTH, HEIGHT, inner, title=title, text=said), [(name, colours[name]) for name in solvers]


def _thousands(value: float) -> str:
    return f"{value / 1e6:g} M" if value >= 1e6 else f"{value / 1e3:g} k" if value >= 1e4 else f"{value:g}"


# Intervals in tables


def strip_axis(estimates: Iterable[Estimate]) -> Axis:
    """The common axis of the intervals of a table."""
    return gap_axis([v for e in estimates for v in (e.value, e.lower, e.upper) if v is not None], apart=0.16)


def strip(gap: Estimate, axis: Axis, learned: bool, sees: str) -> Markup:
    """A gap and its interval on the table's axis; what it says stands in the column before."""
    width, height = STRIP
    if gap.value is None:
        return EMPTY
    inner = [tag("path", d=f"M{6 + (width - 12) * place:.1f} 0v{height:.0f}", class_="base" if text == "0" else "grid")
             for place, text in axis.ticks]  # fmt: skip
    if gap.lower is not None and gap.upper is not None:
        ends = [6 + (width - 12) * axis.place(v) for v in (gap.lower, gap.upper)]
        inner.append(
            tag("path", d=f"M{ends[0]:.1f} {height / 2:.0f}H{max(ends[1], ends[0] + 0.1):.1f}", class_="range")
        )
    x = 6 + (width - 12) * axis.place(gap.value)
    inner.append(shape(SHAPES.get(sees, "circle"), x, height / 2, 4.2, "dot" if learned else "hollow"))
    return tag("svg", inner, viewBox=f"0 0 {width:.0f} {height:.0f}", class_="strip", aria_hidden="true")


def strip_head(axis: Axis) -> Markup:
    """Numbers over the intervals, in percent."""
    width, _ = STRIP
    inner = [tag("text", text, x=6 + (width - 12) * place, y=11, text_anchor="middle") for place, text in axis.ticks]
    return tag("svg", inner, viewBox=f"0 0 {width:.0f} 14", class_="strip", aria_hidden="true")


def percent(gap: float | None) -> str:
    """A gap in percent for narrow places, two digits; empty where there is none."""
    return "" if gap is None else format_ratio(gap, 2)
