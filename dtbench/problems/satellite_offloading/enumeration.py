"""Enumeration of partitions: every way to divide the UAVs among the satellites, the promising ones completed."""

from __future__ import annotations

import numpy as np

from dtbench import anytime
from dtbench.arrays import IntArray
from dtbench.errors import DtbenchError
from dtbench.problems.satellite_offloading.completion import Search, complete
from dtbench.problems.satellite_offloading.model import on_satellite
from dtbench.problems.satellite_offloading.terms import Terms

FIRST, MOST = 32, 512  # partitions that are completed at once: doubled from the first to the last
LIMIT = 2_000_000  # partitions
CHUNK = 1 << 22  # entries of a table of associations that are bounded at once
ACCURACY = 1e-9  # relative, of a completion


def partitions(n_uav: int, n_sat: int, *, identical: bool) -> IntArray:
    """All associations (S, N), one for each partition into at most M blocks where satellites are equal.

    Raises
    ------
    DtbenchError
        If there are more than :data:`LIMIT`.
    """
    labels = np.zeros((1, 0), dtype=np.int64)
    for _ in range(n_uav):
        used = labels.max(axis=-1, initial=-1) + 1 if identical else np.full(len(labels), n_sat)
        width = np.minimum(used + 1, n_sat)
        if width.sum() > LIMIT:
            raise DtbenchError(
                f"{n_uav} UAVs on {n_sat} satellites have more than {LIMIT} associations; use the method 'strong'."
            )
        rows = np.repeat(np.arange(len(labels)), width)
        first = np.repeat(np.cumsum(width) - width, width)
        labels = np.concatenate([labels[rows], (np.arange(len(rows)) - first)[:, None]], axis=-1)
    return labels


def enumerate_partitions(search: Search, terms: Terms, relaxed: Terms) -> None:
    """Complete partitions by rising bound until the bound of the next is not below the incumbent.

    Completions under the relaxed numbers bound what the referee may call feasible; those below the incumbent are
    completed under the numbers as they are. Where time ends before all have a bound, nothing is proved, and the most
    promising of the others are completed.
    """
    every = partitions(terms.n_uav, terms.n_sat, identical=terms.identical)
    step = max(1, CHUNK // (terms.n_uav * terms.n_sat))
    parts = [every[k : k + step] for k in range(0, len(every), step)]
    bounds = []
    for part in parts:
        bounds.append(relaxed.closed(on_satellite(part, terms.n_sat).astype(float))[0])
        if search.seconds == 0.0:
            break
    bound = np.concatenate(bounds)
    order = np.argsort(bound, kind="stable")
    order = order[np.isfinite(bound[order])]
    search.backend = "numpy"
    search.details |= {"partitions": len(every), "completed": 0}
    if len(bound) < len(every):
        search.offer(complete(terms, every[order[:FIRST]]))
        return
    proved, done, size = np.inf, 0, FIRST
    while done < len(order) and bound[order[done]] < min(proved, search.objective):
        rows = order[done : done + size]
        wide = complete(relaxed, every[rows])
        proved = min(proved, float(wide.objective.min()))
        search.offer(complete(terms, every[rows[wide.objective < search.objective]]))
        done, size = done + len(rows), min(2 * size, MOST)
        if done < len(order):
            anytime.report(bound=min(proved, float(bound[order[done]])) * (1.0 - ACCURACY))
        if search.seconds == 0.0:
            break
    search.details["completed"] = done
    if done < len(order):
        proved = min(proved, float(bound[order[done]]))
    search.infeasible = search.incumbent is None and not np.isfinite(proved)
    search.bound = proved * (1.0 - ACCURACY)
