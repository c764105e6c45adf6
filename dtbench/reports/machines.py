"""Times of different machines in one table: scaled to one of them, by the speeds that a calibration run measured."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from dtbench.experiments.record import Record


@dataclass(frozen=True)
class Machines:
    """The processors of some records.

    Attributes
    ----------
    home
        The one that most records were made on, to which times are scaled.
    speeds
        Median speed of each, see :mod:`dtbench.experiments.calibration`; those that no record tells are left out.
    """

    home: str = ""
    speeds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, records: Iterable[Record]) -> Machines:
        """The processors of records."""
        counts: Counter[str] = Counter()
        told: dict[str, list[float]] = {}
        for record in records:
            made = record.provenance
            counts[made.cpu] += 1
            if made.speed is not None:
                told.setdefault(made.cpu, []).append(made.speed)
        if not counts:
            return cls()
        home = min(counts, key=lambda cpu: (-counts[cpu], cpu))
        return cls(home, {cpu: statistics.median(values) for cpu, values in told.items()})

    def elsewhere(self, record: Record) -> bool:
        """Whether a record was made on another processor than most."""
        return record.provenance.cpu != self.home

    def pace(self, record: Record) -> float | None:
        """What times of a record are multiplied by; None if a speed is not known, and they stay as they are."""
        if not self.elsewhere(record):
            return 1.0
        mine, home = self.speeds.get(record.provenance.cpu), self.speeds.get(self.home)
        return None if mine is None or home is None else mine / home
