"""Distributions of actions: log-probabilities, entropies and their gradients in closed form, for many agents at once.

An update by a policy gradient needs, per action, its log-probability and how that and the entropy change with what the
network gives. Here both come from one pass over the network's outputs, without autograd, and only over entries that
count: where an agent's entry has no effect in a slot, its terms are 0 and are not computed.

Reals live in the unit interval; :class:`~dtbench.learning.ppo.policy.StochasticPolicy` maps them to an agent's range.
Beta: shape parameters 1 + softplus(o), Chou et al. (2017). Gaussian: mean sigmoid(o), standard deviation of its own,
log-probability of the sample before it is clipped. Categorical: one softmax per entry over what the mask allows.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from dtbench.learning.products import NARROW

FORBIDDEN = -1e9  # logit of what a mask forbids: probability 0, and finite
EDGE = 1e-6  # a Beta sample stays this far from 0 and 1


class CountedEntries:
    """Which entries of actions (rows, width) count; the others are left out of sums, and their gradients are 0.

    Entries that count stand in one row (picked,) where they are fewer than half. Else the whole array is kept, and the
    others are multiplied by 0.
    """

    def __init__(self, counts: Tensor) -> None:
        self.rows, self.width = counts.shape
        self.count = int(counts.sum())
        self.every = self.count == counts.numel()
        self.sparse = self.count < 0.5 * counts.numel()
        self.index = counts.flatten().nonzero()[:, 0] if self.sparse else None
        self.weight = counts.float()

    def take(self, value: Tensor) -> Tensor:
        """(..., rows, width) as (..., picked), or unchanged."""
        return value if self.index is None else value.flatten(-2)[..., self.index]

    def add(self, value: Tensor) -> Tensor:
        """Sums over the entries that count (rows,)."""
        if self.index is None:
            return (value if self.every else value * self.weight).sum(-1)
        return self.put(value).sum(-1)

    def total(self, value: Tensor) -> float:
        """The sum over all entries that count."""
        return float((value if self.sparse or self.every else value * self.weight).sum())

    def spread(self, value: Tensor) -> Tensor:
        """One value per row (rows,) as :meth:`take` has it: (picked,) or (rows, 1)."""
        return value[:, None] if self.index is None else value[self.index // self.width]

    def put(self, value: Tensor) -> Tensor:
        """The inverse of :meth:`take`: (..., rows, width), 0 where an entry does not count."""
        if self.index is None:
            return value if self.every else value * self.weight
        wide = value.new_zeros((*value.shape[:-1], self.rows * self.width))
        wide[..., self.index] = value
        return wide.reshape(*value.shape[:-1], self.rows, self.width)


@dataclass
class Terms:
    """What a pass over outputs gives.

    Attributes
    ----------
    log_prob
        (rows,) log-probability of the actions.
    entropy
        Sum of the entropies over all rows and entries that count.
    slopes
        Partial derivatives that :meth:`Head.gradient` uses.
    """

    log_prob: Tensor
    entropy: float
    slopes: tuple[Tensor, ...]


class Head(ABC):
    """Actions (rows, width) of one network, whose probability under its outputs is asked for again and again."""

    entries: CountedEntries

    @abstractmethod
    def evaluate(self, outputs: Tensor) -> Terms:
        """Log-probabilities and entropy under outputs (rows, outputs)."""

    @abstractmethod
    def gradient(self, terms: Terms, weight: Tensor, bonus: float) -> Tensor:
        """Gradient (rows, outputs) of ``sum_rows weight * log_prob + bonus * entropy``; ``weight`` (rows,)."""

    @abstractmethod
    def part(self, rows: Tensor) -> Head:
        """The same of some rows (index,)."""


class BetaHead(Head):
    """Beta distributions on [0, 1]; outputs: ``width`` numbers for the first shape parameter, then for the second.

    Parameters
    ----------
    action
        (rows, width) in [0, 1].
    counts
        (rows, width) bool: entries that count.
    """

    def __init__(self, action: Tensor, counts: Tensor) -> None:
        self.action, self.counts = action, counts
        self.entries = CountedEntries(counts)
        inside = self.entries.take(action).clamp(EDGE, 1.0 - EDGE)
        self.logs = torch.stack([inside.log(), torch.log1p(-inside)])

    def part(self, rows: Tensor) -> Head:
        return BetaHead(self.action[rows], self.counts[rows])

    def evaluate(self, outputs: Tensor) -> Terms:
        raw = self.entries.take(_halves(outputs))  # (2, picked)
        less = F.softplus(raw)  # a - 1 and b - 1
        log_gamma, psi, slope = polygammas(torch.cat([less, less.sum(0, keepdim=True) + 1.0]) + 1.0)
        spread = log_gamma[2] - log_gamma[0] - log_gamma[1]  # - log B(a, b)
        log_prob = (less * self.logs).sum(0) + spread
        entropy = psi[2] * less.sum(0) - (less * psi[:2]).sum(0) - spread
        chain = torch.sigmoid(raw)  # derivative of softplus
        along = (self.logs - psi[:2] + psi[2]) * chain
        bend = (slope[2] * less.sum(0) - less * slope[:2]) * chain
        return Terms(self.entries.add(log_prob), self.entries.total(entropy), (along, bend))

    def gradient(self, terms: Terms, weight: Tensor, bonus: float) -> Tensor:
        along, bend = terms.slopes
        wide = self.entries.put(torch.add(along * self.entries.spread(weight), bend, alpha=bonus))
        return wide.movedim(0, -2).flatten(-2)


class GaussianHead(Head):
    """Normal distributions with mean sigmoid(o); outputs: ``width`` numbers for means, then the log deviations.

    The deviations do not depend on the state: the network adds its own row of them to every output.
    """

    def __init__(self, action: Tensor, counts: Tensor) -> None:
        self.action, self.counts = action, counts
        self.entries = CountedEntries(counts)
        self.taken = self.entries.take(action)

    def part(self, rows: Tensor) -> Head:
        return GaussianHead(self.action[rows], self.counts[rows])

    def evaluate(self, outputs: Tensor) -> Terms:
        raw, log_std = self.entries.take(_halves(outputs))
        mean = torch.sigmoid(raw)
        away = (self.taken - mean) * torch.exp(-log_std)
        log_prob = -0.5 * away.square() - log_std - 0.5 * math.log(2.0 * math.pi)
        entropy = log_std + 0.5 * math.log(2.0 * math.pi * math.e)
        to_mean = away * torch.exp(-log_std) * mean * (1.0 - mean)
        return Terms(self.entries.add(log_prob), self.entries.total(entropy), (to_mean, away.square() - 1.0))

    def gradient(self, terms: Terms, weight: Tensor, bonus: float) -> Tensor:
        to_mean, to_std = terms.slopes
        each = self.entries.spread(weight)
        wide = self.entries.put(torch.stack([to_mean * each, to_std * each + bonus]))
        return wide.movedim(0, -2).flatten(-2)


class CategoricalHead(Head):
    """Softmaxes, one per entry, one after the other in the outputs; entries may have different numbers of values.

    Parameters
    ----------
    action
        (rows, width) int.
    counts
        (rows, width) bool: entries that count.
    allowed
        (rows, sum n) bool: the mask that the actions were chosen under.
    n
        Values of each entry.
    """

    def __init__(self, action: Tensor, counts: Tensor, allowed: Tensor, n: tuple[int, ...]) -> None:
        self.action, self.counts, self.allowed, self.n = action, counts, allowed, n
        most, starts = max(n), torch.tensor([0, *n[:-1]]).cumsum(0)
        exists = torch.arange(most) < torch.tensor(n)[:, None]  # (width, most)
        self.where = None if bool(exists.all()) else torch.where(exists, starts[:, None] + torch.arange(most), 0)
        self.exists = exists
        self.forbidden = self._rows_last(~(self._wide(allowed) & exists))
        self.entries = CountedEntries(counts)
        self.chosen = self._rows_last(F.one_hot(action, most).float())

    def part(self, rows: Tensor) -> Head:
        return CategoricalHead(self.action[rows], self.counts[rows], self.allowed[rows], self.n)

    def evaluate(self, outputs: Tensor) -> Terms:
        logits = self._wide(outputs).masked_fill(self.forbidden, FORBIDDEN)
        logs = logits.sub_(logits.amax(-1, keepdim=True))
        chance = logs.exp()
        total = chance.sum(-1, keepdim=True)
        chance.div_(total)
        logs.sub_(total.log_())
        mine = logs.gather(-1, self.action[..., None])[..., 0]
        entropy = (chance * logs).sum(-1).neg_()
        bend = logs.add_(entropy[..., None]).mul_(chance).neg_()
        every = self.entries.total(self.entries.take(entropy))
        return Terms(self.entries.add(self.entries.take(mine)), every, (self.chosen - chance, bend))

    def gradient(self, terms: Terms, weight: Tensor, bonus: float) -> Tensor:
        along, bend = terms.slopes
        wide = torch.add(along * weight[:, None, None], bend, alpha=bonus)
        if not self.entries.every:
            wide *= self.entries.weight[..., None]
        if self.where is None:
            return wide.flatten(-2)
        return wide[..., self.exists]

    def _rows_last(self, value: Tensor) -> Tensor:
        """(rows, width, most) with rows next to each other in memory, where outputs are; else as it is."""
        return value.permute(1, 2, 0).contiguous().permute(2, 0, 1) if sum(self.n) < NARROW else value

    def _wide(self, value: Tensor) -> Tensor:
        """(rows, sum n) as (rows, width, most); where an entry has fewer values, any number stands."""
        return value.reshape(-1, *self.exists.shape) if self.where is None else value[:, self.where]


def _halves(outputs: Tensor) -> Tensor:
    """Outputs (rows, 2 width) as (2, rows, width)."""
    return outputs.reshape(len(outputs), 2, outputs.shape[1] // 2).movedim(1, 0)


def polygammas(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """log Gamma(z), psi(z) and psi'(z) for z >= 1, in one pass.

    Stirling's series at z + 4 (Abramowitz and Stegun 6.1.41, 6.3.18, 6.4.12), brought back by the recurrence: with
    P = z (z+1) (z+2) (z+3), log Gamma(z) = log Gamma(z + 4) - log P, and the derivatives of that.
    """
    product = (((z + 6.0) * z + 11.0) * z + 6.0) * z
    first = ((4.0 * z + 18.0) * z + 22.0) * z + 6.0
    second = (12.0 * z + 36.0) * z + 22.0
    over, up = 1.0 / product, z + 4.0
    ratio = first * over
    inverse, log_up = 1.0 / up, up.log()
    square = inverse * inverse
    log_gamma = (up - 0.5) * log_up - up + 0.5 * math.log(2.0 * math.pi) - product.log()
    log_gamma += inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)))
    psi = log_up - 0.5 * inverse - square * (1 / 12 - square * (1 / 120 - square * (1 / 252 - square / 240))) - ratio
    slope = inverse * (1.0 + 0.5 * inverse + square * (1 / 6 - square * (1 / 30 - square * (1 / 42 - square / 30))))
    slope += ratio * ratio - second * over
    return log_gamma, psi, slope
