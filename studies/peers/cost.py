"""What a piece of work costs this process: CPU seconds, by part too, and memory."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def cpu_seconds() -> float:
    """User and system time of this process and of children that have ended [s]."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def peak_mb() -> float:
    """Largest resident memory so far [MB], of this process or of the largest of its children that have ended."""
    unit = 1e-6 if sys.platform == "darwin" else 1.024e-3
    return unit * max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


class Cost:
    """CPU seconds and memory of the block in :meth:`counted`.

    Attributes
    ----------
    cpu
        CPU seconds of the block.
    parts
        Those of its parts, by name: ``environment``, ``acting``, ``update``.
    base_mb, peak_mb
        Largest resident memory before the block (libraries, networks, environments), and after it.
    """

    def __init__(self) -> None:
        self.cpu = self.base_mb = self.peak_mb = 0.0
        self.parts: dict[str, float] = {}

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count the block; several add up."""
        self.base_mb, began = self.base_mb or peak_mb(), cpu_seconds()
        yield
        self.cpu, self.peak_mb = self.cpu + cpu_seconds() - began, peak_mb()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add the CPU seconds of a block to a part; takes the place of a learner's ``timed``."""
        began = time.process_time()
        try:
            yield
        finally:
            self.parts[name] = self.parts.get(name, 0.0) + time.process_time() - began

    def of_part(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        """``call``, counted as a part."""

        def timed(*given: Any, **named: Any) -> Any:
            with self.part(name):
                return call(*given, **named)

        return timed
