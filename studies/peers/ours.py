"""What learners of both sides share: the instance, the final score by the referee, and our side of a pair."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from dtbench import make_env
from dtbench.core import AnyProblem, Instance, Slot
from dtbench.encoding import Observation
from dtbench.envs import BatchEnv
from dtbench.learning.policy import Policy
from dtbench.learning.training import Validation, ordered
from dtbench.plugins.discovery import discover, load_solver
from studies.peers.cost import Cost
from studies.peers.settings import Pair

SCORE_SEED, SCORE_TRACES = 6_000, 100  # fresh traces that no agent is trained or validated on, none of the library's
Act = Callable[[Observation, int], Any]  # what is observed, slot -> joint actions (B, size)


def core(pair: Pair, n_envs: int, seed: int, encoding: str = "agents") -> BatchEnv:
    """Copies of the pair's environment, on fresh traces."""
    env: BatchEnv = make_env(pair.instance, n_envs=n_envs, seed=seed, fresh=True, encoding=encoding)
    return env


def fresh_slot(pair: Pair, seed: int) -> tuple[AnyProblem, Slot, Instance]:
    """The problem, the first slot of a fresh trace and its instance, without leading axes."""
    env = core(pair, 1, seed)
    instance = env.problem.resample(env.instance, env.rng, ())
    return env.problem, env.problem.slot(instance, 0, env.problem.start(instance)), instance


def score(act: Act, env: BatchEnv) -> dict[str, float]:
    """Objective and reward of a slot, means over fresh traces, as the referee scores what a policy does there."""
    seen, totals = env.reset(seed=SCORE_SEED), np.zeros(2)
    for t in range(env.horizon):
        step = env.step(act(seen, t))
        seen = step.observation
        totals += step.info["objective"].mean(), step.reward.mean()
    objective, reward = totals / env.horizon
    return {"objective": float(objective), "reward": float(reward)}


def score_of(policy: Policy, env: BatchEnv) -> dict[str, float]:
    """The same for a policy of ours, as it is scored everywhere."""
    memory = policy.start(env.n_envs)

    def act(seen: Observation, t: int) -> Any:
        nonlocal memory
        x, memory = policy.act(seen, memory, next_mask=ordered(env))
        return x

    return score(act, env)


def at_once(problem: AnyProblem) -> AnyProblem:
    """The problem with agents that choose at the same time, as BenchMARL's do: nobody sees what others have taken."""
    changed: Any = copy.copy(problem)
    changed.next_mask = lambda *_: None
    return changed


def run(pair: Pair, side: str, seed: int, cost: Cost) -> dict[str, float]:
    """Train our solver with the pair's settings; frames and the final score."""
    env, settings = core(pair, 1, seed), {"env": ""} | dict(pair.settings)
    problem = at_once(env.problem) if pair.at_once else env.problem
    solver: Any = load_solver(discover()[pair.solver])(problem, env.instance, seed=seed, preset="paper", **settings)
    learner = solver.learner(solver.template)
    learner.timed = cost.part
    with cost.counted():
        for number in range(learner.rounds):
            learner.round(number)
    validation = Validation(problem, env.instance, SCORE_TRACES, SCORE_SEED, encoding=solver.encoding)
    return {"frames": learner.frames} | score_of(learner.policy, validation.env)
