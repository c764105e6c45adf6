"""The figures of a study: the paper's axis, a row for each metric, a column for each value of the second parameter.

The same runs give the same bytes. Colours tell methods apart, strokes whose settings a learner had; the optimum is
black, rules are dotted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill, wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbench.arrays import Array
from dtbench.drawing.style import COLOURS, GREY, canvas, encoded, styled
from dtbench.experiments.record import Scalar
from dtbench.experiments.studies import REWARD, SLOT, TRAINING, Study
from dtbench.experiments.study_file import SETTINGS, MethodTable, MetricTable
from dtbench.reports.claims.bundle import Bundle, LearningCurve, Point
from dtbench.reports.claims.measure import Runs, half
from dtbench.reports.figures import MARKERS, RATIO, positions, set_logarithmic

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf")
DPI = 110.0
WIDTH, HEIGHT, LEGEND = 3.9, 2.6, 2.7  # inches of a plot, and of the legend
LEFT = 1.0
TITLE, NOTE = 0.75, 0.42
STROKES = {"": "-", "paper": "-", "tuned": "--"}
GREYS = ("#808080", "#B0B0B0", "#606060", "#9A9A9A")
ALL = ("", "paper", "tuned")  # settings
MOST = 4  # columns of trainings or episodes
FEW = 30  # points with a mark each
UNPROVEN = 0.01  # of the optimum's value: an optimum with a greater gap says so


@dataclass(frozen=True)
class Line:
    """What is drawn of a method in one plot: places on the axis, values, half-widths of their intervals, all (n,)."""

    method: MethodTable
    x: Array
    y: Array
    half: Array
    flat: bool = False  # a method that does not change along the axis


def write(study: Study, bundle: Bundle, form: str) -> bytes:
    """A figure as the content of a file of one of :data:`FORMATS`."""
    with styled():
        return encoded(draw(study, bundle), form, DPI)


def draw(study: Study, bundle: Bundle) -> Figure:
    """The figure."""
    runs = Runs(study, bundle)
    columns, settings = _columns(runs)
    rows = [
        (metric, its)
        for its in settings
        for metric in study.content.metrics
        if any(_lines(runs, metric, column.of(its)) for column in columns)
    ] or [(study.content.metrics[0], ALL)]
    width = LEFT - 0.25 + len(columns) * WIDTH + LEGEND
    height = TITLE + len(rows) * HEIGHT + NOTE
    styles = _styles(runs)
    with styled():
        page = canvas(width, height, DPI)
        grid: Any = page.subplots(
            len(rows), len(columns), squeeze=False, sharex=study.x not in (TRAINING, SLOT), sharey="row",
            gridspec_kw={
                "left": LEFT / width, "right": 1.0 - LEGEND / width, "top": 1.0 - TITLE / height,
                "bottom": (NOTE + 0.42) / height, "hspace": 0.22, "wspace": 0.1,
            },
        )  # fmt: skip
        for row, (metric, its) in enumerate(rows):
            for column, panel in enumerate(columns):
                axes = grid[row][column]
                _plot(axes, runs, _lines(runs, metric, panel.of(its)), styles)
                if row == 0 and panel.title:
                    axes.set_title(panel.title, fontsize=9.0)
                if column == 0:
                    words = [metric.label, *([SETTINGS[its[1]]] if len(settings) > 1 else [])]
                    axes.set_ylabel(fill(", ".join(words), 34), fontsize=8.5)
                if row == len(rows) - 1:
                    axes.set_xlabel(study.content.x_label or study.x, fontsize=8.5)
        _words(page, study, bundle, width, height)
        drawn = {
            line.method.title
            for metric, its in rows
            for column in columns
            for line in _lines(runs, metric, column.of(its))
        }
        _legend(page, runs, {title: style for title, style in styles.items() if title in drawn}, width, height)
    return page


@dataclass(frozen=True)
class Panel:
    """A column: its points, and the settings of the learners in it."""

    title: str
    points: tuple[Point, ...]
    settings: tuple[str, ...] = ALL

    def of(self, settings: tuple[str, ...]) -> Panel:
        """The same with learners of these settings only."""
        return Panel(self.title, self.points, tuple(each for each in self.settings if each in settings))


def _columns(runs: Runs) -> tuple[list[Panel], list[tuple[str, ...]]]:
    """The columns, and the settings of each group of rows.

    Trainings with other settings have another length: columns of their own, rows where columns are points.
    """
    names, points = list(runs.bundle.axes), runs.where(runs.study.content.at)
    if runs.study.x == TRAINING:
        trained = {curve.method for curve in runs.bundle.curves}
        settings = [s for s in SETTINGS if s and any(m.setting == s and m.title in trained for m in runs.study.methods)]
        if len(points) == 1:
            return [Panel(SETTINGS[s], (points[0],), ("", s)) for s in settings] or [Panel("", (points[0],))], [ALL]
        columns = [Panel(_named(runs, point), (point,)) for point in points][:MOST]
        return columns, [("", s) for s in settings] or [ALL]
    if runs.study.x == SLOT:
        return [Panel(_named(runs, point), (point,)) for point in points][:MOST], [ALL]
    at = names.index(runs.study.x)
    by_rest: dict[tuple[Scalar, ...], list[Point]] = {}
    for point in points:
        by_rest.setdefault(tuple(v for i, v in enumerate(point) if i != at), []).append(point)
    rest = [name for name in names if name != names[at]]
    titles = [", ".join(f"{n} = {_text(v)}" for n, v in zip(rest, key, strict=True)) for key in by_rest]
    return [Panel(title, tuple(its)) for title, its in zip(titles, by_rest.values(), strict=True)], [ALL]


def _text(value: Scalar) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _named(runs: Runs, point: Point) -> str:
    values = zip(runs.bundle.axes, point, strict=True)
    return ", ".join(f"{name} = {_text(value)}" for name, value in values if len(runs.bundle.axes[name]) > 1)


def _lines(runs: Runs, metric: MetricTable, panel: Panel) -> list[Line]:
    """What is drawn of all methods in a column."""
    make = {TRAINING: _training, SLOT: _slots}.get(runs.study.x, _swept)
    methods = [m for m in runs.study.methods if m.title in runs.methods and m.setting in panel.settings]
    return [line for each in methods if (line := make(runs, metric, each, panel.points)) is not None]


def _swept(runs: Runs, metric: MetricTable, method: MethodTable, points: Sequence[Point]) -> Line | None:
    axis = list(runs.bundle.axes).index(runs.study.x)
    places = dict(zip(runs.bundle.axes[runs.study.x], positions(runs.bundle.axes[runs.study.x]), strict=True))
    found = [
        (places[p[axis]], value) for p in points if (value := runs.value(method.title, p, metric.name)) is not None
    ]
    if not found:
        return None
    halves = [0.0 if v.upper is None else v.upper - v.mean for _, v in found]
    if len(places) == 1:  # methods stand side by side
        found = [(float(runs.methods.index(method.title)), value) for _, value in found]
    return Line(method, np.array([x for x, _ in found]), np.array([v.mean for _, v in found]), np.array(halves))


def _training(runs: Runs, metric: MetricTable, method: MethodTable, points: Sequence[Point]) -> Line | None:
    """A learner's validations; of other methods their value on the instances. Nothing else is known of a training."""
    if metric.name not in ("objective", REWARD):
        return None
    curves = [c for c in runs.bundle.curves if c.method == method.title and c.point == points[0]]
    if curves:
        return _curve(method, metric, curves, runs.study.content.played)
    if method.title in runs.bundle.learners or metric.name == REWARD:
        return None
    value = runs.value(method.title, points[0], metric.name)
    if value is None:
        return None
    return Line(method, np.array([0.0, 1.0]), np.array([value.mean] * 2), np.zeros(2), flat=True)


