"""What heads are taught with: one function per loss. Targets that are NaN teach nothing."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from dtbench.layout import Head, Layout

FORBIDDEN = -1e4  # a score that no softmax takes, and whose differences are numbers
SCALINGS = 8  # of a matching


def total(layout: Layout, outputs: Mapping[str, Tensor], inputs: Mapping[str, Tensor], x: Mapping[str, Tensor],
          scales: Mapping[str, Tensor]) -> Tensor:  # fmt: skip
    """The weighted sum over heads: outputs and targets ``x`` (rows, *axes, outputs), features, scales of outputs."""
    losses = [h.weight * of_head(h, outputs[h.name], inputs, x[h.name], scales[h.name]) for h in layout.heads]
    return torch.stack(losses).sum()


def of_head(head: Head, output: Tensor, inputs: Mapping[str, Tensor], target: Tensor, scale: Tensor) -> Tensor:
    """The loss of a head, a mean over what is taught."""
    if head.loss == "value":
        return value(output / scale, target / scale)
    if head.loss == "yes":
        return yes(output, target)
    score = output[..., 0]
    if head.allowed:
        score = score.masked_fill(inputs[head.allowed][..., 0] <= 0.0, FORBIDDEN)
    if head.loss == "matching":
        score = fitted(score, inputs[head.room][..., 0])
    return choice(score, target[..., 0])


def choice(score: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of scores (rows, n, m): each of n takes the one of m whose target is greatest."""
    taught = ~target.isnan().any(dim=-1)
    taken = target.nan_to_num(nan=-torch.inf).argmax(dim=-1)
    loss = functional.cross_entropy(score.movedim(-1, 1), taken, reduction="none")
    return _mean(loss, taught)


def fitted(score: Tensor, room: Tensor) -> Tensor:
    """Scores (rows, n, m) less prices (rows, m), at which a softmax over m gives none of m more than its room.

    Prices are those of the entropic transport problem whose columns may stay empty: no less than 0, and found by
    scaling rows and columns in turn (Cuturi 2013).
    """
    price = torch.zeros_like(score[:, :1])
    log_room = room.clamp(min=1e-6).log()[:, None]
    for _ in range(SCALINGS):
        log_share = torch.log_softmax(score - price, dim=-1)
        price = (price + log_share.logsumexp(dim=-2, keepdim=True) - log_room).clamp(min=0.0)
    return score - price


def yes(output: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of log-odds; a target above 0 is a yes."""
    loss = functional.binary_cross_entropy_with_logits(output, (target > 0.0).to(output.dtype), reduction="none")
    return _mean(loss, ~target.isnan())


def value(output: Tensor, target: Tensor) -> Tensor:
    """Mean squared error."""
    taught = ~target.isnan()
    return _mean((output - target.nan_to_num()).square(), taught)


def _mean(loss: Tensor, taught: Tensor) -> Tensor:
    return torch.where(taught, loss, 0.0).sum() / taught.sum().clamp(min=1)
