"""One actor's network with the rows it acted in: what a step of MAPPO or HAPPO works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dtbench.encoding import Categorical, Group
from dtbench.learning.ppo.distributions import BetaHead, CategoricalHead, GaussianHead, Head, Terms
from dtbench.learning.ppo.episodes import Acts
from dtbench.learning.ppo.stack import Stack

FARTHEST = 20.0  # change of a log-probability beyond which it counts as this


class StepSettings(NamedTuple):
    """Of a step: where ratios are clipped, the entropy's weight, the step size, the norm that gradients are cut at."""

    clip: float
    entropy: float
    rate: float
    max_norm: float


@dataclass(frozen=True, kw_only=True)
class ActedRows:
    """The rows (n) of a rollout in which an entry of an agent's action counts.

    Attributes
    ----------
    x
        (n, inputs) what was observed, one row after the other in memory.
    head
        The distribution of the actions that were taken.
    agent
        (n,) who acted, among all agents.
    row
        (n,) in which row of the rollout.
    """

    x: Tensor
    head: Head
    agent: Tensor
    row: Tensor

    def part(self, index: Tensor) -> ActedRows:
        """Those at positions ``index`` only."""
        return ActedRows(x=self.x[index], head=self.head.part(index), agent=self.agent[index], row=self.row[index])


class Unit:
    """A network of a stack with the rows (n) it acted in.

    Activations of the last pass are kept until the weights change. So the pass that tells what the ratios have become
    after a step is the one that the next step differentiates.

    Parameters
    ----------
    stack, copy
        The network.
    acted
        The rows.
    n_agents, n_rows
        Of the rollout: the objective is a mean over all pairs, those where nothing counts included.
    stream
        Of rewards: agents of one stream share the compounding ratio.
    constant
        First output whose weights stay 0 (deviations that do not depend on the observation), if any.
    old
        (n,) log-probabilities of the actions when they were taken. None: those of the first look.

    Where the network acts by entry (:class:`~dtbench.learning.ppo.policy.ByEntry`) its inputs are a part of a row's.
    """

    def __init__(
        self, *, stack: Stack, copy: int, acted: ActedRows, n_agents: int, n_rows: int, stream: int = 0,
        constant: int | None = None, old: Tensor | None = None,
    ) -> None:  # fmt: skip
        self.stack, self.copy, self.acted = stack, copy, acted
        self.n_agents, self.n_rows = n_agents, n_rows
        self.stream, self.constant = stream, constant
        self.entries = acted.head.entries.count
        self._old = old
        self._stale = True
        self._layers: list[Tensor] = []
        self._terms: Terms
        self._blocks = acted.x.shape[-1] // stack.network.inputs  # of an observation, each read by itself
        self._inputs = acted.x.reshape(-1, stack.network.inputs)

    @property
    def log_prob(self) -> Tensor:
        """(n,) of the actions, when last looked at."""
        return self._terms.log_prob

    @property
    def entropy(self) -> float:
        """Sum over rows and entries that count, when last looked at."""
        return self._terms.entropy

    def look(self) -> None:
        """Evaluate the network and its distributions, unless nothing has changed."""
        if not self._stale:
            return
        self._layers = self.stack.forward(self.copy, self._inputs)
        outputs = self._layers[-1]
        if self._blocks > 1:  # (n width, 2) as the heads have it, (n, 2 width)
            outputs = outputs.reshape(-1, self._blocks, outputs.shape[-1]).transpose(1, 2).flatten(1)
        self._terms = self.acted.head.evaluate(outputs)
        self._stale = False
        if self._old is None:
            self._old = self._terms.log_prob

    def forget(self) -> None:
        """The network's weights have changed: the next look evaluates it anew."""
        self._stale = True

    def ratio(self) -> Tensor:
        """(n,) probabilities of the actions now over those of the rollout, r in Eq. (30)."""
        self.look()
        assert self._old is not None  # noqa: S101  a look has set it
        return (self.log_prob - self._old).clamp(-FARTHEST, FARTHEST).exp()

    def improve(self, gain: Tensor, settings: StepSettings) -> None:
        """One step of Adam on the clipped objective of Liu et al. (2025), Eq. (30), with a bonus for entropy.

        ``gain`` (n,) is M, the advantage times the ratios of the agents before. The step goes down this loss::

            ratio = (log_prob - old_log_prob).exp()
            gained = torch.min(ratio * gain, ratio.clamp(1 - clip, 1 + clip) * gain)
            loss = -(gained.sum() + entropy_weight * entropy.sum()) / (n_agents * n_rows)

        Here its gradient is written by hand: by ``log_prob`` it is ``-ratio * gain / (n_agents * n_rows)``, and 0 where
        the ratio is clipped. The same update with autograd is ``tests/learning/ppo/ppo_twin.py``, and a test holds both
        to the same weights.
        """
        ratio = self.ratio()
        within = torch.where(gain >= 0.0, ratio <= 1.0 + settings.clip, ratio >= 1.0 - settings.clip)
        pairs = self.n_agents * self.n_rows
        weight = torch.where(within, -ratio * gain / pairs, 0.0)
        slope = self.acted.head.gradient(self._terms, weight, -settings.entropy / pairs)
        if self._blocks > 1:
            each = self.stack.network.outputs
            slope = slope.reshape(-1, each, self._blocks).transpose(1, 2).reshape(-1, each)
        self.stack.backward(self.copy, self._inputs, self._layers, slope)
        if self.constant is not None:
            self.stack.gradients["output.weight"][:, self.constant :] = 0.0
        self.stack.step(self.copy, settings.rate, settings.max_norm)
        self.forget()

    def part(self, rows: Tensor) -> Unit:
        """The same network on those of its rows that are among ``rows`` of the rollout."""
        assert self._old is not None  # noqa: S101  it was looked at when the round began
        among = torch.zeros(self.n_rows, dtype=torch.bool)
        among[rows] = True
        index = among[self.acted.row].nonzero()[:, 0]
        return Unit(
            stack=self.stack, copy=self.copy, acted=self.acted.part(index), n_agents=self.n_agents, n_rows=len(rows),
            stream=self.stream, constant=self.constant, old=self._old[index],
        )  # fmt: skip


