"""MAPPO and HAPPO: clipped policy gradients from whole rollouts, for any mix of categorical and real agents.

HAPPO is Liu et al. (2025), Algorithm 1 and Eqs. (29)-(32): that of Kuba et al. (2022) with Beta distributions. MAPPO is
that of Yu et al. (2022). Each agent sees its observation. Critics see the global state.

A round:

1. Play ``parallel`` episodes, :mod:`.episodes`.
2. Estimate advantages by GAE, Eq. (31), and normalise them for each agent.
3. ``epochs`` times: one step of every actor on the clipped objective (30), :meth:`.actors.Unit.improve`, and one step
   of every critic on its squared error (32), :meth:`.critics.StateValues.improve`.

What differs:

- HAPPO: a network per agent. In each epoch agents are updated in random order. The ratios of the agents before, after
  their steps, multiply the advantage of the next: M <- r M.
- MAPPO: all agents are updated at the same time, each with its advantage. The agents of a group may share a network.
- ``credit=own``: an agent's advantage is of its own reward, judged by its own observation, as in IPPO (de Witt et al.,
  2020). It is for problems whose rewards say what an agent adds to the team's, and whose slots are not coupled.

Groups that learn apart, such as the control centre of ``mec-synchronization``, have a critic of their own reward. They
stay outside the others' M, unless ``chained``, as in Algorithm 1, which multiplies the ratios of all agents.

An agent's entry may have no effect (``Problem.effective``). Its log-probability and entropy are then 0. Rows in which
no entry has an effect are left out of the work, but not out of the mean.

Deviations, each with its reason:

- The end of an episode is a truncation, so the last slot bootstraps.
- Values are learned in units of the returns' deviation (:class:`~dtbench.learning.ppo.critics.StateValues`), so that
  one step size serves every problem.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dtbench.arrays import Array
from dtbench.encoding import Box, Group
from dtbench.envs import BatchEnv
from dtbench.errors import DtbenchError
from dtbench.learning.gae import gae
from dtbench.learning.networks import Network
from dtbench.learning.ppo.actors import StepSettings, Unit, improve, units_of
from dtbench.learning.ppo.critics import Lesson, Moments, StateValues
from dtbench.learning.ppo.distributions import BetaHead, GaussianHead
from dtbench.learning.ppo.episodes import Rollout, agent_slices, collect
from dtbench.learning.ppo.options import OnPolicyOptions
from dtbench.learning.ppo.policy import CENTRE, SPREAD, GaussianPolicy, StochasticPolicy
from dtbench.learning.ppo.stack import Stack
from dtbench.learning.training import TRAINING_SEED, Learner, Snapshot

FIRST_DEVIATION = 0.3  # of Gaussian actions, in units of their range; ours
LAST_GAIN = 0.01  # of actors' last layers: the first policy hardly looks at the observation; ours
CENTRAL = "state"  # name of the critics that judge the global state
WEIGHTS, ROUND = 0, 1  # what a stream of random numbers is for


class PolicyLearner(Learner):
    """A stochastic policy in training.

    Parameters
    ----------
    env
        What is played: ``parallel`` copies, on fresh traces.
    kind
        The policy's class: which distribution reals have.
    options
        Settings.
    seed
        Of everything that is drawn.
    sequential
        HAPPO: a network per agent, agent after agent. Otherwise MAPPO.
    shared
        Whether the agents of a group share a network; not with ``sequential``.

    Raises
    ------
    DtbenchError
        If agents observe nothing, every group is to learn apart, or agents learn from their own rewards of more than
        a slot.
    """

    policy: StochasticPolicy

    def __init__(
        self, env: BatchEnv, kind: type[StochasticPolicy], options: OnPolicyOptions, *, seed: int = 0,
        sequential: bool = False, shared: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        if sequential and shared:
            raise ValueError("a sequential update needs a network per agent.")
        if options.credit == "own" and options.gamma:
            raise DtbenchError(
                f"option 'gamma' is {options.gamma:g}: agents that learn from their own rewards (credit=own) look at a "
                "slot alone; expected 0."
            )
        blind = [group.name for group in env.encoding.groups if not group.observation]
        if blind:
            raise DtbenchError(
                f"option 'encoding' is '{options.encoding}', in which agents '{blind[0]}' observe nothing; expected "
                "one in which all do, such as 'agents'."
            )
        self.options, self.seed, self.sequential = options, seed, sequential
        self.env = env
        self.rounds = math.ceil(options.episodes / env.n_envs)
        groups = self.env.encoding.groups
        self.apart = _apart(options, groups)
        self.streams = {g.name: self.apart.index(g.name) + 1 if g.name in self.apart else 0 for g in groups}
        seeds = np.random.SeedSequence([TRAINING_SEED + seed, WEIGHTS]).generate_state(1)
        generator = torch.Generator().manual_seed(int(seeds[0]))
        identity = options.identity and shared
        if options.by_entry and kind.by_entry is not None:
            kind = kind.by_entry
        networks = {g.name: self._network(g, kind, identity, shared) for g in groups}
        self.actors = {g.name: Stack(networks[g.name], generator, LAST_GAIN) for g in groups}
        for group in groups:
            if isinstance(group.space, Box):
                _start(self.actors[group.name], kind, options)
        self.critics = {
            name: StateValues(network, generator, scaled=options.scaled and name == CENTRAL)
            for name, network in self._critics(identity).items()
        }
        self.seen = {g.name: Moments(g.observation) for g in groups} if options.scaled else {}
        weights = {f"{name}/{key}": v for name, stack in self.actors.items() for key, v in stack.arrays().items()}
        self.policy = kind(self.env.encoding, networks, weights, identity=identity)
        self._rescale()

    def round(self, number: int) -> Mapping[str, float]:
        traces, actions, order = np.random.SeedSequence([TRAINING_SEED + self.seed, ROUND, number]).spawn(3)
        rollout = collect(
            self.env, self.policy, self.apart, np.random.default_rng(actions), int(traces.generate_state(1)[0]),
            self.timed, keep_observations=self.options.scaled,
        )  # fmt: skip
        self.episodes += self.env.n_envs
        self.frames += self.env.n_envs * self.env.horizon
        left = 1.0 - number / self.rounds if self.options.anneal else 1.0
        with self.timed("update"), torch.no_grad():
            told = self.update(rollout, np.random.default_rng(order), left)
        return told | {"reward": float(rollout.rewards[..., 0].mean()), "objective": rollout.objective}

    def update(self, rollout: Rollout, rng: np.random.Generator, left: float = 1.0) -> dict[str, float]:
        """Learn from a rollout; ``left`` multiplies the step sizes."""
        options = self.options
        for name, moments in self.seen.items():
            moments.update(rollout.observations[name].reshape(-1, rollout.observations[name].shape[-1]))
        advantage, lessons = (
            self._agent_advantages(rollout) if options.credit == "own" else self._team_advantages(rollout)
        )
        units = self._units(rollout)
        for unit in units:
            unit.look()
        first = [unit.log_prob.clone() for unit in units]
        settings = StepSettings(options.clip, options.entropy, options.actor_rate * left, options.max_norm)
        loss = 0.0
        for _ in range(options.epochs):
            for rows in minibatches(advantage.shape[-1], options.minibatches, rng):
                order = rng.permutation(len(units)).tolist() if self.sequential else None
                improve(units, advantage, rows, order, settings)
                losses = [lesson.learn(rows, options.critic_rate * left, options.max_norm) for lesson in lessons]
                loss = sum(losses) / len(losses)
        told = self._told(units, first) | {"value_loss": loss}
        self._rescale()
        return told

    def _team_advantages(self, rollout: Rollout) -> tuple[Tensor, list[Lesson]]:
        """Normalised advantages of all agents (agents, R), and what the critics learn from."""
        options, (slots, copies, _), critic = self.options, rollout.rewards.shape, self.critics[CENTRAL]
        if critic.states is not None:
            critic.states.update(rollout.states.reshape(-1, rollout.states.shape[-1]))
        values = critic(critic.inputs(rollout.states)).reshape(-1, slots + 1, copies)
        values = np.moveaxis(values, 0, -1)
        rewards = rollout.rewards[..., [self._stream_of_critic(c) for c in range(values.shape[-1])]]
        terminated, done = np.zeros(rewards.shape, dtype=bool), np.zeros(rewards.shape, dtype=bool)
        done[-1] = True  # truncated: V of the state reached stands for what would follow
        advantage, target = gae(
            rewards, values[:-1], values[1:], terminated, done, gamma=options.gamma, lam=options.gae_lambda
        )
        if options.target == "td0":
            target = rewards + options.gamma * values[1:]
        states = critic.inputs(rollout.states[:-1])[None]
        lesson = Lesson(critic, states, critic.rescale(_rows_last(target))[:, None])
        return _normalised(_rows_last(advantage)[self._critic_of_agent()]), [lesson]

    def _agent_advantages(self, rollout: Rollout) -> tuple[Tensor, list[Lesson]]:
        """The same where agents learn from their own rewards, of the slot alone; a critic per group of like agents."""
        advantages, lessons = [], []
        rewards, start = _rows_last(rollout.agent_rewards), 0
        for group in self.env.encoding.groups:
            critic, seen = self.critics[group.name], rollout.acts[group.name].features
            earned, x = rewards[start : start + group.count], critic.inputs(seen)
            advantages.append(earned - critic(x).reshape(earned.shape))
            goal = critic.rescale(earned.reshape(1, -1)).reshape(earned.shape)
            lessons.append(Lesson(critic, x.reshape(*seen.shape[:2], -1), goal[None]))
            start += group.count
        return _normalised(np.concatenate(advantages)), lessons

    def _units(self, rollout: Rollout) -> list[Unit]:
        """The actors with what they did; a unit per network."""
        units: list[Unit] = []
        agents = agent_slices(self.env.encoding.groups)
        kind = GaussianHead if isinstance(self.policy, GaussianPolicy) else BetaHead
        for group in self.env.encoding.groups:
            acts, stack = rollout.acts[group.name], self.actors[group.name]
            stream = 0 if self.options.chained else self.streams[group.name]
            units += units_of(group, acts, stack, stream, agents[group.name].start, kind)
        return units

    def _told(self, units: list[Unit], first: list[Tensor]) -> dict[str, float]:
        for unit in units:
            unit.look()
        logs = [unit.log_prob - old for unit, old in zip(units, first, strict=True)]
        change = torch.cat(logs) if logs else torch.zeros(1)
        outside = ((change.exp() - 1.0).abs() > self.options.clip).float()
        entries = sum(unit.entries for unit in units)
        return {
            "entropy": sum(unit.entropy for unit in units) / max(entries, 1),
            "kl": float((change.exp() - 1.0 - change).mean()),
            "clipped": float(outside.mean()),
        }

    def _stream_of_critic(self, critic: int) -> int:
        """The stream of rewards that a critic judges."""
        if self.options.critic == "shared":
            return critic
        streams = [self.streams[g.name] for g in self.env.encoding.groups for _ in range(g.count)]
        return streams[critic]

    def _critic_of_agent(self) -> list[int]:
        if self.options.critic == "agent":
            return list(range(self.env.n_agents))
        return [self.streams[g.name] for g in self.env.encoding.groups for _ in range(g.count)]

    def _network(self, group: Group, kind: type[StochasticPolicy], identity: bool, shared: bool) -> Network:
        return Network(
            inputs=kind.n_inputs(group, identity), hidden=self.options.layers(),
            outputs=kind.n_outputs(group), copies=1 if shared else group.count,
            activation="tanh" if self.options.activation == "tanh" else "relu",
        )  # fmt: skip

    def _critics(self, identity: bool) -> dict[str, Network]:
        """One network for the global state, with a copy per critic; or one per group for what its agents observe."""
        count = 1 + len(self.apart) if self.options.critic == "shared" else self.env.n_agents
        inputs = {CENTRAL: self.env.observation.state.shape[-1]}
        if self.options.credit == "own":
            count = 1
            inputs = {g.name: g.observation + identity * g.count for g in self.env.encoding.groups}
        return {
            name: Network(
                inputs=length, hidden=self.options.layers(), outputs=1, copies=count,
                activation="tanh" if self.options.activation == "tanh" else "relu",
            )
            for name, length in inputs.items()
        }  # fmt: skip

    def _rescale(self) -> None:
        """Tell the policy how observations are scaled from now on."""
        for name, moments in self.seen.items():
            self.policy.weights[name][CENTRE] = moments.mean.astype(np.float32)
            self.policy.weights[name][SPREAD] = moments.deviation.astype(np.float32)

    def _parts(self) -> dict[str, Stack]:
        actors = {f"actor/{name}": stack for name, stack in self.actors.items()}
        return actors | {f"critic/{name}": critic.stack for name, critic in self.critics.items()}

    def _moments(self) -> dict[str, Moments]:
        by_name = {f"seen/{name}": moments for name, moments in self.seen.items()}
        for name, critic in self.critics.items():
            by_name[f"returns/{name}"] = critic.moments
            if critic.states is not None:
                by_name[f"states/{name}"] = critic.states
        return by_name

    def state(self) -> Snapshot:
        arrays: dict[str, Any] = {}
        steps: dict[str, list[int]] = {}
        for name, stack in self._parts().items():
            of_stack, steps[name] = stack.state()
            arrays |= {f"{name}/{key}": value for key, value in of_stack.items()}
        for name, moments in self._moments().items():
            arrays |= {f"moments/{name}/{key}": value for key, value in moments.arrays().items()}
        return arrays, {"steps": steps, "episodes": self.episodes, "frames": self.frames, "seconds": self.seconds}

    def load(self, state: Snapshot) -> None:
        arrays, facts = state

        def below(name: str) -> dict[str, Any]:
            return {key.removeprefix(name): value for key, value in arrays.items() if key.startswith(name)}

        for name, stack in self._parts().items():
            stack.load(below(f"{name}/"), facts["steps"][name])
        for name, moments in self._moments().items():
            moments.load(below(f"moments/{name}/"))
        self.episodes, self.frames, self.seconds = facts["episodes"], facts["frames"], dict(facts["seconds"])
        self._rescale()


def _normalised(advantage: Array) -> Tensor:
    """Advantages (agents, R), each agent's with mean 0 and deviation 1."""
    advantage = advantage - advantage.mean(axis=-1, keepdims=True)
    advantage /= advantage.std(axis=-1, keepdims=True) + 1e-8
    return torch.from_numpy(advantage).float()


