"""A chart of what methods reach while they search: the gap of the best decision so far against the time of a slot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from dtbench.drawing.markup import drawing, points, tag
from dtbench.reports.anytime import bands
from dtbench.reports.site.charts import HEIGHT, WIDTH, Frame, Series
from dtbench.reports.site.model import Group
from dtbench.reports.site.scale import gap_axis, time_axis


def falling(group: Group, rows: Sequence[Series]) -> Markup | None:
    """Medians over instances and seeds, as steps; None where no record holds more than its end."""
    records = [run.record for run in group.runs.runs if run.record is not None]
    if not any(record.anytime is not None and len(record.anytime.seconds) > 1 for record in records):
        return None
    found = {band.label: band for band in bands(group.runs)}
    steps = []
    for each in rows:
        band = found.get(each.standing.entry.label)
        known = band is not None and np.isfinite(band.gap[1])
        if band is not None and np.any(known):
            steps.append((each, band.seconds[known].tolist(), band.gap[1][known].tolist()))
    if not steps:
        return None
    x = time_axis([seconds for _, times, _ in steps for seconds in (times[0], times[-1])])
    y = gap_axis([gap for _, _, gaps in steps for gap in gaps])
    frame = Frame(x, y)
    inner = list(frame.drawn("time of a slot, or of a planned horizon", "gap, median [%]"))
    for each, times, gaps in steps:
        places = [(x.place(times[0]), y.place(gaps[0]))]
        for seconds, gap in zip(times[1:], gaps[1:], strict=True):
            places += [(x.place(seconds), places[-1][1]), (x.place(seconds), y.place(gap))]
        places.append((1.0, places[-1][1]))
        title = tag("title", each.standing.name.label)
        line = tag("polyline", [title], points=points([frame.at(a, b) for a, b in places]), class_="line")
        inner.append(each.group([line]))
    return drawing(
        WIDTH, HEIGHT, inner, title=f"Gap of the best decision so far, {group.problem}, {group.size}",
        text="Lines further to the lower left are better. A line begins where half of the runs have a decision.",
    )  # fmt: skip
