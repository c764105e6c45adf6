"""Deterministic actor-critics: DDPG (Lillicrap et al. 2016) for one player, MADDPG (Lowe et al. 2017) for several.

Each slot: act with noise, store the transition; then an update, in this order:

1. critics: y = r + gamma Q'(s', mu'(s')), loss mean (Q(s, a) - y)^2, :meth:`ActorCritic.targets`;
2. actors: each maximises its critic's value of its own proposal among the others' stored actions,
   :meth:`dtbench.learning.ddpg.critics.Critic.values_of_proposals`;
3. target networks follow, theta' += tau (theta - theta').

What differs between the algorithms is the actor, the critic and who plays, which the solvers' files put together.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from dtbench.arrays import Array
from dtbench.encoding import Observation
from dtbench.envs import BatchEnv, Step
from dtbench.learning.adam import Adam
from dtbench.learning.ddpg.actors import Actor, unit
from dtbench.learning.ddpg.critics import Critic
from dtbench.learning.ddpg.options import ActorCriticOptions
from dtbench.learning.ddpg.policy import UNIFORM
from dtbench.learning.ddpg.replay import Rows, Transitions
from dtbench.learning.networks import Floats
from dtbench.learning.policy import Joint, select
from dtbench.learning.torch_networks import follow
from dtbench.learning.training import TRAINING_SEED, Learner, Snapshot

STANDARD_ROWS = 2000  # transitions that standardisation looks at
Penalty = Callable[[Step], Array]  # (B,)
Make = Callable[[torch.Generator], tuple[Actor, Critic]]


class TransitionBatch:
    """Transitions as tensors: ``seen``, ``following``, ``action`` (b, size), ``reward`` (b, critics), ``last`` (b,)."""

    def __init__(self, replay: Transitions, rows: Rows) -> None:
        self.seen = {name: torch.from_numpy(value) for name, value in replay.look(rows).items()}
        self.following = {name: torch.from_numpy(value) for name, value in replay.look_after(rows).items()}
        self.action = torch.from_numpy(replay.action[rows])
        self.reward = torch.from_numpy(replay.reward[rows])
        self.last = torch.from_numpy(replay.last[rows[0]])


class ActorCritic(Learner):
    """Actors and critics in training; each round plays an episode in every copy of an environment.

    Parameters
    ----------
    env
        Copies that episodes are played in; its encoding is what the actors' actions are in.
    options
        Settings of networks, exploration, replay and updates.
    seed
        Of everything: traces, exploration, replay and first weights.
    make
        Makes the actor and the critic from a source of weights.
    penalty
        Taken from the rewards that are learned from; the environment's stay as they are.
    """

    def __init__(
        self, env: BatchEnv, options: ActorCriticOptions, seed: int, make: Make, penalty: Penalty | None = None
    ) -> None:
        super().__init__()
        self.penalty = penalty
        *streams, weights = np.random.SeedSequence(TRAINING_SEED + seed).spawn(4)
        env.rng, self.acting_rng, self.replay_rng = (np.random.default_rng(stream) for stream in streams)
        self.env, self.options = env, options
        self.rounds = -(-options.episodes // env.n_envs)
        self.actor, self.critic = make(torch.Generator().manual_seed(int(weights.generate_state(1)[0])))
        self.target_actor, self.target_critic = copy.deepcopy((self.actor, self.critic))
        self.unit = unit(env.encoding)
        self.middle = torch.from_numpy((0.5 * (env.encoding.low + env.encoding.high) / self.unit).astype(np.float32))
        self.optimizers = {
            "actor": Adam(self.actor.groups(options.actor_rate)),
            "critic": Adam([{"params": self.critic.parameters(), "lr": options.critic_rate}]),
        }
        self.parameters = {name: list(module.parameters()) for name, module in self._modules().items()}
        self.policy = self.actor.policy
        self.first_rates = {k: [g["lr"] for g in adam.param_groups] for k, adam in self.optimizers.items()}
        self.views = views(env.observation)
        shapes = {name: value.shape[1:] for name, value in self.look(env.observation).items()}
        self.replay = Transitions(options.capacity, env.n_envs, shapes, env.encoding.size, self.critic.count)
        self.judged = judged(self.critic)
        self.updated = 0

    def round(self, number: int) -> Mapping[str, float]:
        self._set_rates()
        env, totals, losses = self.env, np.zeros(2), []
        with self.timed("environment"):
            seen = env.reset()
        self.replay.begin(self.look(seen))
        self.after_slot(first=True)
        for t in range(env.horizon):
            with self.timed("acting"):
                x = self.choose(seen)
            with self.timed("environment"):
                step = env.step(x)
            seen, last = step.observation, t == env.horizon - 1
            counted = self.actor.counted((x / self.unit).astype(np.float32))
            self.replay.add(counted, self.rewards(step), self.look(seen), last=last)
            self.frames += env.n_envs
            totals += step.reward.mean(), step.info["objective"].mean()
            due = last if self.options.every == 0 else (t + 1) % self.options.every == 0
            if due and len(self.replay) and self.frames >= self.options.warmup:
                with self.timed("update"):
                    losses += [self.update() for _ in range(self.options.updates)]
            self.after_slot(first=False)
        self.episodes += env.n_envs
        reward, objective = totals / env.horizon
        metrics = {"noise": self.noise, "reward": float(reward), "objective": float(objective)}
        if losses:
            metrics |= {"critic_loss": float(np.mean([loss for loss, _ in losses]))}
            values = [value for _, value in losses if value is not None]
            metrics |= {"value": float(np.mean(values))} if values else {}
        return metrics

    # Playing

    def choose(self, seen: Observation) -> Joint:
        """Joint actions (B, size): the policy's with noise, uniform features before the first update."""
        explore = UNIFORM if self.frames < self.options.warmup else self.noise
        return self.policy.act(seen, {}, rng=self.acting_rng, explore=explore)[0]

    def after_slot(self, *, first: bool) -> None:
        """What an algorithm does between slots besides updates; ``first``: an episode has begun instead."""

    @property
    def progress(self) -> float:
        """Share of the training that is over."""
        return min(self.frames / (self.rounds * self.env.n_envs * self.env.horizon), 1.0)

    @property
    def noise(self) -> float:
        """Deviation of the exploration: falls linearly over the first part of the training, or by a factor."""
        o = self.options
        if o.noise_fall < 1.0:
            return max(o.noise * o.noise_fall ** (self.frames / 100.0), o.last_noise)
        share = min(self.progress / o.exploring, 1.0) if o.exploring else 1.0
        return o.noise + (o.last_noise - o.noise) * share

    def look(self, seen: Observation) -> dict[str, Floats]:
        """What is stored of an observation."""
        return {"state": seen.state} | {name: seen.agents[name] for name in self.views}

    def rewards(self, step: Step) -> Floats:
        """(B, critics): what each critic's players are paid, less the penalty, over ``reward_scale``."""
        paid = step.reward[:, None] if self.judged is None else step.agent_rewards[:, self.judged]
        if self.penalty is not None:
            paid = paid - self.penalty(step)[:, None]
        return np.asarray(paid / self.options.reward_scale, dtype=np.float32)

    # Learning

    def update(self) -> tuple[float, float | None]:
        """One update on a batch: the critics' loss, and the actors' mean value if it is their turn."""
        if self.options.standardise and not self.updated:
            self._standardise()
        self.updated += 1
        batch = TransitionBatch(self.replay, self.replay.sample(self.replay_rng, self.options.batch))
        loss, gradients = self.critic.descent(self.critic.looks(batch.seen), batch.action, self.targets(batch))
        step_down(self.optimizers["critic"], gradients, self.critic_parts(), self.options.clip)
        if self.updated % self.options.delay:
            return float(loss), None
        with fixed(self.parameters["critic"]):
            value, proposal = self.actor_value(batch)
        loss_of_actors = -value.mean(dim=1).sum()
        if self.options.restraint:
            loss_of_actors += len(value) * self.restraint(proposal)
        descend(self.optimizers["actor"], loss_of_actors, self.actor_parts(), self.options.clip)
        if self.options.gamma > 0.0:
            for name in ("actor", "critic"):
                follow(self.parameters[f"target_{name}"], self.parameters[name], self.options.target_rate)
        return float(loss), float(value.detach().mean())

    def _standardise(self) -> None:
        """Fit the critics' inputs to what the buffer holds so far."""
        rows = self.replay.sample(self.replay_rng, min(len(self.replay), STANDARD_ROWS))
        batch = TransitionBatch(self.replay, rows)
        for critic in (self.critic, self.target_critic):
            critic.standardise(critic.looks(batch.seen), batch.action)

    @torch.no_grad()
    def targets(self, batch: TransitionBatch) -> Tensor:
        """y = r + gamma Q'(s', mu'(s')) (critics, b); r alone after the last slot unless ``bootstrap``."""
        reward = batch.reward.T
        if self.options.gamma == 0.0:
            return reward
        following = self.target_critic(self.critic.looks(batch.following), self.target_actor(batch.following))
        goes_on = 1.0 if self.options.bootstrap else (~batch.last).float()
        return reward + self.options.gamma * goes_on * following

    def actor_value(self, batch: TransitionBatch) -> tuple[Tensor, Tensor]:
        """Q(s, a_1, .., mu_k(s), .., a_n) of every player k (players, b), and the proposals mu(s) (b, size)."""
        proposal = self.actor(batch.seen)
        return self.critic.values_of_proposals(self.critic.looks(batch.seen), batch.action, proposal), proposal

    def restraint(self, proposal: Tensor) -> Tensor:
        """What keeps actors off the flat ends of tanh and sigmoid, where nothing is learned any more."""
        return self.options.restraint * (proposal - self.middle).square().mean()

    def critic_parts(self) -> list[tuple[list[nn.Parameter], int]]:
        """As :meth:`actor_parts`, of the critics."""
        return [(self.parameters["critic"], self.critic.count)]

    def actor_parts(self) -> list[tuple[list[nn.Parameter], int]]:
        """Parameters of the actors whose gradients are clipped together, with the copies that are clipped apart."""
        if self.judged is None:
            return [(self.parameters["actor"], 1)]
        networks = [self.actor.network(name) for name in self.actor.networks]
        return [(list(network.parameters()), network.network.copies) for network in networks]

    def _set_rates(self) -> None:
        factor = 1.0 + (self.options.last_rate - 1.0) * self.progress
        for name, adam in self.optimizers.items():
            for group, first in zip(adam.param_groups, self.first_rates[name], strict=True):
                group["lr"] = first * factor

    # Going on after an interruption

    def state(self) -> Snapshot:
        arrays: dict[str, npt.NDArray[Any]] = {}
        for name, module in self._modules().items():
            arrays |= {f"{name}/{k}": v.numpy().copy() for k, v in module.state_dict().items()}
        for name, adam in self.optimizers.items():
            arrays |= {f"adam/{name}/{key}": value for key, value in adam.state()[0].items()}
        stored, where = self.replay.state()
        arrays |= {f"replay/{name}": array for name, array in stored.items()}
        rngs = [rng.bit_generator.state for rng in self._rngs()]
        return arrays, {
            "episodes": self.episodes, "frames": self.frames, "updated": self.updated, "seconds": dict(self.seconds),
            "replay": where, "rngs": rngs, "steps": {name: adam.steps for name, adam in self.optimizers.items()},
        }  # fmt: skip

    def load(self, state: Snapshot) -> None:
        arrays, facts = state
        with torch.no_grad():
            for name, module in self._modules().items():
                for key, value in module.state_dict().items():
                    value.copy_(torch.from_numpy(arrays[f"{name}/{key}"]))
        for name, adam in self.optimizers.items():
            adam.load(select(arrays, f"adam/{name}"), int(facts["steps"][name]))
        self.replay.load(select(arrays, "replay"), facts["replay"])
        for rng, kept in zip(self._rngs(), facts["rngs"], strict=True):
            rng.bit_generator.state = kept
        self.episodes, self.frames = int(facts["episodes"]), int(facts["frames"])
        self.updated, self.seconds = int(facts["updated"]), dict(facts["seconds"])

    def _modules(self) -> dict[str, nn.Module]:
        return {
            "actor": self.actor, "critic": self.critic, "target_actor": self.target_actor,
            "target_critic": self.target_critic,
        }  # fmt: skip

    def _rngs(self) -> tuple[np.random.Generator, ...]:
        return self.env.rng, self.acting_rng, self.replay_rng


