"""Take better incumbents and bounds of exact methods from records into the library's best known values.

    python tuning/improve.py mec-synchronization --results results/runs/large

Records whose decisions do not hold are left out. Of a horizon whose slots are not coupled, incumbents and bounds count
slot by slot in the record, and together here: the mean over slots. What is known stays where it is better.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from dtbench import files
from dtbench.core import AnyProblem, gap_to, is_better, relative_gap
from dtbench.experiments.record import Record
from dtbench.experiments.verify import verify
from dtbench.library.best_known import BEST_KNOWN, HORIZON, BestKnown, best_known, write_best_known
from dtbench.library.build import write_checksums
from dtbench.problems import problem

PROVING = ("exact", "clairvoyant")  # solvers whose bounds are proofs of ours


def improved(owner: AnyProblem, known: BestKnown, record: Record) -> BestKnown:
    """The row of a horizon with what a record knows better."""
    slots, sign = record.slots, 1.0 if owner.sense == "min" else -1.0
    if slots is None or not all(slots.feasible) or record.cell.solver not in PROVING:
        return known
    objective = slots.mean if is_better(owner.sense, slots.mean, known.objective) else known.objective
    bounds = [bound for bound in slots.bound if bound is not None]
    bound = known.bound
    if len(bounds) == len(slots.bound):
        bound = sign * max(sign * math.fsum(bounds) / len(bounds), sign * bound)
    if (objective, bound) == (known.objective, known.bound):
        return known
    closed = abs(float(gap_to(owner.sense, objective, bound))) <= owner.exactness.target_gap
    status = "optimal" if closed else "feasible"
    return replace(
        known,
        objective=objective,
        bound=bound,
        gap=relative_gap(objective, bound),
        status=status,
        version=str(record.method.get("backend", known.version)),
    )


def improve(owner: AnyProblem, records: Iterable[Record]) -> tuple[list[BestKnown], list[BestKnown]]:
    """All rows of a problem, and those of horizons that are better now."""
    table = {name: dict(rows) for name, rows in best_known(owner.id).items()}
    better: dict[str, BestKnown] = {}
    for record in records:
        rows = table.get(record.cell.instance, {})
        if HORIZON not in rows or len(rows) > 1:  # slots of their own are certified one by one
            continue
        row = improved(owner, rows[HORIZON], record)
        if row is not rows[HORIZON]:
            rows[HORIZON] = better[record.cell.instance] = row
    return [row for rows in table.values() for row in rows.values()], list(better.values())


def main() -> None:
    """Read records, write ``best_known.csv`` and its checksum, and say what is better."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problem")
    parser.add_argument("--results", type=Path, required=True, help="folder of results")
    given = parser.parse_args()
    owner = problem(given.problem)
    rows, better = improve(owner, verify(given.results).records)
    for row in better:
        print(f"{row.instance}: {row.objective:.9g}, bound {row.bound:.9g}, gap {row.gap:.3g}")
    if not better:
        print("nothing is better")
        return
    folder = files.folder("instances") / owner.id
    write_best_known(folder / BEST_KNOWN, rows)
    write_checksums(folder)


if __name__ == "__main__":
    main()
