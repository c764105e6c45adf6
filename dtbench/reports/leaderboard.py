"""The leaderboard: records and best known values in, one table model for all formats out.

What is planned is what is counted: a planned cell without a record that holds is missed, and named.

The order of rows says who is better, and never depends on measured times: the gap decides, where it differs by more
than 1e-9, then the label. A solver that did not score on all that it owes, or is planned on a part of the instances
only, stands below those that did, without a rank: its statistics are over other (possibly easier) cells, so no place
beside them would mean anything. In the mean rank, an instance that a solver did not finish counts as last place.

Equal records give equal tables: nothing here looks at the clock, the folder or the order of the records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath

from dtbench.experiments.record import STATUSES, Record, Status
from dtbench.experiments.verify import Lack, Lacking
from dtbench.params import unit_in_words
from dtbench.regime import REGIMES
from dtbench.reports import anytime, cells
from dtbench.reports.columns import ALL, INSTANCE_COLUMNS, REASON_COLUMNS
from dtbench.reports.model import (
    MEAN_RANK,
    NUMBER,
    OBJECTIVE,
    PLACE,
    RATIO,
    SECONDS,
    SHARE,
    Best,
    Count,
    Leaderboard,
    Quantity,
    Section,
    Table,
    Tally,
    Text,
    Training,
    Value,
)
from dtbench.reports.numbers import DASH, ZERO, format_bytes, format_seconds, one_line
from dtbench.reports.scores import FAILED, TIE, Entry, ProblemFacts, ProblemRuns, Run, collect
from dtbench.reports.statistics import tied

LACKS: tuple[Lack, ...] = ("not run", "not valid", "stale")
REFUSED: tuple[Status | Lack, ...] = (*FAILED, "not valid")
FEW = 5  # instances; below, an interval is a rough guide


def build(
    records: Sequence[Record],
    best_known: Mapping[str, float],
    problems: Mapping[str, ProblemFacts],
    lacking: Sequence[Lacking] | None = None,
    origin: Mapping[str, str] | None = None,
) -> Leaderboard:
    """The leaderboard of some records.

    Parameters
    ----------
    records
        Those that hold and count, in any order; at most one for each instance, solver label and seed.
    best_known
        Instance as :func:`dtbench.reports.scores.known_as` calls it -> best known objective of the horizon.
    problems
        Facts of every problem in the records; they may hold more.
    lacking
        Planned cells that no record answers for. By default every solver is taken to owe each of its seeds on every
        instance in the records of its problem and size.
    origin
        More to say of where the numbers come from, after what the records say.

    Raises
    ------
    DtbenchError
        If there are no records, or they must not stand in one table; see :func:`dtbench.reports.scores.collect`.
    """
    groups = collect(records, best_known, problems, lacking)
    runs = [run for each in groups for run in each.runs]
    return Leaderboard(
        sections=tuple(section(each) for each in groups),
        failures=reasons(run for run in runs if run.status in REFUSED),
        skipped=reasons(run for run in runs if run.status == "skipped"),
        instances=Table(INSTANCE_COLUMNS, tuple(row for each in groups for row in _instances(each))),
        cells=tuple(row for each in groups for row in cells.rows(each)),
        provenance=provenance(records) | dict(origin or {}),
    )


def section(group: ProblemRuns) -> Section:
    """The table of one problem at one size."""
    facts = group.facts
    ranks = dict(zip((e.label for e in group.entries), group.mean_ranks.tolist(), strict=True))

    def loss(entry: Entry) -> float:
        """What complete rows are sorted by: the gap, or the mean rank where no best known value exists."""
        gap = entry.gap.value
        return ranks[entry.label] if gap is None else gap

    whole = [e for e in group.entries if e.comparable]
    losses = tied([loss(e) for e in whole], TIE).tolist()
    complete = sorted(zip(losses, whole, strict=True), key=lambda pair: (pair[0], pair[1].label))
    losses_of = [value for value, _ in complete]
    losses.sort()
    partial = sorted((e for e in group.entries if not e.comparable), key=lambda e: (-len(e.ok) / e.planned, e.label))
    rows = [_row(e, losses.index(value) + 1, ranks[e.label]) for value, e in complete]
    rows += [_row(e, None, ranks[e.label] if e.ok else None) for e in partial]
    return Section(
        problem=group.problem,
        title=facts.title,
        size=group.size,
        unit=facts.unit,
        sense="less is better" if facts.sense == "min" else "more is better",
        n_instances=len(group.instances),
        table=Table(ALL, tuple(rows)),
        notes=tuple(_notes(group)),
        known=all(run.best is not None for run in group.runs),
        best=_best(zip(losses_of, (e for _, e in complete), strict=True)),
    )


def _best(complete: Iterable[tuple[float, Entry]]) -> tuple[Best, ...]:
    """The best of each regime, of the ranked ones in their order; those that tie are named together."""
    found: dict[str, tuple[float, list[Entry]]] = {}
    for loss, entry in complete:
        least, entries = found.setdefault(entry.sees, (loss, []))
        if loss == least:
            entries.append(entry)
    return tuple(
        Best(regime, tuple(e.label for e in found[regime][1]), found[regime][1][0].gap)
        for regime in REGIMES
        if regime in found
    )


def _row(entry: Entry, place: int | None, rank: float | None) -> tuple[Value, ...]:
    return (
        Quantity(place, PLACE),
        Text(entry.label),
        Text(entry.sees),
        entry.gap,
        Quantity(entry.instance_objective, OBJECTIVE),
        Quantity(rank, MEAN_RANK),
        Quantity(entry.repaired, SHARE),
        Quantity(entry.proven, SHARE),
        Quantity(entry.slot_seconds, SECONDS),
        Training(entry.train_seconds, entry.train_frames),
        Count(len(entry.ok), entry.planned),
        Tally(tuple((status, entry.count(status)) for status in REFUSED)),
        Text(", ".join(entry.marks)),
        *(Quantity(anytime.mean_gap_at(entry, seconds), RATIO) for seconds in anytime.TIMES),
        Quantity(anytime.mean_integral(entry), SECONDS),
    )


def _notes(group: ProblemRuns) -> Iterable[str]:
    n = len(group.instances)
    if n == 1:
        yield "One instance: intervals speak of seeds only, not of other instances."
    elif n < FEW:
        yield f"{n} instances: intervals are a rough guide, too narrow if anything."
    yield from _unseen(group)
    unknown = sorted({run.instance for run in group.runs if run.best is None})
    if unknown:
        yield f"No best known value, hence no gap: {', '.join(unknown)}."
    own = sorted({run.instance for run in group.runs if run.best is not None and run.cell.instance.endswith(".nc")})
    if own:
        yield f"Best known values of one's own (dtbench certify), not of the library: {', '.join(own)}."
    better = sorted(
        {(run.instance, run.label) for run in group.runs if run.gap is not None and run.gap < -ZERO},
    )
    if better:
        found = "; ".join(f"{instance} by {label}" for instance, label in better)
        yield f"New best, better than the best known value: {found}."
    if not all(entry.complete for entry in group.entries):
        yield f"Rows without a rank ({DASH}) lack scores: their numbers are over the cells that they finished."
    lacks = sorted(e.label for e in group.entries if any(e.count(lack) for lack in LACKS))
    if lacks:
        yield f"Ranks are not final, planned cells still lack a record that holds: {', '.join(lacks)}."
    parts = sorted(e.label for e in group.entries if e.n_instances < e.instances)
    if parts:
        yield f"Planned on a part of the instances, hence without a rank: {', '.join(parts)}."
    untold = sorted(
        {run.label for run in group.runs if run.record and run.status == "ok" and not run.record.tells_local}
    )
    if untold:
        yield f"Earlier records, which do not tell local from global and are shown as global: {', '.join(untold)}."
    strange = sorted({run.label for run in group.runs if run.record and not group.facts.made(run.record)})
    if strange:
        yield f"Made by another version of dtbench or of the problem, scored again by this one: {', '.join(strange)}."
    yield from _elsewhere(group)


def _elsewhere(group: ProblemRuns) -> Iterable[str]:
    """Which times are of other machines, and how they were scaled."""
    found: dict[tuple[str, float | None], set[str]] = {}
    for run in group.runs:
        if run.elsewhere and run.record is not None and run.status == "ok":
            found.setdefault((run.record.provenance.cpu, run.pace), set()).add(run.label)
    for (cpu, pace), labels in sorted(found.items(), key=lambda each: each[0][0]):
        how = "not scaled, as a speed is not known" if pace is None else f"multiplied by {pace:.2f}"
        yield f"Times measured on another processor, {one_line(cpu)}, {how}: {', '.join(sorted(labels))}."


def _unseen(group: ProblemRuns) -> Iterable[str]:
    """Planned solvers and instances without any record."""
    labels = [entry.label for entry in group.entries if entry.count("not run") == entry.planned]
    if labels:
        yield f"Planned, but without any record: {', '.join(labels)}."
    seen = {run.instance for run in group.runs if run.lack != "not run"}
    names = [name for name in group.instances if name not in seen]
    if names:
        yield f"Planned instances without any record: {', '.join(names)}."


def reasons(runs: Iterable[Run]) -> Table:
    """Runs without a score, one line each."""

    rows = [
        (
            Text(run.instance),
            Text(run.label),
            Quantity(run.cell.seed, PLACE),
            Text(run.status or ""),
            Text(run.why),
        )
        for run in runs
    ]
    return Table(REASON_COLUMNS, tuple(rows))


def _instances(group: ProblemRuns) -> Iterable[tuple[Value, ...]]:
    """One row for each instance and solver."""
    best = {run.instance: run.best for run in group.runs}
    for instance in group.instances:
        for entry in (whole.on(instance) for whole in group.entries):
            if not entry.planned:
                continue
            tally = [(status, entry.count(status)) for status in (*STATUSES, *LACKS) if status != "ok"]
            yield (
                Text(group.problem),
                Text(group.size),
                Text(instance),
                Text(entry.label),
                Text(entry.sees),
                Count(len(entry.ok), entry.planned),
                Quantity(entry.objective, NUMBER),
                Text(unit_in_words(group.facts.unit)),
                Quantity(best[instance], NUMBER),
                Quantity(entry.mean_gap, RATIO),
                Quantity(entry.repaired, SHARE),
                Quantity(entry.proven, SHARE),
                Quantity(entry.slot_seconds, SECONDS),
                Training(entry.train_seconds, entry.train_frames),
                Tally(tuple(tally)),
            )


def provenance(records: Sequence[Record]) -> dict[str, str]:
    """Where the records come from: every distinct value, sorted."""
    statuses = Counter(record.status for record in records)
    counts = ", ".join(f"{statuses[status]} {status}" for status in STATUSES if statuses[status])

    def distinct(text: Callable[[Record], str]) -> str:
        return "; ".join(sorted({one_line(raw) for raw in {text(record) for record in records}}))

    return {
        "records": f"{len(records)} ({counts})",
        "suites": distinct(_suite),
        "dtbench": distinct(lambda r: r.provenance.dtbench + _in_brackets("commit", (r.provenance.commit or "")[:12])),
        "Python": distinct(lambda r: r.provenance.python),
        "processors": distinct(lambda r: f"{r.provenance.cpu} ({r.provenance.cores} cores)"),
        "limits per cell": distinct(_limits),
    }


def _suite(record: Record) -> str:
    """Name and checksum, without the folder of a file."""
    suite, digest = record.provenance.suite, record.provenance.suite_sha256 or ""
    return "none" if suite is None else PurePath(suite).name + _in_brackets("sha256", digest[:8])


def _in_brackets(what: str, value: str) -> str:
    return f" ({what} {value})" if value else ""


def _limits(record: Record) -> str:
    limits = record.cell.limits
    threads = f"{limits.threads} thread" + "s" * (limits.threads > 1)
    return f"{format_seconds(limits.seconds)}, {format_bytes(limits.memory)}, {threads}"
