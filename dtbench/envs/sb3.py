"""Stable-Baselines3's vector form: many copies of the single-agent environment in one call.

The only module of the package that imports ``stable_baselines3``, so it is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv

from dtbench.arrays import BoolArray
from dtbench.envs.batch import BatchEnv, Step
from dtbench.envs.render import checked, render
from dtbench.envs.spaces import joint_action, joint_mask, joint_space, observation_space
from dtbench.errors import DtbenchError

States = npt.NDArray[np.float32]
Indices = None | int | Iterable[int]


class BatchVecEnv(VecEnv):
    """A :class:`~dtbench.envs.batch.BatchEnv` of B copies as a Stable-Baselines3 ``VecEnv``.

    Action, observation and reward of each copy are those of :class:`~dtbench.envs.single.SingleAgentEnv`. All copies
    end in the same step, by truncation, and the next episode begins in it: as Stable-Baselines3 has it, infos then hold
    ``terminal_observation`` and ``TimeLimit.truncated``. Other facts in an info are numbers: ``objective``,
    ``feasible`` and, where they exist, ``repaired``, ``n_repaired`` and ``n_clipped``. The referee's metrics are in
    ``last.info["metrics"]``, for all copies at once.

    :meth:`action_masks` is what ``MaskablePPO`` asks for. Wrap it in ``VecMonitor`` for the returns of episodes.
    One seed serves all copies, from one random stream.

    Attributes
    ----------
    last
        The core's last step; None before the first.

    Raises
    ------
    DtbenchError
        Where joint actions are mixed, of which Stable-Baselines3 has no space.
    """

    def __init__(self, core: BatchEnv, render_mode: str | None = None) -> None:
        space = joint_space(core.encoding)
        if isinstance(space, spaces.Dict):
            raise DtbenchError(
                f"actions of the encoding '{core.encoding_name}' of '{core.problem.id}' are partly choices and partly "
                "real numbers, for which Stable-Baselines3 has no policy; choose another encoding."
            )
        self.core = core
        self.last: Step | None = None
        self._actions: Any = None
        self._mode = checked(render_mode)
        super().__init__(core.n_envs, observation_space(core, "state", core.observation.state.shape[-1]), space)

    def reset(self) -> States:
        seed = self._seeds[0]
        self._reset_seeds()
        self._reset_options()
        self.reset_infos = [{} for _ in range(self.num_envs)]
        return self.core.reset(seed).state

    def step_async(self, actions: Any) -> None:
        self._actions = joint_action(self.core.encoding, actions)

    def step_wait(self) -> tuple[States, npt.NDArray[np.float32], BoolArray, list[dict[str, Any]]]:
        step = self.last = self.core.step(self._actions)
        names = [name for name, value in step.info.items() if isinstance(value, np.ndarray) and value.ndim == 1]
        columns = [step.info[name].tolist() for name in names]
        infos: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        state = step.observation.state
        if step.truncated[0]:
            for info, reached in zip(infos, state, strict=True):
                info["terminal_observation"] = reached
                info["TimeLimit.truncated"] = True
            state = self.core.reset().state
        return state, step.reward.astype(np.float32), step.truncated, infos

    def action_masks(self) -> BoolArray:
        """What each copy may choose now (B, W), see :meth:`dtbench.envs.single.SingleAgentEnv.action_masks`."""
        return joint_mask(self.core.encoding, self.core.observation)

    def close(self) -> None:
        """There is nothing to close."""

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """An attribute of this environment or of its core, the same for every copy."""
        if attr_name == "render_mode":  # asked for before there is one
            value: Any = self._mode
        else:
            value = getattr(self if hasattr(type(self), attr_name) else self.core, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Not possible: copies share everything."""
        raise DtbenchError(f"'{attr_name}' cannot be set: the copies are one batch. Make another environment.")

    def env_method(
        self, method_name: str, *method_args: Any, indices: Indices = None, **method_kwargs: Any
    ) -> list[Any]:
        """A method of this environment that gives a row per copy, such as ``action_masks``."""
        rows = getattr(self, method_name)(*method_args, **method_kwargs)
        return [rows[index] for index in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: Any, indices: Indices = None) -> list[bool]:
        """Never: copies have no wrappers of their own."""
        return [False for _ in self._get_indices(indices)]

    def get_images(self) -> Sequence[npt.NDArray[np.uint8] | None]:
        """Pictures (680, 1120, 3) uint8 of all copies, in the mode ``rgb_array``; otherwise nothing."""
        if self._mode != "rgb_array":
            return [None] * self.num_envs
        images: list[Any] = [render(self.core, self._mode, copy) for copy in range(self.num_envs)]
        return images
