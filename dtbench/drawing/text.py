"""Pictures as a few lines of text, for terminals and logs."""

from __future__ import annotations

import numpy as np

from dtbench.core import Outcome
from dtbench.drawing.plots import in_unit, short
from dtbench.picture import Bars, Grid, Picture, Table

LONGEST = 100  # signs of a line


def text_of(title: str, picture: Picture, outcome: Outcome | None, unit: str) -> str:
    """A few lines: the objective and its terms, what is broken, and a line for each plot of bars, or of words."""
    lines = [title]
    if outcome is not None:
        terms = "; ".join(f"{part.label} {short(float(part.values[0]))}" for part in picture.terms)
        objective = f"objective {float(outcome.objective):.6g}{'' if unit == '1' else ' ' + unit}"
        lines.append(objective + (f" = {terms}" if terms else ""))
        lines.append(broken(outcome) or "feasible")
    for plot in picture.plots:
        match plot:
            case Bars():
                lines.append(f"{plot.title}{in_unit(plot.unit)}: {_bars(plot)}")
            case Grid():
                used = ", ".join(f"{label} {int((plot.cells == k).sum())}" for k, (label, _) in enumerate(plot.kinds))
                lines.append(f"{plot.title}: {used} of {plot.cells.size}")
            case Table():
                lines += [f"{plot.title}: {name} = {value}" for name, value in plot.rows]
    return "\n".join(line if len(line) <= LONGEST else line[: LONGEST - 1] + "…" for line in lines)


def broken(outcome: Outcome) -> str:
    """What is violated, in words: ``violates capacity (2), delay (0.31)``; empty where the referee says feasible."""
    if outcome.feasible:  # within its tolerances
        return ""
    found = [f"{name} ({short(float(v))})" for name, v in outcome.violations.items() if float(v) > 0.0]
    return f"violates {', '.join(found)}" if found else ""


def _bars(plot: Bars) -> str:
    limits = plot.limits if plot.limits is not None else np.full(len(plot.names), np.nan)
    each = (
        f"{name}: {short(total)}" + ("" if np.isnan(limit) else f"/{short(limit)}")
        for name, total, limit in zip(plot.names, plot.totals.tolist(), limits.tolist(), strict=True)
    )
    return ", ".join(each)
