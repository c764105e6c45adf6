"""What commands say of the policies that a run trains before it scores them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from dtbench.experiments.plan import Plan
from dtbench.experiments.planned import Training
from dtbench.experiments.record import Status
from dtbench.experiments.trainings import facts
from dtbench.progress import clock
from dtbench.reports.numbers import one_line

MOST = 20  # lines


def lines(made: Plan) -> list[str]:
    """Which policies will be trained, in how long, and which cells train inside."""
    groups: dict[tuple[str, str, str], list[Training]] = {}
    for each in made.to_train:
        groups.setdefault((each.cell.label, each.cell.problem, each.cell.size), []).append(each)
    told = [_of_group(*key, group) for key, group in groups.items()]
    if len(told) > MOST:
        rest = sum(len(group) for group in list(groups.values())[MOST:])
        told = [*told[:MOST], f"... and {rest} more policies; --json names them"]
    cached = sum(each.state == "cached" for each in made.trainings)
    if cached:
        told.append(f"{_count(cached)} from your cache, and copied to the results")
    return [one_line(line) for line in (*told, *_inside(made))]


def _of_group(label: str, problem: str, size: str, group: list[Training]) -> str:
    """A line on trainings of one solver on one problem and size."""
    limit = clock(max(each.cell.limits.seconds for each in group))
    each = " each" if len(group) > 1 else ""
    what = f"{_count(len(group), 'policy', 'policies')} of {label} on {problem}, {size}, will be trained before"
    return f"{what}, {_time(group, each)} (limit {limit}{each})"


def _count(number: int, one: str = "policy is", more: str = "policies are") -> str:
    return f"{number} {one if number == 1 else more}"


def _time(group: list[Training], each: str) -> str:
    """``about 4 min 00 s each``, or from the shortest to the longest; ``time unknown``."""
    known = [seconds for t in group if (seconds := t.seconds) is not None]
    if not known:
        return "time unknown"
    first, last = clock(max(min(known), 1.0)), clock(max(*known, 1.0))
    unknown = f"; {len(group) - len(known)} of unknown time" if len(known) < len(group) else ""
    return f"about {first}{each}{unknown}" if first == last else f"about {first} to {last}{each}{unknown}"


def _inside(made: Plan) -> list[str]:
    """A line on cells that train inside, if there are any."""
    if not made.untrained:
        return []
    labels = ", ".join(sorted({p.cell.label for p in made.untrained}))
    limit = max(p.cell.limits.seconds for p in made.untrained)
    return [
        f"{len(made.untrained)} cells of {labels} train within their cells, whose limit is {limit:g} s: their policies "
        "are not kept in files, or their solver could not be asked"
    ]


def plan_facts(made: Plan) -> dict[str, Any]:
    """The same as plain values, for ``--json``."""
    return {
        "cells_that_may_train": len(made.untrained),
        "policies_to_train": len(made.to_train),
        "trainings": [dict(facts(each)) for each in made.trainings],
    }


def summary(trained: Mapping[Status, int]) -> str:
    """How the trainings of a run ended, in words; empty where there were none."""
    if not sum(trained.values()):
        return ""
    bad = ", ".join(f"{count} {status}" for status, count in sorted(trained.items()) if status != "ok" and count)
    made = f"{_count(trained.get('ok', 0), 'policy', 'policies')} trained"
    return f"{made}, trainings that failed: {bad}" if bad else made


def trained_facts(trained: Counter[Status]) -> dict[str, int]:
    """The same as plain values."""
    return dict(sorted((str(status), count) for status, count in trained.items()))


def announce(made: Plan, say: Any) -> None:
    """Say the lines before a run."""
    for line in lines(made):
        say(line, markup=False, soft_wrap=True)


def all_of(parts: Iterable[str]) -> str:
    """Parts that are not empty, as one line."""
    return "; ".join(part for part in parts if part)
