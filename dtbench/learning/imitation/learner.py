"""Imitation with DAgger (Ross, Gordon and Bagnell 2011): play, ask what is best there, add it, learn from all of it.

In each round, fresh traces are played in parallel: by the answers themselves in the first ``expert`` rounds, then by
the policy. Slots of these traces are answered by :mod:`dtbench.learning.imitation.teachers`; states and answers are
added to the lessons, and gradient steps on batches of all lessons follow. Scales of features, and of values that are
learned, are those of the first round.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from dtbench.core import Instance, Limits
from dtbench.envs import BatchEnv
from dtbench.errors import DtbenchError
from dtbench.learning.imitation import demonstrations, losses
from dtbench.learning.imitation.lessons import Lessons
from dtbench.learning.imitation.network import SetNetwork
from dtbench.learning.imitation.options import ImitationOptions
from dtbench.learning.imitation.policy import SetPolicy, layout_of
from dtbench.learning.imitation.teachers import Answer, follow, teacher
from dtbench.learning.imitation.torch_network import LEAST_SCALE, TorchSetNetwork, set_input_scales
from dtbench.learning.policy import select
from dtbench.learning.training import TRAINING_SEED, Learner, Snapshot


class ImitationLearner(Learner):
    """A network of sets that learns what is best in slots that it plays.

    Parameters
    ----------
    env
        Copies that traces are played in; its own seed gives the traces.
    options
        Settings.
    seed
        Of the choice of slots, batches and first weights.

    Raises
    ------
    DtbenchError
        If the encoding has no layout; from :meth:`round`, if nobody answers.
    """

    def __init__(self, env: BatchEnv, options: ImitationOptions, seed: int) -> None:
        super().__init__()
        self.seconds["answers"] = 0.0
        drawing, weights = np.random.SeedSequence(TRAINING_SEED + seed).spawn(2)
        self.rng = np.random.default_rng(drawing)
        generator = torch.Generator().manual_seed(int(weights.generate_state(1)[0]))
        self.env, self.options, self.rounds = env, options, options.rounds
        self.layout = layout_of(env.encoding)
        self.network = TorchSetNetwork(SetNetwork.of(self.layout, options.hidden, options.layers), generator)
        self.parameters = list(self.network.parameters())
        self.optimizer = torch.optim.Adam(self.parameters, lr=options.learning_rate)
        self.lessons = Lessons(self.layout.state_size, self.layout.action_size)
        self.policy: SetPolicy = SetPolicy(env.encoding, self.network.network, self.network.arrays())

    def round(self, number: int) -> Mapping[str, float]:
        o, metrics = self.options, {}
        if number == 0 and o.demonstrations:
            self.read_demonstrations(Path(o.demonstrations))
        if number < self.rounds - o.finishing:
            metrics = {"objective": self.demonstrate(by_answers=number < o.expert)}
        if self.lessons.size == 0:
            raise DtbenchError(
                f"no slot was answered within {o.seconds:g} s, so there is nothing to learn from; raise the option "
                "seconds or name a quicker method."
            )
        if number == 0:
            self.set_scales()
        rate = o.learning_rate * cosine(1.0, o.last_rate, number / max(self.rounds - 1, 1))
        self.optimizer.param_groups[0]["lr"] = rate
        with self.timed("update"):
            loss = [self.update() for _ in range(o.updates * self.env.n_envs)]
        return metrics | {"loss": float(np.mean(loss)), "lessons": float(self.lessons.size)}

    def demonstrate(self, *, by_answers: bool) -> float:
        """Play a trace in every copy and have slots answered; the mean objective of what was played."""
        env, o = self.env, self.options
        with self.timed("environment"):
            seen = env.reset()
        with self.timed("answers"):
            answers = [self._teacher(copy) for copy in range(env.n_envs)]
        asked = np.ones((env.horizon, env.n_envs), dtype=bool)
        if 0 < o.slots < env.horizon:
            asked = self.rng.permuted(np.arange(env.horizon)[:, None] + 0 * asked, axis=0) < o.slots
        objective, memory = 0.0, self.policy.start(env.n_envs)
        for t in range(env.horizon):
            with self.timed("answers"):
                targets = self._answers(answers, t, asked[t])
            self.lessons.add(self.policy.look(seen, memory), targets)
            with self.timed("acting"):
                x, memory = self.policy.act(seen, memory)
                x = by_answer(x, targets) if by_answers else x
            with self.timed("environment"):
                step = env.step(x)
            seen = step.observation
            objective += float(step.info["objective"].mean())
        self.episodes += env.n_envs
        self.frames += env.n_envs * env.horizon
        return objective / env.horizon

    def read_demonstrations(self, file: Path) -> None:
        """Take what was decided on the traces of a file as lessons, in the states that these decisions lead to."""
        env, limits = self.env, Limits(seconds=self.options.seconds)
        for instance, plan in demonstrations.read(file, env.problem):
            own = env.encoding.teacher
            answer = follow(env.encoding, plan) if own is None else own(env.problem, instance, limits)
            self._check_fit(instance, file)
            state, memory = env.problem.start(instance), self.policy.start(1)
            for t in range(instance.horizon):
                slot = env.problem.slot(instance, t, state)[None]
                seen = (env.encoding.observe or env.problem.observe)(slot)
                self.lessons.add(self.policy.look(seen, memory), np.asarray(answer(t, slot[0]))[None])
                memory = self.policy.counted(memory)
                state = env.problem.advance(slot[0], plan[t])

    def _check_fit(self, instance: Instance, file: Path) -> None:
        mine, theirs = (self.env.problem.dimensions(i.params) for i in (self.env.instance, instance))
        if mine != theirs:
            raise DtbenchError(f"'{file}' is of the size {dict(theirs)}, the training of {dict(mine)}; name another.")

    def _teacher(self, copy: int) -> Answer:
        env, o = self.env, self.options
        return teacher(env.problem, env.encoding, env.instances[copy], Limits(seconds=o.seconds), o.method)

    def _answers(self, answers: list[Answer], t: int, asked: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
        """Targets (copies, size) of the present slot; NaN where nobody is asked."""
        targets = np.full((self.env.n_envs, self.env.encoding.size), np.nan)
        for copy in np.flatnonzero(asked):
            targets[copy] = answers[copy](t, self.env.slot[copy])
        return targets

    def set_scales(self) -> None:
        """Let features have mean 0 and deviation 1 over the lessons, and values be learned in units of their spread."""
        set_input_scales(self.network, self.layout, self.lessons.states)
        targets = self.layout.split_action(self.lessons.targets)
        with torch.no_grad():
            for head in self.layout.heads:
                if head.loss == "value":
                    spread = np.nanstd(targets[head.name].reshape(-1, head.outputs).astype(np.float64), axis=0)
                    scale = np.where(spread > LEAST_SCALE, spread, 1.0)
                    self.network.weight(f"head.{head.name}.scale").copy_(torch.from_numpy(scale))

    def update(self) -> float:
        """One gradient step of Adam on a batch of lessons; its loss."""
        rows = self.lessons.sample(self.rng, self.options.batch)
        inputs = tensors(self.layout.split_state(self.lessons.states[rows]))
        targets = tensors(self.layout.split_action(self.lessons.targets[rows]))
        scales = {head.name: self.network.weight(f"head.{head.name}.scale") for head in self.layout.heads}
        loss = losses.total(self.layout, self.network(inputs), inputs, targets, scales)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.parameters, self.options.clip)
        self.optimizer.step()
        return float(loss.detach())

    def state(self) -> Snapshot:
        arrays: dict[str, npt.NDArray[Any]] = {f"network/{k}": v.copy() for k, v in self.network.arrays().items()}
        for k, parameter in enumerate(self.parameters):
            moments = self.optimizer.state.get(parameter, {})
            arrays |= {f"adam/{k}/{name}": value.numpy().copy() for name, value in moments.items()}
        arrays |= {"lessons/states": self.lessons.states, "lessons/targets": self.lessons.targets}
        rngs = [rng.bit_generator.state for rng in (self.env.rng, self.rng)]
        return arrays, {"rngs": rngs}

    def load(self, state: Snapshot) -> None:
        arrays, facts = state
        self.network.load(select(arrays, "network"))
        for k, parameter in enumerate(self.parameters):
            moments = select(arrays, f"adam/{k}")
            if moments:
                self.optimizer.state[parameter] = {name: torch.from_numpy(v.copy()) for name, v in moments.items()}
        self.lessons = Lessons(self.layout.state_size, self.layout.action_size)
        self.lessons.add(arrays["lessons/states"], arrays["lessons/targets"])
        for rng, kept in zip((self.env.rng, self.rng), facts["rngs"], strict=True):
            rng.bit_generator.state = kept


def by_answer(x: npt.NDArray[Any], targets: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    """Joint actions (copies, size): the answers where there are any, 0 in entries that are not taught; else ``x``."""
    taught = ~np.isnan(targets).all(axis=-1, keepdims=True)
    return np.where(taught, np.nan_to_num(targets), x)


def tensors(arrays: Mapping[str, npt.NDArray[Any]]) -> dict[str, Tensor]:
    """The arrays, each in one piece, as tensors."""
    return {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in arrays.items()}


def cosine(first: float, last: float, share: float) -> float:
    """From ``first`` (share 0) to ``last`` (share 1) along half a cosine."""
    return last + (first - last) * 0.5 * (1.0 + math.cos(math.pi * share))
