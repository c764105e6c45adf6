"""Drawings of instances with their best decisions, remembered by the content that they follow from.

Reading an instance and its decisions takes longer than drawing them; a site that is built again draws only what is new.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from dtbench.core import AnyProblem, check_decisions
from dtbench.drawing import svg
from dtbench.drawing.general import picture_of
from dtbench.drawing.text import broken, text_of
from dtbench.errors import DtbenchError
from dtbench.experiments import memory
from dtbench.experiments.decisions import read
from dtbench.experiments.store import Store
from dtbench.library import instances
from dtbench.referee import judge
from dtbench.reports.site.model import InstanceFacts
from dtbench.reports.slots import value

SLOT = 0  # of coupled instances the only one that needs no replay


@dataclass(frozen=True)
class Drawing:
    """Slot 0 of an instance as a decision leaves it.

    ``figures``: title, SVG, rows of words; ``legend``: label, mark; ``objective`` of the slot with its unit;
    ``warning``: what the decision breaks; ``dims``: lengths of the instance's axes; ``text``: the same in words.
    """

    figures: tuple[tuple[str, Markup, tuple[tuple[str, str], ...]], ...]
    legend: tuple[tuple[str, Markup], ...]
    objective: str
    warning: str
    dims: tuple[tuple[str, int], ...]
    coupled: bool
    text: str


def drawn(facts: InstanceFacts, owner: AnyProblem) -> Drawing | None:
    """The drawing of an instance and its best record's decision; None without a record, or if files are gone."""
    run = facts.best
    if run is None or run.record is None or facts.folder is None:
        return None
    cell = run.cell
    where = hashlib.sha256(
        f"{cell.instance_sha256} {run.record.decisions_sha256} {memory.surroundings(owner.id)}".encode()
    ).hexdigest()
    kept = memory.kept("drawings", where)
    if kept is not None:
        return _from_plain(kept)
    try:
        made = _draw(owner, Store(facts.folder), run.record.cell.stem, Store(facts.folder).instance_of(cell))
    except (DtbenchError, OSError):
        return None
    memory.keep("drawings", where, asdict(made))
    return made


def _draw(owner: AnyProblem, store: Store, stem: str, source: str | Path) -> Drawing:
    instance = instances.load(source, known=True)
    decisions = check_decisions(owner, instance, (instance.horizon,), read(store.decisions(stem), owner))
    slot = owner.slot(instance, SLOT, owner.start(instance))
    asked = owner.evaluate(slot, decisions[SLOT])
    decision, outcome, _ = judge(owner, slot, decisions[SLOT])
    picture = picture_of(owner, slot, decision, outcome)
    return Drawing(
        figures=tuple((figure.title, figure.svg, figure.rows) for figure in svg.figures(picture, owner.unit)),
        legend=tuple(svg.legend(picture)),
        objective=value(float(outcome.objective), owner.unit),
        warning=broken(asked),
        dims=tuple((dim, length) for dim, length in instance.dims.items() if dim != "xy"),
        coupled=owner.coupled(instance.params),
        text=text_of(f"slot {SLOT}", picture, outcome, owner.unit),
    )


def _from_plain(kept: Any) -> Drawing:
    """A drawing as JSON had it; markup was written by this version of the code, see :func:`memory.surroundings`."""
    return Drawing(
        figures=tuple((t, Markup(s), tuple((n, v) for n, v in rows)) for t, s, rows in kept["figures"]),  # noqa: S704
        legend=tuple((label, Markup(key)) for label, key in kept["legend"]),  # noqa: S704
        objective=kept["objective"], warning=kept["warning"], coupled=kept["coupled"], text=kept["text"],
        dims=tuple((dim, length) for dim, length in kept["dims"]),
    )  # fmt: skip
