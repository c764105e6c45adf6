"""The training loop of every learned agent: rounds, validation on fixed traces, the best policy, progress, resume."""

from __future__ import annotations

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.core import AnyProblem, Instance, is_better
from dtbench.envs import BatchEnv
from dtbench.envs.batch import Draw
from dtbench.learning.memory import keep_freed_memory
from dtbench.learning.networks import Floats
from dtbench.learning.policy import NextMask, Policy

VALIDATION_SEED = 5_000  # of fresh traces that no agent is trained on; see TRAINING_SEED
TRAINING_SEED = 10_000  # plus the agent's seed; instances of the library are frozen apart

Snapshot = tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]  # arrays, and facts that JSON takes


class Learner(ABC):
    """An algorithm in training: each round plays episodes on fresh traces and updates its networks.

    Attributes
    ----------
    rounds
        Rounds of the whole training.
    episodes, frames
        What has been played so far: episodes, and slots over all of them.
    seconds
        Time by part: ``environment``, ``acting``, ``update``.
    policy
        What is learned so far; its weights change in place.
    """

    rounds: int
    policy: Policy

    def __init__(self) -> None:
        keep_freed_memory()
        self.episodes = 0
        self.frames = 0
        self.seconds = {"environment": 0.0, "acting": 0.0, "update": 0.0}

    @abstractmethod
    def round(self, number: int) -> Mapping[str, float]:
        """Play and update once; ``number`` counts from 0. What it returns is logged: losses, exploration, return."""

    @abstractmethod
    def state(self) -> Snapshot:
        """Everything that the next round depends on: weights, moments, replay, generators."""

    @abstractmethod
    def load(self, state: Snapshot) -> None:
        """The inverse of :meth:`state`."""

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Add the time of a block to a part of :attr:`seconds`."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[part] += time.perf_counter() - began


@dataclass(frozen=True)
class Point:
    """A point of the learning curve: where training was, and the objective on the validation traces."""

    round: int
    episodes: int
    frames: int
    seconds: float
    objective: float
    reward: float


@dataclass
class Progress:
    """What a training tells after each round; ``point`` where it has just validated. Times in s."""

    round: int
    rounds: int
    learner: Learner
    elapsed: float
    left: float
    metrics: Mapping[str, float]
    point: Point | None
    best: Point | None


@dataclass
class Trained:
    """The outcome: weights of the best validated policy, the learning curve and what it cost."""

    arrays: dict[str, Floats]
    best: Point
    curve: list[Point]
    learner: Learner
    seconds: float = 0.0


@dataclass
class Memo:
    """What :func:`fit` itself must know to go on after an interruption."""

    round: int = 0
    seconds: float = 0.0
    curve: list[Point] = field(default_factory=list)
    best: Point | None = None
    arrays: dict[str, Floats] = field(default_factory=dict)


class Validation:
    """Scores policies on the same fresh traces every time: of the network, and of no training or library seed.

    ``draw`` is where traces come from, if not from the network, ``encoding`` what policies act in; see
    :class:`~dtbench.envs.batch.BatchEnv`.
    """

    def __init__(
        self,
        problem: AnyProblem,
        instance: Instance,
        traces: int = 20,
        seed: int = VALIDATION_SEED,
        draw: Draw | None = None,
        encoding: str = "agents",
    ) -> None:
        self.env = BatchEnv(problem, instance, traces, fresh=True, draw=draw, seed=seed, encoding=encoding)
        self.seed = seed
        self.traces = traces

    def __call__(self, policy: Policy) -> tuple[float, float]:
        """Means over traces and slots of the objective, as the referee scores it, and of the team's reward."""
        seen = self.env.reset(seed=self.seed)
        memory, objective, reward = policy.start(self.env.n_envs), 0.0, 0.0
        for _ in range(self.env.horizon):
            x, memory = policy.act(seen, memory, next_mask=ordered(self.env))
            step = self.env.step(x)
            seen = step.observation
            objective += float(step.info["objective"].mean())
            reward += float(step.reward.mean())
        return objective / self.env.horizon, reward / self.env.horizon


def ordered(env: BatchEnv) -> NextMask | None:
    """The masks of agents that choose in order; None where they choose at the same time."""
    nothing = np.zeros((env.n_envs, env.encoding.size), dtype=env.encoding.dtype)
    if env.problem.next_mask(env.slot, nothing, 0) is None:
        return None
    return env.next_mask


def fit(
    learner: Learner,
    validation: Validation,
    *,
    every: int,
    report: Callable[[Progress], None] | None = None,
    memo: Memo | None = None,
    save: Callable[[Memo, Learner], None] | None = None,
) -> Trained:
    """Train to the last round; keep the policy that does best on the validation traces.

    What is best, the objective or the reward, is what :attr:`dtbench.encoding.Encoding.keep_by` says.

    Parameters
    ----------
    learner
        What is trained; restored already where ``memo`` says how far it is.
    validation
        Scores it.
    every
        Rounds between validations; there is one before the first round and one after the last.
    report
        Told after each round.
    memo
        Of an interrupted training.
    save
        Called after each validation: may write what is needed to go on from there.
    """
    memo, sense = memo or Memo(), validation.env.problem.sense
    began, keep_by = time.perf_counter() - memo.seconds, validation.env.encoding.keep_by

    def better(point: Point, best: Point) -> bool:
        if keep_by == "reward":
            return not math.isfinite(best.reward) or point.reward > best.reward
        return not math.isfinite(best.objective) or is_better(sense, point.objective, best.objective)

    def validate(done: int) -> Point:
        objective, reward = validation(learner.policy)
        seconds = time.perf_counter() - began
        point = Point(done, learner.episodes, learner.frames, seconds, objective, reward)
        memo.curve.append(point)
        if memo.best is None or better(point, memo.best):
            memo.best, memo.arrays = point, {k: v.copy() for k, v in learner.policy.arrays().items()}
        memo.round, memo.seconds = done, seconds
        if save is not None:
            save(memo, learner)
        return point

    if not memo.curve:
        validate(0)
    first, at = memo.round, time.perf_counter()
    for number in range(first, learner.rounds):
        metrics = learner.round(number)
        done = number + 1
        point = validate(done) if done % every == 0 or done == learner.rounds else None
        if report is not None:
            now = time.perf_counter()
            left = (now - at) / (done - first) * (learner.rounds - done)
            report(Progress(done, learner.rounds, learner, now - began, left, metrics, point, memo.best))
    assert memo.best is not None  # noqa: S101  there was a validation
    return Trained(memo.arrays, memo.best, memo.curve, learner, time.perf_counter() - began)
