"""What learning curves say of a training: whether it gains, whether it settles, and how fast.

A gain is counted from the first validation, before anything was learned, to the best one. Seeds are what is
independent: validations of all trainings are on the same traces.
"""

from __future__ import annotations

from collections.abc import Sequence

from dtbench.reports.claims.bundle import LearningCurve, Point
from dtbench.reports.claims.measure import Runs
from dtbench.reports.statistics import MeanInterval, mean_interval

SETTLED = 0.9  # who has that part of the gain has arrived
FEWEST = 3  # validations


def curves_of(runs: Runs, title: str, point: Point) -> list[LearningCurve]:
    """The curves of a method at a point, in the order of seeds."""
    found = [c for c in runs.bundle.curves if c.method == title and c.point == point]
    return sorted(found, key=lambda curve: curve.seed)


def _over_seeds(values: Sequence[float | None]) -> MeanInterval | None:
    known = [value for value in values if value is not None]
    return mean_interval(known) if known and len(known) == len(values) else None


def held(curves: Sequence[LearningCurve], metric: str, more: bool) -> MeanInterval | None:
    """The part of the gain that the second half of a training has on average; None with too few validations."""
    return _over_seeds([_held(curve, metric, more) for curve in curves])


def improved(curves: Sequence[LearningCurve], metric: str, more: bool) -> MeanInterval | None:
    """By which part of the first validation's value the last one is better."""
    return _over_seeds([_improved(curve, metric, more) for curve in curves])


def sooner(a: Sequence[LearningCurve], b: Sequence[LearningCurve], metric: str, more: bool) -> MeanInterval | None:
    """By which part of the slots that trainings ``b`` play those of ``a`` play fewer until they have arrived."""
    pairs = [(_arrival(x, metric, more), _arrival(y, metric, more)) for x, y in zip(a, b, strict=False)]
    return _over_seeds([(y - x) / y if x is not None and y else None for x, y in pairs])


def ahead(a: Sequence[LearningCurve], b: Sequence[LearningCurve], metric: str, more: bool) -> MeanInterval | None:
    """By which part trainings ``a`` are better than ``b`` after equally many slots, at the validation where most.

    The first validation, before anything was learned, does not count. Whoever is level is ahead somewhere by chance:
    taking the best of many validations favours ``a``.
    """
    tables = [[dict(zip(c.frames, _values(c, metric, more), strict=True)) for c in side] for side in (a, b)]
    shared = sorted(set.intersection(*(set(table) for side in tables for table in side))) if a and b else []
    gains = [
        [(x[at] - y[at]) / abs(y[at]) for x, y in zip(*tables, strict=False) if y[at]] for at in shared[1:]
    ]  # by validation and pair
    whole = [gain for gain in gains if len(gain) == min(len(a), len(b))]
    return mean_interval(max(whole, key=lambda gain: sum(gain))) if len(shared) >= FEWEST and whole else None


def _values(curve: LearningCurve, metric: str, more: bool) -> list[float]:
    sign = 1.0 if more else -1.0
    return [sign * value for value in getattr(curve, metric)]


def _held(curve: LearningCurve, metric: str, more: bool) -> float | None:
    """0 without a gain.

    >>> curve = LearningCurve((), "", 0, [0, 5, 10], [0, 5, 10], [3.0, 1.0, 1.5], [])
    >>> _held(curve, "objective", more=False)
    0.875
    """
    values = _values(curve, metric, more)
    if len(values) < FEWEST:
        return None
    gain, middle = max(values) - values[0], curve.frames[-1] / 2.0
    late = [value for value, frames in zip(values, curve.frames, strict=True) if frames >= middle]
    return (sum(late) / len(late) - values[0]) / gain if gain > 0.0 else 0.0


def _improved(curve: LearningCurve, metric: str, more: bool) -> float | None:
    values = _values(curve, metric, more)
    return (values[-1] - values[0]) / abs(values[0]) if len(values) >= FEWEST and values[0] else None


def _arrival(curve: LearningCurve, metric: str, more: bool) -> int | None:
    """Slots played at the first validation with :data:`SETTLED` of the gain; None with too few validations."""
    values = _values(curve, metric, more)
    if len(values) < FEWEST:
        return None
    wanted = values[0] + SETTLED * (max(values) - values[0])
    return next(frames for value, frames in zip(values, curve.frames, strict=True) if value >= wanted)