def _curve(method: MethodTable, metric: MetricTable, curves: Sequence[LearningCurve], played: str) -> Line:
    """The mean of curves at the validations that all of them have, with the half-width over seeds."""
    count = min(len(curve.episodes) for curve in curves)
    values = np.array([getattr(curve, metric.name)[:count] for curve in curves]) * metric.factor
    halves = [half(values[:, i].tolist()) or 0.0 for i in range(count)]
    return Line(method, np.array(getattr(curves[0], played)[:count], float), values.mean(axis=0), np.array(halves))


def _slots(runs: Runs, metric: MetricTable, method: MethodTable, points: Sequence[Point]) -> Line | None:
    """The mean over instances and seeds, slot by slot."""
    scale = runs.scale(metric, points[0])
    series = [
        run.slots[metric.name]
        for run in runs.bundle.runs
        if run.method == method.title and run.point == points[0] and metric.name in run.slots
    ]
    if not series:
        return None
    mean = scale * np.array(series).mean(axis=0)
    return Line(method, np.arange(1.0, len(mean) + 1.0), mean, np.zeros(len(mean)))


def _styles(runs: Runs) -> dict[str, dict[str, Any]]:
    """Stroke and colour of each method by its title."""
    labels = list(dict.fromkeys(m.label for m in runs.study.methods if m.role in ("method", "rival", "rule")))
    greys = list(dict.fromkeys(m.label for m in runs.study.methods if m.role == "baseline"))
    found: dict[str, dict[str, Any]] = {}
    coloured = [colour for colour in COLOURS if colour != "#000000"]
    for each in runs.study.methods:
        if each.role == "optimum":
            style: dict[str, Any] = {"color": "#000000", "linestyle": "-", "marker": "", "linewidth": 1.2}
        elif each.role == "baseline":
            number = greys.index(each.label)
            style = {"color": GREYS[number % len(GREYS)], "linestyle": "-.", "marker": MARKERS[-1 - number % 5]}
        else:
            number = labels.index(each.label)
            stroke = ":" if each.role == "rule" else STROKES[each.setting]
            style = {"color": coloured[number % len(coloured)], "linestyle": stroke}
            style |= {"marker": MARKERS[number % len(MARKERS)]}
        found[each.title] = {"linewidth": 1.9 if each.role == "method" else 1.2, "markersize": 4.5} | style
    return found


