"""One row for each planned cell: the tidy table behind ``dtbench.results``, ``cells.csv`` and ``cells.parquet``.

Columns and their types are the same whatever the results are: texts without gaps, whole numbers, and numbers, where NaN
stands for what is not known. So tables of several folders can be put below each other, and every reader finds the
types that are meant: in the CSV file a number has a point, an exponent or is ``NaN``, and a unit is a word.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from dtbench.errors import DtbenchError
from dtbench.files import csv_text
from dtbench.params import unit_in_words
from dtbench.reports import anytime
from dtbench.reports.columns import ON_DEMAND
from dtbench.reports.model import Raw, Row
from dtbench.reports.scores import Entry, ProblemFacts, ProblemRuns, Run

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["text", "whole", "number"]
NAN = float("nan")
TYPES: Mapping[Kind, str] = {"text": "str", "whole": "int64", "number": "float64"}  # of a frame


@dataclass(frozen=True)
class Field:
    """A column: its name, its type, what it means, and how it follows from a run and its statistics."""

    name: str
    kind: Kind
    meaning: str
    of: Callable[[Run, Entry, ProblemFacts], Raw]


def _gap_at(seconds: float, run: Run, entry: Entry, facts: ProblemFacts) -> Raw:
    return anytime.gap_at(run, facts.sense, seconds)


FIELDS = (
    Field("problem", "text", "problem", lambda run, entry, facts: run.cell.problem),
    Field("size", "text", "size of the instance", lambda run, entry, facts: run.cell.size),
    Field("instance", "text", "instance; of a file of one's own its name and checksum",
          lambda run, entry, facts: run.instance),
    Field("solver", "text", "label: solver and options as the suite calls them", lambda run, entry, facts: run.label),
    Field("method", "text", "name of the solver", lambda run, entry, facts: run.cell.solver),
    Field("options", "text", "options of the solver that were given, as JSON",
          lambda run, entry, facts: json.dumps(run.cell.options, sort_keys=True)),
    Field("seed", "whole", "seed of the cell", lambda run, entry, facts: run.cell.seed),
    Field("regime", "text", "what the method was given: local, global or future; empty without a score",
          lambda run, entry, facts: str(run.record.regime or "") if run.record and run.status == "ok" else ""),
    Field("status", "text", "ok, skipped, timeout, memory, crash, error, invalid; not run, not valid, stale",
          lambda run, entry, facts: run.status or ""),
    Field("objective", "number", "mean over slots, after repair", lambda run, entry, facts: run.objective),
    Field("unit", "text", "unit of objective and best_known, in words",
          lambda run, entry, facts: unit_in_words(facts.unit)),
    Field("sense", "text", "min: less is better; max: more is better", lambda run, entry, facts: facts.sense),
    Field("best_known", "number", "best known objective of the instance", lambda run, entry, facts: run.best),
    Field("gap_ratio", "number", "distance from best_known relative to it; positive is worse, whatever the sense",
          lambda run, entry, facts: run.gap),
    Field("slots", "number", "slots of the horizon",
          lambda run, entry, facts: len(run.record.slots.objective) if run.record and run.record.slots else None),
    Field("repaired_share", "number", "share of slots whose decision broke a constraint and was repaired",
          lambda run, entry, facts: entry.repaired),
    Field("infeasible_share", "number", "share of slots that are not feasible even after repair",
          lambda run, entry, facts: entry.infeasible),
    Field("proven_share", "number", "share of slots whose objective the method proved to be optimal",
          lambda run, entry, facts: entry.proven),
    Field("decision_time_s", "number", "median time of a decision [s]", lambda run, entry, facts: entry.slot_seconds),
    Field("train_time_s", "number", "time that training took, wherever it took place [s]",
          lambda run, entry, facts: entry.train_seconds),
    Field("train_frames", "number", "slots played in training", lambda run, entry, facts: entry.train_frames),
    Field("wall_time_s", "number", "wall clock of the cell [s]",
          lambda run, entry, facts: run.record.wall_seconds if run.record else None),
    Field("peak_memory_bytes", "number", "greatest memory of the cell's process [byte]",
          lambda run, entry, facts: run.record.peak_memory if run.record else None),
    *(
        Field(column.name + "_ratio", "number",
              f"gap_ratio of what was known {seconds:g} s into each slot (of the horizon, if it is planned at once)",
              partial(_gap_at, seconds))
        for column, seconds in zip(ON_DEMAND, anytime.TIMES, strict=False)
    ),
    Field("primal_integral_s", "number", f"primal integral over {anytime.UNTIL:g} s of each slot [s]",
          lambda run, entry, facts: anytime.integral(run, facts.sense)),
    Field("reason", "text", "why there is no score; empty where there is one",
          lambda run, entry, facts: "" if run.status == "ok" else run.why),
    Field("record", "text", "name of the record and of its decisions in the folder `records`",
          lambda run, entry, facts: run.cell.stem),
)  # fmt: skip


def rows(group: ProblemRuns) -> Iterable[Row]:
    """The values of :data:`FIELDS`, a row for each planned cell of a problem and size; None where one is not known."""
    for entry in group.entries:
        for run in entry.runs:
            alone = Entry(entry.label, (run,), 1, group.facts, entry.target_gap)
            yield tuple(field.of(run, alone, group.facts) for field in FIELDS)


def _columns(cells: Sequence[Row]) -> Iterator[tuple[Field, list[Raw]]]:
    """Each column with its values; numbers that are not known are NaN."""
    for i, field in enumerate(FIELDS):
        values = [row[i] for row in cells]
        yield field, [NAN if v is None else float(v) for v in values] if field.kind == "number" else values


def frame(cells: Sequence[Row]) -> pd.DataFrame:
    """Rows as a frame; texts are ``str`` (``object`` before pandas 3), seeds ``int64``, numbers ``float64``."""
    import pandas as pd

    return pd.DataFrame({f.name: pd.Series(values, dtype=TYPES[f.kind]) for f, values in _columns(cells)})


def as_dicts(cells: Sequence[Row]) -> list[dict[str, Raw]]:
    """Rows as dicts for JSON; None stands for what is not known."""
    return [dict(zip((field.name for field in FIELDS), row, strict=True)) for row in cells]


def to_csv(cells: Sequence[Row]) -> str:
    """Rows as CSV; numbers have a point, an exponent or are ``NaN``, so that no reader has to guess their type."""
    names, columns = zip(*((f.name, values) for f, values in _columns(cells)), strict=True)
    return csv_text([names, *zip(*(["NaN" if v != v else v for v in values] for values in columns), strict=True)])


def to_parquet(cells: Sequence[Row]) -> bytes:
    """Rows as a Parquet file, with the meaning of each column in its metadata.

    Raises
    ------
    DtbenchError
        If pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise DtbenchError("Parquet files need pyarrow; try: pip install 'dtbench[parquet]'.") from None
    types = {"text": pa.string(), "whole": pa.int64(), "number": pa.float64()}
    schema = pa.schema([pa.field(f.name, types[f.kind], False, {"meaning": f.meaning}) for f in FIELDS])
    table = pa.table([pa.array(values, schema.field(f.name).type) for f, values in _columns(cells)], schema)
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()
