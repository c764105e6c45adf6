"""One slot as solvers decide it, beside its optimum: what ``dtbench plot INSTANCE`` shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dtbench.core import AnyProblem, Certificate, Decision, Instance, Limits, Outcome, Slot, gap_to
from dtbench.drawing.figure import Panel, compose
from dtbench.drawing.general import picture_of
from dtbench.drawing.text import broken
from dtbench.referee import judge
from dtbench.reports.numbers import format_ratio

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Decided:
    """A decision of one slot (no leading axes) as it is scored, ``asked`` the verdict on it before repair.

    ``best`` is the certificate of the very slot; None where none was asked for. ``mean`` is the mean objective over the
    whole horizon, None where only the slot is known.
    """

    label: str
    slot: Slot
    decision: Decision
    outcome: Outcome
    asked: Outcome
    mean: float | None = None
    best: Certificate | None = None

    def gap(self, problem: AnyProblem) -> float | None:
        """Distance from the best decision of the slot; None if none is known."""
        if self.best is None or not math.isfinite(self.best.objective):
            return None
        return float(gap_to(problem.sense, float(self.outcome.objective), self.best.objective))


def replay(problem: AnyProblem, instance: Instance, label: str, decisions: Decision, t: int) -> Decided:
    """Slot ``t`` as decisions (leading time axis) leave it."""
    state, means = problem.start(instance), []
    found: Decided | None = None
    for k in range(instance.horizon):
        slot = problem.slot(instance, k, state)
        scored, outcome, _ = judge(problem, slot, decisions[k])
        state = problem.advance(slot, scored)
        means.append(float(outcome.objective))
        if k == t:
            asked = problem.evaluate(slot, decisions[k])
            found = Decided(label, slot, scored, outcome, asked)
    assert found is not None  # noqa: S101  t is a slot
    return Decided(found.label, found.slot, found.decision, found.outcome, found.asked, float(np.mean(means)))


def prove(problem: AnyProblem, instance: Instance, decided: Sequence[Decided], seconds: float) -> list[Decided]:
    """The same with the certificates of their slots; equal slots are solved once.

    Where slots are not coupled all are equal: what is carried from slot to slot changes no cost then.

    Parameters
    ----------
    seconds
        For each slot.
    """
    found: list[tuple[Slot, Certificate]] = []
    coupled = problem.coupled(instance.params)
    new = []
    for each in decided:
        known = [best for slot, best in found if not coupled or _equal(slot, each.slot)]
        best = known[0] if known else problem.exact(each.slot, Limits(seconds=seconds))
        found += [] if known else [(each.slot, best)]
        new.append(Decided(each.label, each.slot, each.decision, each.outcome, each.asked, each.mean, best))
    return new


def figure(problem: AnyProblem, instance: Instance, name: str, t: int, decided: Sequence[Decided]) -> Figure:
    """A panel for each decision, and one for the optimum of the first one's slot."""
    panels = [_panel(problem, each) for each in decided]
    best = decided[0].best
    if best is not None and best.decision is not None:
        others = problem.coupled(instance.params) and any(not _equal(each.slot, decided[0].slot) for each in decided)
        panels.append(_optimum(problem, decided[0], best, others))
    return compose(
        f"{name}, slot {t} (0 to {instance.horizon - 1})", note(problem, instance, decided), panels, problem.unit
    )


def note(problem: AnyProblem, instance: Instance, decided: Sequence[Decided]) -> str:
    """A line on what is compared."""
    better = "less" if problem.sense == "min" else "more"
    text = f"{problem.title}; {better} is better"
    best = decided[0].best
    if best is not None and best.decision is None:
        text += "; no decision is feasible" if best.status == "infeasible" else "; no optimum in the time given"
    if not problem.coupled(instance.params):
        return text
    own = "gaps are to the optimum of each one's own slot" if len(decided) > 1 else "the optimum is of this slot alone"
    return f"{text}; slots are coupled: {own}"


def facts(problem: AnyProblem, decided: Sequence[Decided]) -> list[dict[str, Any]]:
    """What the figure says, as plain values."""
    rows = [
        {
            "name": each.label,
            "objective": float(each.outcome.objective),
            "gap": each.gap(problem),
            "feasible": bool(each.asked.feasible),
            "violations": {name: float(v) for name, v in each.asked.violations.items()},
            "terms": _terms(problem, each.slot, each.decision),
            "horizon_mean": each.mean,
        }
        for each in decided
    ]
    best = decided[0].best
    if best is not None:
        row: dict[str, Any] = {"name": "optimum", "objective": best.objective, "bound": best.bound}
        row |= {"status": best.status, "method": best.method, "seconds": best.seconds}
        rows.append(row | {"terms": _terms(problem, decided[0].slot, best.decision)})
    return rows


def value(number: float, unit: str) -> str:
    """A number of six digits with its unit."""
    return f"{number:.6g}{'' if unit == '1' else ' ' + unit}"


def _panel(problem: AnyProblem, each: Decided) -> Panel:
    picture = picture_of(problem, each.slot, each.decision, each.outcome)
    gap = each.gap(problem)
    cost = value(float(each.outcome.objective), problem.unit) + ("" if gap is None else f", gap {format_ratio(gap)} %")
    asked = broken(each.asked)
    repaired = "" if not asked else f"{asked}; shown and scored after repair"
    left = broken(each.outcome)
    mean = "" if each.mean is None else f", mean of the horizon {value(each.mean, problem.unit)}"
    return Panel(each.label, cost, picture, f"{left}, also after repair" if left else repaired, f"feasible{mean}")


def _optimum(problem: AnyProblem, first: Decided, best: Certificate, others: bool) -> Panel:
    """The panel of the first one's optimum, which says so where ``others`` are in another state."""
    slot, of = first.slot, f" in the state of {first.label}" if others else ""
    outcome = problem.evaluate(slot, best.decision)
    picture = picture_of(problem, slot, best.decision, outcome)
    cost = value(float(outcome.objective), problem.unit)
    if best.status == "optimal":
        return Panel(f"optimum{of}", cost, picture, "", f"proved by {best.method}")
    bound = "no bound" if math.isnan(best.bound) else f"bound {value(best.bound, problem.unit)}"
    away = "" if math.isnan(best.gap) else f", {format_ratio(best.gap)} % away"
    return Panel(f"best found{of}, not proved", cost, picture, "", f"{bound}{away}; {best.method}")


def _terms(problem: AnyProblem, slot: Slot, decision: Decision | None) -> dict[str, float]:
    if decision is None:
        return {}
    picture = picture_of(problem, slot, decision, problem.evaluate(slot, decision))
    return {part.label: float(part.values[0]) for part in picture.terms}


def _equal(one: Slot, other: Slot) -> bool:
    return all(np.array_equal(a, b) for (_, _, a), (_, _, b) in zip(one.arrays(), other.arrays(), strict=True))
