"""Learning curves: what checkpoints and logs of trainings say, as figure and as one tidy table."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbench.core import AnyProblem
from dtbench.drawing.style import COLOURS, GREY, canvas, styled
from dtbench.errors import DtbenchError
from dtbench.files import csv_text
from dtbench.learning import checkpoint, log
from dtbench.learning.log import Row
from dtbench.problems import all_problems
from dtbench.reports.figures import LINES, MARKERS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OBJECTIVE, REWARD = "validation/objective", "validation/reward"
COLUMNS = (
    "file", "problem", "size", "solver", "seed", "round", "episodes", "frames", "seconds", "quantity", "value", "kept",
)  # fmt: skip
FOLDER = re.compile(r"(?P<problem>[a-z0-9-]+?)--(?P<size>[\w-]+?)--(?P<solver>.+)--s(?P<seed>\d+)")
EVENTS = "events.out.tfevents.*"
MOST = 8  # quantities in a figure
WIDTH, HEIGHT = 4.3, 2.1  # inches of a plot
LEFT, LEGEND = 0.85, 2.5
OVER, UNDER, TOP = 0.3, 0.45, 0.4
FONT = 8.5
FEW = 40  # points with a mark each


@dataclass(frozen=True)
class Training:
    """One training: ``rows`` are its numbers; ``kept`` is the round whose policy was kept, where that is known."""

    file: Path
    problem: str
    size: str
    solver: str
    seed: int
    rows: tuple[Row, ...]
    kept: int | None = None
    label: str = ""


def of_checkpoint(file: Path) -> Training:
    """The learning curve in the header of a trained policy.

    Raises
    ------
    DtbenchError
        If the file cannot be read.
    """
    header = checkpoint.read(file).header
    made = header.identity
    rows = [
        Row(point.round, point.episodes, point.frames, point.seconds, quantity, np.nan if value is None else value)
        for point in header.curve
        for quantity, value in ((OBJECTIVE, point.objective), (REWARD, point.reward))
    ]
    return Training(file, made.problem, made.size, made.solver, made.seed, tuple(rows), header.best.round)


def logs_in(folder: Path) -> list[Path]:
    """Folders with the log of a training: this one, or any inside."""
    found = {file.parent for pattern in (log.NAME, EVENTS) for file in folder.rglob(pattern)}
    return sorted(found)


def policies_in(folder: Path) -> list[Path]:
    """Trained policies in a folder, such as ``policies`` of results."""
    return sorted(file for file in folder.glob(f"*{checkpoint.SUFFIX}") if not file.name.startswith("."))


def of_log(folder: Path) -> Training:
    """The log of a training: ``training.csv``, or TensorBoard's events where there is none.

    Raises
    ------
    DtbenchError
        If there are only events and TensorBoard, which reads them, is not installed; or the log is damaged.
    """
    file = folder / log.NAME
    rows = log.read(file) if file.is_file() else _events(folder)
    named = FOLDER.fullmatch(folder.name)
    parts = dict(named.groupdict() if named else {"problem": "", "size": "", "solver": folder.name, "seed": "0"})
    return Training(folder, parts["problem"], parts["size"], parts["solver"], int(parts["seed"]), tuple(rows))


def labelled(trainings: Sequence[Training]) -> list[Training]:
    """The trainings with labels that tell those apart that stand in one plot, by what differs in their files' paths."""
    alike: dict[tuple[str, str, str], list[str]] = {}
    for t in trainings:
        alike.setdefault((t.problem, t.size, f"{t.solver}, seed {t.seed}"), []).append(str(t.file))
    new = []
    for t in trainings:
        short = f"{t.solver}, seed {t.seed}"
        paths = alike[t.problem, t.size, short]
        begin = _alike(paths)
        end = _alike([path[begin:][::-1] for path in paths])
        differs = str(t.file)[begin : len(str(t.file)) - end]
        new.append(replace(t, label=short if len(paths) == 1 else f"{short} ({differs})"))
    return new


def _alike(paths: Sequence[str]) -> int:
    """How many signs all of them begin with."""
    alike = [len(set(signs)) == 1 for signs in zip(*paths, strict=False)]
    return alike.index(False) if False in alike else len(alike)


def table(trainings: Sequence[Training]) -> str:
    """All numbers as CSV, a row each; ``kept`` marks the validation whose policy was kept."""
    rows = [
        (
            str(t.file), t.problem, t.size, t.solver, t.seed, r.round, r.episodes, r.frames, r.seconds, r.quantity,
            r.value, str(t.kept is not None and r.round == t.kept).lower(),
        )
        for t in trainings for r in t.rows
    ]  # fmt: skip
    return csv_text([COLUMNS, *rows])


