"""Our batched core as an environment of TorchRL: all copies and agents in one call, nothing wrapped."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from tensordict import TensorDict, TensorDictBase
from torchrl.data import Bounded, Categorical, Composite, Unbounded
from torchrl.envs import EnvBase

from dtbench.encoding import Box, Observation
from dtbench.envs import BatchEnv, Step


class CoreEnv(EnvBase):  # type: ignore[misc]
    """B copies that end together; a group of agents is a nested entry, as BenchMARL has it.

    ``(group, "observation")`` (B, n, O), ``(group, "action_mask")`` (B, n, N) where agents choose one of N,
    ``(group, "action")`` (B, n) or, of real actions, (B, n, W), ``(group, "reward")`` (B, n, 1), ``"state"`` (B, S),
    ``"done"``, ``"terminated"`` and ``"truncated"`` (B, 1).
    """

    def __init__(self, core: BatchEnv) -> None:
        super().__init__(device="cpu", batch_size=[core.n_envs])
        self.core = core
        self.last: Step
        self.parts = tuple(core.encoding.parts())
        self.group_map = {group.name: list(group.agents) for group in core.encoding.groups}
        seen, actions, rewards, batch = {}, {}, {}, (core.n_envs,)
        for group in core.encoding.groups:
            rows = (*batch, group.count)
            views = {"observation": Unbounded((*rows, group.observation), dtype=torch.float32)}
            if isinstance(group.space, Box):
                shape = (*rows, group.space.width)
                low, high = (np.broadcast_to(end, shape) for end in (group.space.low, group.space.high))
                action: Any = Bounded(torch.tensor(low).float(), torch.tensor(high).float(), shape)
            else:
                (values,) = group.space.n
                action = Categorical(values, shape=rows, dtype=torch.int64)
                views["action_mask"] = Categorical(2, shape=(*rows, values), dtype=torch.bool)
            seen[group.name] = Composite(views, shape=rows)
            actions[group.name] = Composite({"action": action}, shape=rows)
            rewards[group.name] = Composite({"reward": Unbounded((*rows, 1), dtype=torch.float32)}, shape=rows)
        state = Unbounded((*batch, core.observation.state.shape[-1]), dtype=torch.float32)
        self.observation_spec = Composite(**seen, state=state, shape=batch)
        self.action_spec = Composite(**actions, shape=batch)
        self.reward_spec = Composite(**rewards, shape=batch)
        ends = ("done", "terminated", "truncated")
        self.done_spec = Composite(
            {name: Categorical(2, shape=(*batch, 1), dtype=torch.bool) for name in ends}, shape=batch
        )

    def _look(self, seen: Observation, ended: bool) -> dict[str, Any]:
        told: dict[str, Any] = {"state": torch.from_numpy(seen.state)}
        for group in self.core.encoding.groups:
            views = {"observation": torch.from_numpy(seen.agents[group.name])}
            if group.name in seen.masks:
                views["action_mask"] = torch.from_numpy(seen.masks[group.name])
            told[group.name] = TensorDict(views, batch_size=(*self.batch_size, group.count))
        no = torch.zeros(*self.batch_size, 1, dtype=torch.bool)
        over = torch.full_like(no, ended)
        return told | {"done": over, "truncated": over.clone(), "terminated": no}

    def joint(self, tensordict: TensorDictBase) -> Any:
        """The joint actions (B, size) of what policies wrote."""
        rows = self.core.n_envs
        parts = [tensordict[group.name, "action"].numpy().reshape(rows, -1) for group, _ in self.parts]
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)

    def _reset(self, tensordict: TensorDictBase | None = None, **_: Any) -> TensorDictBase:
        return TensorDict(self._look(self.core.reset(), False), batch_size=self.batch_size)

    def _step(self, tensordict: TensorDictBase) -> TensorDictBase:
        step = self.last = self.core.step(self.joint(tensordict))
        told = self._look(step.observation, bool(step.truncated[0]))
        rewards, first = torch.from_numpy(step.agent_rewards).float(), 0
        for group in self.core.encoding.groups:
            told[group.name]["reward"] = rewards[:, first : first + group.count, None]
            first += group.count
        return TensorDict(told, batch_size=self.batch_size)

    def _set_seed(self, seed: int | None) -> None:
        self.core.rng = np.random.default_rng(np.random.SeedSequence(seed))
