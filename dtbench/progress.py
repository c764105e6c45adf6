"""How work tells how far it is, and how long the rest may take."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

LINES = 20  # on one piece of work, where lines are written
PAUSE = 5.0  # s between two lines, at least


class Step(Protocol):
    """Told after each step of a long piece of work, from any thread."""

    def __call__(self, done: int, total: int, words: str = "") -> None:
        """``done`` of ``total`` steps (0: nobody knows how many) are done; ``words`` say what a step is."""


def untold(done: int, total: int, words: str = "") -> None:
    """A :class:`Step` for work that nobody watches."""


class Pace:
    """How far a piece of work is, how long the rest takes at the pace of what was done, and when to write a line."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.done = self.total = 0
        self._began = self._since = clock()
        self._first = 0  # steps that were done at ``_since``
        self._told, self._told_done = 0.0, 0  # elapsed seconds, and steps, at the last line

    def note(self, done: int, total: int) -> None:
        """Take note of steps; another total, or fewer steps than before, is the next part of the work.

        The pace of a part is that since its first note: what was done before it may have been done another day.
        """
        if total != self.total or done < self.done:
            self._since, self._first, self._told_done = self.clock(), done, done
        self.done, self.total = done, total

    @property
    def elapsed(self) -> float:
        """Seconds since the work began."""
        return self.clock() - self._began

    @property
    def left(self) -> float | None:
        """Estimated seconds to the end of this part; None before a step is done, or where no total is known."""
        steps = self.done - self._first
        if steps <= 0 or not self.total:
            return None
        return (self.clock() - self._since) / steps * (self.total - self.done)

    def due(self) -> bool:
        """Whether to write a line now: after some seconds, when a twentieth of the steps or as much time has passed."""
        now = self.elapsed
        if now - self._told < PAUSE:
            return False
        far = self.total > 0 and self.done - self._told_done >= self.total / LINES
        if far or now >= 2.0 * self._told:
            self._told, self._told_done = now, self.done
            return True
        return False


def clock(seconds: float) -> str:
    """``7 s``, ``2 min 05 s``, ``3 h 02 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def time_left(seconds: float | None) -> str:
    """``about 2 min 05 s left``; never 0 s: what goes on takes at least one more."""
    return "time left unknown" if seconds is None else f"about {clock(max(seconds, 1.0))} left"
