"""Environments: one batched core (:mod:`.batch`) with Gymnasium, vector and PettingZoo faces.

Gymnasium's ids are ``dtbench/<problem>-<size>-v0``; they are registered when ``dtbench`` is imported.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Literal

from dtbench.core import AnyProblem, Instance
from dtbench.envs.batch import BatchEnv, Step
from dtbench.errors import DtbenchError
from dtbench.problems import all_problems, problem, registry
from dtbench.problems.shipped import HORIZONS

__all__ = ["BatchEnv", "Step", "make_env", "register_envs"]

Form = Literal["batch", "gym", "vector", "parallel", "sb3"]
TEMPLATE_SEED = 10_000  # no instance of the library: those have seeds from 0


def make_env(
    instance: str | Instance,
    form: Form = "batch",
    n_envs: int = 1,
    fresh: bool | None = None,
    seed: int | None = None,
    encoding: str = "agents",
    autoreset_mode: Any = None,
    render_mode: str | None = None,
    **overrides: Any,
) -> Any:
    """An environment of one instance, or of a problem's size.

    Parameters
    ----------
    instance
        An :class:`~dtbench.core.Instance`; a name of the library or path of a file (``"stin-deployment/paper-003"``);
        or a problem and a size (``"stin-deployment/paper"``), which means an instance drawn for training, of no seed of
        the library.
    form
        ``"batch"``: :class:`~dtbench.envs.batch.BatchEnv`, the numpy core. ``"gym"``: ``gymnasium.Env``, one agent
        chooses for all. ``"vector"``: ``gymnasium.vector.VectorEnv``. ``"parallel"``: PettingZoo ``ParallelEnv``.
        ``"sb3"``: ``VecEnv`` of Stable-Baselines3, which must be installed.
    n_envs
        Copies that step together; 1 for ``gym`` and ``parallel``.
    fresh
        True: each episode draws anew, what the problem's ``resample`` says (training). False: each replays the
        instance's own trace (scoring). By default True where ``instance`` is a size.
    seed
        Of the first episode, if its ``reset`` gives none.
    encoding
        Which of the problem's encodings joint actions are in; agents of PettingZoo's form must observe something.
    autoreset_mode
        Of the form ``vector``: ``"NextStep"`` (default), ``"SameStep"`` or ``"Disabled"``.
    render_mode
        What ``render`` of the other forms gives: ``"rgb_array"``, a picture of the last slot and the decision in it;
        ``"ansi"``, the same in a few lines; None, nothing.
    overrides
        Parameters to change, where ``instance`` is a size.

    Raises
    ------
    DtbenchError
        On an unknown instance, problem, size, parameter or form, or a combination that does not exist.
    """
    owner, template, of_size = _resolve(instance, overrides)
    fresh = of_size if fresh is None else fresh
    core = BatchEnv(owner, template, n_envs, fresh=fresh, seed=seed, encoding=encoding)
    _check_form(core, form, autoreset_mode, render_mode)
    if form == "batch":
        return core
    return _faced(core, form, autoreset_mode, render_mode)


def _check_form(core: BatchEnv, form: str, autoreset_mode: Any, render_mode: str | None) -> None:
    """Refuse what does not go together, before anything is made of the core."""
    if form in ("gym", "parallel") and core.n_envs != 1:
        raise DtbenchError(
            f"form '{form}' holds one environment, n_envs is {core.n_envs}; use 'vector', 'sb3' or 'batch' for more."
        )
    if form == "parallel" and not all(g.observation for g in core.encoding.groups):
        raise DtbenchError(
            f"agents of the encoding '{core.encoding_name}' of '{core.problem.id}' observe nothing; use 'gym' or "
            "'batch'."
        )
    if autoreset_mode is not None and form != "vector":
        raise DtbenchError(f"autoreset_mode is of the form 'vector', not of '{form}'.")
    if form == "batch" and render_mode is not None:
        raise DtbenchError("form 'batch' renders nothing; leave render_mode out, or use 'gym' or 'vector'.")


def _faced(core: BatchEnv, form: str, autoreset_mode: Any, render_mode: str | None) -> Any:
    """The core with the face of another library, which is imported now."""
    if form == "gym":
        from dtbench.envs.single import SingleAgentEnv

        return SingleAgentEnv(core, render_mode)
    if form == "vector":
        from dtbench.envs.vector import BatchVectorEnv

        return BatchVectorEnv(core, "NextStep" if autoreset_mode is None else autoreset_mode, render_mode)
    if form == "parallel":
        from dtbench.envs.parallel import MultiAgentEnv

        return MultiAgentEnv(core, render_mode)
    if form == "sb3":
        try:
            from dtbench.envs.sb3 import BatchVecEnv
        except ModuleNotFoundError as error:
            raise DtbenchError(
                f"form 'sb3' needs {error.name}, which is not installed: `pip install stable-baselines3`."
            ) from None
        return BatchVecEnv(core, render_mode)
    raise DtbenchError(f"unknown form '{form}'. Known: batch, gym, vector, parallel, sb3.")


def _resolve(instance: str | Instance, overrides: Mapping[str, Any]) -> tuple[AnyProblem, Instance, bool]:
    """The problem, the instance, and whether a size was asked for."""
    if isinstance(instance, str):
        id, _, size = instance.partition("/")
        if id in all_problems() and size in all_problems()[id].sizes:
            owner = problem(id)
            return owner, owner.generate(size, TEMPLATE_SEED, **overrides), True
        from dtbench.library import instances

        instance = instances.load(instance)
    if overrides:
        raise DtbenchError(
            f"parameters ({', '.join(overrides)}) cannot be changed in a frozen instance; name a problem and a size, "
            f"'{instance.problem}/{instance.size}', to draw another one."
        )
    return problem(instance.problem), instance, False


def make_gym(instance: str, usual_steps: int | None = None, **options: Any) -> Any:
    """What ``gymnasium.make`` calls.

    ``usual_steps`` is the length of an episode that the id is registered with. Gymnasium ends longer ones there, and
    does not tell us if it was asked for another length: then a warning says how.
    """
    env = make_env(instance, "gym", **options)
    if usual_steps is not None and env.core.horizon > usual_steps:
        warnings.warn(
            f"an episode has {env.core.horizon} slots, but gymnasium.make ends it after {usual_steps} "
            f"unless it is given max_episode_steps={env.core.horizon}.",
            stacklevel=3,
        )
    return env


def make_vector(
    instance: str,
    num_envs: int = 1,
    usual_steps: int | None = None,
    max_episode_steps: int | None = None,
    **options: Any,
) -> Any:
    """What ``gymnasium.make_vec`` calls.

    Raises
    ------
    DtbenchError
        If episodes are to end before the horizon.
    """
    env = make_env(instance, "vector", num_envs, **options)
    if max_episode_steps not in (None, usual_steps, env.core.horizon):
        raise DtbenchError(
            f"max_episode_steps is {max_episode_steps}, but an episode has {env.core.horizon} slots; "
            "give 'horizon' beside a problem's size to change that."
        )
    return env


def register_envs() -> None:
    """Tell Gymnasium the id of every problem and size, played by one agent that chooses for all; again is harmless."""
    import gymnasium

    known: dict[tuple[str, str], int | None] = {
        (id, size): steps for id, sizes in HORIZONS.items() for size, steps in sizes.items()
    }
    if registry.others():  # only theirs need an import: what shipped ones are called is written down
        for owner in all_problems().values():
            for size, params in owner.sizes.items():
                known[owner.id, size] = owner.dimensions(params).get("time")
    for (problem_id, size), steps in known.items():
        id = f"dtbench/{problem_id}-{size}-v0"
        if id not in gymnasium.registry:
            gymnasium.register(
                id,
                entry_point="dtbench.envs:make_gym",
                vector_entry_point="dtbench.envs:make_vector",
                max_episode_steps=steps,
                kwargs={"instance": f"{problem_id}/{size}", "usual_steps": steps},
            )
