"""One actor's network with the rows it acted in: what a step of MAPPO or HAPPO works on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dtbench.encoding import Categorical, Group
from dtbench.learning.ppo.distributions import BetaHead, CategoricalHead, GaussianHead, Head, Terms
from dtbench.learning.ppo.episodes import Acts
from dtbench.learning.ppo.stack import Stack

FARTHEST = 20.0  # change of a log-probability beyond which it counts as this


class Step(NamedTuple):
    """Of an actor: where ratios are clipped, the entropy's weight, the step size, the norm gradients are cut at."""

    clip: float
    entropy: float
    rate: float
    max_norm: float


class Unit:
    """A network of a stack with the rows (n) where an entry of its action counts.

    Activations of the last pass are kept until the weights change: the pass that tells what the ratios have become
    after a step is the one that the next step differentiates.

    Parameters
    ----------
    stack, copy
        The network.
    x
        (n, inputs), one row after the other in memory.
    head
        Its actions.
    agent, row
        (n,) who acted (among all agents), in which row of the rollout.
    n_agents, n_rows
        Of the rollout: the objective is a mean over all pairs, those where nothing counts included.
    stream
        Of rewards: agents of one stream share the compounding ratio.
    constant
        First output whose weights stay 0 (deviations that do not depend on the observation), if any.

    Where the network acts by entry (:class:`~dtbench.learning.ppo.policy.ByEntry`) its inputs are a part of ``x``'s.
    """

    def __init__(
        self, stack: Stack, copy: int, x: Tensor, head: Head, agent: Tensor, row: Tensor, n_agents: int, n_rows: int,
        stream: int = 0, constant: int | None = None,
    ) -> None:  # fmt: skip
        self.stack, self.copy, self.x, self.head = stack, copy, x, head
        self.agent, self.row, self.n_agents, self.n_rows = agent, row, n_agents, n_rows
        self.stream, self.constant = stream, constant
        self.stale = True
        self.entries = head.entries.count
        self._old: Tensor | None = None
        self._layers: list[Tensor] = []
        self._terms: Terms
        self._blocks = x.shape[-1] // stack.network.inputs  # of an observation, each read by itself
        self._inputs = x.reshape(-1, stack.network.inputs)

    @property
    def log_prob(self) -> Tensor:
        """(n,) of the actions, when last looked at."""
        return self._terms.log_prob

    @property
    def entropy(self) -> float:
        """Sum over rows and entries that count, when last looked at."""
        return self._terms.entropy

    def look(self) -> None:
        """Evaluate the network and its distributions, unless nothing has changed. The first look is the rollout's."""
        if not self.stale:
            return
        self._layers = self.stack.forward(self.copy, self._inputs)
        outputs = self._layers[-1]
        if self._blocks > 1:  # (n width, 2) as the heads have it, (n, 2 width)
            outputs = outputs.reshape(-1, self._blocks, outputs.shape[-1]).transpose(1, 2).flatten(1)
        self._terms = self.head.evaluate(outputs)
        self.stale = False
        if self._old is None:
            self._old = self._terms.log_prob

    def ratio(self) -> Tensor:
        """(n,) probabilities of the actions now over those of the rollout, r in Eq. (30)."""
        self.look()
        assert self._old is not None  # noqa: S101  a look has set it
        return (self.log_prob - self._old).clamp(-FARTHEST, FARTHEST).exp()

    def improve(self, gain: Tensor, step: Step) -> None:
        """A step up mean[min(r M, clip(r) M)] + weight * mean entropy, Eq. (30); ``gain`` (n,) is M."""
        ratio = self.ratio()
        within = torch.where(gain >= 0.0, ratio <= 1.0 + step.clip, ratio >= 1.0 - step.clip)
        pairs = self.n_agents * self.n_rows
        weight = torch.where(within, -ratio * gain / pairs, 0.0)
        slope = self.head.gradient(self._terms, weight, -step.entropy / pairs)
        if self._blocks > 1:
            each = self.stack.network.outputs
            slope = slope.reshape(-1, each, self._blocks).transpose(1, 2).reshape(-1, each)
        self.stack.backward(self.copy, self._inputs, self._layers, slope)
        if self.constant is not None:
            self.stack.gradients["output.weight"][:, self.constant :] = 0.0
        self.stack.step(self.copy, step.rate, step.max_norm)
        self.stale = True

    def part(self, rows: Tensor) -> Unit:
        """The same network on those of its rows that are among ``rows`` of the rollout."""
        assert self._old is not None  # noqa: S101  it was looked at when the round began
        among = torch.zeros(self.n_rows, dtype=torch.bool)
        among[rows] = True
        mine = among[self.row].nonzero()[:, 0]
        found = Unit(
            self.stack, self.copy, self.x[mine], self.head.part(mine), self.agent[mine], self.row[mine],
            self.n_agents, len(rows), self.stream, self.constant,
        )  # fmt: skip
        found._old = self._old[mine]
        return found


def improve(
    units: Sequence[Unit], advantage: Tensor, rows: Tensor | None, order: Sequence[int] | None, step: Step
) -> None:
    """One step of every actor.

    Parameters
    ----------
    advantage
        (agents, R).
    rows
        Of the rollout that are looked at; None = all.
    order
        HAPPO: the units one after the other; the gain of each is the advantage times the ratios of those of its stream
        before it, as their steps have left them, M in Eq. (30). None: MAPPO, all at once.
    """
    streams = 1 + max(unit.stream for unit in units)
    compounded = torch.ones(streams, advantage.shape[-1])
    for number in range(len(units)) if order is None else order:
        whole = units[number]
        unit = whole if rows is None else whole.part(rows)
        if not len(unit.row):
            continue
        gain = advantage[unit.agent, unit.row]
        if order is None:
            unit.improve(gain, step)
        else:
            unit.improve(compounded[unit.stream, unit.row] * gain, step)
            compounded[unit.stream, unit.row] *= unit.ratio()
        whole.stale = unit.stale or unit is not whole


def units_of(
    group: Group, acts: Acts, stack: Stack, stream: int, first: int, kind: type[BetaHead] | type[GaussianHead]
) -> list[Unit]:
    """A unit for each network of a group; ``first`` is the number of its first agent among all."""
    agents, rows = acts.counts.shape[:2]
    features, actions, counts = (torch.from_numpy(a).flatten(0, 1) for a in (acts.features, acts.actions, acts.counts))
    masks = None if acts.masks is None else torch.from_numpy(acts.masks).flatten(0, 1)
    copies = stack.network.copies
    each = agents // copies * rows
    found = []
    for copy in range(copies):
        index = copy * each + counts[copy * each : (copy + 1) * each].any(-1).nonzero()[:, 0]
        whole = len(index) == each
        here = slice(copy * each, (copy + 1) * each) if whole else index  # no copy where every row counts
        head: Head
        if isinstance(group.space, Categorical):
            assert masks is not None  # noqa: S101  groups with categorical actions have them
            head = CategoricalHead(actions[here], counts[here], masks[here], group.space.n)
        else:
            head = kind(actions[here], counts[here])
        constant = stack.network.outputs // 2 if isinstance(head, GaussianHead) else None
        unit = Unit(
            stack, copy, features[here], head, first + index // rows, index % rows, agents // copies, rows, stream,
            constant,
        )  # fmt: skip
        found.append(unit)
    return found
