"""Rollouts of stochastic policies: whole episodes in parallel, each group's features stored with agents first."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, BoolArray
from dtbench.encoding import Categorical, Group
from dtbench.envs import BatchEnv
from dtbench.learning.networks import Floats
from dtbench.learning.ppo.policy import Choice, StochasticPolicy
from dtbench.learning.training import ordered


@dataclass
class Acts:
    """What a group saw and did in R rows (slots x environments).

    Attributes
    ----------
    features
        (agents, R, inputs).
    actions
        (agents, R, width), see :class:`~dtbench.learning.ppo.policy.Choice`.
    counts
        (agents, R, width) bool: entries that count, :meth:`dtbench.core.Problem.effective`.
    masks
        (agents, R, mask width) bool; none where actions are real.
    """

    features: Floats
    actions: npt.NDArray[np.generic]
    counts: BoolArray
    masks: BoolArray | None


@dataclass
class Rollout:
    """Episodes of B environments, T slots each; rewards of streams (T, B, streams).

    Attributes
    ----------
    acts
        By group.
    observations
        By group, what was observed (T B, agents, length); only if they are kept.
    states
        (T + 1, B, S): the last is of the state reached.
    rewards
        (T, B, streams): the team's, then those of the groups that learn apart.
    agent_rewards
        (T, B, agents).
    objective
        Mean over slots and environments.
    """

    acts: dict[str, Acts]
    observations: dict[str, Floats]
    states: Floats
    rewards: Array
    agent_rewards: Array
    objective: float


def collect(
    env: BatchEnv,
    policy: StochasticPolicy,
    apart: tuple[str, ...],
    rng: np.random.Generator,
    seed: int,
    timed: Callable[[str], AbstractContextManager[None]],
    *,
    keep_observations: bool = False,
) -> Rollout:
    """Play an episode in every environment with drawn actions.

    Parameters
    ----------
    apart
        Groups whose mean reward is a stream of its own, after the team's.
    rng, seed
        Of the actions, and of the traces.
    timed
        :meth:`dtbench.learning.training.Learner.timed`.
    """
    with timed("environment"):
        seen = env.reset(seed=seed)
    slots, copies, agents = env.horizon, env.n_envs, agent_slices(env.encoding.groups)
    acts: dict[str, Acts] = {}
    kept: dict[str, list[Floats]] = {g.name: [] for g in env.encoding.groups}
    states = np.empty((slots + 1, copies, seen.state.shape[-1]), dtype=np.float32)
    rewards, own_rewards = np.empty((slots, copies, 1 + len(apart))), np.empty((slots, copies, env.n_agents))
    objective = 0.0
    next_mask, memory = ordered(env), policy.start(copies)
    for t in range(slots):
        with timed("acting"):
            states[t] = seen.state
            choice, memory = policy.choose(seen, memory, rng, next_mask)
        with timed("environment"):
            counts = env.problem.effective(env.slot)
        with timed("acting"):
            for group in env.encoding.groups:
                features = policy.features(group, seen)
                if t == 0:
                    acts[group.name] = _empty(group, slots * copies, features.shape[-1])
                here = slice(t * copies, (t + 1) * copies)
                _write(acts[group.name], group, here, features, choice, counts.get(group.name))
                if keep_observations:
                    kept[group.name].append(seen.agents[group.name])
        with timed("environment"):
            step = env.step(choice.joint)
        rewards[t, :, 0], own_rewards[t] = step.reward, step.agent_rewards
        for number, name in enumerate(apart):
            rewards[t, :, 1 + number] = step.agent_rewards[:, agents[name]].mean(axis=-1)
        objective += float(step.info["objective"].mean()) / slots
        seen = step.observation
    states[slots] = seen.state
    observations = {name: np.concatenate(values) for name, values in kept.items() if values}
    return Rollout(acts, observations, states, rewards, own_rewards, objective)


def agent_slices(groups: tuple[Group, ...]) -> dict[str, slice]:
    """Where a group's agents stand among all."""
    slices, start = {}, 0
    for group in groups:
        slices[group.name] = slice(start, start + group.count)
        start += group.count
    return slices


def _empty(group: Group, rows: int, inputs: int) -> Acts:
    discrete = isinstance(group.space, Categorical)
    shape = (group.count, rows, group.space.width)
    return Acts(
        features=np.empty((group.count, rows, inputs), dtype=np.float32),
        actions=np.empty(shape, dtype=np.int64 if discrete else np.float32),
        counts=np.ones(shape, dtype=bool),
        masks=np.ones((group.count, rows, group.space.mask_width), dtype=bool)
        if isinstance(group.space, Categorical)
        else None,
    )


def _write(acts: Acts, group: Group, here: slice, features: Floats, choice: Choice, counts: BoolArray | None) -> None:
    acts.features[:, here] = features.swapaxes(0, 1)
    acts.actions[:, here] = choice.actions[group.name].swapaxes(0, 1)
    if acts.masks is not None:
        acts.masks[:, here] = choice.masks[group.name].swapaxes(0, 1)
    if counts is not None:
        acts.counts[:, here] = np.broadcast_to(counts, choice.actions[group.name].shape).swapaxes(0, 1)
