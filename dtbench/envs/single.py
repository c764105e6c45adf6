"""Gymnasium's form: one agent sees the global state and chooses for all."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from dtbench.envs.batch import BatchEnv
from dtbench.envs.render import FPS, RENDER_MODES, checked, render
from dtbench.envs.spaces import joint_action, joint_space, mask_info, observation_space


class SingleAgentEnv(gymnasium.Env[Any, Any]):
    """A :class:`~dtbench.envs.batch.BatchEnv` of one copy as a ``gymnasium.Env``.

    Action: see :func:`~dtbench.envs.spaces.joint_space`. Observation: the global state (S,) float32. Reward: the
    team's. An episode is truncated after the horizon, never terminated. ``info``: ``action_mask`` (W,) int8 where there
    are categorical entries; after a step also ``objective``, ``feasible``, ``repaired``, ``n_repaired`` and
    ``metrics``, see :class:`~dtbench.envs.batch.Step`.
    """

    metadata = {"render_modes": list(RENDER_MODES), "render_fps": FPS}  # noqa: RUF012  (gymnasium's own declaration)

    def __init__(self, core: BatchEnv, render_mode: str | None = None) -> None:
        self.core = core
        self.render_mode = checked(render_mode)
        self.action_space = joint_space(core.encoding)
        self.observation_space = observation_space(core.observation.state.shape[-1])
        self.np_random = core.rng

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed)
        observation = self.core.reset(seed)
        self._np_random = self.core.rng
        return observation.state[0], first(mask_info(observation))

    def step(self, action: Any) -> tuple[npt.NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        step = self.core.step(joint_action(self.core.encoding, action)[None])
        info = first(step.info | mask_info(step.observation))
        return step.observation.state[0], float(step.reward[0]), False, bool(step.truncated[0]), info

    def render(self) -> Any:
        """The last slot with its decision, as the mode says: a picture (680, 1120, 3) uint8, or a few lines of text."""
        return render(self.core, self.render_mode)


def first(info: dict[str, Any]) -> dict[str, Any]:
    """The first copy's part of an ``info``: Python scalars, or arrays where there are more axes."""
    return {
        name: first(value) if isinstance(value, dict) else value[0].item() if value.ndim == 1 else value[0].copy()
        for name, value in info.items()
    }
