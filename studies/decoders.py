"""What the decoder does, and what the algorithm does: policies that differ in one of them, on the same fresh traces.

    python studies/decoders.py stin-deployment vdn imitation imitation-ppo --traces 4 -o studies/decoders.csv

Methods are named as in ``dtbench fresh``. Each plays the same fresh traces of each network of the library's size
``paper``. A row of the CSV is a trace: the method's objective and that of the reference, the optimum (over the horizon
where slots are coupled) or the rule that ``--against`` names. Rows of other problems and methods in the file are kept.
Told are ratios of means over traces, with a 95 % interval by bootstrap over traces, and the same of the difference to
the first method. Policies of more seeds: ``--seeds 3``.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.core import AnyProblem, Instance, Limits
from dtbench.experiments.fresh import FRESH_SEED, methods, networks
from dtbench.experiments.tables import SolverTable
from dtbench.plugins.discovery import discover, find, load_solver
from dtbench.problems import problem
from dtbench.referee import play, slots

COLUMNS = ("problem", "method", "seed", "network", "trace", "objective", "against", "reference")
DRAWS = 2000  # of the bootstrap
Row = dict[str, Any]


def traces(owner: AnyProblem, count: int, most: int | None) -> Iterator[tuple[int, int, Instance]]:
    """Network, trace and instance: the fresh traces that ``dtbench fresh`` plays."""
    for number, network in enumerate(networks(owner, "paper")[:most]):
        rng = np.random.default_rng([FRESH_SEED, number])
        for trace in range(count):
            yield number, trace, owner.resample(network, rng)


def reference(owner: AnyProblem, instance: Instance, rule: str) -> float:
    """The mean objective over slots of a rule, or of the optimum if ``rule`` is empty."""
    if rule:
        cls: Any = load_solver(find(rule, discover()))
        return float(play(owner, instance, cls(owner, instance, seed=0)).scores.objective.mean())
    if owner.coupled(instance.params):
        proved: Any = owner.exact_horizon(instance, Limits(seconds=120.0))
        return float(proved.objective)
    every = slots(owner, instance)
    return float(np.mean([owner.exact(every[t], Limits(seconds=60.0)).objective for t in range(instance.horizon)]))


def played(owner: AnyProblem, instance: Instance, table: SolverTable, seed: int) -> float:
    """The mean objective over slots of a method."""
    cls: Any = load_solver(find(table.name, discover()))
    solver = cls(owner, instance, seed=seed, **table.options)
    if find(table.name, discover()).trains:
        solver.train()
    return float(play(owner, instance, solver).scores.objective.mean())


def interval(values: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Mean of (traces,), and the 95 % interval of it by bootstrap over traces."""
    drawn = np.random.default_rng(0).integers(len(values), size=(DRAWS, len(values)))
    low, high = np.percentile(values[drawn].mean(axis=1), (2.5, 97.5))
    return float(values.mean()), float(low), float(high)


def tell(rows: Sequence[Row], labels: Sequence[str]) -> None:
    """Print the ratios, and the differences to the first method."""
    ratio: dict[str, dict[tuple[int, int], list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        where = (int(row["network"]), int(row["trace"]))
        ratio[row["method"]][where].append(float(row["objective"]) / float(row["reference"]))
    means = {m: {where: float(np.mean(v)) for where, v in ratio[m].items()} for m in labels}
    for label in labels:
        shared = [where for where in means[label] if where in means[labels[0]]]
        own = np.array([means[label][where] for where in shared])
        first = np.array([means[labels[0]][where] for where in shared])
        print("{:60} {:.4f} [{:.4f}, {:.4f}]".format(label, *interval(own)), end="")
        print("   {:+.4f} [{:+.4f}, {:+.4f}]".format(*interval(own - first)))


def main() -> None:
    """Play, tell and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problem")
    parser.add_argument("methods", nargs="+", help="SOLVER or SOLVER:OPTION=VALUE,...; NAME@METHOD for another name")
    parser.add_argument("--traces", type=int, default=4, help="of each network")
    parser.add_argument("--networks", type=int, help="only the first ones")
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each method")
    parser.add_argument("--against", default="", help="a rule; by default the optimum")
    parser.add_argument("-o", "--output", type=Path)
    given = parser.parse_args()
    owner = problem(given.problem)
    named = [text.rpartition("@")[::2] for text in given.methods]
    labels = [name or method for name, method in named]
    tables = methods([method for _, method in named], discover(), owner.id)
    against = given.against or "optimum"
    kept: list[Row] = []
    if given.output and given.output.is_file():
        with given.output.open(encoding="utf-8", newline="") as file:
            kept = list(csv.DictReader(file))
    known = {
        (r["network"], r["trace"]): r["reference"] for r in kept if (r["problem"], r["against"]) == (owner.id, against)
    }
    kept = [r for r in kept if r["problem"] != owner.id or r["method"] not in labels]
    rows: list[Row] = []
    for network, trace, instance in traces(owner, given.traces, given.networks):
        best = known.get((str(network), str(trace))) or reference(owner, instance, given.against)
        for label, table in zip(labels, tables, strict=True):
            for seed in range(given.seeds):
                objective = played(owner, instance, table, seed)
                values = (owner.id, label, seed, network, trace, objective, against, best)
                rows.append(dict(zip(COLUMNS, values, strict=True)))
        if given.output:
            with given.output.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(kept + rows)
    tell(rows, labels)


if __name__ == "__main__":
    main()
