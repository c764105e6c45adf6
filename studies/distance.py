"""How far the papers' methods are from the optimum, beside chance and the best rule: the picture of the README.

    python studies/distance.py docs/distance.png

reads ``studies/fresh.csv``, which ``dtbench fresh`` wrote: shipped policies of the papers' size on fresh traces, means
over training seeds.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from dtbench.problems import problem

OKABE = {"random": "#999999", "paper": "#D55E00", "rule": "#0072B2", "taught": "#009E73"}  # differ in shape, too
TAUGHT = "imitation"  # learns from the optimum, on every problem
LEAST = 0.05  # %; who is nearer, or better than a local search, stands here
PAPERS = {  # the method that the problem's paper proposes, and the rule or search that does best
    "stin-deployment": ("vdn", "local-search"),
    "dnt-spectrum": ("vdn", "local-search"),
    "edge-migration": ("transfer", "amortised"),
    "satellite-offloading": ("cc-ddpg", "lpt-convex"),
    "edge-placement": ("maddpg", "greedy-add"),
    "mec-synchronization": ("happo", "greedy"),
}


def distances(file: Path) -> dict[str, tuple[str, dict[str, float]]]:
    """What was compared against, and the mean distance [%] of each method, by problem; the first settings of each."""
    found: dict[str, tuple[str, dict[str, list[float]]]] = {}
    first: dict[tuple[str, str], tuple[str, str]] = {}
    with file.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            name, method, settings = row["problem"], row["method"], (row["networks"], row["traces"])
            if first.setdefault((name, method), settings) != settings:
                continue
            more = problem(name).sense == "max"
            ratio = float(row["ratio"])
            _, methods = found.setdefault(name, (row["against"], {}))
            methods.setdefault(method, []).append(100 * (1 - ratio if more else ratio - 1))
    return {name: (against, {m: mean(v) for m, v in methods.items()}) for name, (against, methods) in found.items()}


def mean(values: Iterable[float]) -> float:
    """The mean."""
    listed = list(values)
    return sum(listed) / len(listed)


def percent(gap: float) -> str:
    """A distance as a label: two digits, or all before the point.

    >>> percent(0.411), percent(11.4), percent(2145.7)
    ('0.41 %', '11 %', '2146 %')
    """
    return f"{gap:.2g} %" if gap < 100 else f"{gap:.0f} %"


def draw(found: dict[str, tuple[str, dict[str, float]]]) -> Figure:
    """One line for each problem: random, the paper's method, the best rule, imitation of the optimum, on a log axis."""
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    axes = figure.subplots()
    for y, (name, (paper, rule)) in enumerate(PAPERS.items()):
        methods = found[name][1]
        shown = (("random", "random", "x"), ("paper", paper, "o"), ("rule", rule, "s"), ("taught", TAUGHT, "D"))
        places = [max(methods[method], LEAST) for _, method, _ in shown]
        axes.plot([min(places), max(places)], [y, y], color="#dddddd", zorder=1)
        for (kind, method, marker), place in zip(shown, places, strict=True):
            gap = methods[method]
            axes.scatter([place], [y], color=OKABE[kind], marker=marker, s=50, zorder=2)
            below = kind in ("paper", "taught")  # or labels of near points overlap
            told = percent(gap) if gap > 0 else f"{percent(-gap)} better"
            axes.annotate(f"{method} {told}", (place, y), (0, -15 if below else 8), textcoords="offset points",
                          ha="center", fontsize=8)  # fmt: skip
    labels = [f"{name}{'' if found[name][0] == 'optimum' else ' *'}" for name in PAPERS]
    axes.set_yticks(range(len(PAPERS)), labels)
    axes.set_xscale("log")
    axes.set_xlim(0.03, 6000)
    axes.set_ylim(len(PAPERS) - 0.5, -0.8)
    axes.set_xticks([0.1, 1, 10, 100, 1000], ["0.1 %", "1 %", "10 %", "100 %", "1000 %"])
    axes.set_xlabel("distance from the certified optimum (* from local search, where proofs take long)")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(left=False)
    learned, rule = "the paper's learned method, our best settings", "a rule or search without learning"
    taught = "imitation of the optimum"
    for kind, label, marker in (
        ("random", "random", "x"), ("paper", learned, "o"), ("rule", rule, "s"), ("taught", taught, "D")
    ):  # fmt: skip
        axes.scatter([], [], color=OKABE[kind], marker=marker, label=label)
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=8.5, columnspacing=1.2)
    return figure


if __name__ == "__main__":
    matplotlib.rcParams["svg.hashsalt"] = "dtbench"
    draw(distances(Path(__file__).with_name("fresh.csv"))).savefig(
        Path(sys.argv[1]), dpi=120, metadata={"Software": ""}
    )
