"""PettingZoo's parallel form: every agent sees its own observation and chooses its own action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from pettingzoo import ParallelEnv

from dtbench.encoding import Observation
from dtbench.envs.batch import BatchEnv
from dtbench.envs.render import FPS, RENDER_MODES, checked, render
from dtbench.envs.shown import Shown
from dtbench.envs.single import first
from dtbench.envs.spaces import AgentMask, agent_mask, agent_space, flat_info, observation_space

Infos = dict[str, dict[str, Any]]


class MultiAgentEnv(Shown, ParallelEnv):  # type: ignore[misc]
    """A :class:`~dtbench.envs.batch.BatchEnv` of one copy as a PettingZoo ``ParallelEnv``.

    Agents are those of the encoding, in its order; all live until the episode is truncated after
    the horizon. Real actions out of their range are clipped, and counted in ``n_clipped``. Rewards are per agent (the
    team's for everybody unless the problem says otherwise). ``infos``: ``action_mask`` of agents with categorical
    actions, as ``sample(mask=...)`` of their space takes it: int8, 1 = allowed, or a tuple of such arrays where an
    agent chooses several times; after a step also ``objective``, ``feasible``, ``repaired``, ``n_repaired`` and
    ``metrics/...``, see :class:`~dtbench.envs.batch.Step`.
    ``state()`` is the global state of critics and mixers.
    """

    __str__ = ParallelEnv.__str__  # the name in its metadata

    def __init__(self, core: BatchEnv, render_mode: str | None = None) -> None:
        self.core = core
        self.metadata = {
            "name": f"dtbench_{core.problem.id}_v0", "render_modes": list(RENDER_MODES), "render_fps": FPS,
            "is_parallelizable": True,
        }  # fmt: skip
        self.render_mode = checked(render_mode)
        self.possible_agents = list(core.encoding.agents)
        self.agents: list[str] = []
        self.observation_spaces: dict[str, spaces.Space[Any]] = {}
        self.action_spaces: dict[str, spaces.Space[Any]] = {}
        self._entries: dict[str, slice] = {}
        self._spaces = [group.space for group in core.encoding.groups for _ in range(group.count)]
        start = 0
        for group in core.encoding.groups:
            for agent in group.agents:
                self.observation_spaces[agent] = observation_space(core, group.name, group.observation)
                self.action_spaces[agent] = agent_space(group.space)
                self._entries[agent] = slice(start, start + group.space.width)
                start += group.space.width

    def observation_space(self, agent: str) -> spaces.Space[Any]:
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> spaces.Space[Any]:
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, npt.NDArray[np.float32]], Infos]:
        observation = self.core.reset(seed)
        self.agents = self.possible_agents[:]
        return self._seen(observation), self._infos(observation, {})

    def step(
        self, actions: Mapping[str, Any]
    ) -> tuple[dict[str, npt.NDArray[np.float32]], dict[str, float], dict[str, bool], dict[str, bool], Infos]:
        """Play one slot.

        Raises
        ------
        ValueError
            If an agent's action is missing, or an agent unknown.
        """
        if actions.keys() != self._entries.keys():
            raise ValueError("step takes one action per agent: " + ", ".join(self._entries))
        step = self.core.step(self._joint(actions))
        rewards = dict(zip(self.possible_agents, step.agent_rewards[0].tolist(), strict=True))
        truncated = bool(step.truncated[0])
        if truncated:
            self.agents = []
        return (
            self._seen(step.observation),
            rewards,
            dict.fromkeys(self.possible_agents, False),
            dict.fromkeys(self.possible_agents, truncated),
            self._infos(step.observation, first(flat_info(step.info))),
        )

    def mask_given(self, actions: Mapping[str, Any]) -> AgentMask | None:
        """Mask of the next agent once the agents of ``actions`` (the first ones, in order) have chosen.

        In the form of ``action_mask``. The default for acting where agents compete for the same room: what the first
        ones took is forbidden to the next. None for an agent whose actions are real numbers.

        Raises
        ------
        ValueError
            If ``actions`` are not those of the first agents, or of all of them.
        """
        chosen = len(actions)
        if chosen >= len(self.possible_agents) or set(actions) != set(self.possible_agents[:chosen]):
            raise ValueError("mask_given takes the actions of the first agents, in order, and not of all.")
        mask = self.core.next_mask(self._joint(actions), chosen)
        return None if mask is None else agent_mask(self._spaces[chosen], mask[0])

    def state(self) -> npt.NDArray[np.float32]:
        """The global state (S,)."""
        return np.array(self.core.observation.state[0])

    def render(self) -> Any:
        """The last slot with its decision, as the mode says: a picture (680, 1120, 3) uint8, or a few lines of text."""
        return render(self.core, self.render_mode)

    def _joint(self, actions: Mapping[str, Any]) -> npt.NDArray[Any]:
        x = np.zeros((1, self.core.encoding.size), dtype=self.core.encoding.dtype)
        for agent, action in actions.items():
            x[0, self._entries[agent]] = action
        return x

    def _seen(self, observation: Observation) -> dict[str, npt.NDArray[np.float32]]:
        groups = self.core.encoding.groups
        return {a: row.copy() for g in groups for a, row in zip(g.agents, observation.agents[g.name][0], strict=True)}

    def _infos(self, observation: Observation, shared: dict[str, Any]) -> Infos:
        infos: Infos = {agent: dict(shared) for agent in self.possible_agents}
        for group in self.core.encoding.groups:
            if group.name in observation.masks:
                for agent, row in zip(group.agents, observation.masks[group.name][0], strict=True):
                    infos[agent]["action_mask"] = agent_mask(group.space, row)
        return infos
