"""The picture of problems that have none of their own: the fields of a decision, and what the referee measures."""

from __future__ import annotations

from typing import Any

import numpy as np

from dtbench.core import AnyProblem, Decision, Outcome, Slot
from dtbench.drawing.plots import in_unit
from dtbench.picture import Picture, Table

FEW = 12  # values of a field that are named


def picture_of(problem: AnyProblem, slot: Slot, decision: Decision | None, outcome: Outcome | None) -> Picture:
    """The problem's picture of a slot (no leading axes), or tables where it has none.

    Parameters
    ----------
    decision, outcome
        What is decided and the referee's verdict; None shows the slot before a decision.
    """
    own: Picture | None = problem.picture(slot, decision)
    return own if own is not None else general(slot, decision, outcome)


def general(slot: Slot, decision: Decision | None, outcome: Outcome | None) -> Picture:
    """Tables of what there is and what is decided."""
    given = tuple((name + in_unit(spec.unit), _said(value)) for name, spec, value in slot.arrays())
    tables = [Table("the slot", given)]
    if decision is not None:
        decided = tuple((name + in_unit(spec.unit), _said(value)) for name, spec, value in decision.arrays())
        tables.append(Table("the decision", decided))
    if outcome is not None:
        measured = tuple((name, f"{float(v):.6g}") for name, v in outcome.metrics.items() if np.ndim(v) == 0)
        tables += [Table("what the referee measures", measured)] if measured else []
    return Picture(tuple(tables))


def _said(value: Any) -> str:
    """The first values of a field, its shape where they are more."""
    values = np.asarray(value)
    first = ", ".join(f"{v:.4g}" if values.dtype.kind == "f" else str(v) for v in values.ravel()[:FEW].tolist())
    shape = f" ... {' x '.join(map(str, values.shape))}" if values.size > FEW else ""
    return first + shape