def views(seen: Observation) -> tuple[str, ...]:
    """Groups whose observations are stored: those that neither see the whole state each, nor share it out in order."""
    names = []
    for name, each in seen.agents.items():
        alike = each.shape[-1] == seen.state.shape[-1] and bool((each == seen.state[:, None]).all())
        in_order = each[0].size == seen.state[0].size and bool((each.reshape(seen.state.shape) == seen.state).all())
        if not (alike or in_order):
            names.append(name)
    return tuple(names)


def judged(critic: Critic) -> list[int] | None:
    """The first agent that each critic judges; None where one player acts for all."""
    numbers = [number for group in critic.player_groups for number in group.critics]
    if len(numbers) == 1:
        return None
    return [numbers.index(k) for k in range(critic.count)]


@contextmanager
def fixed(parameters: Sequence[nn.Parameter]) -> Iterator[None]:
    """Let gradients pass through a module for a while, but not to its parameters: actors learn by critics."""
    for parameter in parameters:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.requires_grad_(True)


def descend(optimizer: Adam, loss: Tensor, parts: Iterable[tuple[list[nn.Parameter], int]], most: float) -> None:
    """One step of an optimizer down a loss (), see :func:`step_down`; only the parts' gradients are computed."""
    parts = list(parts)
    step_down(optimizer, torch.autograd.grad(loss, [p for clipped, _ in parts for p in clipped]), parts, most)


