"""Episodes of a policy in parallel environments, written into a replay buffer as they are played."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

import numpy as np

from dtbench.arrays import IntArray
from dtbench.encoding import Observation
from dtbench.envs import BatchEnv
from dtbench.learning.policy import NextMask, Policy
from dtbench.learning.qlearning.replay import Replay


class Played(NamedTuple):
    """Means over the slots and copies of episodes."""

    reward: float
    objective: float


def play(
    env: BatchEnv,
    policy: Policy,
    replay: Replay,
    *,
    rng: np.random.Generator,
    explore: float,
    next_mask: NextMask | None,
    timed: Callable[[str], AbstractContextManager[None]],
) -> Played:
    """One episode in every copy of an environment, stored.

    Parameters
    ----------
    rng, explore, next_mask
        As :meth:`dtbench.learning.policy.Policy.act` takes them.
    timed
        Clocks of the parts ``environment`` and ``acting``, see :meth:`dtbench.learning.training.Learner.timed`.
    """
    rows = replay.claim(env.n_envs)
    with timed("environment"):
        seen = env.reset()
    memory, reward, objective = policy.start(env.n_envs), 0.0, 0.0
    for t in range(env.horizon):
        with timed("acting"):
            x, memory = policy.act(seen, memory, rng=rng, explore=explore, next_mask=next_mask)
            _observe(replay, rows, t, seen)
            replay.write("actions", rows, t, x)
        with timed("environment"):
            step = env.step(x)
        replay.write("reward", rows, t, step.reward)
        replay.write("agent_rewards", rows, t, step.agent_rewards)
        seen = step.observation
        reward += float(step.reward.mean())
        objective += float(step.info["objective"].mean())
    _observe(replay, rows, env.horizon, seen)  # cut off, not over: the state reached is worth something
    return Played(reward / env.horizon, objective / env.horizon)


def _observe(replay: Replay, rows: IntArray, t: int, seen: Observation) -> None:
    """Store what is observed and masked before slot ``t``."""
    for name, own in seen.agents.items():
        replay.write(f"observations/{name}", rows, t, own)
    for name, mask in seen.masks.items():
        replay.write(f"masks/{name}", rows, t, mask)
    replay.write("state", rows, t, seen.state)
