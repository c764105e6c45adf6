"""Stable-Baselines3: PPO and DDPG over our Gymnasium form, and over our batched core as its ``VecEnv``.

One controller chooses for all, which is what Stable-Baselines3 can play; HAPPO with one agent is PPO.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from stable_baselines3 import DDPG, PPO
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from dtbench import make_env
from studies.peers.cost import Cost
from studies.peers.ours import SCORE_TRACES, core, score
from studies.peers.settings import Pair


def copies(pair: Pair, side: str, seed: int) -> VecEnv:
    """As many copies as ``parallel`` says: of the Gymnasium form one by one, or of the core in one call."""
    n = int(pair.settings["parallel"])
    if side == "core":
        batched: VecEnv = make_env(pair.instance, "sb3", n, seed=seed)
        return batched

    def maker(number: int) -> Any:
        return lambda: make_env(pair.instance, "gym", seed=1000 * seed + number)

    return DummyVecEnv([maker(number) for number in range(n)])


def layers(text: str) -> list[int]:
    """Units of hidden layers."""
    return [int(units) for units in text.split(",")]


def ppo(pair: Pair, env: VecEnv, seed: int) -> PPO:
    """A rollout of whole episodes in all copies, then ``epochs`` passes in ``minibatches`` parts."""
    s, horizon = pair.settings, core(pair, 1, 0).horizon
    return PPO(
        "MlpPolicy", env, learning_rate=s["actor_rate"], n_steps=horizon, n_epochs=s["epochs"],
        batch_size=s["parallel"] * horizon // s["minibatches"], gamma=s["gamma"], gae_lambda=s["gae_lambda"],
        clip_range=s["clip"], ent_coef=s["entropy"], max_grad_norm=s["max_norm"], seed=seed, device="cpu",
        policy_kwargs={
            "net_arch": layers(s["hidden"]), "activation_fn": torch.nn.Tanh, "log_std_init": np.log(s["deviation"]),
        },
    )  # fmt: skip


def ddpg(pair: Pair, env: VecEnv, seed: int) -> DDPG:
    """An update after every slot of all copies, once ``warmup`` slots have been played."""
    s, size = pair.settings, env.action_space.shape or ()
    return DDPG(
        "MlpPolicy", env, learning_rate=s["actor_rate"], batch_size=s["batch"], buffer_size=s["capacity"],
        learning_starts=s["warmup"], gamma=s["gamma"], tau=s["target_rate"], train_freq=(s["every"], "step"),
        gradient_steps=s["updates"], seed=seed, device="cpu",
        action_noise=NormalActionNoise(np.zeros(size), np.full(size, s["noise"])),
        policy_kwargs={"net_arch": {"pi": layers(s["actor"]), "qf": layers(s["critic"])}},
    )  # fmt: skip


def run(pair: Pair, side: str, seed: int, cost: Cost) -> dict[str, float]:
    """Train a peer; frames and the final score."""
    env = copies(pair, side, seed)
    model: Any = (ddpg if pair.solver == "ddpg" else ppo)(pair, env, seed)
    model.train = cost.of_part("update", model.train)
    frames = int(pair.settings["episodes"]) * core(pair, 1, 0).horizon
    with cost.counted():
        model.learn(frames)
    judged = core(pair, SCORE_TRACES, 0)

    def act(seen: Any, t: int) -> Any:
        return model.predict(seen.state, deterministic=True)[0].astype(np.float64)

    return {"frames": model.num_timesteps} | score(act, judged)
