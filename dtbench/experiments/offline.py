"""Demonstrations as a Minari dataset, which libraries of offline reinforcement learning read.

Each demonstration is an episode of the Gymnasium form of the environment: what its method decided is written as a joint
action of an encoding, the environment plays that action, and what it observes and pays is recorded. So the data hold
what the environment gave, never a copy of the certificate. Where an encoding cannot say a decision exactly, the episode
is worse than what was demonstrated; :attr:`Episode.demonstrated` is kept beside it to tell by how much.
"""

from __future__ import annotations

import importlib.util
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench import __version__
from dtbench.arrays import Array
from dtbench.core import AnyProblem, Instance
from dtbench.encoding import Encoding
from dtbench.envs import make_env
from dtbench.envs.spaces import joint_element
from dtbench.errors import DtbenchError
from dtbench.experiments import decisions
from dtbench.experiments.demonstrations import solved
from dtbench.experiments.record import Record
from dtbench.experiments.store import Store
from dtbench.library import instances

DATASET = re.compile(r"([\w-]+/)*[\w-]+-v\d+")


@dataclass(frozen=True)
class Episode:
    """What the environment gave on one trace; T slots.

    ``observations`` (T + 1, S) float32, ``actions`` (T, size) joint actions, ``rewards``, ``objective`` and
    ``demonstrated`` (T,): the referee's objective of what was played, and of what was demonstrated.
    """

    observations: npt.NDArray[np.float32]
    actions: npt.NDArray[Any]
    rewards: Array
    objective: Array
    demonstrated: Array


def encoding_of(owner: AnyProblem, instance: Instance, name: str | None) -> str:
    """Name of the encoding to write actions in: the one named, otherwise the first that can say a decision.

    Raises
    ------
    DtbenchError
        If there is no such encoding, or it cannot say a decision.
    """
    known = owner.encodings(instance)
    able = [each for each, encoding in known.items() if encoding.encode is not None]
    if name is None and able:
        return able[0]
    if not able:
        raise DtbenchError(f"no encoding of '{owner.id}' can say a decision as a joint action.")
    if name not in able:
        raise DtbenchError(
            f"encoding '{name}' of '{owner.id}' cannot say decisions; those that can: {', '.join(able)}."
        )
    return name


def episodes(owner: AnyProblem, store: Store, records: Iterable[Record], encoding: str | None) -> Iterator[Episode]:
    """Play what was decided on each trace that was solved, in the order of their numbers."""
    for record in solved(records):
        instance = instances.load(store.instance_of(record.cell))
        name = encoding_of(owner, instance, encoding)
        given = decisions.read(store.decisions(record.cell.stem), owner)
        env = make_env(instance, "gym", fresh=False, encoding=name)
        how: Encoding = env.core.encoding
        seen, taken, rewards, objective = [env.reset()[0]], [], [], []
        for t in range(instance.horizon):
            x = how.encode(env.core.slot, given[t][None])[0]  # type: ignore[misc]
            observation, reward, _, _, info = env.step(joint_element(how, x))
            seen.append(observation)
            taken.append(x)
            rewards.append(reward)
            objective.append(info["objective"])
        assert record.slots is not None  # noqa: S101  of those that were solved
        yield Episode(np.array(seen), np.array(taken), np.array(rewards), np.array(objective),
                      np.array(record.slots.objective))  # fmt: skip


def write_minari(
    owner: AnyProblem, size: str, dataset: str, played: Sequence[Episode], encoding: str | None, solver: str
) -> Path:
    """Write episodes as a dataset to where Minari keeps them, ``MINARI_DATASETS_PATH``, and give its folder.

    Raises
    ------
    DtbenchError
        As :func:`check_name` does.
    """
    check_name(dataset)
    import minari

    name = encoding_of(owner, owner.generate(size, 0), encoding)
    env = make_env(f"{owner.id}/{size}", "gym", encoding=name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # author, address, code: whoever publishes the dataset says
        made = minari.create_dataset_from_buffers(
            dataset,
            [buffer(env.core.encoding, number, episode) for number, episode in enumerate(played)],
            action_space=env.action_space,
            observation_space=env.observation_space,
            algorithm_name=f"dtbench {__version__}: {solver}",
            description=f"{owner.title}. What {solver} decides on fresh traces of {owner.id}/{size}, "
            f"in encoding '{name}'. "
            f'The environment: dtbench.make_env("{owner.id}/{size}", "gym", encoding="{name}").',
            requirements=[f"dtbench>={__version__}"],
        )
    return Path(made.storage.data_path).parent


def check_name(dataset: str) -> None:
    """Refuse a name that no dataset can be written under.

    Raises
    ------
    DtbenchError
        If Minari is missing, the name is no name of a dataset, or there is one of this name.
    """
    if importlib.util.find_spec("minari") is None:
        raise DtbenchError("Minari is not installed: `pip install 'dtbench[minari]'`.")
    if DATASET.fullmatch(dataset) is None:
        raise DtbenchError(f"--minari is '{dataset}'; expected NAMESPACE/NAME-vNUMBER, like mine/optimal-v0.")
    import minari

    if dataset in minari.list_local_datasets():
        raise DtbenchError(f"--minari: there is a dataset '{dataset}' already; raise its version, or delete it: "
                           f"minari delete {dataset}")  # fmt: skip


def buffer(encoding: Encoding, number: int, episode: Episode) -> Any:
    """An episode as Minari takes it: an environment is truncated after the horizon, never terminated."""
    from minari.data_collector import EpisodeBuffer

    steps = len(episode.rewards)
    last = np.arange(steps) == steps - 1
    return EpisodeBuffer(
        id=number, observations=episode.observations, actions=joint_element(encoding, episode.actions),
        rewards=episode.rewards, terminations=np.zeros(steps, dtype=bool), truncations=last,
        infos={"objective": episode.objective, "demonstrated": episode.demonstrated},
    )  # fmt: skip
