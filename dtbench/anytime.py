"""What a method knows while it searches: decisions and bounds, told as they are found, and the curve that they make.

Whoever searches calls :func:`report`, which is free while nobody listens. The referee listens while a method decides
(:func:`dtbench.referee.play`), with a clock of its own. It scores what it was told when the method has ended, outside
of the method's time: an incumbent is never a number that a method says, but the referee's objective of a decision.

    with anytime.listening("min") as heard:
        anytime.report(decision)          # a better decision was found
        anytime.report(bound=3.0)         # nothing better than 3.0 exists
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from time import perf_counter as clock  # as it is before a solver's file runs, which may replace time.perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

PER_DECADE = 8  # points that are kept for each tenfold of the time
FIRST = 1e-4  # seconds: what comes before counts as one moment
BEFORE = -PER_DECADE * math.log10(FIRST)  # number of the moment that ends at 1 s
MOST = 96  # points of a curve that is read back: from 0.1 ms to 10^7 s there are 89
ROUNDING = 1e-6  # relative: reports that pass what was returned by less than this are equal to it

Array = npt.NDArray[np.float64]


def moment(seconds: float) -> int:
    """Number of the interval ``(10^((k - 1) / 8), 10^(k / 8)]`` times 0.1 ms that a time lies in.

    The last report of each interval is kept, so that what was known at 0.1, 1, 10 and 100 s is exact.

    >>> [moment(t) for t in (0.0, 1e-4, 0.1, 0.1001, 1.0, 100.0)]
    [0, 0, 24, 25, 32, 48]
    """
    return 0 if seconds <= FIRST else math.ceil(PER_DECADE * math.log10(seconds) + BEFORE - 1e-9)


def better(sense: str, one: float, other: float) -> bool:
    """Whether one objective is better than another."""
    return one < other if sense == "min" else one > other


class Log:
    """What was told about one slot, or one horizon: the last decision and the best bound of each moment."""

    def __init__(self) -> None:
        self.decisions: dict[int, tuple[float, Any]] = {}
        self.bounds: dict[int, tuple[float, float]] = {}
        self.bound: float | None = None

    def add(self, seconds: float, decision: Any, bound: Any, sense: str) -> None:
        """Take a report; bounds that are no finite numbers, or not better than before, are none."""
        at = moment(seconds)
        if decision is not None:
            self.decisions[at] = (seconds, decision)
        if bound is not None and isinstance(bound, numbers.Real) and math.isfinite(bound):
            value = float(bound)
            if self.bound is None or better(sense, self.bound, value):
                self.bound = value
                self.bounds[at] = (seconds, value)


class Listener:
    """Hears reports while a method decides. ``share`` slots are decided in one call: each has its part of the time.

    ``whole`` is told of all of them at once, ``single`` of one after the other.
    """

    def __init__(self, sense: str, share: int = 1) -> None:
        self.sense, self.share = sense, share
        self.whole = Log()
        self.single: dict[int, Log] = {}
        self._member: int | None = None
        self._before = 0.0
        self._began = clock()

    @property
    def seconds(self) -> float:
        """Time [s] that a slot has had until now."""
        passed = clock() - self._began
        return self._before + passed if self._member is not None else passed / self.share

    def hear(self, decision: Any = None, bound: Any = None) -> None:
        """Take a report."""
        passed, member = clock() - self._began, self._member
        if member is None:
            self.whole.add(passed / self.share, decision, bound, self.sense)
        else:
            self.single.setdefault(member, Log()).add(self._before + passed, decision, bound, self.sense)

    @contextmanager
    def turns(self, n: int) -> Iterator[Callable[[int], None]]:
        """While ``n`` slots are decided one after the other: call what is given with the number of the next one."""
        began, before = self._began, self.seconds

        def turn(number: int) -> None:
            self._member, self._before, self._began = number, before, clock()

        try:
            yield turn if n == self.share > 1 and self._member is None else lambda _: None
        finally:
            if self._member is not None:
                self._member, self._before, self._began = None, 0.0, began


_listener: ContextVar[Listener | None] = ContextVar("dtbench_listener", default=None)


@contextmanager
def listening(sense: str, share: int = 1) -> Iterator[Listener]:
    """Hear what is reported in this context, and nobody else does; the clock begins now."""
    here = Listener(sense, share)
    token = _listener.set(here)
    try:
        yield here
    finally:
        _listener.reset(token)


@contextmanager
def unheard() -> Iterator[None]:
    """Nobody hears what is reported here: parts of a method that decide something else than the slot."""
    token = _listener.set(None)
    try:
        yield
    finally:
        _listener.reset(token)


def listener() -> Listener | None:
    """Who listens, for callbacks that are called from other threads; None if nobody does."""
    return _listener.get()


def heard() -> bool:
    """Whether anybody listens: ask before a report that costs time."""
    return _listener.get() is not None


def report(decision: Any = None, *, bound: float | None = None) -> None:
    """Tell that a better decision, or a better bound, was found; nothing happens if nobody listens.

    Parameters
    ----------
    decision
        Of the slot, or slots, that are being decided; its arrays must not change afterwards. Or a function without
        arguments that makes it (None if there is none), which is called when the method has ended, outside of its time.
    bound
        What no decision can be better than, in the unit of the objective: mean over slots where a horizon is decided.
    """
    here = _listener.get()
    if here is not None:
        here.hear(decision, bound)


def members(n: int) -> Iterator[int]:
    """0 to n - 1, for loops over slots that are decided one after the other in one call: reports are of that slot."""
    here = _listener.get()
    if here is None:
        yield from range(n)
        return
    with here.turns(n) as turn:
        for number in range(n):
            turn(number)
            yield number


@dataclass(frozen=True)
class Teller:
    """How a back end's points and bounds become decisions of the slot and bounds of its objective.

    ``decision`` is called when the method has ended; None: points say nothing. ``bound``: None if bounds do not hold.
    """

    decision: Callable[[npt.NDArray[Any]], Any] | None = None
    bound: Callable[[float], float] | None = float

    def tell(self, to: Listener, point: npt.NDArray[Any] | None = None, bound: float = math.nan) -> None:
        """Report a point, which must not change, and a bound, NaN for none."""
        made = None if point is None or self.decision is None else partial(self.decision, point)
        proved = self.bound(bound) if self.bound is not None and math.isfinite(bound) else None
        if made is not None or proved is not None:
            to.hear(made, proved)


@dataclass(frozen=True, eq=False)
class Curve:
    """What was known when: from ``seconds`` (P,) on, the incumbent's objective (P,) and the bound (P,); NaN for none.

    Times rise, incumbents and bounds do not get worse. The last point is the method's end.
    """

    seconds: Array
    incumbent: Array
    bound: Array

    def at(self, seconds: float) -> tuple[float, float]:
        """Incumbent and bound that were known after so many seconds, NaN for none."""
        place = int(np.searchsorted(self.seconds, seconds, side="right")) - 1
        return (math.nan, math.nan) if place < 0 else (float(self.incumbent[place]), float(self.bound[place]))


def settled(
    sense: str, found: Iterable[tuple[float, float]], bounds: Iterable[tuple[float, float]],
    end: tuple[float, float, float],
) -> Curve:  # fmt: skip
    """The curve of a slot or a horizon, from pairs of seconds and value.

    Parameters
    ----------
    found
        Objectives of decisions that were told.
    bounds
        Bounds that were told.
    end
        Seconds, objective and bound (NaN for none) of what was returned. What was told and is better than that is left
        out: the method did not keep it, or it was wrong. So no bound is left of a method that ends without one.
    """
    until, objective, proved = end
    last_value = objective, -1.0 if sense == "min" else 1.0
    last_bound = proved, 1.0 if sense == "min" else -1.0
    events = [(s, _within(value, *last_value), math.nan) for s, value in found]
    events += [(s, math.nan, _within(value, *last_bound)) for s, value in bounds]
    events = sorted(event for event in events if 0.0 <= event[0] <= until)
    incumbent = bound = math.nan
    points: dict[float, tuple[float, float]] = {}
    for seconds, value, floor in [*events, (until, objective, proved)]:
        new = value if math.isnan(incumbent) or better(sense, value, incumbent) else incumbent
        low = floor if math.isnan(bound) or better(sense, bound, floor) else bound
        if not (_same(new, incumbent) and _same(low, bound)) or seconds == until:
            points[seconds] = new, low
        incumbent, bound = new, low
    values = np.array([(s, *pair) for s, pair in points.items()], dtype=np.float64)
    values[-1, 1:] = objective, proved
    return Curve(*values.T)


def _within(value: float, last: float, sign: float) -> float:
    """A value that is not beyond the last one in the direction of the sign; NaN if it is by more than rounding."""
    if math.isnan(last) or sign * (value - last) > ROUNDING * max(1.0, abs(last)):
        return math.nan
    return last if sign * (value - last) > 0.0 else value


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def mean(curves: Sequence[Curve]) -> Curve:
    """The curve over slots, if each is stopped after the same time: means, NaN until all slots have a value.

    The last point of each :func:`moment` is kept.
    """
    times = np.unique(np.concatenate([curve.seconds for curve in curves]))
    last = {moment(float(seconds)): seconds for seconds in times}
    kept = np.array(sorted(last.values()))
    parts = []
    for name in ("incumbent", "bound"):
        columns = []
        for curve in curves:
            place = np.searchsorted(curve.seconds, kept, side="right") - 1
            columns.append(np.where(place < 0, np.nan, getattr(curve, name)[place]))
        parts.append(np.mean(columns, axis=0))
    known = np.isfinite(parts[0]) | np.isfinite(parts[1])
    return Curve(kept[known], parts[0][known], parts[1][known])
