"""Gymnasium's form: one agent sees the global state and chooses for all."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from dtbench.arrays import BoolArray
from dtbench.envs.batch import BatchEnv
from dtbench.envs.render import FPS, RENDER_MODES, checked, render
from dtbench.envs.shown import Shown
from dtbench.envs.spaces import flat_info, joint_action, joint_mask, joint_space, mask_info, observation_space


class SingleAgentEnv(Shown, gymnasium.Env[Any, Any]):
    """A :class:`~dtbench.envs.batch.BatchEnv` of one copy as a ``gymnasium.Env``.

    Action: see :func:`~dtbench.envs.spaces.joint_space`; reals out of their range are clipped, and counted in
    ``info["n_clipped"]``. Observation: the global state (S,) float32. Reward: the team's. An episode is truncated after
    the horizon, never terminated. ``info``: where there are categorical entries ``action_mask``, as
    ``action_space.sample(mask=...)`` takes it (:meth:`action_masks` has it in a row); after a step also ``objective``,
    ``feasible``, ``repaired``, ``n_repaired`` and ``metrics/...``, see :class:`~dtbench.envs.batch.Step`.
    """

    metadata = {"render_modes": list(RENDER_MODES), "render_fps": FPS}  # noqa: RUF012  (gymnasium's own declaration)

    def __init__(self, core: BatchEnv, render_mode: str | None = None) -> None:
        self.core = core
        core.state_only = True
        self.render_mode = checked(render_mode)
        self.action_space = joint_space(core.encoding)
        self.observation_space = observation_space(core, "state", core.observation.state.shape[-1])
        self.np_random = core.rng

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed)
        observation = self.core.reset(seed)
        self._np_random = self.core.rng
        return observation.state[0], mask_info(self.core.encoding, observation)[0]

    def step(self, action: Any) -> tuple[npt.NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        step = self.core.step(joint_action(self.core.encoding, action)[None])
        info = first(flat_info(step.info)) | mask_info(self.core.encoding, step.observation)[0]
        return step.observation.state[0], float(step.reward[0]), False, bool(step.truncated[0]), info

    def action_masks(self) -> BoolArray:
        """What may be chosen now (W,), True = allowed: the values of all categorical entries, one after the other.

        sb3-contrib's ``MaskablePPO`` asks for it by this name.

        Raises
        ------
        ValueError
            If actions are real numbers.
        """
        return joint_mask(self.core.encoding, self.core.observation)[0]

    def render(self) -> Any:
        """The last slot with its decision, as the mode says: a picture (680, 1120, 3) uint8, or a few lines of text."""
        return render(self.core, self.render_mode)


def first(info: dict[str, Any]) -> dict[str, Any]:
    """The first copy's part of an ``info``: Python scalars, or arrays where there are more axes."""
    return {name: value[0].item() if value.ndim == 1 else value[0].copy() for name, value in info.items()}
