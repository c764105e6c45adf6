"""How fast this machine is: a second of fixed work, so that times of different machines can stand in one table.

Three kinds of work, as solvers do them: Python's own loops, arithmetic on small arrays, a linear program in HiGHS. A
speed is the geometric mean of how many times faster each is done than in :data:`REFERENCE`, seconds that count as 1 by
choice: only ratios of speeds are used. It is a rough measure: solvers use caches, memory and vector units in other
proportions.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
from scipy import sparse

from dtbench import files
from dtbench.errors import DtbenchError
from dtbench.files import write_safely
from dtbench.machine import cpu, version
from dtbench.outside import parse_json, read_bytes

REFERENCE = {"python": 0.042, "arrays": 0.031, "lp": 0.025}  # s, each; what is 1 is a choice
ROUNDS = 5  # of which the quickest counts: others had to share the processor
FRESH = 7 * 24 * 3600.0  # s for which a speed is remembered


@cache
def speed() -> float:
    """Speed of one core of this machine; 2 is twice as fast as the reference. Measured at most once a week."""
    file = files.cache("machine") / "speed.json"
    key = [cpu(), *(version(package) or "" for package in ("numpy", "highspy"))]
    known = _remembered(file, key)
    if known is None:
        known = measured()
        with contextlib.suppress(OSError):
            file.parent.mkdir(parents=True, exist_ok=True)
            write_safely(file, json.dumps({"of": key, "speed": known}).encode())
    return known


def _remembered(file: Path, key: list[str]) -> float | None:
    with contextlib.suppress(DtbenchError, OSError, KeyError, TypeError, ValueError):
        if time.time() - file.stat().st_mtime < FRESH:
            told = parse_json(read_bytes(file), str(file))
            value = float(told["speed"])
            if told["of"] == key and math.isfinite(value) and value > 0.0:
                return value
    return None


def measured() -> float:
    """The speed, measured now, on one thread: about a second."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        ratios = [REFERENCE[name] / quickest(work) for name, work in WORK.items()]
    return math.exp(math.fsum(map(math.log, ratios)) / len(ratios))


def quickest(work: Callable[[], object]) -> float:
    """Least time [s] of some rounds."""
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def loops() -> int:
    """Dicts, lists, integers."""
    seen: dict[int, int] = {}
    for i in range(150_000):
        j = (i * 7919) % 1009
        seen[j] = seen.get(j, 0) + i
    return len(sorted(seen.values()))


def arrays() -> float:
    """Many operations on arrays of a few hundred numbers, as the referee's."""
    x = np.linspace(0.1, 1.0, 400).reshape(20, 20)
    total = 0.0
    for _ in range(1_500):
        y = np.log1p(x @ x) / (1.0 + np.exp(-x))
        total += float(np.where(y > 0.5, y, 0.0).sum(axis=-1).max())
    return total


def linear_program() -> float:
    """An assignment of 40 to 40 as a linear program, by the dual simplex method."""
    from dtbench.core import Limits
    from dtbench.exact.highs import solve_highs
    from dtbench.exact.linear import LinearModel

    n = 40
    cost = np.random.default_rng(0).random(n * n)
    i, j = np.divmod(np.arange(n * n), n)
    rows = sparse.csr_array((np.ones(2 * n * n), (np.concatenate([i, n + j]), np.tile(np.arange(n * n), 2))))
    model = LinearModel(
        cost=cost, lower=np.zeros(n * n), upper=np.ones(n * n), integer=np.zeros(n * n, dtype=bool), rows=rows,
        row_lower=np.ones(2 * n), row_upper=np.ones(2 * n),
    )  # fmt: skip
    return float(solve_highs(model, Limits()).objective)


WORK: dict[str, Callable[[], object]] = {"python": loops, "arrays": arrays, "lp": linear_program}
