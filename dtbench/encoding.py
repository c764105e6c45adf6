"""Action spaces: who chooses what, as flat arrays that a problem decodes into decisions.

An encoding lists groups of like agents. A joint action is one flat array ``x`` of shape (..., size): the entries of the
first agent of the first group, then those of the second, and so on. Integers where every entry is categorical, floats
otherwise, so a search method, a learner and a random draw all hold the same thing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from dtbench.arrays import BoolArray
from dtbench.layout import Layout


@dataclass(frozen=True)
class Categorical:
    """One agent's action: entry e is an integer in [0, n[e])."""

    n: tuple[int, ...]

    @property
    def width(self) -> int:
        """Entries of one agent's action."""
        return len(self.n)

    @property
    def mask_width(self) -> int:
        """Length of one agent's action mask: the values of all entries one after the other."""
        return sum(self.n)


@dataclass(frozen=True)
class Box:
    """One agent's action: ``width`` reals in [low, high]."""

    width: int
    low: float = -1.0
    high: float = 1.0


Space = Categorical | Box
Bounds = tuple[tuple[int, float, float], ...]  # of an observation, entry by entry in runs: (entries, least, greatest)


@dataclass(frozen=True)
class Group:
    """Like agents: the same action space, the same observation layout.

    Agents are called ``{name}_0`` .. ``{name}_{count - 1}``; ``observation`` is the length of what each observes
    (0 where nobody observes, as in an encoding for search).
    """

    name: str
    count: int
    space: Space
    observation: int = 0

    @cached_property
    def agents(self) -> tuple[str, ...]:
        """Names of the agents."""
        return tuple(f"{self.name}_{i}" for i in range(self.count))

    @property
    def size(self) -> int:
        """Entries of the group's part of a joint action."""
        return self.count * self.space.width


@dataclass(frozen=True)
class Observation:
    """What agents see.

    ``agents``: ``{group: (..., count, length)}`` float32. ``masks``: ``{group: (..., count, mask width)}`` bool, True =
    allowed, for groups with categorical actions. ``state``: (..., S) float32, the global state of critics and mixers.
    """

    agents: Mapping[str, npt.NDArray[np.float32]]
    masks: Mapping[str, BoolArray]
    state: npt.NDArray[np.float32]

    def in_a_row(self) -> Observation:
        """The same with a leading axis of length 1."""
        agents = {name: value[None] for name, value in self.agents.items()}
        return Observation(agents, {name: value[None] for name, value in self.masks.items()}, self.state[None])


