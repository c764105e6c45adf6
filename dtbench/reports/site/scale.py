"""Scales that one bad method cannot flatten: gaps on an axis that is logarithmic beyond 0.01 %, and in classes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LINEAR = 1e-4  # ratio up to which the axis is linear, so that 0 has a place
MARGIN = 0.15  # of a power of ten, at both ends
TICKS = (0.0, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0, 1000.0)
BINS = (1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1.0)  # upper ends of the classes of gaps; the last class has none


def stretched(gap: float) -> float:
    """A gap on the axis: ``sign(g) log10(1 + |g| / 0.01 %)``, smooth, and 0 for 0.

    >>> [round(stretched(g), 2) for g in (-1e-4, 0.0, 1e-4, 0.01, 1.0)]
    [-0.3, 0.0, 0.3, 2.0, 4.0]
    """
    return math.copysign(math.log10(1.0 + abs(gap) / LINEAR), gap)


def gap_class(gap: float) -> int:
    """Which class of :data:`BINS` a gap falls into, 0 for the best.

    >>> [gap_class(g) for g in (-0.1, 0.0, 0.0005, 0.02, 5.0)]
    [0, 0, 1, 3, 7]
    """
    return next((k for k, end in enumerate(BINS) if gap <= end), len(BINS))


def bin_names() -> list[str]:
    """What each class holds, in percent: ``at most 0.01``, ``to 0.1`` ...; the last one ``above 100``."""
    ends = [f"{100 * end:g}" for end in BINS]
    return [f"≤ {ends[0]}", *(f"≤ {end}" for end in ends[1:]), f"> {ends[-1]}"]


@dataclass(frozen=True)
class Axis:
    """From values to [0, 1]; ``ticks`` are places with what is written there."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]
    logarithmic: bool  # of positive values; otherwise :func:`stretched`

    def place(self, value: float) -> float:
        """Where a value lies, in [0, 1]."""
        at = math.log10(max(value, 1e-12)) if self.logarithmic else stretched(value)
        return min(max((at - self.low) / (self.high - self.low), 0.0), 1.0)


def gap_axis(gaps: Iterable[float], apart: float = 0.05) -> Axis:
    """An axis for gaps that begins at 0, or below the least; numbers on it are ``apart`` at least."""
    found = list(gaps) or [0.0]
    low = min(stretched(min(found)) - MARGIN, -MARGIN) if min(found) < 0 else -MARGIN / 2
    high = max(stretched(max(found)), stretched(1e-3)) + MARGIN
    return Axis(low, high, _ticks(low, high, apart), False)


def _ticks(low: float, high: float, apart: float) -> tuple[tuple[float, str], ...]:
    """Zero, and of the other ticks those that have room, from the ends inwards."""
    found: dict[float, float] = {}
    for tick in (0.0, *reversed(TICKS[1:])):
        for gap in (tick, -tick) if tick else (tick,):
            place = (stretched(gap) - low) / (high - low)
            if 0.0 <= place <= 1.0 and all(abs(place - other) >= apart for other in found.values()):
                found[gap] = place
    return tuple((found[gap], f"{100 * gap:g}".replace("-", "−")) for gap in sorted(found))


def time_axis(seconds: Sequence[float]) -> Axis:
    """A logarithmic axis for times, with ticks such as ``1 ms``."""
    positive = [s for s in seconds if s > 0] or [1e-3]
    low, high = math.log10(max(min(positive), 1e-9)) - 0.2, math.log10(max(positive)) + 0.25
    powers = range(math.ceil(low), math.floor(high) + 1)
    step = max(1, -(-len(powers) // 6))
    ticks = tuple(((p - low) / (high - low), _seconds(p)) for p in powers[::step])
    return Axis(low, high, ticks, True)


def _seconds(power: int) -> str:
    """``10 ms`` for -2.

    >>> [_seconds(p) for p in (-6, -4, -2, 0, 3)]
    ['1 µs', '100 µs', '10 ms', '1 s', '1000 s']
    """
    unit, at = next(((u, e) for u, e in (("s", 0), ("ms", -3), ("µs", -6)) if power >= e), ("ns", -9))
    return f"{10.0 ** (power - at):g} {unit}"
