"""Policies that draw their actions: Beta or Gaussian for reals, a softmax per categorical entry; in numpy.

The same distributions as :mod:`dtbench.learning.ppo.distributions`, which learns them; a test holds both together.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from dtbench.arrays import BoolArray
from dtbench.encoding import Box, Categorical, Encoding, Group, Observation
from dtbench.errors import DtbenchError
from dtbench.learning.networks import Floats, fold, sigmoid, unfold
from dtbench.learning.policy import Joint, Memory, NextMask, Policy, best, entries

CENTRE, SPREAD = "observation.mean", "observation.deviation"  # arrays of a policy that scales what it sees
FARTHEST = 10.0  # scaled observations are cut here


@dataclass
class Choice:
    """Joint actions with what their probabilities depend on.

    Attributes
    ----------
    joint
        (rows, size), as the environment takes it.
    actions
        By group (rows, agents, width): reals as drawn, in the unit interval and for Gaussians perhaps beside it; or
        integers.
    masks
        By group with categorical actions (rows, agents, mask width): what was allowed when it chose.
    """

    joint: Joint
    actions: dict[str, npt.NDArray[Any]]
    masks: dict[str, BoolArray]


class StochasticPolicy(Policy):
    """Agents that draw their actions; ``explore`` > 0 draws, 0 takes the mean of reals and the likeliest value else.

    Weights may hold, per group, the mean and the deviation (observation,) by which observations are scaled.
    ``by_entry`` is the class with the same distributions and a network per entry, see :class:`ByEntry`.
    """

    by_entry: ClassVar[type[StochasticPolicy] | None] = None

    def act(
        self, seen: Observation, memory: Memory, *, rng: np.random.Generator | None = None, explore: float = 0.0,
        next_mask: NextMask | None = None,
    ) -> tuple[Joint, Memory]:  # fmt: skip
        if explore > 0.0 and rng is None:
            raise ValueError("drawing actions needs a generator.")
        choice, memory = self.choose(seen, memory, rng if explore > 0.0 else None, next_mask)
        return choice.joint, memory

    def choose(
        self, seen: Observation, memory: Memory, rng: np.random.Generator | None, next_mask: NextMask | None
    ) -> tuple[Choice, Memory]:
        """Draw with ``rng``, or take the mean or likeliest action without."""
        outputs, memory = self.outputs(seen, memory)
        actions: dict[str, npt.NDArray[Any]] = {}
        scores: dict[str, Floats] = {}
        for group in self.encoding.groups:
            if isinstance(group.space, Box):
                actions[group.name] = self.reals(outputs[group.name], rng)
            else:
                scores[group.name] = _perturbed(outputs[group.name], rng)
        masks = {name: seen.masks[name] for name in scores}
        if next_mask is not None:
            return self._in_order(actions, scores, masks, next_mask), memory
        for group in self.encoding.groups:
            if group.name in scores:
                actions[group.name] = best(entries(group).spread(scores[group.name], masks[group.name]))
        joint = self.encoding.join({g.name: played(g, actions[g.name]) for g in self.encoding.groups})
        return Choice(joint, actions, masks), memory

    @staticmethod
    @abstractmethod
    def reals(outputs: Floats, rng: np.random.Generator | None) -> Floats:
        """Actions (rows, agents, width) in units of the range: draws, or means."""

    def features(self, group: Group, seen: Observation) -> Floats:
        """What a group's network is given: as the base class has it, scaled if the policy has learned how."""
        weights = self.weights[group.name]
        if CENTRE not in weights:
            return super().features(group, seen)
        scaled = scale(seen.agents[group.name], weights[CENTRE], weights[SPREAD])
        return super().features(group, Observation({group.name: scaled}, {}, seen.state))

    def facts(self) -> dict[str, Any]:
        return super().facts() | {"scaled": any(CENTRE in weights for weights in self.weights.values())}

    @classmethod
    def restore(cls, encoding: Encoding, facts: Mapping[str, Any], weights: Mapping[str, Floats], where: str) -> Policy:
        other = cls.by_entry
        if other is not None and other is not cls and facts.get("kind") == other.kind:
            return other.restore(encoding, facts, weights, where)
        policy = super().restore(encoding, facts, weights, where)
        for group in encoding.groups if facts.get("scaled") else ():
            for name in (CENTRE, SPREAD):
                value = policy.weights[group.name].get(name)
                if value is None or value.shape != (group.observation,) or not np.isfinite(value).all():
                    raise DtbenchError(
                        f"{where}: array '{group.name}/{name}' is missing, or not {group.observation} finite numbers."
                    )
        return policy

    @classmethod
    def n_outputs(cls, group: Group) -> int:
        """Two numbers per real entry, one per value of a categorical one."""
        return group.space.mask_width if isinstance(group.space, Categorical) else 2 * group.space.width

    def _in_order(
        self, actions: dict[str, npt.NDArray[Any]], scores: Mapping[str, Floats], masks: Mapping[str, BoolArray],
        next_mask: NextMask,
    ) -> Choice:  # fmt: skip
        """Agent after agent chooses, seeing what those before it took; reals are independent of each other."""
        rows = next(iter((actions | dict(scores)).values())).shape[0]
        x = np.zeros((rows, self.encoding.size), dtype=self.encoding.dtype)
        seen_masks = {name: mask.copy() for name, mask in masks.items()}
        before = 0
        for group, columns in self.encoding.parts():
            if group.name in scores:
                layout, width = entries(group), group.space.width
                chosen = np.zeros((rows, group.count, width), dtype=np.int64)
                for member in range(group.count):
                    mask = next_mask(x, before + member)
                    if mask is not None:
                        seen_masks[group.name][:, member] = mask
                    chosen[:, member] = best(
                        layout.spread(scores[group.name][:, member], seen_masks[group.name][:, member])
                    )
                    at = columns.start + member * width
                    x[:, at : at + width] = chosen[:, member]
                actions[group.name] = chosen
            else:
                x[:, columns] = played(group, actions[group.name]).reshape(rows, -1)
            before += group.count
        return Choice(x, actions, seen_masks)


