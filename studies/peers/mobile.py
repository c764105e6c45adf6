"""Steps of an environment with random actions: mobile-env's largest, and ours with as many users.

It is not the same physics: mobile-env moves 30 users among 13 stations, ``mec-synchronization`` has 30 users and 5
stations. What is compared is what a frame of a simulator of that size costs a learner. ``alone`` is our Gymnasium form,
one environment; ours is the batched core.
"""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import numpy as np

from dtbench import make_env
from studies.peers.cost import Cost
from studies.peers.ours import core
from studies.peers.settings import OURS, Pair


def run(pair: Pair, side: str, seed: int, cost: Cost) -> dict[str, float]:
    """Play ``frames`` frames in whole episodes; copies count each."""
    s = pair.settings
    if side == OURS:
        return {"frames": batched(pair, seed, cost)}
    if side == "alone":
        return {"frames": steps(make_env(pair.instance, "gym", seed=seed), s["frames"], seed, cost)}
    import mobile_env  # noqa: F401  registers its ids

    warnings.simplefilter("ignore")  # of gymnasium, about its spaces
    return {"frames": steps(gymnasium.make(s["peer"]), s["frames"], seed, cost)}


def batched(pair: Pair, seed: int, cost: Cost) -> int:
    """All copies at once, with actions drawn for all at once; as many frames as make whole episodes."""
    s, rng = pair.settings, np.random.default_rng(seed)
    env = core(pair, s["copies"], seed)
    played = 0
    with cost.counted():
        while played < s["frames"]:
            env.reset()
            for _ in range(env.horizon):
                env.step(env.encoding.sample(rng, (env.n_envs,)))
            played += env.n_envs * env.horizon
    return played


def steps(env: Any, frames: int, seed: int, cost: Cost) -> int:
    """One environment by Gymnasium's interface."""
    env.action_space.seed(seed)
    with cost.counted():
        env.reset(seed=seed)
        for _ in range(frames):
            *_, terminated, truncated, _ = env.step(env.action_space.sample())
            if terminated or truncated:
                env.reset()
    return frames