@dataclass(frozen=True)
class Encoding:
    """Groups of agents, and the way from their joint action to a decision.

    ``decode(slot, x)`` takes (..., size) and gives a repaired decision. ``encode(slot, decision)`` is its inverse on
    feasible decisions, where one exists: search methods put the repaired vector back into the population, and may
    start from what a rule decides, ``encode(slot, problem.heuristics["greedy"](slot))``.
    ``ask(slot, x)`` is the decision before repair, where decoding can break constraints: who plays an agent shows the
    referee this one, which counts what it has to repair.
    ``draw(rng, batch)`` replaces uniform sampling where the problem's random decision is another.

    ``observe(slot)`` replaces the problem's :meth:`~dtbench.core.Problem.observe`, masks and state too, where these
    groups see something else; ``bounds`` then replaces
    :meth:`~dtbench.core.Problem.observation_bounds`.

    ``keep_by`` says by what training chooses the policy that it keeps: the ``objective``, as the referee scores the
    repaired decision, or the ``reward``. The latter is for encodings that pay for what is asked: by the objective, the
    best policy would be the one that repair helps most.

    For environments: ``reward(slot, x)`` (...,) where agents answer for what they asked for, and
    ``agent_rewards(slot, x, outcome)`` (..., agents) where some agent is paid for what it proposed;
    :meth:`dtbench.core.Problem.rewards` says when they count. ``info(slot, x)`` gives more facts, such as what repair
    had to do: (...,) arrays by name. Where decoding finds them anyway, ``decode_explained(slot, x)`` gives the decision
    and these facts at once, and is called instead of the two.

    For imitation, :mod:`dtbench.learning.imitation`: ``layout`` says which users and stations the entries of the state
    and of a joint action are of. ``teacher(problem, instance, limits)`` gives who answers on a trace, by ``answer(t,
    slot)`` (size,), where that is not the optimum of the slot (or of the trace) as ``encode`` says it.
    """

    groups: tuple[Group, ...]
    decode: Callable[[Any, Any], Any]
    encode: Callable[[Any, Any], Any] | None = None
    draw: Callable[[np.random.Generator, tuple[int, ...]], npt.NDArray[Any]] | None = None
    reward: Callable[[Any, Any], npt.NDArray[np.float64]] | None = None
    info: Callable[[Any, Any], Mapping[str, Any]] | None = None
    agent_rewards: Callable[[Any, Any, Any], npt.NDArray[np.float64]] | None = None
    ask: Callable[[Any, Any], Any] | None = None
    observe: Callable[[Any], Observation] | None = None
    keep_by: Literal["objective", "reward"] = "objective"
    decode_explained: Callable[[Any, Any], tuple[Any, Mapping[str, Any]]] | None = None
    bounds: Mapping[str, Bounds] = field(default_factory=dict)
    layout: Layout | None = None
    teacher: Callable[[Any, Any, Any], Callable[[int, Any], npt.NDArray[Any]]] | None = None

    @cached_property
    def agents(self) -> tuple[str, ...]:
        """Names of all agents, in the order of a joint action."""
        return tuple(a for g in self.groups for a in g.agents)

    @cached_property
    def size(self) -> int:
        """Entries of a joint action."""
        return sum(g.size for g in self.groups)

    @cached_property
    def categorical(self) -> bool:
        """Whether every entry is an integer."""
        return all(isinstance(g.space, Categorical) for g in self.groups)

    @cached_property
    def choices(self) -> tuple[int, ...]:
        """How many values each categorical entry takes, in the order of a joint action."""
        return tuple(n for g in self.groups if isinstance(g.space, Categorical) for n in g.space.n * g.count)

    @property
    def dtype(self) -> type[np.generic]:
        """Type of a joint action."""
        return np.int64 if self.categorical else np.float64

    @cached_property
    def low(self) -> npt.NDArray[Any]:
        """(size,) least value of each entry."""
        return self._per_entry(lambda s: [0] * s.width if isinstance(s, Categorical) else [s.low] * s.width)

    @cached_property
    def high(self) -> npt.NDArray[Any]:
        """(size,) greatest value of each entry (inclusive)."""
        return self._per_entry(lambda s: [n - 1 for n in s.n] if isinstance(s, Categorical) else [s.high] * s.width)

    @cached_property
    def discrete(self) -> BoolArray:
        """(size,) whether the entry is categorical."""
        return self._per_entry(lambda s: [isinstance(s, Categorical)] * s.width).astype(bool)

    @property
    def common_values(self) -> range:
        """The values that every entry takes, if all are categorical and take the same; empty otherwise."""
        kinds = {n for g in self.groups if isinstance(g.space, Categorical) for n in g.space.n}
        return range(kinds.pop()) if self.categorical and len(kinds) == 1 else range(0)

    def _per_entry(self, values: Callable[[Space], list[Any]]) -> npt.NDArray[Any]:
        entries = np.array([v for g in self.groups for _ in range(g.count) for v in values(g.space)])
        entries.setflags(write=False)
        return entries

    def checked(self, x: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], BoolArray]:
        """Joint actions (rows, size) within their ranges, and which entries were not: reals are clipped.

        Raises
        ------
        ValueError
            If a categorical entry is out of range or no integer, or a real one is NaN.
        """
        mixed = self.choices and x.dtype.kind not in "iub"
        if mixed and ((x != np.floor(x)) & self.discrete).any():
            raise ValueError("a categorical entry of the joint action is not an integer.")
        outside = ~((x >= self.low) & (x <= self.high))  # true of NaN
        if not outside.any():
            return x.astype(self.dtype, copy=False), outside
        if (outside & self.discrete).any():
            raise ValueError("a categorical entry of the joint action is out of range [0, n).")
        if np.isnan(x).any():
            raise ValueError("the joint action holds NaN.")
        return np.clip(x, self.low, self.high).astype(self.dtype), outside

    def parts(self) -> Iterator[tuple[Group, slice]]:
        """Every group with its slice of a joint action."""
        start = 0
        for group in self.groups:
            yield group, slice(start, start + group.size)
            start += group.size

    def split(self, x: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
        """(..., size) as ``{group: (..., count, width)}``."""
        return {g.name: x[..., s].reshape(*x.shape[:-1], g.count, g.space.width) for g, s in self.parts()}

    def join(self, parts: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """The inverse of :meth:`split`."""
        flat = [np.asarray(parts[g.name]).reshape(*np.shape(parts[g.name])[:-2], g.size) for g in self.groups]
        return np.concatenate(flat, axis=-1).astype(self.dtype)

    def from_unit(self, u: npt.ArrayLike) -> npt.NDArray[Any]:
        """Joint actions (..., size) of points of the unit cube (..., size): real entries are stretched to their range.

        Each value of a categorical entry has a part of the unit interval of the same length. For optimisers that know
        boxes only; points outside of the cube count as the nearest in it.
        """
        u = np.clip(np.asarray(u, dtype=np.float64), 0.0, 1.0)
        low, high = self.low, self.high
        chosen = np.minimum(np.floor(u * (high + 1)), high)
        return np.where(self.discrete, chosen, low + u * (high - low)).astype(self.dtype)

    def to_unit(self, x: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """The inverse of :meth:`from_unit`; categorical entries are in the middle of their part."""
        low, high = self.low, self.high
        real = np.subtract(x, low) / np.where(high > low, high - low, 1.0)
        return np.where(self.discrete, np.add(x, 0.5) / (high + 1), real)

    def sample(self, rng: np.random.Generator, batch: tuple[int, ...] = ()) -> npt.NDArray[Any]:
        """Joint actions (\\*batch, size) at random: every entry uniform on its range, or as the problem draws them."""
        if self.draw is not None:
            return self.draw(rng, batch)
        low, high, shape = self.low, self.high, (*batch, self.size)
        if self.categorical:
            return rng.integers(low, high + 1, shape)
        real = rng.uniform(low, high, shape)
        return np.where(self.discrete, rng.integers(low.astype(int), high.astype(int) + 1, shape), real)


def limits(runs: Bounds | None, length: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Least and greatest values (length,) of an observation bounded by runs; infinite where there are none.

    Raises
    ------
    ValueError
        If the runs have another length.
    """
    runs = ((length, -np.inf, np.inf),) if runs is None else runs
    counts = [count for count, _, _ in runs]
    if sum(counts) != length:
        raise ValueError(f"{sum(counts)} entries are bounded, of {length} that are observed.")
    low, high = (np.repeat(np.array([run[i] for run in runs], dtype=np.float32), counts) for i in (1, 2))
    return low, high
