"""Fabricates a folder of results that holds: records of random decisions on the library's instances.

    python tests/benchmarks/fabricate.py FOLDER [COUNT]

Decisions are drawn :data:`DRAWS` times per instance and shared by its seeds, so that thousands of records take seconds.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path

import numpy as np

from dtbench import referee
from dtbench.core import AnyProblem, Instance
from dtbench.experiments import decisions, provenance
from dtbench.experiments.plan import planned
from dtbench.experiments.record import CellLimits, Record, Slots
from dtbench.experiments.store import Store, to_json
from dtbench.experiments.suite import instance_file
from dtbench.library import instances
from dtbench.plugins.discovery import discover
from dtbench.problems import problem

DRAWS = 2
SOLVER = "random"
SIZES = ("tiny", "small", "paper")


def fabricate(folder: Path, count: int) -> None:
    """Write ``count`` records and their decisions."""
    store = Store(folder)
    store.records.mkdir(parents=True)
    entry = discover()[SOLVER]
    origin = provenance.collect("fabricate", "fabricated", None)
    names = [name for name in instances.names() if name.split("/")[1].split("-")[0] in SIZES]
    for number, name in enumerate(names):
        instance = instances.load(name)
        owner, where = problem(instance.problem), instance_file(name)
        drawn = _drawn(owner, instance)
        for seed in range(number * count // len(names), (number + 1) * count // len(names)):
            seed -= number * count // len(names)
            cell = planned(entry, where, seed=seed, limits=CellLimits(seconds=60.0), options={}).cell
            slots, content = drawn[seed % DRAWS]
            record = Record(
                cell=cell, key=cell.key, status="ok", objective=slots.mean, slots=slots,
                decisions_sha256=hashlib.sha256(content).hexdigest(), wall_seconds=10.0,
                method={"regime": "global"}, provenance=origin,
            )  # fmt: skip
            store.decisions(cell.stem).write_bytes(content)
            (store.records / f"{cell.stem}.json").write_text(to_json(record.sealed()), encoding="utf-8")


def _drawn(owner: AnyProblem, instance: Instance) -> list[tuple[Slots, bytes]]:
    """Random decisions of horizons: their scores, and the bytes of their files."""
    rng, horizon = np.random.default_rng(0), instance.horizon
    slots = referee.slots(owner, instance)[...]
    runs = [owner.random_decision(instance, slots, rng) for _ in range(DRAWS)]
    scores = referee.rescore(owner, instance, type(runs[0]).stack(runs))
    found = []
    for row, run in enumerate(runs):
        columns = {name: getattr(scores, name)[row].tolist() for name in ("objective", "repaired", "feasible")}
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "decisions.nc"
            decisions.write(file, owner, run)
            found.append((Slots(**columns, seconds=[1e-3] * horizon, bound=[None] * horizon), file.read_bytes()))
    return found


if __name__ == "__main__":
    fabricate(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 10_000)
