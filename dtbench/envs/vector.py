"""Gymnasium's vector form: many copies of the single-agent environment in one call."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from dtbench.arrays import Array, BoolArray
from dtbench.encoding import Observation
from dtbench.envs.batch import BatchEnv
from dtbench.envs.render import FPS, RENDER_MODES, checked, render
from dtbench.envs.shown import Shown
from dtbench.envs.spaces import flat_info, joint_action, joint_mask, joint_space, observation_space

States = npt.NDArray[np.float32]


class BatchVectorEnv(Shown, VectorEnv[States, Any, Any]):
    """A :class:`~dtbench.envs.batch.BatchEnv` of B copies as a ``gymnasium.vector.VectorEnv``.

    Action, observation and reward of each copy are those of :class:`~dtbench.envs.single.SingleAgentEnv`; ``info``
    holds arrays with a leading axis (B,), each beside its mask ``_name`` as Gymnasium has it; ``action_mask`` (B, W)
    int8 has what :meth:`action_masks` tells, 1 = allowed, in a row, as networks want it (the single environment's is in
    Gymnasium's form, for ``sample``). All copies end in the same step.

    Autoreset modes: ``NEXT_STEP`` (default): the step after an end ignores its action, resets, and returns reward 0.
    ``SAME_STEP``: the step that ends an episode returns the first observation of the next one; what was reached is in
    ``info["final_obs"]`` (an object array of B rows) and ``info["final_info"]``. ``DISABLED``: call ``reset``.

    One seed serves all copies, from one random stream: copy b is not the single environment of seed ``seed + b``.
    """

    def __init__(
        self,
        core: BatchEnv,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        render_mode: str | None = None,
    ) -> None:
        self.core = core
        core.state_only = True
        self.render_mode = checked(render_mode)
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {
            "render_modes": list(RENDER_MODES), "render_fps": FPS, "autoreset_mode": self.autoreset_mode,
        }  # fmt: skip
        self.num_envs = core.n_envs
        self.single_action_space = joint_space(core.encoding)
        self.single_observation_space = observation_space(core, "state", core.observation.state.shape[-1])
        self.action_space = batch_space(self.single_action_space, core.n_envs)
        self.observation_space = batch_space(self.single_observation_space, core.n_envs)
        self.np_random = core.rng
        self._ended = False

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[States, dict[str, Any]]:
        """Begin an episode in all copies.

        Raises
        ------
        ValueError
            If ``options`` asks for a reset of some copies only: they step together.
        """
        if options and not np.all(options.get("reset_mask", True)):
            raise ValueError("reset_mask must hold for all copies: they step together.")
        super().reset(seed=seed)
        return self._begin(seed)

    def step(self, actions: Any) -> tuple[States, Array, BoolArray, BoolArray, dict[str, Any]]:
        never = np.zeros(self.num_envs, dtype=np.bool_)
        if self._ended and self.autoreset_mode is AutoresetMode.NEXT_STEP:
            state, info = self._begin(None)
            return state, np.zeros(self.num_envs), never, never.copy(), info
        step = self.core.step(joint_action(self.core.encoding, actions))
        state, info = step.observation.state, self._masked(flat_info(step.info) | self._mask(step.observation))
        self._ended = bool(step.truncated[0])
        if self._ended and self.autoreset_mode is AutoresetMode.SAME_STEP:
            final = {"final_obs": np.fromiter(state, dtype=object, count=self.num_envs), "final_info": info}
            state, info = self._begin(None)
            info |= self._masked(final)
        return state, np.array(step.reward), never, step.truncated, info

    def render(self) -> tuple[Any, ...] | None:
        """Of each copy what the single environment's ``render`` gives; None without a mode."""
        if self.render_mode is None:
            return None
        return tuple(render(self.core, self.render_mode, copy) for copy in range(self.num_envs))

    def _begin(self, seed: int | None) -> tuple[States, dict[str, Any]]:
        observation = self.core.reset(seed)
        self._np_random = self.core.rng
        self._ended = False
        return observation.state, self._masked(self._mask(observation))

    def action_masks(self) -> BoolArray:
        """What each copy may choose now (B, W), see :meth:`dtbench.envs.single.SingleAgentEnv.action_masks`."""
        return joint_mask(self.core.encoding, self.core.observation)

    def _mask(self, observation: Observation) -> dict[str, Any]:
        """``action_mask`` (B, W) int8, where there are masks."""
        if not observation.masks:
            return {}
        return {"action_mask": joint_mask(self.core.encoding, observation).astype(np.int8)}

    def _masked(self, info: dict[str, Any]) -> dict[str, Any]:
        """Beside each entry the mask that says which copies have it: all of them."""
        new: dict[str, Any] = {}
        for name, value in info.items():
            if name.startswith("_"):
                continue
            new[name] = self._masked(value) if isinstance(value, dict) else value
            new[f"_{name}"] = np.ones(self.num_envs, dtype=np.bool_)
        return new