def improve(
    units: Sequence[Unit],
    advantage: Tensor,
    rows: Tensor | None,
    order: Sequence[int] | None,
    settings: StepSettings,
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
    turns = [units[number] for number in (range(len(units)) if order is None else order)]
    last = {unit.stream: turn for turn, unit in enumerate(turns)}  # whose ratios nobody needs
    for turn, whole in enumerate(turns):
        unit = whole if rows is None else whole.part(rows)
        agent, row = unit.acted.agent, unit.acted.row
        if not len(row):
            continue
        gain = advantage[agent, row]
        if order is None:
            unit.improve(gain, settings)
        else:
            unit.improve(compounded[unit.stream, row] * gain, settings)
            if turn < last[unit.stream]:
                compounded[unit.stream, row] *= unit.ratio()
        if unit is not whole:
            whole.forget()


def units_of(
    group: Group, acts: Acts, stack: Stack, stream: int, first: int, kind: type[BetaHead] | type[GaussianHead]
) -> list[Unit]:
    """A unit for each network of a group; ``first`` is the number of its first agent among all."""
    agents, rows = acts.counts.shape[:2]
    features, actions, counts = (torch.from_numpy(a).flatten(0, 1) for a in (acts.features, acts.actions, acts.counts))
    masks = None if acts.masks is None else torch.from_numpy(acts.masks).flatten(0, 1)
    copies = stack.network.copies
    each = agents // copies * rows
    units = []
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
        acted = ActedRows(x=features[here], head=head, agent=first + index // rows, row=index % rows)
        units.append(
            Unit(
                stack=stack, copy=copy, acted=acted, n_agents=agents // copies, n_rows=rows, stream=stream,
                constant=constant,
            )
        )  # fmt: skip
    return units
