"""What policies that were trained on one size are worth elsewhere: other numbers of users and stations, other geometry.

The weights of ``imitation`` know no number of users or stations, so a policy plays any network. On fresh networks and
traces of each case, the policies of a size, rules and the local search (where slots are coupled and there is none: the
optimum of the horizon, or the best rule) play the same first slots.

    python studies/generalisation.py --networks 4 --out studies/generalisation

writes ``generalisation.csv`` after each network of a case (what stands there is not done again) and
``generalisation.png``, and prints the table: ratios to the reference, means over networks with 95 % t intervals.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from dtbench import referee
from dtbench.core import AnyProblem, Decision, Instance, Slot
from dtbench.learning import checkpoint
from dtbench.plugins.discovery import SolverEntry, discover, load_solver
from dtbench.problems import problem
from dtbench.reports.rows import Row, interval, read, write

SEED = 1_200_000  # of networks: far from those of the library and of training
AGENT = "imitation"
WHOLE = ("network",)  # columns of whole numbers


@dataclass(frozen=True)
class Case:
    """Networks to play on; ``slots`` of the horizon count, all if not given, and ratios are to ``reference``."""

    size: str
    changes: dict[str, int | float] = field(default_factory=dict)
    slots: int = 0
    reference: str = ""

    @property
    def name(self) -> str:
        """As tables show it."""
        return self.size + "".join(f", {name} {value:g}" for name, value in self.changes.items() if name != "horizon")


@dataclass(frozen=True)
class Plan:
    """What is compared on a problem: rules beside the policies, their common reference, and the changes of ``paper``.

    ``large`` has its own reference and slots where the usual ones take too long.
    """

    rules: tuple[str, ...]
    reference: str
    changes: tuple[dict[str, int | float], ...]
    slots: int = 0
    large: Case = field(default_factory=lambda: Case("large"))

    def cases(self) -> list[Case]:
        """The sizes, then the changes of size ``paper``: half and 1.5 times the users, stations, geometry."""
        usual = [Case("small"), Case("paper"), self.large, *(Case("paper", change) for change in self.changes)]
        return [Case(c.size, c.changes, c.slots or self.slots, c.reference or self.reference) for c in usual]


PLANS = {
    "stin-deployment": Plan(
        ("greedy-marginal",), "exact",
        ({"n_users": 10}, {"n_users": 30}, {"n_end": 2}, {"n_end": 5}, {"area": 1000.0}),
        slots=10, large=Case("large", slots=3, reference="local-search"),
    ),
    "edge-migration": Plan(
        ("amortised", "nearest"), "clairvoyant",
        ({"n_users": 50}, {"n_users": 150}, {"n_bs": 7}, {"n_bs": 15}, {"area": 3000.0}),
        large=Case("large", {"horizon": 25}, reference="amortised"),
    ),
    "mec-synchronization": Plan(
        ("greedy",), "local-search",
        ({"n_users": 15}, {"n_users": 45}, {"n_bs": 3}, {"n_bs": 8}, {"area": 2000.0}),
        slots=6, large=Case("large", slots=2),
    ),
    "satellite-offloading": Plan(
        ("lpt-convex",), "local-search",
        ({"n_uav": 6}, {"n_uav": 16}, {"n_sat": 2}, {"n_sat": 5}, {"shadow_db": 6.0}),
        slots=5, large=Case("large", slots=1),
    ),
    "dnt-spectrum": Plan(
        ("hungarian",), "local-search",
        ({"n_users": 6}, {"n_users": 18}, {"n_bs": 2}, {"n_bs": 4}, {"spacing": 80.0}),
        large=Case("large", {"horizon": 5}),
    ),
    "edge-placement": Plan(
        ("greedy-add",), "local-search",
        ({"n_users": 50}, {"n_users": 150}, {"n_bs": 7}, {"n_bs": 15}, {"area": 3000.0}),
        slots=3, large=Case("large", slots=1),
    ),
}  # fmt: skip


def played(owner: AnyProblem, instance: Instance, solver: Any, slots: int) -> tuple[float, float]:
    """Mean objective of the first slots (0 = all), and processor time per slot [ms]."""
    count = min(slots or instance.horizon, instance.horizon)
    began = process_time()
    if type(solver).regime() == "future":
        values = referee.play(owner, instance, solver).scores.objective[:count].tolist()
        return float(np.mean(values)), 1e3 * (process_time() - began) / instance.horizon
    state, values = owner.start(instance), []
    for t in range(count):
        slot: Slot = owner.slot(instance, t, state)
        decision: Decision = solver.decide(slot)
        scored, outcome, _ = referee.judge(owner, slot, decision)
        state = owner.advance(slot, scored)
        values.append(float(outcome.objective))
    return float(np.mean(values)), 1e3 * (process_time() - began) / count


def network(id: str, trained: str, case: Case, seed: int, policies: list[Path]) -> list[Row]:
    """What all methods reach on one fresh network of a case."""
    owner, entries = problem(id), discover()
    instance = owner.generate(case.size, seed, **case.changes)
    wanted: list[tuple[str, str, dict[str, Any]]] = [(rule, rule, {}) for rule in (*PLANS[id].rules, case.reference)]
    wanted += [(f"{AGENT} {number}", AGENT, {"checkpoint": str(file)}) for number, file in enumerate(policies)]
    rows = []
    for method, name, options in {each[0]: each for each in wanted}.values():
        solver = load_solver(entries[name])(owner, instance, **options)
        solver.train()
        objective, ms = played(owner, instance, solver, case.slots)
        rows.append({"problem": id, "trained": trained, "case": case.name, "network": seed, "method": method,
                     "against": case.reference, "objective": objective, "ms": round(ms, 3)})  # fmt: skip
    return rows


def table(rows: list[Row]) -> list[Row]:
    """A row for each case and method: mean ratio to the reference over networks, and its interval.

    Policies of several seeds count with their mean on each network.
    """
    found = []
    for key in dict.fromkeys((row["problem"], row["trained"], row["case"]) for row in rows):
        mine = [row for row in rows if (row["problem"], row["trained"], row["case"]) == key]
        base = {row["network"]: float(row["objective"]) for row in mine if row["method"] == row["against"]}
        by_method: dict[str, dict[int, list[float]]] = {}
        for row in mine:
            ratio = float(row["objective"]) / base[row["network"]]
            by_method.setdefault(row["method"].split()[0], {}).setdefault(row["network"], []).append(ratio)
        for method, ratios in by_method.items():
            if method != mine[0]["against"]:
                means = [float(np.mean(each)) for each in ratios.values()]
                found.append({"problem": key[0], "trained": key[1], "case": key[2], "against": mine[0]["against"],
                              "method": method, "networks": len(means), **interval(means)})  # fmt: skip
    return found


def draw(rows: list[Row], trained: str, file: Path) -> None:
    """Ratios of the policies of a size and of the rules by case, a panel for each problem."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    found = [row for row in table(rows) if row["trained"] == trained]
    ids = list(dict.fromkeys(row["problem"] for row in found))
    across = min(3, len(ids))
    down = -(-len(ids) // across)
    figure, axes = pyplot.subplots(
        down, across, figsize=(3.6 * across, 2.9 * down), layout="constrained", squeeze=False
    )
    for panel in axes.flat[len(ids) :]:
        panel.set_visible(False)
    for panel, id in zip(axes.flat, ids, strict=False):
        mine = [row for row in found if row["problem"] == id]
        cases = list(dict.fromkeys(row["case"] for row in mine))
        for number, method in enumerate(dict.fromkeys(row["method"] for row in mine)):
            those = [row for row in mine if row["method"] == method]
            agent = method == AGENT
            panel.errorbar(
                [row["ratio"] for row in those], [cases.index(row["case"]) + 0.15 * agent for row in those],
                xerr=[[row["ratio"] - row["low"] for row in those], [row["high"] - row["ratio"] for row in those]],
                fmt="o" if agent else "s", markersize=4, capsize=2, color="C3" if agent else f"C{number}", label=method,
            )  # fmt: skip
        panel.axvline(1.0, color="0.8", linewidth=0.8, zorder=0)
        panel.set_yticks(range(len(cases)), cases, fontsize=7)
        panel.invert_yaxis()
        panel.tick_params(axis="x", labelsize=7)
        better = "less" if problem(id).sense == "min" else "more"
        panel.set_title(f"{id} ({better} is better)", fontsize=8)
        panel.legend(fontsize=6, frameon=False)
    figure.supxlabel(f"objective over the reference's; policies trained on size {trained}", fontsize=8)
    figure.savefig(file, dpi=150)


def policies_of(entry: SolverEntry, id: str, size: str, given: list[Path]) -> list[Path]:
    """Files of trained policies: those that were given for the problem, otherwise the shipped ones of the size."""
    named = [file for file in given if checkpoint.read(file).header.identity.problem == id]
    if named or entry.file is None:
        return named
    return checkpoint.shipped_files(entry.file, id, AGENT, size)


def main() -> None:
    """Parse, play, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problems", nargs="*", default=list(PLANS), help="ids; all by default")
    parser.add_argument("--trained", default="paper", help="size that the policies were trained on")
    parser.add_argument("--policy", action="append", type=Path, default=[], metavar="FILE", help="play these instead")
    parser.add_argument("--networks", type=int, default=4, help="fresh networks of each case")
    parser.add_argument("--out", type=Path, default=Path("generalisation"), help="where CSV and PNG go, without ending")
    arguments = parser.parse_args()
    file = arguments.out.with_suffix(".csv")
    rows = read(file, WHOLE)
    done = {(row["problem"], row["trained"], row["case"], row["network"]) for row in rows}
    for seed in range(SEED, SEED + arguments.networks):
        for id in arguments.problems:
            policies = policies_of(discover()[AGENT], id, arguments.trained, arguments.policy)
            for case in PLANS[id].cases() if policies else []:
                if (id, arguments.trained, case.name, seed) not in done:
                    rows += network(id, arguments.trained, case, seed, policies)
                    write(file, rows)
                    print(f"{id}, {case.name}, network {seed}", flush=True)
    draw(rows, arguments.trained, arguments.out.with_suffix(".png"))
    for row in table(rows):
        print("  ".join(f"{v:.4f}" if isinstance(v, float) else f"{v!s:18}" for v in row.values()))


if __name__ == "__main__":
    main()
