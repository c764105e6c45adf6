"""A page for each instance: the network with the best decision, the certificate, and who did what."""

from __future__ import annotations

from collections.abc import Iterator

from dtbench.library.best_known import HORIZON
from dtbench.reports.model import Estimate
from dtbench.reports.numbers import format_ratio
from dtbench.reports.scores import Entry
from dtbench.reports.site import charts, drawings
from dtbench.reports.site.model import InstanceFacts, Site, Standing
from dtbench.reports.site.page import Page


def pages(site: Site) -> Iterator[Page]:
    """One page each, and ``instances.html``."""
    yield Page("instances.html", "instances.html", "Instances", "instances",
               {"listed": [(each, certificate(each)) for each in site.instances]})  # fmt: skip
    for each in site.instances:
        rows = _rows(each)
        context = {
            "facts": each,
            "certificate": certificate(each),
            "drawing": drawings.drawn(each, site.owners[each.group.problem]),
            "rows": rows,
            "axis": charts.strip_axis(gap for _, _, gap in rows),
            "proved": sum(known.status == "optimal" for slot, known in each.known.items() if slot != HORIZON),
            "slots": sum(slot != HORIZON for slot in each.known),
        }
        yield Page(f"instance/{each.key}.html", "instance.html", each.name, "instances", context)


def certificate(facts: InstanceFacts) -> dict[str, str]:
    """What is known of the instance's optimum, in words; nothing where nothing is."""
    known = facts.known.get(HORIZON)
    if known is None:
        return {}
    unit = facts.group.runs.facts.unit
    suffix = "" if unit == "1" else f" {unit}"
    bound = {"bound": f"{known.bound:.9g}{suffix}"} if known.bound == known.bound else {}
    gap = {"gap": f"{format_ratio(known.gap)} %"} if known.gap == known.gap else {}
    words = {"optimal": "proven optimal", "feasible": "best found, not proven"}
    return {
        "status": words.get(known.status, known.status), "best known": f"{known.objective:.9g}{suffix}",
        **bound, **gap, "method": known.method, "made with": known.version,
    }  # fmt: skip


def _rows(facts: InstanceFacts) -> list[tuple[Standing, Entry, Estimate]]:
    """Solvers on the instance, best first, with their mean gap and its range over runs; without a score last."""
    sense = 1.0 if facts.group.runs.facts.sense == "min" else -1.0
    found = [(each, each.entry.on(facts.name)) for each in facts.group.standings]
    rows = [(each, entry, _range(entry), entry.objective) for each, entry in found if entry.planned]
    rows.sort(key=lambda row: (row[3] is None, sense * (row[3] or 0.0), row[0].name.label))
    return [(each, entry, gap) for each, entry, gap, _ in rows]


def _range(entry: Entry) -> Estimate:
    """Mean gap over runs; the least and the greatest where there are several."""
    gaps = [run.gap for run in entry.ok if run.gap is not None]
    return Estimate(entry.mean_gap, min(gaps), max(gaps)) if len(gaps) > 1 else Estimate(entry.mean_gap)
