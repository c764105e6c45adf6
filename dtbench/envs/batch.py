"""The core of every environment: B copies of an instance step together, in plain numpy.

One step is one slot; an episode is the horizon T. A joint action is decoded into a repaired decision, the referee
scores it, the state advances. Episodes end by truncation after slot T - 1, never by termination: a learner bootstraps
from the last observation, which is of the state reached, seen on the last slot's data (the trace has no slot T). All
copies have the same horizon and start together, so one slot counter serves all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, BoolArray, spread
from dtbench.core import AnyProblem, Decision, Instance, Slot, State
from dtbench.encoding import Categorical, Observation, limits
from dtbench.envs.shown import Shown
from dtbench.errors import DtbenchError

Joint = npt.NDArray[Any]  # (B, size), see dtbench.encoding
Draw = Callable[[np.random.Generator, int], Instance]  # source of randomness, B -> instances (B,)


class Step(NamedTuple):
    """What a step returns; B copies, n agents.

    ``observation``: of the state reached. ``reward`` (B,): the team's. ``agent_rewards`` (B, n). ``truncated`` (B,).
    ``info``: ``objective`` (B,) and ``feasible`` (B,) of the repaired decision, the referee's ``metrics`` as
    ``{name: (B, ...)}``; where all actions are categorical and the encoding has an inverse also ``n_repaired`` (B,),
    agents whose action repair has changed, and ``repaired`` (B,), whether there are any; where there are real actions
    ``n_clipped`` (B,), real entries that were out of their range. Encodings may add more.
    """

    observation: Observation
    reward: Array
    agent_rewards: Array
    truncated: BoolArray
    info: dict[str, Any]


class BatchEnv(Shown):
    """B copies of a problem's environment.

    Parameters
    ----------
    problem, instance
        The instance has no leading axes.
    n_envs
        B.
    fresh
        True: every :meth:`reset` draws B fresh traces by ``problem.resample``. False: every episode replays the
        instance's own trace in all copies.
    draw
        Where fresh instances come from, if not from ``problem.resample``: other networks of the same size, say.
    seed
        Of the first episode, unless its ``reset`` gives one; None = from the operating system.
    encoding
        Name of the problem's encoding that joint actions are in.

    Attributes
    ----------
    encoding
        That encoding: what a joint action (B, size) is.
    instances
        What is being played: the instance (no leading axes) or the fresh ones (B,).
    slot
        The present slot; its leading axes are (B,), or fewer where all copies agree.
    t
        Its number; T once the episode is over.
    observation
        What is seen now.
    played
        The last slot and the repaired decision in it, which is what is rendered; None before the first step.
    state_only
        Whether observations hold no agents' own views, only masks and the global state: of those who read nothing else.
    rng
        The only source of randomness, seeded through ``SeedSequence``: the same seed gives the same episodes to the
        bit; a reset without a seed continues the stream.

    A copy or a pickle of it plays on where it stood: the encoding, which may hold functions that do not pickle, is made
    anew by the problem.

    Raises
    ------
    ValueError
        If ``n_envs`` is not positive or the instance has leading axes.
    DtbenchError
        If the problem has no such encoding.
    """

    def __init__(
        self,
        problem: AnyProblem,
        instance: Instance,
        n_envs: int = 1,
        *,
        fresh: bool = False,
        draw: Draw | None = None,
        seed: int | None = None,
        encoding: str = "agents",
    ) -> None:
        if n_envs < 1:
            raise ValueError(f"n_envs is {n_envs}, expected a positive number.")
        if instance.batch_shape != ():
            raise ValueError(f"the instance has leading axes {instance.batch_shape}, expected none.")
        encodings = problem.encodings(instance)
        if encoding not in encodings:
            raise DtbenchError(f"'{problem.id}' has no encoding '{encoding}'. Known: {', '.join(encodings)}.")
        self.problem = problem
        self.instance = instance
        self.n_envs = n_envs
        self.fresh = fresh
        self.draw = draw
        self.encoding_name = encoding
        self.encoding = encodings[encoding]
        self.rng = np.random.default_rng(np.random.SeedSequence(seed))
        self.horizon = instance.horizon
        self.n_agents = len(self.encoding.agents)
        self._masked = {g.name for g in self.encoding.groups if isinstance(g.space, Categorical)}
        self._in_order = self.encoding is encodings["agents"]
        widths = [g.space.width for g in self.encoding.groups for _ in range(g.count)]
        self._starts = np.cumsum([0, *widths[:-1]])
        self.instances = instance
        self.state_only = False
        self.t = self.horizon  # until reset, nothing can be played
        self.played: tuple[Slot, Decision] | None = None
        self.slot: Slot
        self.observation: Observation
        self._enter(0, problem.start(instance))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "encoding"}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state)
        self.encoding = self.problem.encodings(self.instance)[self.encoding_name]

    def reset(self, seed: int | None = None) -> Observation:
        """Begin an episode in all copies; ``seed`` restarts the random stream."""
        if seed is not None:
            self.rng = np.random.default_rng(np.random.SeedSequence(seed))
        if self.fresh and self.draw is not None:
            self.instances = self.draw(self.rng, self.n_envs)
        elif self.fresh:
            self.instances = self.problem.resample(self.instance, self.rng, (self.n_envs,))
        self.t = 0
        self.played = None
        return self._enter(0, self.problem.start(self.instances))

    def step(self, x: Joint) -> Step:
        """Play one slot with joint actions (B, size).

        Real entries out of their range are clipped to it first, and counted in ``info["n_clipped"]``.

        Raises
        ------
        ValueError
            If the shape is wrong, a categorical entry is out of range or no integer, a real one is NaN, or no episode
            is being played.
        """
        if self.t >= self.horizon:
            raise ValueError("no episode is being played: call reset first.")
        x, n_clipped = self.checked(x)
        problem, slot = self.problem, self.slot
        decision, facts = self._decode(slot, x)
        self.played = slot, decision
        outcome = problem.evaluate(slot, decision)
        reward, rewards = problem.rewards(self.encoding, slot, x, outcome)
        info = {"objective": outcome.objective, "feasible": outcome.feasible, "metrics": dict(outcome.metrics)}
        info |= self._repaired(slot, decision, x)
        if n_clipped is not None:
            info["n_clipped"] = n_clipped
        info |= facts
        self.t += 1
        observation = self._enter(min(self.t, self.horizon - 1), problem.advance(slot, decision))
        return Step(observation, reward, rewards, np.full(self.n_envs, self.t == self.horizon), info)

    def _decode(self, slot: Slot, x: Joint) -> tuple[Decision, Mapping[str, Any]]:
        """The repaired decision, and the facts that the encoding tells."""
        if self.encoding.decode_explained is not None:
            return self.encoding.decode_explained(slot, x)
        return self.encoding.decode(slot, x), {} if self.encoding.info is None else self.encoding.info(slot, x)

    def next_mask(self, x: Joint, agent: int) -> BoolArray | None:
        """Action mask (B, mask width) of agent number ``agent`` once those before it have chosen ``x`` (B, size).

        Entries of ``x`` from ``agent`` on are not read. Where the problem lets agents act at the same time, or gives
        no mask, this is the mask of the observation; None for an agent that has none.
        """
        mask = self.problem.next_mask(self.slot, x, agent) if self._in_order else None
        if mask is None:
            for group in self.encoding.groups:
                if agent < group.count:
                    known = self.observation.masks.get(group.name)
                    return None if known is None else known[:, agent].copy()
                agent -= group.count
            raise ValueError(f"there are {self.n_agents} agents.")
        shape = self.n_envs, mask.shape[-1]
        return np.array(mask if mask.shape == shape else np.broadcast_to(mask, shape))

    def bounds(self, name: str, length: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Least and greatest values (length,) of what a group's agents see, or of the ``"state"``; +-inf if unknown.

        Raises
        ------
        ValueError
            If the problem tells bounds of another number of entries.
        """
        known = self.encoding.bounds if self.encoding.observe else self.problem.observation_bounds(self.instance)
        try:
            return limits(known.get(name), length)
        except ValueError as error:
            raise ValueError(f"'{name}' of '{self.problem.id}': {error}") from None

    def see(self, slot: Slot) -> Observation:
        """Look at a slot that another one plays, the referee for instance: what is observed, and masked, there."""
        self.slot = slot = slot[...] if self.n_envs == 1 else slot  # tables then serve whoever looks at it
        seen = (self.encoding.observe or self.problem.observe)(slot)
        self.observation = Observation(
            agents={} if self.state_only else {name: self._own(a, 2) for name, a in seen.agents.items()},
            masks={name: self._own(a, 2) for name, a in seen.masks.items() if name in self._masked},
            state=self._own(seen.state, 1),
        )
        return self.observation

    def _enter(self, t: int, state: State) -> Observation:
        return self.see(self.problem.slot(self.instances, t, state))

    def _own(self, value: npt.NDArray[Any], own_axes: int) -> npt.NDArray[Any]:
        """Spread to all copies; the caller may write to it, so it is always a copy: it may be a part of the slot."""
        return np.array(spread(value, (self.n_envs, *value.shape[value.ndim - own_axes :])))

    def checked(self, x: Joint) -> tuple[Joint, npt.NDArray[np.int64] | None]:
        """The joint actions within their ranges, and how many real entries were not (B,); None without real ones."""
        x = np.asarray(x)
        if x.shape != (self.n_envs, self.encoding.size):
            raise ValueError(f"joint actions have shape {x.shape}, expected {(self.n_envs, self.encoding.size)}.")
        x, outside = self.encoding.checked(x)
        return x, None if self.encoding.categorical else outside.sum(axis=-1)

    def _repaired(self, slot: Slot, decision: Decision, x: Joint) -> Mapping[str, npt.NDArray[Any]]:
        if self.encoding.encode is None or not self.encoding.categorical:
            return {}  # real entries are many to one: another vector may stand for the same decision
        changed = self.encoding.encode(slot, decision) != x
        n_repaired = np.logical_or.reduceat(changed, self._starts, axis=-1).sum(axis=-1)
        return {"repaired": n_repaired > 0, "n_repaired": n_repaired}