def figure(trainings: Sequence[Training], title: str) -> Figure:
    """A column for each problem and size, a row for each quantity, against frames played."""
    groups: dict[tuple[str, str], list[Training]] = {}
    for each in labelled(trainings):
        groups.setdefault((each.problem, each.size), []).append(each)
    quantities = _quantities(trainings)
    shown = quantities[:MOST]
    alone = len(groups) == 1  # then quantities stand in two columns
    columns = min(2, len(shown)) if alone else len(groups)
    rows = -(-len(shown) // columns) if alone else len(shown)
    width, height = columns * (LEFT + WIDTH) + LEGEND, TOP + rows * (OVER + HEIGHT + UNDER)
    with styled():
        page = canvas(width, height)
        left_out = f"; {len(quantities) - len(shown)} more in the CSV file" if len(quantities) > len(shown) else ""
        page.text(LEFT / width, 1.0 - 0.14 / height, title + left_out, fontsize=12.0, weight="bold", va="top")
        styles: dict[str, dict[str, Any]] = {}
        for column, ((problem, size), members) in enumerate(groups.items()):
            for number, quantity in enumerate(shown):
                row, place = divmod(number, columns) if alone else (number, column)
                box = (
                    (LEFT + place * (LEFT + WIDTH)) / width,
                    (height - TOP - (row + 1) * (OVER + HEIGHT + UNDER) + UNDER) / height,
                    WIDTH / width,
                    HEIGHT / height,
                )
                axes = page.add_axes(box)
                _draw(axes, quantity, members, styles)
                axes.set_ylabel(_meaning(quantity, all_problems().get(problem)), fontsize=FONT)
                if number == 0 and problem:
                    axes.set_title(f"{problem}, {size}", fontsize=9.5, loc="left", weight="bold")
        _legend(page, styles, any(each.kept is not None for each in trainings), width, height)
    return page


def _quantities(trainings: Sequence[Training]) -> list[str]:
    """Validations first, then what training measures, by name."""
    found = {row.quantity for each in trainings for row in each.rows}
    return sorted(found, key=lambda name: (name != OBJECTIVE, name != REWARD, name))


def _draw(axes: Axes, quantity: str, members: Sequence[Training], styles: dict[str, dict[str, Any]]) -> None:
    for each in members:
        number = len(styles)
        style = styles.setdefault(
            each.label,
            {
                "color": COLOURS[number % len(COLOURS)],
                "marker": MARKERS[number % len(MARKERS)],
                "linestyle": LINES[number // len(COLOURS) % len(LINES)],
            },
        )
        rows = log.series(list(each.rows)).get(quantity, [])
        if not rows:
            continue
        every = max(1, len(rows) // FEW)
        axes.plot(
            [r.frames for r in rows], [r.value for r in rows], linewidth=1.3, markersize=4.0, markevery=every,
            label=each.label, **style,
        )  # fmt: skip
        kept = [r for r in rows if r.round == each.kept and quantity.startswith("validation/")]
        if kept:
            axes.plot(
                [r.frames for r in kept], [r.value for r in kept], linestyle="none", marker="o", markersize=11.0,
                markerfacecolor="none", markeredgecolor=style["color"], markeredgewidth=1.3, label="_kept",
            )  # fmt: skip
    axes.set_xlabel("frames played", fontsize=FONT)
    axes.tick_params(labelsize=FONT)
    axes.grid(visible=True, axis="both")
    axes.locator_params(axis="x", nbins=5)
    last = max((row.frames for each in members for row in each.rows), default=0) or 1
    axes.set_xlim(-0.03 * last, 1.04 * last)
    axes.ticklabel_format(axis="y", useOffset=False)


def _meaning(quantity: str, owner: AnyProblem | None) -> str:
    """What stands beside the axis of a quantity."""
    if quantity != OBJECTIVE or owner is None:
        return quantity.replace("/", ": ")
    unit = "" if owner.unit == "1" else f" [{owner.unit}]"
    better = "less" if owner.sense == "min" else "more"
    return f"validation: objective{unit},\n{better} is better"


def _legend(page: Figure, styles: Mapping[str, dict[str, Any]], kept: bool, width: float, height: float) -> None:
    """Names of the trainings, and what a ring means if there are any."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], linewidth=1.3, markersize=5.0, **style) for style in styles.values()]
    labels = [label if len(label) <= 30 else label[:29] + "…" for label in styles]
    if kept:
        ring: dict[str, Any] = {"marker": "o", "markersize": 9.0, "markerfacecolor": "none", "markeredgecolor": GREY}
        handles.append(Line2D([], [], linestyle="none", **ring))
        labels.append("policy that was kept")
    anchor = ((width - LEGEND + 0.15) / width, 1.0 - (TOP + OVER) / height)
    page.legend(
        handles, labels, loc="upper left", bbox_to_anchor=anchor, fontsize=FONT, borderpad=0.0, borderaxespad=0.0,
        handlelength=2.2,
    )  # fmt: skip


def _events(folder: Path) -> Iterator[Row]:
    """Numbers in TensorBoard's events; they hold frames, and neither rounds nor episodes."""
    if importlib.util.find_spec("tensorboard") is None:
        raise DtbenchError(
            f"'{folder}' holds TensorBoard's events and no {log.NAME}, and TensorBoard is not installed: "
            "`pip install 'dtbench[tensorboard]'`, or train again with --log-dir, which writes both."
        )
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    names = sorted(events.Tags()["scalars"])
    scalars = {name: events.Scalars(name) for name in names}
    began = min((each[0].wall_time for each in scalars.values()), default=0.0)
    for name in names:
        for event in scalars[name]:
            yield Row(event.step, 0, event.step, event.wall_time - began, name, float(event.value))
