"""The columns of the tables: names for scripts, headings for people, what each one means, and which can be spared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dtbench.errors import DtbenchError, near
from dtbench.reports.anytime import TIMES, UNTIL
from dtbench.reports.model import Column, Count, Leaderboard, Section, Table, Value
from dtbench.reports.numbers import DASH

COLUMNS = (
    Column(
        "rank",
        "rank",
        "Place by gap; equal gaps share a place. Solvers that do not have a score for every planned cell, or are "
        "planned on a part of the instances, come last and have no place, because their numbers are over other cells.",
    ),
    Column("solver", "solver", "Solver and options as the suite calls them.", numeric=False),
    Column(
        "sees",
        "sees",
        "What the method is given; access follows from it. local: what agents observe, as those of the papers do. "
        "global: the whole slot. future: the whole trace, which nobody has who decides slot by slot. Ranks are over "
        "all of them; the best of each stands below the table. Earlier records do not tell local from global, and are "
        "shown as global.",
        numeric=False,
    ),
    Column(
        "gap",
        "gap to best known",
        "How much worse than the best known value, relative to it: 0 % equals it, 10 % is a tenth worse, whether the "
        "objective is minimised or maximised; a negative gap is better than the best known value. Each run gives one "
        "gap, that of its mean objective over the horizon. Shown is their interquartile mean (the mean of the middle "
        "half), in which every instance has the same weight, and in brackets its 95 % interval: a bootstrap that draws "
        "instances with replacement, and for each of them its seeds. With one seed per instance the interval speaks "
        "of instances only, with one instance of seeds only, and a single run has none. Intervals may overlap although "
        "one solver is better on every instance: see the mean rank.",
    ),
    Column(
        "objective",
        "mean objective",
        "Mean of the objective over instances, of each over its seeds. In tables for people it is left out where the "
        "gap is known on every instance, unless it is asked for.",
    ),
    Column(
        "mean_rank",
        "mean rank",
        "Place among all solvers by mean objective over seeds, on each instance, averaged over instances; 1 is best on "
        "every instance. Objectives that agree to nine digits tie and share the mean of their places. An instance not "
        "finished with every planned seed counts as last place, the number of solvers planned there.",
    ),
    Column(
        "repaired",
        "repaired slots",
        "Share of slots whose decision broke a constraint and was repaired before it was scored; high shares mean that "
        "the score is partly the repair's.",
    ),
    Column(
        "proven",
        "proven slots",
        "Share of slots whose objective the solver proved to be optimal, within the problem's target gap. Where slots "
        "are coupled, only a bound on the whole horizon proves anything: it counts for all slots of the run. Bounds of "
        "single slots, in the state that the solver itself had made, do not count.",
    ),
    Column("decision_time", "time per slot", "Median time of one decision over all slots."),
    Column(
        "train_time",
        "training time",
        "Median over runs of the time that training took, for solvers that train, wherever it took place: a policy "
        "that was trained before counts what its training took, not its loading. In brackets the median of the frames "
        "played in it: slots, over all parallel environments.",
    ),
    Column(
        "cells",
        "cells",
        "Cells with a score, out of those planned: what was to be run is stored beside the records when a run begins.",
    ),
    Column(
        "failures",
        "failures",
        "Cells that ended without a score, by status; reasons are listed below. not valid: the record does not hold.",
        prose=True,
    ),
    Column(
        "marks",
        "marks",
        "new best on n: better than the best known value on n instances. skipped: cells that the solver declined. not "
        "run: cells without a record. stale: records of another version of problem, instance, solver or limits than "
        "planned, which do not count. of another version: records made by another version of dtbench or of the "
        "problem; their decisions were scored again by this one. on n of m instances: planned on a part of them. "
        "infeasible slots: not feasible even after repair. mixed versions: runs with different versions of the solver, "
        "its options or limits.",
        numeric=False,
        prose=True,
    ),
)
ON_DEMAND = (
    *(
        Column(
            f"gap_at_{f'{seconds:g}'.replace('.', '_')}s",
            f"gap after {seconds:g} s",
            "Mean over instances (of each over its seeds) of the gap to the best known value that a decision maker has "
            f"who stops every slot after {seconds:g} s and takes the best decision found so far; of methods that plan "
            f"the horizon at once, who stops that. {DASH} while a run has no decision for some slot. Nothing is ranked "
            "by it.",
        )
        for seconds in TIMES
    ),
    Column(
        "primal_integral",
        "primal integral",
        f"Mean over instances of the primal gap integrated over the first {UNTIL:g} s of a slot, or of the horizon "
        f"where it is planned at once (Berthold 2013): {UNTIL:g} s if nothing is found, 0 s if the best known value is "
        "there at once, less is better. The primal gap is |objective - best known| / max(|objective|, |best known|), "
        "and 1 before the first decision.",
    ),
)
"""Columns that tables have for people only where they are asked for; CSV and JSON always have them."""

ALL = COLUMNS + ON_DEMAND
REASON_COLUMNS = (
    Column("instance", "instance", numeric=False),
    Column("solver", "solver", numeric=False),
    Column("seed", "seed"),
    Column("status", "status", numeric=False),
    Column("reason", "reason", numeric=False, prose=True),
)
INSTANCE_COLUMNS = (
    Column("problem", "problem", numeric=False),
    Column("size", "size", numeric=False),
    Column("instance", "instance", numeric=False),
    Column("solver", "solver", numeric=False),
    Column("sees", "sees", numeric=False),
    Column("cells", "cells"),
    Column("objective_mean", "mean objective"),
    Column("objective_unit", "unit", numeric=False),
    Column("best_known", "best known"),
    Column("gap_mean", "mean gap"),
    Column("repaired", "repaired slots"),
    Column("proven", "proven slots"),
    Column("decision_time", "time per slot"),
    Column("train_time", "training time"),
    Column("not_ok", "not ok"),
)


def chosen(board: Leaderboard, columns: Sequence[str] = (), digits: int | None = None) -> Leaderboard:
    """The leaderboard with some columns of its sections in this order, the solver's among them, and rounded otherwise.

    Raises
    ------
    DtbenchError
        If a column is unknown.
    """
    known = [column.name for column in ALL]
    for name in columns:
        if name not in known:
            raise DtbenchError(f"unknown column '{name}'.{near(name, known)} Known: {', '.join(known)}.")
    names = tuple(dict.fromkeys(columns if "solver" in columns or not columns else ("solver", *columns)))
    sections = [replace(each, columns=names) for each in board.sections]
    if digits is not None:
        sections = [replace(each, table=each.table.in_digits(digits)) for each in sections]
    return replace(board, sections=tuple(sections))


def shown(section: Section) -> Table:
    """The table for people: the columns that were chosen; else all, without those that are there on demand only.

    Objectives are left out, too, where gaps are known.
    """
    names = [column.name for column in section.table.columns]
    if section.columns:
        return section.table.keep([names.index(name) for name in section.columns])
    spared = {column.name for column in ON_DEMAND} | ({"objective"} if section.known else set())
    return section.table.keep([i for i, name in enumerate(names) if name not in spared])


def explained(board: Leaderboard) -> tuple[Column, ...]:
    """The columns whose meaning stands below the tables: the usual ones, and those that were asked for."""
    asked = {name for section in board.sections for name in section.columns}
    return COLUMNS + tuple(column for column in ON_DEMAND if column.name in asked)


def compact(section: Section) -> tuple[Table, tuple[str, ...]]:
    """A table for narrow places, and its notes.

    Failures and marks become notes; columns that are blank, or only say that every cell has a score, are left out.
    Columns that were chosen stay.
    """
    names = [column.name for column in section.table.columns]
    solver = names.index("solver")
    told = [names.index(name) for name in ("failures", "marks") if name not in section.columns]
    facts = [
        (row[solver].text, [row[i].text for i in told if row[i].text not in ("", "0")]) for row in section.table.rows
    ]
    table = shown(section)
    if section.columns and "sees" not in section.columns:
        sees = names.index("sees")
        for row, (_, texts) in zip(section.table.rows, facts, strict=True):
            texts += ["sees the future"] * (row[sees].text == "future")
    marked = tuple(f"{label}: {', '.join(texts)}." for label, texts in facts if texts)
    if section.columns:
        return table, marked + section.notes
    table = table.keep([i for i, c in enumerate(table.columns) if c.name not in ("failures", "marks")]).without_blank()
    columns = enumerate(zip(*table.rows, strict=True))
    return table.keep(
        [i for i, values in columns if not _all_scored(values)]
    ), section.best_line + marked + section.notes


def _all_scored(values: Sequence[Value]) -> bool:
    return all(isinstance(value, Count) and value.n == value.of for value in values)