def _plot(axes: Axes, runs: Runs, lines: Sequence[Line], styles: dict[str, dict[str, Any]]) -> None:
    training, slots = runs.study.x == TRAINING, runs.study.x == SLOT
    longest = max((float(line.x.max()) for line in lines if not line.flat), default=1.0)
    for line in lines:
        style = styles[line.method.title]
        if line.flat:
            axes.axhline(
                float(line.y[0]), **{k: v for k, v in style.items() if k in ("color", "linestyle", "linewidth")}
            )
        elif training or slots:
            axes.plot(line.x, line.y, markevery=max(1, len(line.x) // FEW), **style | {"markersize": 3.0})
            if line.half.any():
                axes.fill_between(
                    line.x, line.y - line.half, line.y + line.half, color=style["color"], alpha=0.15, lw=0
                )
        else:
            bars = line.half if line.half.any() else None
            style = style | ({"marker": "_", "markersize": 12.0} if len(line.x) == 1 and not style["marker"] else {})
            axes.errorbar(line.x, line.y, yerr=bars, elinewidth=0.9, capsize=2.0, **style)
    if not (training or slots) and len(runs.bundle.axes[runs.study.x]) == 1:
        axes.set_xticks([])
        axes.set_xlim(-0.7, len(runs.methods) - 0.3)
    elif not (training or slots):
        values = runs.bundle.axes[runs.study.x]
        at = positions(values)
        axes.set_xticks(at, [f"{v:g}" if isinstance(v, float) else str(v) for v in values])
        margin = 0.08 * (float(np.ptp(at)) or 1.0)
        axes.set_xlim(float(at.min()) - margin, float(at.max()) + margin)
    elif training:
        axes.set_xlim(0.0, 1.03 * longest)
        axes.locator_params(axis="x", nbins=5)
    elif slots:
        axes.locator_params(axis="x", integer=True)
    _scale(axes, lines)
    axes.tick_params(labelsize=8.0)


def _scale(axes: Axes, lines: Sequence[Line]) -> None:
    """A logarithmic axis where a linear one would hide the better methods."""
    least = [float((line.y - line.half).min()) for line in lines]
    most = [float(line.y.max()) for line in lines]
    if least and min(least) > 0.0 and max(most) / min(float(line.y.min()) for line in lines) >= RATIO:
        set_logarithmic(axes)


def _words(page: Figure, study: Study, bundle: Bundle, width: float, height: float) -> None:
    """Title, and what the marks stand for."""
    content = study.content
    title = f"{content.paper.capitalize()}, Fig. {content.figure}: {content.title or content.caption}"
    page.text(0.12 / width, 1.0 - 0.12 / height, "\n".join(wrap(title, round(13 * width))), fontsize=11.0, va="top",
              weight="bold")  # fmt: skip
    several = bool(bundle.learners) and bundle.seeds > 1
    spread = "seeds and instances" if several else "instances"
    trained = f", {bundle.seeds} training{'s' * several} of each learner" if bundle.learners else ""
    text = (
        f"Budget {bundle.budget}: {bundle.instances} instances{trained}. "
        f"Bars and bands: 95 % interval over {'seeds' if study.x == TRAINING else spread}."
    )
    if study.x == SLOT:
        text = f"Budget {bundle.budget}: means over {bundle.instances} instances{trained}."
    page.text(0.12 / width, 0.1 / height, fill(text, round(16 * width)), fontsize=7.5, color=GREY, va="bottom")


def _legend(page: Figure, runs: Runs, styles: dict[str, dict[str, Any]], width: float, height: float) -> None:
    from matplotlib.lines import Line2D

    titles = [title for title in runs.methods if title in styles]
    handles: list[Any] = [Line2D([], [], **styles[title]) for title in titles]
    labels = [fill(_entry(runs, title), 32) for title in titles]
    page.legend(
        handles, labels, loc="upper left", bbox_to_anchor=(1.0 - (LEGEND - 0.12) / width, 1.0 - TITLE / height),
        fontsize=8.0, handlelength=2.8, borderpad=0.0, borderaxespad=0.0, labelspacing=0.55,
    )  # fmt: skip


def _entry(runs: Runs, title: str) -> str:
    """A method's name in the legend; of an optimum that is not proven, how far it is."""
    optima = [each.title for each in runs.study.methods if each.role == "optimum"]
    gap = runs.unproven(title) if title in optima else 0.0
    if gap is None:
        return f"{title} (not proven)"
    return title if gap <= UNPROVEN else f"{title} (proven to within {100 * gap:.2g} %)"
