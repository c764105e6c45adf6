"""The base class for policies that were trained elsewhere: by Stable-Baselines3, CleanRL, RLlib, or by hand.

A solver's file subclasses it, says what the policy was trained on and what that cost, and loads it with its own
library, in the process of its cell; dtbench itself reads no foreign file.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from dtbench.arrays import BoolArray
from dtbench.core import AnyProblem, Instance
from dtbench.encoding import Observation
from dtbench.envs import BatchEnv, make_env
from dtbench.envs.spaces import joint_action, joint_mask
from dtbench.errors import Declined, DtbenchError, InvalidDecision
from dtbench.learning.network_key import network_key, network_params, size_key, size_params
from dtbench.params import Options, param
from dtbench.regime import FORMS
from dtbench.solver import Solver
from dtbench.view import Turns, template


@dataclass(frozen=True, kw_only=True)
class GymPolicyOptions(Options):
    """Which file is played."""

    policy: str = param("", "1", "file of the trained policy, if not the one that the solver's file names")


class GymPolicy(Solver):
    """A policy trained in an environment of :func:`dtbench.make_env`. Subclass it, and implement :meth:`load`.

    .. code-block:: python

        class MyPpo(GymPolicy):
            name = "my-ppo"
            problems = ("stin-deployment",)
            trained_on = "stin-deployment/tiny"
            file = "my-ppo.zip"  # beside this file
            cost = {"seconds": 21.0, "frames": 20_000}

            def load(self, file):
                from stable_baselines3 import PPO

                return PPO.load(file, device="cpu")

    Attributes
    ----------
    trained_on
        What ``make_env`` was given: a problem and a size, an instance of the library, or an instance's file, which may
        lie beside the solver's.
    changes
        Parameters that ``make_env`` was given besides, such as what agents observe. They hold for what the policy sees,
        never for the score.
    encoding
        The encoding that it acts in.
    form
        ``"gym"``: it sees the global state and chooses for all; its regime is ``global``. ``"parallel"``: it sees, and
        chooses for, one agent after the other, as in PettingZoo's form; its regime is ``local``.
    scope
        What it may play; other instances are declined. ``"network"``: the network that it was trained on, see
        :func:`dtbench.learning.network_key.network_key`. ``"size"``: all networks with the same parameters.
    file
        Of the trained policy, relative to the solver's file; empty if there is none. The option ``policy`` names
        another.
    sha256
        Checksum of that file, if it should be checked.
    cost
        What training took: ``seconds``, and more facts if there are any, such as ``frames``; see
        :attr:`dtbench.solver.Solver.training`.

    Raises
    ------
    Declined
        Where the instance is none that the policy may play.
    DtbenchError
        Where something of the above is missing or does not exist; from :meth:`train` on a file that is missing or has
        another checksum.
    """

    trains = True
    deterministic = True
    Options: ClassVar[type[Options]] = GymPolicyOptions
    trained_on: ClassVar[str] = ""
    changes: ClassVar[Mapping[str, Any]] = {}
    encoding: ClassVar[str] = "agents"
    form: ClassVar[Literal["gym", "parallel"]] = "gym"
    scope: ClassVar[Literal["network", "size"]] = "network"
    file: ClassVar[str] = ""
    sha256: ClassVar[str] = ""
    cost: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "sees" not in vars(cls):
            cls.sees = FORMS[cls.form]

    def __init__(self, problem: AnyProblem, instance: Instance, *, seed: int = 0, **options: Any) -> None:
        super().__init__(problem, instance, seed=seed, **options)
        if not self.trained_on:
            raise DtbenchError(
                f"{self._where}: class {type(self).__name__} does not say what it was trained on; "
                f"add trained_on = '{problem.id}/SIZE'."
            )
        if "seconds" not in self.cost:
            raise DtbenchError(
                f"{self._where}: class {type(self).__name__} does not say what its training cost; "
                "add cost = {'seconds': ...}."
            )
        seen_as = template(problem, instance, _text(self.changes))
        self._decline_others(seen_as)
        self.env = BatchEnv(problem, seen_as, encoding=self.encoding)
        self.policy: Any = None
        self._memory: dict[str, Any] = {}

    def load(self, file: Path | None) -> Any:
        """The policy: an object with ``predict(observation)``, as Stable-Baselines3 has it, or a callable.

        A callable gets the observation and, if it takes two arguments, the action mask. In the form ``parallel`` it may
        be a mapping of such policies, by the name of an agent or of a group.
        """
        raise TypeError(f"solver '{self.name}' does not implement load")

    def prepare(self, observation: npt.NDArray[np.float32]) -> Any:
        """The observation (S,) as the policy was trained on it: override it where that was normalised, for instance."""
        return observation

    def train(self) -> None:
        """Load the policy, and tell what its training cost."""
        path = self._path
        facts = {"source": "file", "trained_on": self.trained_on}
        if path is not None:
            facts |= {"file": path.name, "sha256": self._checksum(path)}
        self.policy = self.load(path)
        self.training = facts | dict(self.cost)

    def acts_in(self) -> tuple[str, str]:
        return self.encoding, _text(self.changes)

    def choose(self, seen: Observation, next_mask: Turns | None) -> npt.NDArray[Any]:
        """What the policy asks for, given what it observes in a slot."""
        return self._alone(seen) if self.form == "gym" else self._one_by_one(seen, next_mask)

    def act(self, policy: Any, observation: Any, mask: BoolArray | None, who: str) -> Any:
        """The action of a policy for an observation; ``mask`` (W,) says what is allowed, True, if anything is masked.

        ``predict`` is asked for the best action, and given mask and memory if it takes them.
        """
        if not hasattr(policy, "predict"):
            return policy(observation, mask) if _takes_two(policy) else policy(observation)
        known = inspect.signature(policy.predict).parameters
        given: dict[str, Any] = {"deterministic": True} if "deterministic" in known else {}
        if "action_masks" in known and mask is not None:
            given["action_masks"] = mask
        if "episode_start" in known:
            given |= {"state": self._memory.get(who), "episode_start": np.array([who not in self._memory])}
        found = policy.predict(observation, **given)
        action, self._memory[who] = found if isinstance(found, tuple) else (found, None)
        return action

    def _alone(self, seen: Observation) -> npt.NDArray[Any]:
        """The joint action (size,) of one agent that chooses for all."""
        encoding = self.env.encoding
        mask = joint_mask(encoding, seen.in_a_row())[0] if encoding.discrete.any() else None
        action = self.act(self.policy, self.prepare(seen.state), mask, "")
        if isinstance(action, Mapping):
            action = {name: _numbers(part).reshape(-1) for name, part in action.items()}
            return joint_action(encoding, action)
        return self._of_size(action, encoding.size, "the joint action")

    def _one_by_one(self, seen: Observation, next_mask: Turns | None) -> npt.NDArray[Any]:
        """The joint action (size,) of agents that choose in turn, each told what those before it have taken."""
        encoding = self.env.encoding
        x = np.zeros(encoding.size, dtype=encoding.dtype)
        start = number = 0
        for group in encoding.groups:
            masks = seen.masks.get(group.name)
            for i, (agent, row) in enumerate(zip(group.agents, seen.agents[group.name], strict=True)):
                mask = next_mask(x, number) if next_mask else None if masks is None else masks[i]
                action = self.act(self._policy_of(agent, group.name), self.prepare(row), mask, agent)
                x[start : start + group.space.width] = self._of_size(action, group.space.width, f"'{agent}'")
                start, number = start + group.space.width, number + 1
        return x

    def _policy_of(self, agent: str, group: str) -> Any:
        if not isinstance(self.policy, Mapping):
            return self.policy
        if agent not in self.policy and group not in self.policy:
            raise DtbenchError(f"{self._where}: load gives no policy for '{agent}', nor for its group '{group}'.")
        return self.policy.get(agent, self.policy.get(group))

    def _of_size(self, action: Any, size: int, whose: str) -> npt.NDArray[Any]:
        numbers = _numbers(action)
        if numbers.size != size:
            raise InvalidDecision(
                f"the policy of '{self.name}' gives {numbers.shape} for {whose}, expected {size} numbers: "
                f"was it trained on '{self.trained_on}', in the encoding '{self.encoding}'?"
            )
        return numbers.reshape(size)

    # What it may play

    def _decline_others(self, instance: Instance) -> None:
        """Decline an instance that is not of the network, or the size, that the policy was trained on."""
        home = self._home
        if home.problem != self.problem.id:
            raise Declined(f"'{self.name}' was trained on '{home.problem}', not on '{self.problem.id}'")
        key, params = (size_key, size_params) if self.scope == "size" else (network_key, network_params)
        if key(self.problem, instance) == key(self.problem, home):
            return
        mine, theirs = params(self.problem, home), params(self.problem, instance)
        differ = [f"{name} is {theirs[name]}, was {mine[name]}" for name in mine if mine[name] != theirs[name]]
        why = ", ".join(differ[:3]) or "another network; scope = 'size' would play it"
        raise Declined(f"'{self.name}' was trained on '{self.trained_on}', this is another instance: {why}")

    @cached_property
    def _home(self) -> Instance:
        """What the policy was trained on."""
        beside = self._where.parent / self.trained_on
        named = str(beside) if beside.is_file() else self.trained_on
        home: Instance = make_env(named, encoding=self.encoding, **self.changes).instance
        return home

    # Files

    @cached_property
    def _where(self) -> Path:
        """The solver's file."""
        return Path(inspect.getfile(type(self))).resolve()

    @property
    def _path(self) -> Path | None:
        """The policy's file."""
        if not (self.options.policy or self.file):
            return None
        path = self._where.parent / (self.options.policy or self.file)
        if not path.is_file():
            raise DtbenchError(f"'{path}' does not exist or is not a file; expected the policy of '{self.name}'.")
        return path.resolve()

    def _checksum(self, path: Path) -> str:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if self.sha256 and not self.options.policy and found != self.sha256:
            raise DtbenchError(f"'{path}' has the checksum {found}, expected {self.sha256}: is it another policy?")
        return found


def _text(changes: Mapping[str, Any]) -> str:
    """Changed parameters as a view takes them."""
    return ",".join(f"{name}={value}" for name, value in changes.items())


def _numbers(action: Any) -> npt.NDArray[Any]:
    """An action as an array, also if it is a tensor."""
    if hasattr(action, "detach"):
        action = action.detach().cpu()
    return np.asarray(action)


def _takes_two(policy: Any) -> bool:
    """Whether a callable has a second positional argument."""
    try:
        parameters = inspect.signature(policy).parameters.values()
    except (TypeError, ValueError):  # of C
        return False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(positional) > 1
