"""The leaderboard as data: typed values in tables, shared by every format.

A format asks a value for its ``text`` (rounded, with its unit, for people) or its ``fields`` (raw numbers in SI, for
scripts). No format computes anything, and no value knows a format.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from dtbench.params import unit_in_words
from dtbench.reports.numbers import (
    DASH,
    DIGITS,
    MINUS,
    format_count,
    format_decimal,
    format_number,
    format_ratio,
    format_seconds,
    format_share,
)

Raw = float | int | str | None
Row = tuple[Raw, ...]


@dataclass(frozen=True)
class Unit:
    """What a number counts: the suffix of its field in CSV and JSON, and how people read it, in how many digits."""

    suffix: str
    text: Callable[[float], str]
    rounded: Callable[[float, int], str] | None = None  # to so many digits; None where they are as they are


RATIO = Unit("_ratio", lambda x: format_ratio(x) + " %", lambda x, n: format_ratio(x, n) + " %")
SHARE = Unit("_share", lambda x: format_share(x) + " %")
SECONDS = Unit("_s", format_seconds, format_seconds)
MEAN_RANK = Unit("", lambda x: format_decimal(x, 2))
PLACE = Unit("", lambda x: f"{x:.0f}")
NUMBER = Unit("", lambda x: f"{x:.9g}")
OBJECTIVE = Unit("", lambda x: format_number(x, 6), lambda x, n: format_number(x, n))
CORRELATION = Unit("", lambda x: format_decimal(x, 2))
P_VALUE = Unit("", lambda x: format_decimal(x, 3) if x >= 0.001 else f"{x:.1e}".replace("-", MINUS))


@dataclass(frozen=True)
class Quantity:
    """One number, or None where there is nothing to say."""

    value: float | None
    unit: Unit
    digits: int | None = None

    @property
    def text(self) -> str:
        """The number with its unit."""
        if self.value is None:
            return DASH
        if self.digits is None or self.unit.rounded is None:
            return self.unit.text(self.value)
        return self.unit.rounded(self.value, self.digits)

    @property
    def sort(self) -> float | str | None:
        """What a table is sorted by; None goes last."""
        return self.value

    def fields(self, name: str) -> dict[str, Raw]:
        """The raw number under the column's name and its unit."""
        return {name + self.unit.suffix: self.value}


@dataclass(frozen=True)
class Estimate:
    """A statistic of ratios with its confidence interval; the ends are None where there is no interval."""

    value: float | None
    lower: float | None = None
    upper: float | None = None
    digits: int = DIGITS

    @property
    def text(self) -> str:
        """Value and interval in percent, ``1.2 % [1.0, 1.5]``."""
        return self.figure + self.interval

    @property
    def figure(self) -> str:
        """The value in percent."""
        return DASH if self.value is None else f"{format_ratio(self.value, self.digits)} %"

    @property
    def interval(self) -> str:
        """The interval in percent, with a space before it; empty where there is none."""
        if self.lower is None or self.upper is None:
            return ""
        return f" [{format_ratio(self.lower, self.digits)}, {format_ratio(self.upper, self.digits)}]"

    @property
    def sort(self) -> float | str | None:
        """The value."""
        return self.value

    def fields(self, name: str) -> dict[str, Raw]:
        """Value, lower and upper end as raw ratios."""
        ends = {f"{name}_ratio_low": self.lower, f"{name}_ratio_high": self.upper}
        return {f"{name}_ratio": self.value, **ends}


@dataclass(frozen=True)
class Count:
    """So many of so many."""

    n: int
    of: int

    @property
    def text(self) -> str:
        """``7/10``."""
        return f"{self.n}/{self.of}"

    @property
    def sort(self) -> float | str | None:
        """The share."""
        return self.n / self.of

    def fields(self, name: str) -> dict[str, Raw]:
        """Both counts."""
        return {f"{name}_ok": self.n, f"{name}_planned": self.of}


@dataclass(frozen=True)
class WinTieLoss:
    """On how many instances the first of two is better, as good, and worse."""

    wins: int
    ties: int
    losses: int

    @property
    def text(self) -> str:
        """``7 / 1 / 2``."""
        return f"{self.wins} / {self.ties} / {self.losses}"

    @property
    def sort(self) -> float | str | None:
        """The share of wins, a tie counting half."""
        total = self.wins + self.ties + self.losses
        return (self.wins + 0.5 * self.ties) / total if total else None

    def fields(self, name: str) -> dict[str, Raw]:
        """The three counts; they have names of their own."""
        return {"wins": self.wins, "ties": self.ties, "losses": self.losses}


@dataclass(frozen=True)
class Tally:
    """How often each of a fixed list of things happened."""

    counts: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        """How often anything happened."""
        return sum(n for _, n in self.counts)

    @property
    def text(self) -> str:
        """``1 crash, 2 timeout``, or 0."""
        return ", ".join(f"{n} {name}" for name, n in self.counts if n) or "0"

    @property
    def sort(self) -> float | str | None:
        """The total."""
        return self.total

    def fields(self, name: str) -> dict[str, Raw]:
        """One count for each thing; they have names of their own."""
        return {status.replace(" ", "_"): n for status, n in self.counts}