def step_down(
    optimizer: Adam, gradients: Sequence[Tensor], parts: Sequence[tuple[list[nn.Parameter], int]], most: float
) -> None:
    """One step of an optimizer down gradients.

    Parameters
    ----------
    optimizer
        Of at least these parameters.
    gradients
        Of the parameters of all parts, one after the other.
    parts
        Parameters whose gradients are clipped together, with the number of copies that are clipped apart.
    most
        Greatest norm of a gradient.
    """
    parameters = [p for clipped, _ in parts for p in clipped]
    if len(parts) == 1 and parts[0][1] == 1:
        by_parameter = dict(zip(parameters, gradients, strict=True))
        optimizer.step([by_parameter[p] for p in optimizer.parameters], most)
        return
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    for clipped, copies in parts:
        clip(clipped, copies, most)
    optimizer.step()


@torch.no_grad()
def clip(parameters: list[nn.Parameter], copies: int, most: float) -> None:
    """Scale the gradient of each copy of stacked weights (copies, ...) to a norm of at most ``most``."""
    if copies == 1:
        nn.utils.clip_grad_norm_(parameters, most)
        return
    gradients = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.flatten(1).square().sum(dim=1) for g in gradients]).sum(dim=0).sqrt()
    factor = (most / (norm + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(factor.view(-1, *[1] * (gradient.dim() - 1)))
