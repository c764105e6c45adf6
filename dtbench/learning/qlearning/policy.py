"""The policy of agents with action values, in numpy."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dtbench.encoding import Categorical, Group, Observation
from dtbench.errors import DtbenchError
from dtbench.learning.networks import Floats
from dtbench.learning.policy import Joint, Memory, NextMask, Policy, best, entries


class ValuePolicy(Policy):
    """Agents with action values: each picks what is worth most to it among what it may; ``explore`` is epsilon.

    Outputs are the values of every entry of an action, one after the other; where an action has several entries its
    value is the sum of the entries' (branches).
    """

    kind = "value"

    @classmethod
    def n_outputs(cls, group: Group) -> int:
        if not isinstance(group.space, Categorical):
            raise DtbenchError(f"agents '{group.name}' act in reals; action values need categorical actions.")
        return group.space.mask_width

    def act(
        self, seen: Observation, memory: Memory, *, rng: np.random.Generator | None = None, explore: float = 0.0,
        next_mask: NextMask | None = None,
    ) -> tuple[Joint, Memory]:  # fmt: skip
        values, memory = self.outputs(seen, memory)
        scores = {g.name: self._scores(g, values[g.name], rng, explore) for g in self.encoding.groups}
        if next_mask is not None:
            return self._in_order(scores, next_mask), memory
        parts = {g.name: best(entries(g).spread(scores[g.name], seen.masks[g.name])) for g in self.encoding.groups}
        return self.encoding.join(parts), memory

    def _scores(self, group: Group, values: Floats, rng: np.random.Generator | None, epsilon: float) -> Floats:
        """What is maximised: the values, or noise where an entry explores (each with probability epsilon)."""
        if epsilon <= 0.0:
            return values
        if rng is None:
            raise ValueError("exploring needs a generator.")
        assert isinstance(group.space, Categorical)  # noqa: S101  n_outputs has refused others
        explores = rng.random((*values.shape[:-1], group.space.width)) < epsilon
        if group.space.width > 1:
            explores = np.repeat(explores, group.space.n, axis=-1)
        return np.where(explores, rng.random(values.shape, dtype=np.float32), values)

    def _in_order(self, scores: Mapping[str, Floats], next_mask: NextMask) -> Joint:
        """Agent after agent takes its best entry, seeing what those before it took."""
        rows = next(iter(scores.values())).shape[0]
        x = np.zeros((rows, self.encoding.size), dtype=self.encoding.dtype)
        agent, at = 0, 0
        for group in self.encoding.groups:
            layout, width = entries(group), group.space.width
            anything = np.ones(scores[group.name].shape[-1], dtype=bool)
            for member in range(group.count):
                mask = next_mask(x, agent)
                allowed = anything if mask is None else mask
                x[:, at : at + width] = best(layout.spread(scores[group.name][:, member], allowed))
                agent, at = agent + 1, at + width
        return x
