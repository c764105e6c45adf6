"""A page for each instance: the network with the best decision, the certificate, and who did what."""

from __future__ import annotations

from collections.abc import Iterator

from dtbench.library.best_known import HORIZON
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
        yield Page(
            f"instance/{each.key}.html", "instance.html", each.name, "instances",
            {
                "facts": each, "owner": site.owners.get(each.group.problem), "certificate": certificate(each),
                "drawing": drawings.drawn(each, site.owners[each.group.problem]), "rows": _rows(each),
                "axis": charts.strip_axis(entry.gap for _, entry in _rows(each)),
                "proved": sum(known.status == "optimal" for slot, known in each.known.items() if slot != HORIZON),
                "slots": sum(slot != HORIZON for slot in each.known),
            },
        )  # fmt: skip


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


def _rows(facts: InstanceFacts) -> list[tuple[Standing, Entry]]:
    """Solvers on the instance, best first; those without a score last."""
    sense = 1.0 if facts.group.runs.facts.sense == "min" else -1.0
    found = [(each, each.entry.on(facts.name)) for each in facts.group.standings]
    found = [(each, entry) for each, entry in found if entry.planned]
    return sorted(
        found, key=lambda row: (row[1].objective is None, sense * (row[1].objective or 0.0), row[0].name.label)
    )