@dataclass(frozen=True)
class Training:
    """What training cost: time [s], and frames played where the records tell; None where nothing was trained."""

    seconds: float | None
    frames: float | None = None

    @property
    def text(self) -> str:
        """``1234 s (50k frames)``."""
        if self.seconds is None:
            return DASH
        played = "" if self.frames is None else f" ({format_count(self.frames)} frames)"
        return format_seconds(self.seconds) + played

    @property
    def sort(self) -> float | str | None:
        """The time."""
        return self.seconds

    def fields(self, name: str) -> dict[str, Raw]:
        """Time and frames."""
        return {f"{name}_s": self.seconds, "train_frames": self.frames}


@dataclass(frozen=True)
class Text:
    """Words; those that come from files are one printable line, see :func:`dtbench.reports.numbers.one_line`."""

    text: str

    @property
    def sort(self) -> float | str | None:
        """The words."""
        return self.text or None

    def fields(self, name: str) -> dict[str, Raw]:
        """The words."""
        return {name: self.text}


Value = Quantity | Estimate | Count | WinTieLoss | Tally | Training | Text


@dataclass(frozen=True)
class Column:
    """One column: its name in CSV and JSON, its heading, what it means; ``prose`` may be long and wraps."""

    name: str
    heading: str
    meaning: str = ""
    numeric: bool = True
    prose: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of values under columns."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]

    def fields(self) -> list[dict[str, Raw]]:
        """Every row as raw numbers and words."""
        names = [column.name for column in self.columns]
        pairs = [zip(names, row, strict=True) for row in self.rows]
        return [{k: v for name, value in row for k, v in value.fields(name).items()} for row in pairs]

    def without_blank(self) -> Table:
        """The table without columns that say nothing in any row."""
        said = [{row[i].text for row in self.rows} for i in range(len(self.columns))]
        return self.keep([i for i, texts in enumerate(said) if texts - {"", "0", DASH}])

    def in_digits(self, digits: int) -> Table:
        """The table with gaps, objectives and times in so many digits."""

        def rounded(value: Value) -> Value:
            return replace(value, digits=digits) if isinstance(value, Quantity | Estimate) else value

        return Table(self.columns, tuple(tuple(map(rounded, row)) for row in self.rows))

    def keep(self, columns: Sequence[int]) -> Table:
        """The table with some of its columns."""
        return Table(tuple(self.columns[i] for i in columns), tuple(tuple(r[i] for i in columns) for r in self.rows))


@dataclass(frozen=True)
class Best:
    """The best of the methods of one regime: one, or several that tie, with the gap of the first."""

    regime: str
    solvers: tuple[str, ...]
    gap: Estimate

    @property
    def text(self) -> str:
        """``global: exact, enumeration (0 %)``."""
        gap = f" ({self.gap.figure})" if self.gap.value is not None else ""
        return f"{self.regime}: {', '.join(self.solvers)}{gap}"

    @property
    def facts(self) -> dict[str, Raw | list[str]]:
        """Regime, solvers, and the raw gap."""
        return {"sees": self.regime, "solvers": list(self.solvers), "gap_ratio": self.gap.value}


@dataclass(frozen=True)
class Section:
    """One problem at one size; ``sense`` says in words whether less or more is better, notes are sentences.

    ``best`` of each regime, of the methods that have a rank.
    ``known``: whether every instance has a best known value. ``columns``: names of those to show, in this order; empty
    if nobody has chosen any.
    """

    problem: str
    title: str
    size: str
    unit: str
    sense: str
    n_instances: int
    table: Table
    notes: tuple[str, ...] = ()
    known: bool = True
    columns: tuple[str, ...] = ()
    best: tuple[Best, ...] = ()

    @property
    def best_line(self) -> tuple[str, ...]:
        """The best of each regime in one sentence; none where nothing has a rank."""
        return (f"Best of each regime: {'; '.join(best.text for best in self.best)}.",) if self.best else ()

    @property
    def remarks(self) -> tuple[str, ...]:
        """What stands below the table: the best of each regime, and the notes."""
        return self.best_line + self.notes

    @property
    def subject(self) -> str:
        """What the table is about, in one line."""
        instances = "1 instance" if self.n_instances == 1 else f"{self.n_instances} instances"
        return f"{instances}, objective: {unit_in_words(self.unit)}, {self.sense}"


@dataclass(frozen=True)
class Leaderboard:
    """All sections, what failed, what was skipped, the numbers per instance and per cell, and where they come from.

    ``cells`` are rows of :data:`dtbench.reports.cells.FIELDS`.
    """

    sections: tuple[Section, ...]
    failures: Table
    skipped: Table
    instances: Table
    cells: tuple[Row, ...]
    provenance: Mapping[str, str]
