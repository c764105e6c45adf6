"""Environments: one batched core (:mod:`.batch`) with Gymnasium, vector and PettingZoo faces.

Gymnasium's ids are ``dtbench/<problem>-<size>-v0``; they are registered when ``dtbench`` is imported.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from dtbench.core import AnyProblem, Instance
from dtbench.envs.batch import BatchEnv, Step
from dtbench.errors import DtbenchError
from dtbench.problems import all_problems, problem

__all__ = ["BatchEnv", "Step", "make_env", "register_envs"]

Form = Literal["batch", "gym", "vector", "parallel"]
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
    if form in ("gym", "parallel") and n_envs != 1:
        raise DtbenchError(
            f"form '{form}' holds one environment, n_envs is {n_envs}; use 'vector' or 'batch' for more."
        )
    if form == "parallel" and not all(g.observation for g in core.encoding.groups):
        raise DtbenchError(
            f"agents of the encoding '{encoding}' of '{owner.id}' observe nothing; use 'gym' or 'batch'."
        )
    if autoreset_mode is not None and form != "vector":
        raise DtbenchError(f"autoreset_mode is of the form 'vector', not of '{form}'.")
    if form == "batch":
        if render_mode is not None:
            raise DtbenchError("form 'batch' renders nothing; leave render_mode out, or use 'gym' or 'vector'.")
        return core
    if form == "gym":
        from dtbench.envs.single import SingleAgentEnv

        return SingleAgentEnv(core, render_mode)
    if form == "vector":
        from dtbench.envs.vector import BatchVectorEnv

        return BatchVectorEnv(core, "NextStep" if autoreset_mode is None else autoreset_mode, render_mode)
    if form == "parallel":
        from dtbench.envs.parallel import MultiAgentEnv

        return MultiAgentEnv(core, render_mode)
    raise DtbenchError(f"unknown form '{form}'. Known: batch, gym, vector, parallel.")


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


def make_gym(instance: str, **options: Any) -> Any:
    """What ``gymnasium.make`` calls."""
    return make_env(instance, "gym", **options)


def make_vector(instance: str, num_envs: int = 1, **options: Any) -> Any:
    """What ``gymnasium.make_vec`` calls."""
    return make_env(instance, "vector", num_envs, **options)


def register_envs() -> None:
    """Tell Gymnasium the id of every problem and size, played by one agent that chooses for all; again is harmless."""
    import gymnasium

    for owner in all_problems().values():
        for size in owner.sizes:
            id = f"dtbench/{owner.id}-{size}-v0"
            if id not in gymnasium.registry:
                gymnasium.register(
                    id,
                    entry_point="dtbench.envs:make_gym",
                    vector_entry_point="dtbench.envs:make_vector",
                    kwargs={"instance": f"{owner.id}/{size}"},
                )
