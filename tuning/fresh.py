"""How good learned agents are on fresh traces, which no training, tuning, validation or library instance has.

    python tuning/fresh.py stin-deployment vdn iql qmix vdn:preset=paper greedy random [--seeds 3] [--traces 10]

Each method plays the same fresh traces of each network of the library's instances of a size; agents that learn as many
times as they have seeds, with the policies that are shipped or kept in the cache (or trained now). The ratio is that of
the horizon's objective to the optimum, which exact methods prove: per slot where slots are not coupled, else over the
whole horizon. ``--against SOLVER`` takes the score of a strong method instead, where proofs take long. Prints a table:
the mean over networks and traces, per seed, and its 95 % t interval over seeds; appends to the file of ``--output``.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from dtbench.core import AnyProblem, Instance
from dtbench.learning.network_key import network_key
from dtbench.library import instances
from dtbench.plugins.discovery import SolverEntry, discover, find, load_solver
from dtbench.problems import problem
from dtbench.referee import play
from dtbench.reports.statistics import mean_interval

FRESH_SEED = 20_000  # of traces: above those of training (10 000 and on) that shipped policies have


def networks(owner: AnyProblem, size: str) -> list[Instance]:
    """An instance of each network of the library's instances of a size."""
    found = {network_key(owner, i): i for i in map(instances.load, reversed(instances.names(owner.id, size)))}
    return list(reversed(found.values()))


def optimum(owner: AnyProblem, trace: Instance, against: str | None) -> float:
    """The best mean objective of a trace, or that of a solver."""
    if against is not None:
        return play(owner, trace, load_solver(find(against, discover()))(owner, trace)).scores.mean
    if owner.coupled:
        return float(owner.exact_horizon(trace).objective)  # type: ignore[union-attr]
    start = owner.start(trace)
    return float(np.mean([owner.exact(owner.slot(trace, t, start)).objective for t in range(trace.horizon)]))


def ratios(
    owner: AnyProblem, entry: SolverEntry, options: dict[str, Any], seed: int, cases: list[tuple[Instance, float]]
) -> Iterator[float]:
    """Objective over optimum, trace by trace; agents have the policy of the trace's network."""
    cls = load_solver(entry)
    for trace, best in cases:
        solver = cls(owner, trace, seed=seed, **options)
        solver.train()
        yield play(owner, trace, solver).scores.mean / best


def main() -> None:
    """Play, print, append."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problem")
    parser.add_argument("methods", nargs="+", help="SOLVER or SOLVER:NAME=VALUE,...")
    parser.add_argument("--size", default="paper")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--traces", type=int, default=10, help="per network")
    parser.add_argument("--networks", type=int, help="only the first ones of the library's")
    parser.add_argument("--against", metavar="SOLVER", help="ratios are to its score; by default to the optimum")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    owner, entries = problem(given.problem), discover()
    played = networks(owner, given.size)[: given.networks]
    cases: list[tuple[Instance, float]] = []
    for number, network in enumerate(played):
        rng = np.random.default_rng([FRESH_SEED, number])
        traces = [owner.resample(network, rng) for _ in range(given.traces)]
        cases += [(trace, optimum(owner, trace, given.against)) for trace in traces]
    rows = []
    for method in given.methods:
        name, _, text = method.partition(":")
        entry, options = find(name, entries), dict(part.split("=", 1) for part in text.split(",") if part)
        seeds = range(1 if entry.deterministic else given.seeds)
        means = [float(np.mean(list(ratios(owner, entry, options, seed, cases)))) for seed in seeds]
        found = mean_interval(means)
        each = " ".join(f"{mean:.4f}" for mean in means)
        interval = f"[{found.lower:.4f}, {found.upper:.4f}]" if len(means) > 1 else ""
        print(f"{method:32s} {found.mean:.4f} {interval:20s} seeds: {each}", flush=True)
        against = given.against or "optimum"
        rows.append([given.problem, given.size, method, against, len(played), given.traces, *means])
    if given.output:
        with given.output.open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)


if __name__ == "__main__":
    main()
