"""Whether a search that begins with a policy's decision beats the same search from its own start, at equal time.

On fresh networks and traces, four ways to decide slot by slot: the problem's local search from its own start; the
policy of ``imitation``; the local search from the policy's decision; and, for at least the processor time that this
took in the very slot, the local search from its own start and again from random decisions, the best kept.

    python studies/start.py --networks 40 --out studies/start
    python studies/start.py --searches --networks 4 --out studies/start_searches

With ``--searches`` it is the exact method and the genetic algorithm instead, each with and without the policy's
decision to begin with; time to the proof then counts.

writes ``start.csv`` after each network (what stands there is not done again) and ``start.png``, and prints the table.
Times are processor times on one thread [ms per slot]; time of the referee is not counted.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from dtbench.core import AnyProblem, Decision, Instance, Slot, is_better
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import problem
from dtbench.referee import judge
from dtbench.reports.rows import Row, interval, read, write
from dtbench.solver import Solver

PROBLEMS = ("stin-deployment", "edge-placement", "mec-synchronization", "satellite-offloading", "dnt-spectrum")
SLOTS = {"edge-placement": 4, "mec-synchronization": 10, "satellite-offloading": 6}  # of a horizon; else all of it
SEED = 900_000  # of networks: far from those of the library and of training
ARMS = ("own", "policy", "learned", "restarts")
TITLES = {
    "own": "local search", "policy": "imitation", "learned": "imitation, then local search",
    "restarts": "local search, restarted",
}  # fmt: skip
SEARCHES: dict[str, tuple[str, dict[str, Any]]] = {
    "exact": ("exact", {}),
    "exact, begun": ("exact", {"start": "imitation"}),
    "genetic": ("genetic", {"start": "", "generations": 20}),
    "genetic, begun": ("genetic", {"start": "imitation", "generations": 20}),
}
SEARCHED = ("stin-deployment", "edge-placement", "mec-synchronization", "satellite-offloading")  # exact takes a start
SEARCHED_SLOTS = 3
WHOLE = ("network",)  # columns of whole numbers
Decide = Callable[[int, Slot], Decision]


def played(owner: AnyProblem, instance: Instance, decide: Decide, slots: int) -> tuple[list[float], list[float]]:
    """Objective and processor time [s] of the first slots, as ``decide`` plays them."""
    state, values, seconds = owner.start(instance), [], []
    for t in range(min(slots, instance.horizon)):
        slot = owner.slot(instance, t, state)
        began = process_time()
        decision = decide(t, slot)
        seconds.append(process_time() - began)
        scored, outcome, _ = judge(owner, slot, decision)
        state = owner.advance(slot, scored)
        values.append(float(outcome.objective))
    return values, seconds


def decides(solver: Solver) -> Decide:
    """What a solver decides in slot t."""
    return lambda _, slot: solver.decide(slot)


class Restarts:
    """Local search from its own start, then from random decisions, until it has taken so many seconds in slot t."""

    def __init__(self, owner: AnyProblem, instance: Instance, seconds: list[float], seed: int) -> None:
        self.owner, self.instance, self.seconds = owner, instance, seconds
        self.rng = np.random.default_rng(seed)

    def __call__(self, t: int, slot: Slot) -> Decision:
        search: Any = self.owner.heuristics["local-search"]
        began, best = process_time(), search(slot)
        value = float(self.owner.evaluate(slot, best).objective)
        while process_time() - began < self.seconds[t]:
            drawn = self.owner.repair(slot, self.owner.random_decision(self.instance, slot, self.rng))
            found = search(slot, start=drawn)
            outcome = self.owner.evaluate(slot, found)
            if outcome.feasible and is_better(self.owner.sense, float(outcome.objective), value):
                best, value = found, float(outcome.objective)
        return best


def network(owner: AnyProblem, size: str, seed: int, given: Mapping[str, str]) -> list[Row]:
    """What the four ways reach on one fresh network."""
    instance, entries = owner.generate(size, seed), discover()
    checkpoint: dict[str, Any] = {"checkpoint": given[owner.id]} if owner.id in given else {}
    options: dict[str, tuple[str, dict[str, Any]]] = {
        "own": ("local-search", {}),
        "policy": ("imitation", checkpoint),
        "learned": ("local-search", {"start": "imitation", **checkpoint}),
    }
    rows, learned = [], [0.0]
    for arm in ARMS:
        if arm == "restarts":
            decide: Decide = Restarts(owner, instance, learned, seed)
        else:
            name, chosen = options[arm]
            solver = load_solver(entries[name])(owner, instance, **chosen)
            solver.train()
            decide = decides(solver)
        values, seconds = played(owner, instance, decide, SLOTS.get(owner.id, instance.horizon))
        learned = seconds if arm == "learned" else learned
        ms = 1e3 * float(np.mean(seconds))
        rows.append({"problem": owner.id, "size": size, "network": seed, "method": arm, "slots": len(values),
                     "objective": float(np.mean(values)), "ms": round(ms, 4)})  # fmt: skip
    return rows


def searches(owner: AnyProblem, size: str, seed: int, given: Mapping[str, str]) -> list[Row]:
    """What the searches of ``SEARCHES`` reach on one fresh network, and when."""
    instance, entries, rows = owner.generate(size, seed), discover(), []
    invertible = owner.encodings(instance)["search"].encode is not None  # else genetic cannot begin with a decision
    for arm, (name, options) in SEARCHES.items():
        if name == "genetic" and not invertible:
            continue
        chosen = dict(options)
        if chosen.get("start") == "imitation" and owner.id in given:
            chosen["checkpoint"] = given[owner.id]
        solver = load_solver(entries[name])(owner, instance, **chosen)
        solver.train()
        values, seconds = played(owner, instance, decides(solver), SEARCHED_SLOTS)
        rows.append({"problem": owner.id, "size": size, "network": seed, "method": arm, "slots": len(values),
                     "objective": float(np.mean(values)), "ms": round(1e3 * float(np.mean(seconds)), 4)})  # fmt: skip
    return rows


def searches_table(rows: list[Row]) -> list[Row]:
    """Means over networks: the ratio to ``exact``, its interval, time, and time over that of the search not begun."""
    found = []
    for id in dict.fromkeys(row["problem"] for row in rows):
        of = {(row["method"], row["network"]): row for row in rows if row["problem"] == id}
        networks = sorted({network for _, network in of})
        for arm in [arm for arm in SEARCHES if (arm, networks[0]) in of]:
            plain = arm.removesuffix(", begun")
            ratios = [float(of[arm, n]["objective"]) / float(of["exact", n]["objective"]) for n in networks]
            times = [float(of[arm, n]["ms"]) / float(of[plain, n]["ms"]) for n in networks]
            speed = {f"time {name}": value for name, value in interval(times).items()}
            found.append({"problem": id, "method": arm, "networks": len(networks), **interval(ratios),
                          "ms": float(np.mean([float(of[arm, n]["ms"]) for n in networks])), **speed})  # fmt: skip
    return found


def table(rows: list[Row]) -> list[Row]:
    """Means over networks of each method: ratio to ``own``, with a 95 % t interval, and time [ms per slot]."""
    found = []
    for id in dict.fromkeys(row["problem"] for row in rows):
        mine = [row for row in rows if row["problem"] == id]
        own = {row["network"]: float(row["objective"]) for row in mine if row["method"] == "own"}
        for arm in ARMS:
            of_arm = [row for row in mine if row["method"] == arm]
            ratios = [float(row["objective"]) / own[row["network"]] for row in of_arm]
            found.append({"problem": id, "method": arm, "networks": len(ratios), **interval(ratios),
                          "ms": float(np.mean([float(row["ms"]) for row in of_arm]))})  # fmt: skip
        best = [row for row in mine if row["method"] == "restarts"]
        base = {row["network"]: float(row["objective"]) for row in best}
        against = [float(row["objective"]) / base[row["network"]] for row in mine if row["method"] == "learned"]
        found.append({"problem": id, "method": "learned / restarts", "networks": len(against), **interval(against),
                      "ms": float("nan")})  # fmt: skip
    return found


def draw(rows: list[Row], file: Path) -> None:
    """How much better than the local search each way is, over its time, a panel for each problem."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    found = table(rows)
    ids = list(dict.fromkeys(row["problem"] for row in found))
    figure, axes = pyplot.subplots(1, len(ids), figsize=(2.6 * len(ids), 2.9), layout="constrained", squeeze=False)
    for panel, id in zip(axes[0], ids, strict=True):
        sign = 1.0 if problem(id).sense == "max" else -1.0
        for row in (row for row in found if row["problem"] == id and row["method"] in ARMS):
            gain, spread = 100.0 * sign * (row["ratio"] - 1.0), 50.0 * (row["high"] - row["low"])
            panel.errorbar(row["ms"], gain, spread, fmt="o", capsize=3, label=TITLES[row["method"]],
                           color=f"C{ARMS.index(row['method'])}")  # fmt: skip
        panel.axhline(0.0, color="0.8", linewidth=0.8, zorder=0)
        panel.set_title(id, fontsize=9)
        panel.set_xlim(left=0.0)
        panel.set_xlabel("processor time per slot [ms]", fontsize=8)
        panel.tick_params(labelsize=7)
    axes[0][0].set_ylabel("better than local search [%]", fontsize=8)
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(ARMS), frameon=False, fontsize=8)
    figure.savefig(file, dpi=150)