def minibatches(rows: int, parts: int, rng: np.random.Generator) -> Iterator[Tensor | None]:
    """Row numbers of each part of a rollout, shuffled; None for the whole of it."""
    if parts == 1:
        yield None
        return
    for part in np.array_split(rng.permutation(rows), parts):
        yield torch.from_numpy(np.sort(part))


def _apart(options: OnPolicyOptions, groups: tuple[Group, ...]) -> tuple[str, ...]:
    """Groups that learn from their own reward; names of groups that this protocol has not are passed over."""
    names = [name.strip() for name in options.apart.split(",")]
    apart = tuple(g.name for g in groups if g.name in names)
    if len(apart) == len(groups):
        raise DtbenchError(f"option 'apart' is '{options.apart}': no group is left to learn from the team's reward.")
    return apart


def _start(stack: Stack, kind: type[StochasticPolicy], options: OnPolicyOptions) -> None:
    """First means and deviations of reals, whatever is observed; deviations of Gaussians do not depend on it at all."""
    weights, width = stack.weights, stack.network.outputs // 2
    first, second = weights["output.bias"][..., :width], weights["output.bias"][..., width:]
    if issubclass(kind, GaussianPolicy):
        weights["output.weight"][..., width:] = 0.0
        first.fill_(math.log(options.mean / (1.0 - options.mean)))
        second.fill_(math.log(options.deviation or FIRST_DEVIATION))
    elif options.deviation:
        for bias, shape in zip((first, second), options.shapes(), strict=True):
            bias.fill_(shape - 1.0 + math.log(-math.expm1(1.0 - shape)))  # the inverse of 1 + softplus


def _rows_last(value: Array) -> Array:
    """(slots, environments, critics) as (critics, rows)."""
    return np.moveaxis(value, -1, 0).reshape(value.shape[-1], -1)
