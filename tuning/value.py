"""Search for the tuned presets of IQL, VDN and QMIX on fresh traces; ``python tuning/value.py SOLVER PROBLEM``.

Every trial trains at a short budget and is scored by its best validated objective on traces of their own (no training,
validation or library instance has them), relative to that of the best simple rule there; larger is better for both
senses. The first trial is the present preset. The log, JSON lines, stands beside this file.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch

from dtbench.envs import BatchEnv
from dtbench.learning.training import Validation, fit
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import problem
from dtbench.problems.dnt_spectrum.heuristics import hungarian_threshold
from dtbench.problems.stin_deployment.heuristics import greedy_marginal

FOLDER = Path(__file__).parent
TUNING_SEED = 8_000  # of traces: neither training's nor validation's, nor of the library
AGENT_SEED = 900  # of training
TRACES = 40
RULE: dict[str, Any] = {"stin-deployment": greedy_marginal, "dnt-spectrum": hungarian_threshold}
NETWORKS = {"stin-deployment": (10_000,), "dnt-spectrum": (10_000, 10_001)}  # of dnt-spectrum: worlds 0 and 1
EXPLORING = {"stin-deployment": [0.25, 0.5], "dnt-spectrum": [0.25, 0.4, 0.6]}
SHORT = {"stin-deployment": {"episodes": 800}, "dnt-spectrum": {"episodes": 1920}}


def space(trial: optuna.Trial, id: str) -> dict[str, Any]:
    """Options of a trial."""
    common = {
        "learning_rate": trial.suggest_float("learning_rate", 3e-4, 5e-3, log=True),
        "hidden": trial.suggest_categorical("hidden", [32, 64]),
        "layers": trial.suggest_categorical("layers", [1, 2]),
        "last_epsilon": trial.suggest_categorical("last_epsilon", [0.01, 0.05, 0.1, 0.2]),
        "exploring": trial.suggest_categorical("exploring", EXPLORING[id]),
        "reward_scale": trial.suggest_categorical("reward_scale", [0.1, 0.3, 1.0]),
        "updates": trial.suggest_categorical("updates", [30, 60]),
    }
    if id == "stin-deployment":
        return common | {"batch": trial.suggest_categorical("batch", [64, 128, 256])}
    return common | {
        "batch": trial.suggest_categorical("batch", [256, 640]),
        "gamma": trial.suggest_categorical("gamma", [0.5, 0.7, 0.8]),
        "target_every": trial.suggest_categorical("target_every", [64, 128, 256]),
    }


def rule_score(id: str, env: BatchEnv, seed: int) -> float:
    """Mean objective of the simple rule on an episode's traces."""
    owner, total = env.problem, 0.0
    env.reset(seed=seed)
    state = owner.start(env.instances)
    for t in range(env.horizon):
        slot = owner.slot(env.instances, t, state)
        decision = RULE[id](slot)
        total += float(owner.evaluate(slot, decision).objective.mean())
        state = owner.advance(slot, decision)
    return total / env.horizon


def score(name: str, id: str, options: dict[str, Any]) -> float:
    """Mean over networks of the best validated objective, relative to the rule's; larger is better."""
    owner, ratios = problem(id), []
    for network in NETWORKS[id]:
        instance = owner.generate("paper", network)
        cls: Any = load_solver(discover()[name])
        solver = cls(owner, instance, seed=AGENT_SEED, **options)
        validation = Validation(owner, solver.template, TRACES, seed=TUNING_SEED)
        learner = solver.learner(solver.template)
        trained = fit(learner, validation, every=max(1, learner.rounds // 4))
        ratio = trained.best.objective / rule_score(id, validation.env, TUNING_SEED)
        ratios.append(ratio if owner.sense == "max" else 1.0 / ratio)
    return float(np.mean(ratios))


def main() -> None:
    """Search for some minutes; write each trial as it ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("solver", choices=["iql", "vdn", "qmix"])
    parser.add_argument("problem", choices=list(RULE))
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    file = FOLDER / f"{given.solver}-{given.problem}.jsonl"

    def objective(trial: optuna.Trial) -> float:
        began, options = time.perf_counter(), SHORT[given.problem] | space(trial, given.problem)
        value = score(given.solver, given.problem, options)
        row = {"trial": trial.number, "value": round(value, 5), "seconds": round(time.perf_counter() - began, 1)}
        with file.open("a") as log:
            log.write(json.dumps(row | {"options": options}) + "\n")
        return value

    sampler = optuna.samplers.TPESampler(seed=given.seed, n_startup_trials=6)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    cls: Any = load_solver(discover()[given.solver])
    present = cls.presets["tuned"][given.problem]
    study.enqueue_trial({key: value for key, value in present.items() if key not in SHORT[given.problem]})
    study.optimize(objective, timeout=60.0 * given.minutes)
    print(json.dumps({"best": study.best_value, "options": study.best_params}))


if __name__ == "__main__":
    main()