def main() -> None:
    """Parse, play, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("problems", nargs="*", help="ids; all that have the searches by default")
    parser.add_argument("--searches", action="store_true", help="the exact method and the genetic algorithm instead")
    parser.add_argument("--size", default="paper", help="of the networks; policies of that size are played")
    parser.add_argument("--networks", type=int, default=6)
    parser.add_argument("--out", type=Path, default=Path("start"), help="where CSV and PNG go, without ending")
    parser.add_argument("--checkpoint", action="append", default=[], metavar="PROBLEM=FILE", help="another policy")
    arguments = parser.parse_args()
    given = dict(text.split("=", 1) for text in arguments.checkpoint)
    wanted = arguments.problems or (SEARCHED if arguments.searches else PROBLEMS)
    play = searches if arguments.searches else network
    rows = read(arguments.out.with_suffix(".csv"), WHOLE)
    done = {(row["problem"], row["size"], row["network"]) for row in rows}
    for seed in range(SEED, SEED + arguments.networks):
        for id in wanted:
            if (id, arguments.size, seed) not in done:
                rows += play(problem(id), arguments.size, seed, given)
                write(arguments.out.with_suffix(".csv"), rows)
                print(f"{id}, network {seed}", flush=True)
    if not arguments.searches:
        draw(rows, arguments.out.with_suffix(".png"))
    for row in searches_table(rows) if arguments.searches else table(rows):
        print("  ".join(f"{v:.5g}" if isinstance(v, float) else f"{v!s:20}" for v in row.values()))


if __name__ == "__main__":
    main()
