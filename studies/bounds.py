"""What each part of the bound of ``mec-synchronization`` gives, on slots of its large instances.

    python studies/bounds.py [--slots 10] [--seconds 6] [--instances large-000 large-001] [--out studies/bounds.csv]

The same slots, spread evenly over each instance, are searched with all parts and with one part after the other switched
off. Seconds are those of the processor, so that other programs do not count. A row tells of one slot and one variant:
objective and bound of J, their relative gap, seconds, and nodes. Printed is the gap of sums over slots, as that of a
horizon.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from dtbench.core import relative_gap
from dtbench.library import instances
from dtbench.problems import problem
from dtbench.problems.mec_synchronization import branch_and_bound, branch_and_cut, heuristics, path_cuts, sets
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.convex import blas

MEC: Any = problem("mec-synchronization")
GAP = 1e-4  # at which a slot counts as solved
COLUMNS = ("instance", "slot", "without", "objective", "bound", "gap", "seconds", "nodes")


def no_contention(candidates: Any, priced: Any, others: Any, begin: Any, end: Any) -> Any:
    """In place of ``least_added``: says nothing."""
    return np.zeros(begin.shape)


def no_rows(on: Any, at: Any, *, quick: bool = False) -> path_cuts.Found:
    """In place of ``violated``: finds nothing."""
    return path_cuts.Found.none(on.n)


PARTS: dict[str, tuple[tuple[Any, str, Any], ...]] = {
    "nothing": (),
    "relaxation": ((branch_and_bound, "FEW", np.inf),),
    "path rows": ((path_cuts, "violated", no_rows),),
    "path rows at nodes": ((branch_and_cut, "NODE_ROUNDS", 0),),
    "rows at half the haste": ((path_cuts, "HASTES", (0.0, 1.0)),),
    "rows at the haste": ((path_cuts, "HASTES", (0.0, 0.5)),),
    "trials of branches": ((branch_and_cut, "TRIED", 0),),
    "contention": ((sets, "least_added", no_contention),),
    "exchanges": ((branch_and_bound, "best_swaps", sets.best_flips),),
}
"""What is switched off, and how: module, name, what stands there instead."""


@contextmanager
def without(part: str) -> Iterator[None]:
    """Searches without one part."""
    with ExitStack() as stack:
        for module, name, instead in PARTS[part]:
            stack.enter_context(mock.patch.object(module, name, instead))
        yield


def search(slot: Any, part: str, seconds: float) -> dict[str, float]:
    """Objective, bound, gap, seconds and nodes of one slot without one part."""
    candidates = Candidates.of(slot, slot.host)
    lost, users = float(candidates.lost), slot.n_users
    with without(part), mock.patch("time.perf_counter", time.process_time), blas().limit(limits=1):
        began = time.process_time()
        found = branch_and_bound.branch_and_bound(candidates, heuristics.admitted(candidates), GAP, seconds, lost)
        used = time.process_time() - began
    objective, bound = (found.cost + lost) / users, (found.bound + lost) / users
    return {
        "objective": objective, "bound": bound, "gap": relative_gap(objective, bound), "seconds": used,
        "nodes": found.nodes,
    }  # fmt: skip


def study(names: Sequence[str], slots: int, seconds: float, tell: Callable[[dict[str, Any]], None]) -> None:
    """Tell of each slot and variant."""
    for name in names:
        instance = instances.load(f"mec-synchronization/{name}")
        for t in spread(instance.horizon, slots):
            slot = MEC.slot(instance, t, MEC.start(instance))
            for part in PARTS:
                tell({"instance": name, "slot": t, "without": part, **search(slot, part, seconds)})


def spread(horizon: int, slots: int) -> list[int]:
    """The middles of so many equal stretches of a horizon."""
    return [int(horizon * (i + 0.5) / slots) for i in range(slots)]


def table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Lines of Markdown: gap of sums, slots solved, mean seconds and nodes of each variant."""
    lines = ["| without | gap | solved | seconds | nodes |", "|---|---|---|---|---|"]
    for part in PARTS:
        mine = [row for row in rows if row["without"] == part]
        if not mine:
            continue
        objective, bound = (sum(float(row[key]) for row in mine) for key in ("objective", "bound"))
        seconds, nodes = (float(np.mean([float(row[key]) for row in mine])) for key in ("seconds", "nodes"))
        solved = sum(float(row["gap"]) <= GAP for row in mine)
        gap = 100.0 * relative_gap(objective, bound)
        lines.append(f"| {part} | {gap:.1f} % | {solved} of {len(mine)} | {seconds:.1f} | {nodes:.0f} |")
    return lines


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study, write its rows and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--slots", type=int, default=10, help="of each instance")
    parser.add_argument("--seconds", type=float, default=6.0, help="of the processor, for each slot")
    parser.add_argument("--instances", nargs="+", default=["large-000", "large-001"])
    parser.add_argument("--out", type=Path, default=Path(__file__).with_name("bounds.csv"))
    chosen = parser.parse_args(arguments)
    rows: list[dict[str, Any]] = []
    with chosen.out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()

        def tell(row: dict[str, Any]) -> None:
            rows.append(row)
            writer.writerow({key: f"{v:.6g}" if isinstance(v, float) else v for key, v in row.items()})
            file.flush()

        study(chosen.instances, chosen.slots, chosen.seconds, tell)
    print("\n".join(table(rows)))


if __name__ == "__main__":
    main()
