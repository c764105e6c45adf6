"""What agents are given of a slot: observations and masks, never the slot. Their joint action is decoded here.

The referee looks at the slot, asks for a joint action, and decodes it. So a method whose regime is ``local`` decides by
:meth:`dtbench.solver.Solver.choose`, and holds nothing that leads to the slot. Its time is measured around all of that:
observing and decoding count.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import BoolArray
from dtbench.core import AnyProblem, Decision, Instance, Slot
from dtbench.encoding import Categorical, Encoding, Observation
from dtbench.errors import DtbenchError, InvalidDecision

Joint = npt.NDArray[Any]  # (size,), see dtbench.encoding
_playing: dict[int, tuple[AnyProblem, Slot]] = {}  # slots in which agents choose in order just now
_numbers = itertools.count()
LENGTH_SEED = 0  # of the trace that an instance gets whose length is changed


class Turns:
    """Masks of agents that choose in order: what those before have taken is forbidden to the next.

    It holds a number only. Where a slot is over, it knows nothing of it any more.
    """

    __slots__ = ("_number",)

    def __init__(self, number: int) -> None:
        self._number = number

    def __call__(self, x: Joint, agent: int) -> BoolArray:
        """Action mask (W,) of agent number ``agent`` once those before it have chosen ``x`` (size,).

        Entries of ``x`` from ``agent`` on are not read.

        Raises
        ------
        InvalidDecision
            If the slot is over.
        """
        if self._number not in _playing:
            raise InvalidDecision("masks of a slot that is over were asked for; ask while choosing")
        problem, slot = _playing[self._number]
        mask = problem.next_mask(slot, np.array(x)[None], agent)
        if mask is None:
            raise InvalidDecision(f"there is no mask of agent {agent}")
        return np.array(np.broadcast_to(mask, (1, mask.shape[-1]))[0])


class View:
    """Lets a method choose joint actions from what agents observe.

    Parameters
    ----------
    problem, instance
        The instance is the one that the method knows, see :func:`dtbench.regime.shown`.
    encoding
        Name of the problem's encoding that it acts in.
    changes
        Parameters that are changed for observing and decoding, ``NAME=VALUE,...``; never for the score.
    whole
        Whether the method may see the global state. Otherwise it is empty, unless one agent decides for all: then the
        state is what this agent observes.

    Raises
    ------
    DtbenchError
        If the problem has no such encoding, or a change does not fit; see :func:`template`.
    """

    def __init__(
        self, problem: AnyProblem, instance: Instance, encoding: str = "agents", changes: str = "", *, whole: bool
    ) -> None:
        seen_as = template(problem, instance, changes)
        known = problem.encodings(seen_as)
        if encoding not in known:
            raise DtbenchError(f"'{problem.id}' has no encoding '{encoding}'. Known: {', '.join(known)}.")
        self.problem, self.params, self.whole = problem, seen_as.params, whole
        self.encoding: Encoding = known[encoding]
        self._in_order = self.encoding is known["agents"]
        self._masked = {g.name for g in self.encoding.groups if isinstance(g.space, Categorical)}

    def decide(self, slot: Slot, chooser: Any) -> Decision:
        """What a method asks for, by its ``choose``, in a slot without leading axes.

        Raises
        ------
        InvalidDecision
            If it chooses what is no joint action.
        """
        there = dataclasses.replace(slot, params=self.params)[None]
        seen, number = self._observed(there), next(_numbers)
        try:
            _playing[number] = self.problem, there
            x = self._checked(chooser.choose(seen, Turns(number) if self._ordered(there) else None), chooser.name)
        finally:
            del _playing[number]
        decision: Decision = (self.encoding.ask or self.encoding.decode)(there, x)
        return decision[0]

    def _observed(self, slot: Slot) -> Observation:
        """Copies of what is observed in a slot (1,), without the leading axis."""
        seen = (self.encoding.observe or self.problem.observe)(slot)
        agents = {name: _copied(value, 2) for name, value in seen.agents.items()}
        masks = {name: _copied(value, 2) for name, value in seen.masks.items() if name in self._masked}
        if self.whole:
            return Observation(agents, masks, _copied(seen.state, 1))
        alone = sum(map(len, agents.values())) == 1
        state = next(iter(agents.values()))[0].copy() if alone else np.zeros(0, dtype=np.float32)
        return Observation(agents, masks, state)

    def _ordered(self, slot: Slot) -> bool:
        nothing = np.zeros((1, self.encoding.size), dtype=self.encoding.dtype)
        return self._in_order and self.problem.next_mask(slot, nothing, 0) is not None

    def _checked(self, x: Any, name: str) -> npt.NDArray[Any]:
        """The joint action (1, size) in its ranges; reals out of theirs are clipped, as in environments."""
        given = np.array(x)  # a copy: what the method does with its own later changes nothing
        if given.shape != (self.encoding.size,):
            raise InvalidDecision(f"'{name}' chose a joint action of shape {given.shape}, expected "
                                  f"({self.encoding.size},)")  # fmt: skip
        try:
            return self.encoding.checked(given[None])[0]
        except ValueError as error:
            raise InvalidDecision(f"'{name}' chose what is no action: {error}") from None


def _copied(value: npt.NDArray[Any], own_axes: int) -> npt.NDArray[Any]:
    """A copy of values (1, ...) or (...) without the leading axis."""
    return np.array(value if value.ndim == own_axes else value[0])


def template(problem: AnyProblem, instance: Instance, env: str) -> Instance:
    """The instance with the parameters that the option ``env`` changes: what agents are trained on, and see.

    Where the change makes episodes longer or shorter, it holds a fresh trace of that length instead of the instance's.

    Raises
    ------
    DtbenchError
        If a text is not NAME=VALUE, the problem has no such parameter, the value does not fit, or the change would
        make another network of it.
    """
    changes: dict[str, str] = {}
    for text in filter(None, (part.strip() for part in env.split(","))):
        name, equals, value = text.partition("=")
        if not equals:
            raise DtbenchError(f"option 'env' has '{text}'; expected NAME=VALUE,NAME=VALUE...")
        changes[name.strip()] = value.strip()
    params = instance.params.replace(changes)
    before, after = problem.dimensions(instance.params), problem.dimensions(params)
    for name, length in before.items():
        if after[name] != length and name not in problem.trace_axes:
            raise DtbenchError(
                f"option 'env' = '{env}' makes {after[name]} of {length} in '{name}'; it may change how agents observe "
                "and are rewarded, not the network. Draw another instance with `dtbench generate`."
            )
    changed = dataclasses.replace(instance, params=params)
    if before == after:
        return changed
    return problem.resample(changed, np.random.default_rng(np.random.SeedSequence(LENGTH_SEED)))
