"""Q-learning of several agents from joint replay: independent (IQL), summed (VDN) or mixed (QMIX) action values.

They differ in one place, :meth:`ValueLearner.loss`: what the temporal-difference error is of.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from dtbench.encoding import Categorical, Group
from dtbench.envs import BatchEnv
from dtbench.errors import DtbenchError
from dtbench.learning.adam import Adam
from dtbench.learning.networks import Network
from dtbench.learning.policy import EntryLayout, select
from dtbench.learning.qlearning.buffers import own_rows
from dtbench.learning.qlearning.episodes import play
from dtbench.learning.qlearning.options import ValueOptions
from dtbench.learning.qlearning.policy import ValuePolicy
from dtbench.learning.qlearning.replay import Replay, SequenceBatch
from dtbench.learning.torch_networks import StackedNetwork, fold, follow, unfold
from dtbench.learning.training import TRAINING_SEED, Learner, Snapshot, ordered

MakeMixer = Callable[[int, int, torch.Generator], nn.Module]  # agents, length of the state, source of weights
EVERY = slice(None)
Outputs = dict[str, Tensor]  # by group (b, slots, agents, outputs)


class Branches:
    """Values of a group's actions, entry by entry: Q(o, a) is the sum over the entries that leave a choice.

    An entry that is forced (at most one value is allowed) contributes 0 to every action, whatever the network says.
    """

    def __init__(self, group: Group) -> None:
        if not isinstance(group.space, Categorical):
            raise DtbenchError(f"agents '{group.name}' act in reals; action values need categorical actions.")
        self.n = group.space.n
        layout = EntryLayout(self.n)
        self.index, self.exists = torch.from_numpy(layout.index), torch.from_numpy(layout.exists)
        self.alike = layout.alike

    def spread(self, flat: Tensor) -> Tensor:
        """(..., sum n) as (..., entries, max n)."""
        if self.alike:
            return flat.reshape(*flat.shape[:-1], len(self.n), self.n[0])
        return flat[..., self.index]

    def allowed(self, mask: Tensor) -> Tensor:
        """The mask (..., sum n) as (..., entries, max n)."""
        return self.spread(mask) if self.alike else self.spread(mask) & self.exists

    def taken(self, values: Tensor, mask: Tensor, action: Tensor) -> Tensor:
        """Q(o, a) (...) of actions (..., entries)."""
        by_entry = self.spread(values).gather(-1, action[..., None])[..., 0]
        return _over_choices(by_entry, self.allowed(mask))

    def best(self, values: Tensor, mask: Tensor, chooser: Tensor | None = None) -> Tensor:
        """The greatest Q(o, a) (...) of allowed actions; or Q of the action that is best by ``chooser``."""
        allowed = self.allowed(mask)
        if chooser is None:
            by_entry = torch.where(allowed, self.spread(values), -torch.inf).amax(dim=-1)
        else:
            action = torch.where(allowed, self.spread(chooser), -torch.inf).argmax(dim=-1, keepdim=True)
            by_entry = self.spread(values).gather(-1, action)[..., 0]
        return _over_choices(by_entry, allowed)


def _over_choices(by_entry: Tensor, allowed: Tensor) -> Tensor:
    """Sum (...) of values (..., entries) over the entries with a choice, by what each allows (..., entries, n)."""
    chosen = torch.where(allowed.sum(dim=-1) > 1, by_entry, 0.0)
    return chosen[..., 0] if chosen.shape[-1] == 1 else chosen.sum(dim=-1)


def td_targets(reward: Tensor, following: Tensor, gamma: float) -> Tensor:
    """y_t = r_t + gamma V(t + 1), all (b, L, ...): an episode is cut off at its horizon, so its last slot has V too."""
    return reward + gamma * following


class ValueLearner(Learner):
    """Agents with action values; each round plays an episode in every copy of an environment, then updates.

    Parameters
    ----------
    env
        Copies that episodes are played in; its own seed gives the traces.
    options
        Settings of networks, exploration, replay and updates.
    seed
        Of exploration, replay and first weights.
    mixer
        Makes what joins the agents' values into one; None: agents learn independently.
    mixes_state
        Whether the mixer reads the global state.
    local
        Whether independent agents learn from their own rewards; otherwise from the team's.
    """

    def __init__(
        self,
        env: BatchEnv,
        options: ValueOptions,
        seed: int,
        *,
        mixer: MakeMixer | None = None,
        mixes_state: bool = False,
        local: bool = False,
    ) -> None:
        super().__init__()
        acting, replay, weights = np.random.SeedSequence(TRAINING_SEED + seed).spawn(3)
        self.acting_rng, self.replay_rng = np.random.default_rng(acting), np.random.default_rng(replay)
        generator = torch.Generator().manual_seed(int(weights.generate_state(1)[0]))
        self.env, self.options = env, options
        self.rounds = -(-options.episodes // env.n_envs)
        self.length = options.length or env.horizon
        self.branches = {group.name: Branches(group) for group in env.encoding.groups}
        self.agents = {g.name: StackedNetwork(network_of(g, options), generator) for g in env.encoding.groups}
        self.mixer = mixer(env.n_agents, env.observation.state.shape[-1], generator) if mixer else None
        self.target_agents, self.target_mixer = copy.deepcopy((self.agents, self.mixer))
        self.parameters = parameters(self.agents, self.mixer)
        self.targets = parameters(self.target_agents, self.target_mixer)
        self.optimizer = Adam([{"params": self.parameters, "lr": options.learning_rate}])
        self.replay = Replay(env, options.capacity, state=mixes_state, agent_rewards=local)
        self.next_mask = ordered(env)
        self.policy = ValuePolicy(
            env.encoding,
            {name: stacked.network for name, stacked in self.agents.items()},
            {f"{name}/{key}": v for name, stacked in self.agents.items() for key, v in stacked.arrays().items()},
            identity=options.identity,
        )

    def round(self, number: int) -> Mapping[str, float]:
        o = self.options
        before, epsilon = self.episodes, self.epsilon
        self.optimizer.param_groups[0]["lr"] = o.learning_rate * between(1.0, o.last_rate, self.progress)
        played = play(
            self.env, self.policy, self.replay, rng=self.acting_rng, explore=epsilon, next_mask=self.next_mask,
            timed=self.timed,
        )  # fmt: skip
        self.episodes += self.env.n_envs
        self.frames += self.env.n_envs * self.env.horizon
        metrics = {"epsilon": epsilon, "reward": played.reward, "objective": played.objective}
        if self.episodes < o.warmup:
            return metrics
        with self.timed("update"):
            loss = [self.update() for _ in range(o.updates)]
            if not o.target_rate and before // o.target_every < self.episodes // o.target_every:
                self._move_targets(1.0)
        return metrics | {"loss": float(np.mean(loss))}

    @property
    def progress(self) -> float:
        """Share of the training that is over."""
        return min(self.episodes / self.options.episodes, 1.0)

    @property
    def epsilon(self) -> float:
        """Chance of a random entry: falls linearly over the first part of the training, then stays."""
        o = self.options
        return between(o.epsilon, o.last_epsilon, self.progress / o.exploring if o.exploring else 1.0)

    def update(self) -> float:
        """One gradient step of Adam on a batch of sub-sequences; its loss."""
        o = self.options
        rows = o.batch * (self.env.n_agents if o.buffers == "agent" else 1)
        batch = self.replay.sample(self.replay_rng, rows, self.length, following=o.gamma > 0.0)
        loss = self.loss(batch)
        self.optimizer.step(torch.autograd.grad(loss, self.parameters), o.clip)
        if o.target_rate:
            self._move_targets(o.target_rate)
        return float(loss.detach())

    def loss(self, batch: SequenceBatch) -> Tensor:
        """Mean squared temporal-difference error: of the mixed values, or of every agent's own.

        VDN and QMIX: y = R + gamma Q_tot^-(s', greedy actions), loss (y - Q_tot)^2. IQL: y_i = R_i + gamma max_a Q_i^-,
        mean over agents too. The greatest values are over the masks that agents see before anybody acts. With buffers
        of their own agents learn from their own rows only; what the others' values are there is taken as given.
        """
        o, slots = self.options, batch.actions.shape[1]
        apart = o.buffers == "agent"
        own = own_rows(batch, self.env.encoding) if apart else batch
        batch = own if self.mixer is None else batch
        looked_at = slice(None if o.gamma and o.double else slots)
        outputs, values = self._taken(own, looked_at)
        if apart and self.mixer is not None:
            with torch.no_grad():
                outputs, others = self._taken(batch, looked_at)
            blocks = others.view(values.shape[-1], *values.shape)
            mine = torch.eye(len(blocks), dtype=torch.bool)[:, None, None]
            values = torch.where(mine, values, blocks).flatten(0, 1)
        state = None if batch.state is None else torch.from_numpy(batch.state)
        if self.mixer is not None:
            values = self.mixer(values, None if state is None else state[:, :slots])
        reward = torch.from_numpy(batch.reward)
        if batch.agent_rewards is not None:
            reward = torch.from_numpy(batch.agent_rewards)
        elif self.mixer is None:
            reward = reward[..., None].expand_as(values)
        reward = reward / o.reward_scale
        if o.gamma:
            with torch.no_grad():
                reward = td_targets(reward, self._following(batch, outputs, state), o.gamma)
        return (values - reward).square().mean()

    def _taken(self, batch: SequenceBatch, slots: slice) -> tuple[Outputs, Tensor]:
        """Outputs of slots from the first, at least L, and the values (b, L, agents) of what was done."""
        acted, outputs = batch.actions.shape[1], self._outputs(self.agents, batch, slots)

        def taken(group: str, mask: Tensor, action: Tensor) -> Tensor:
            return self.branches[group].taken(outputs[group][:, :acted], mask[:, :acted], action)

        return outputs, self._joined(batch, taken)

    def _following(self, batch: SequenceBatch, outputs: Outputs, state: Tensor | None) -> Tensor:
        """What the target gives the greedy actions of slots 1 to L: mixed (b, L), else (b, L, agents)."""
        first = 0 if self.options.memory else 1  # what agents remember of slot 0 is needed, its values are not
        target = self._outputs(self.target_agents, batch, slice(first, None))

        def greatest(group: str, mask: Tensor, _: Tensor) -> Tensor:
            chooser = outputs[group][:, 1:] if self.options.double else None
            return self.branches[group].best(target[group][:, 1 - first :], mask[:, 1:], chooser)

        values = self._joined(batch, greatest)
        if self.target_mixer is None:
            return values
        mixed: Tensor = self.target_mixer(values, None if state is None else state[:, 1:])
        return mixed

    def _outputs(self, agents: Mapping[str, StackedNetwork], batch: SequenceBatch, slots: slice = EVERY) -> Outputs:
        """Every group's outputs (b, slots, agents, outputs); memory is zero at the start of a sub-sequence."""
        outputs = {}
        for name, stacked in agents.items():
            x = torch.from_numpy(batch.observations[name])[:, slots]
            rows, count = x.shape[:2], x.shape[2]
            if self.options.identity:
                x = torch.cat([x, torch.eye(count).expand(*rows, count, count)], dim=-1)
            if not stacked.network.memory:
                x = x.reshape(-1, *x.shape[2:])
            y = unfold(stacked(fold(x, stacked.network.copies)), count)
            outputs[name] = y.reshape(*rows, count, y.shape[-1])
        return outputs

    def _joined(self, batch: SequenceBatch, values: Callable[[str, Tensor, Tensor], Tensor]) -> Tensor:
        """Values (b, slots, agents) of all groups side by side, from a group's name, masks and actions."""
        parts, rows = [], batch.actions.shape[:2]
        for group, part in self.env.encoding.parts():
            action = torch.from_numpy(batch.actions[..., part].reshape(*rows, group.count, group.space.width))
            parts.append(values(group.name, torch.from_numpy(batch.masks[group.name]), action))
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)

    def _move_targets(self, rate: float) -> None:
        follow(self.targets, self.parameters, rate)

    def state(self) -> Snapshot:
        arrays: dict[str, npt.NDArray[Any]] = {}
        arrays |= {f"learned/{k}": v.detach().numpy().copy() for k, v in enumerate(self.parameters)}
        arrays |= {f"target/{k}": v.detach().numpy().copy() for k, v in enumerate(self.targets)}
        moments, steps = self.optimizer.state()
        arrays |= {f"adam/{name}": value for name, value in moments.items()}
        stored, where = self.replay.state()
        arrays |= {f"replay/{name}": array for name, array in stored.items()}
        rngs = [rng.bit_generator.state for rng in (self.env.rng, self.acting_rng, self.replay_rng)]
        return arrays, {
            "episodes": self.episodes, "frames": self.frames, "seconds": dict(self.seconds), "replay": where,
            "rngs": rngs, "steps": steps,
        }  # fmt: skip

    def load(self, state: Snapshot) -> None:
        arrays, facts = state
        with torch.no_grad():
            for k, parameter in enumerate(self.parameters):
                parameter.copy_(torch.from_numpy(arrays[f"learned/{k}"]))
            for k, value in enumerate(self.targets):
                value.copy_(torch.from_numpy(arrays[f"target/{k}"]))
        self.optimizer.load(select(arrays, "adam"), int(facts["steps"]))
        self.replay.load(select(arrays, "replay"), facts["replay"])
        for rng, kept in zip((self.env.rng, self.acting_rng, self.replay_rng), facts["rngs"], strict=True):
            rng.bit_generator.state = kept
        self.episodes, self.frames = int(facts["episodes"]), int(facts["frames"])
        self.seconds = dict(facts["seconds"])


def parameters(agents: Mapping[str, StackedNetwork], mixer: nn.Module | None) -> list[nn.Parameter]:
    """Of all networks, in a fixed order."""
    return [p for module in (*agents.values(), *([] if mixer is None else [mixer])) for p in module.parameters()]


def network_of(group: Group, options: ValueOptions) -> Network:
    """The network of a group's agents: observation - hidden layers - GRU - one output per value of every entry."""
    return Network(
        inputs=group.observation + group.count * options.identity,
        hidden=(options.hidden,) * options.layers,
        outputs=ValuePolicy.n_outputs(group),
        memory=options.memory,
        copies=1 if options.share else group.count,
    )


def between(first: float, last: float, share: float) -> float:
    """On the line from ``first`` (share 0) to ``last`` (share 1), then ``last``."""
    return first + (last - first) * min(share, 1.0)
