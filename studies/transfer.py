"""How much sooner a server's model learns when it starts from, or goes on taking from, what others have learned.

The convergence experiment of ``edge-migration``: a policy is trained on network A; on another network B four agents are
trained with the same settings and seeds: from scratch, from scratch with the transfer step, from A's mean model, and
both. Told are the frames each needs to 95 % and to all of the utility that scratch reaches in the end, on validation
traces of B, and the share of scratch's frames that this is.

    python studies/transfer.py --size paper --pairs 5 --out studies/transfer

writes ``transfer.csv`` (every validation) and ``transfer.png`` after every pair, and prints the table.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dtbench.core import Instance
from dtbench.envs import TEMPLATE_SEED
from dtbench.learning.ddpg.transfer import TransferLearner, actor_critic
from dtbench.learning.networks import Floats
from dtbench.learning.training import Point, Trained, Validation, fit
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import problem
from dtbench.problems.edge_association.migration.agents import previous_hosts, user_entries

PROBLEM = problem("edge-migration")
AGENTS = {"scratch": ("none", False), "online": ("online", False), "init": ("none", True), "both": ("online", True)}
SHARES = (0.95, 1.0)  # of scratch's final utility
COLORS = {"scratch": "0.4", "online": "tab:orange", "init": "tab:blue", "both": "tab:green"}


def train(
    instance: Instance, seed: int, transfer: str, start: Mapping[str, Floats] | None, given: Mapping[str, Any]
) -> Trained:
    """An agent on a network, from scratch or from another's weights."""
    cls: Any = load_solver(discover()["transfer"])
    solver = cls(PROBLEM, instance, seed=seed, **given, transfer=transfer)
    env = solver.play_in(solver.options.parallel)
    learner = TransferLearner(
        env, solver.options, seed, actor_critic(env, solver.options, user_entries), previous_hosts, start
    )
    validation = Validation(PROBLEM, instance, solver.options.traces)
    return fit(learner, validation, every=solver.options.validate_every)


def compare(size: str, pair: int, given: Mapping[str, Any]) -> dict[str, list[Point]]:
    """Learning curves on network B of a pair of networks, by agent."""
    here, there = (PROBLEM.generate(size, TEMPLATE_SEED + 2 * pair + k) for k in range(2))
    source = train(here, pair, "none", None, given).arrays
    curves = {}
    for name, (transfer, starts) in AGENTS.items():
        curves[name] = train(there, pair, transfer, source if starts else None, given).curve
        print(f"pair {pair}, {name}: {curves[name][0].objective:.4f} to {curves[name][-1].objective:.4f}", flush=True)
    return curves


def frames_to(curve: list[Point], level: float) -> float:
    """Frames of the first validation at this level or above; infinite if there is none."""
    return next((float(p.frames) for p in curve if p.objective >= level), float("inf"))


def table(pairs: list[dict[str, list[Point]]]) -> list[dict[str, Any]]:
    """A row per agent: medians over pairs of frames to each level, their ratio to scratch's, and final utility."""
    rows = []
    for name in AGENTS:
        row: dict[str, Any] = {"agent": name}
        for share in SHARES:
            levels = [share * curves["scratch"][-1].objective for curves in pairs]
            frames, base = (
                np.array([frames_to(curves[who], level) for curves, level in zip(pairs, levels, strict=True)])
                for who in (name, "scratch")
            )
            row[f"frames to {share:.0%}"] = float(np.median(frames))
            row[f"of scratch ({share:.0%})"] = float(np.median(frames / np.maximum(base, 1.0)))
        row["final"] = float(np.mean([curves[name][-1].objective for curves in pairs]))
        row["seconds"] = float(np.mean([curves[name][-1].seconds for curves in pairs]))
        rows.append(row)
    return rows


def write(pairs: list[dict[str, list[Point]]], out: Path) -> None:
    """Every validation as CSV, and the curves as PNG: thin lines the pairs, thick ones their means."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with out.with_suffix(".csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["pair", "agent", "frames", "utility", "seconds"])
        for pair, curves in enumerate(pairs):
            for name, curve in curves.items():
                writer.writerows([pair, name, p.frames, f"{p.objective:.6f}", f"{p.seconds:.1f}"] for p in curve)
    figure, axes = pyplot.subplots(figsize=(6.0, 3.6), layout="constrained")
    for name in AGENTS:
        frames = [p.frames for p in pairs[0][name]]
        utilities = np.array([[p.objective for p in curves[name]] for curves in pairs])
        axes.plot(frames, utilities.T, color=COLORS[name], linewidth=0.5, alpha=0.4)
        axes.plot(frames, utilities.mean(axis=0), color=COLORS[name], linewidth=2.0, label=name)
    axes.set_xlabel("frames (slots over all copies)")
    axes.set_ylabel("mean utility on validation traces")
    axes.legend(frameon=False)
    figure.savefig(out.with_suffix(".png"), dpi=150)


def main() -> None:
    """Parse, compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="paper", choices=sorted(PROBLEM.sizes))
    parser.add_argument("--pairs", type=int, default=5, help="pairs of networks, each with a seed of its own")
    parser.add_argument("--out", type=Path, default=Path("transfer"), help="where CSV and PNG go, without ending")
    parser.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help="of the solver transfer")
    arguments = parser.parse_args()
    given = dict(text.split("=", 1) for text in arguments.option)
    torch.set_num_threads(1)
    pairs: list[dict[str, list[Point]]] = []
    for pair in range(arguments.pairs):
        pairs.append(compare(arguments.size, pair, given))
        write(pairs, arguments.out)
    for row in table(pairs):
        print("  ".join(f"{key} {value:.4g}" if key != "agent" else f"{value:8}" for key, value in row.items()))


if __name__ == "__main__":
    main()