class BetaPolicy(StochasticPolicy):
    """Reals by Beta distributions with shape parameters 1 + softplus(o)."""

    kind = "beta"

    @staticmethod
    def reals(outputs: Floats, rng: np.random.Generator | None) -> Floats:
        a, b = halves(1.0 + np.logaddexp(0.0, outputs))
        return (a / (a + b) if rng is None else rng.beta(a, b)).astype(np.float32)


class GaussianPolicy(StochasticPolicy):
    """Reals by normal distributions with mean sigmoid(o); the log deviations are biases of the last layer."""

    kind = "gaussian"

    @staticmethod
    def reals(outputs: Floats, rng: np.random.Generator | None) -> Floats:
        raw, log_std = halves(outputs)
        mean: Floats = sigmoid(raw)
        if rng is None:
            return mean
        drawn: Floats = np.asarray(rng.normal(mean, np.exp(log_std)), dtype=np.float32)
        return drawn


class ByEntry(StochasticPolicy):
    """Where an agent observes a block per entry of its action, one network reads each block and sets that entry.

    That is so if the length of its observation is a multiple of the width of its action and the action is real, as in
    ``edge-migration``: a score per user from what is known of the user. Other groups act as in the base class.
    """

    @classmethod
    def n_inputs(cls, group: Group, identity: bool) -> int:
        return group.observation // group.space.width if blocks(group) else super().n_inputs(group, identity)

    @classmethod
    def n_outputs(cls, group: Group) -> int:
        return 2 if blocks(group) else super().n_outputs(group)

    def outputs(self, seen: Observation, memory: Memory) -> tuple[dict[str, Floats], Memory]:
        outputs = {}
        for group in self.encoding.groups:
            network, x = self.networks[group.name], self.features(group, seen)
            rows, agents, width = len(x), group.count, group.space.width if blocks(group) else 1
            apart = fold(x, network.copies).reshape(network.copies, -1, network.inputs)
            y, _ = network(self.weights[group.name], apart, memory[group.name])
            both = y.reshape(*y.shape[:1], -1, width, y.shape[-1]).swapaxes(-1, -2)  # all first parameters, then second
            outputs[group.name] = unfold(both.reshape(*y.shape[:1], -1, y.shape[-1] * width), (rows,), agents)
        return outputs, memory

    def features(self, group: Group, seen: Observation) -> Floats:
        if blocks(group) and self.identity:
            raise ValueError("agents that act by entry are not told their number.")
        return super().features(group, seen)


class BetaByEntry(ByEntry, BetaPolicy):
    """Beta distributions, a network per entry."""

    kind = "beta by entry"


class GaussianByEntry(ByEntry, GaussianPolicy):
    """Normal distributions, a network per entry."""

    kind = "gaussian by entry"


BetaPolicy.by_entry, GaussianPolicy.by_entry = BetaByEntry, GaussianByEntry


def blocks(group: Group) -> bool:
    """Whether agents observe as much for each of several real entries."""
    width = group.space.width
    return isinstance(group.space, Box) and width > 1 and group.observation % width == 0


def played(group: Group, action: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Actions as drawn, brought onto the range of the group's entries."""
    if isinstance(group.space, Categorical):
        return action
    low, high = group.space.low, group.space.high
    return low + (high - low) * np.clip(action, 0.0, 1.0).astype(np.float64)


def halves(outputs: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The first and the second parameters (..., width) of outputs (..., 2 width)."""
    width = outputs.shape[-1] // 2
    return outputs[..., :width], outputs[..., width:]


def scale(value: Floats, mean: Floats, deviation: Floats) -> Floats:
    """(value - mean) / deviation, at most 10 in absolute value."""
    return np.clip((value - mean) / deviation, -FARTHEST, FARTHEST)


def _perturbed(logits: Floats, rng: np.random.Generator | None) -> Floats:
    """Logits whose largest one is a draw of the softmax (Gumbel's trick), or as they are."""
    if rng is None:
        return logits
    waiting = rng.standard_exponential(logits.shape, dtype=np.float32)
    return logits - np.log(np.maximum(waiting, np.float32(1e-30)))
