"""Products of matrices in torch, by oneDNN where torch's own are slow.

Torch multiplies with MKL, which leaves AVX-512 unused on processors that are not Intel's. oneDNN, also a part of torch,
uses it: products of some size take half of the time there. Its function has no public name yet, so it is tried first,
and torch's own products are taken where it is not as expected.

All arrays have the copies of a network first, as in :mod:`dtbench.learning.layers`. Nothing here keeps gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from dtbench import machine

Linear = Callable[[Tensor, Tensor, Tensor | None], Tensor]
WORTH = 1_000_000  # multiplications; a call of oneDNN costs 10 us, which fewer take by MKL
NARROW = 16  # outputs below which torch's own product is taken the other way round: four times as fast


def _of_onednn() -> Linear | None:
    """``x @ weight.T + bias`` by oneDNN; None where it would not be quicker, or is not there."""
    if "AVX512" not in torch.backends.cpu.get_cpu_capability() or "intel" in machine.cpu().lower():
        return None
    known = torch.backends.mkl.is_available(), torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    if not all(known):
        return None
    try:
        function: Any = torch.ops.mkldnn._linear_pointwise.default

        def linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
            y: Tensor = function(x, weight, bias, "none", [], "")
            return y

        x, weight, bias = torch.eye(3, 4), torch.arange(8.0).view(2, 4), torch.ones(2)
        alike = torch.equal(linear(x, weight, bias), x @ weight.T + bias)
    except (AttributeError, NotImplementedError, RuntimeError, TypeError):
        return None
    return linear if alike else None


LINEAR = _of_onednn()


def affine(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """``x @ weight + bias`` (copies, rows, out)."""
    if LINEAR is not None and _worth(x, weight):
        return LINEAR(x[0], weight[0].mT, bias[0, 0])[None]
    if weight.shape[-1] < NARROW:
        return torch.baddbmm(bias.mT, weight.mT, x.mT).mT
    return torch.baddbmm(bias, x, weight)


def by_input(slope: Tensor, weight: Tensor) -> Tensor:
    """The gradient (copies, rows, in) of a layer's inputs, for that of its sum, ``slope`` (copies, rows, out)."""
    if LINEAR is not None and _worth(slope, weight.mT):
        return LINEAR(slope[0], weight[0], None)[None]
    return torch.bmm(slope, weight.mT)


def by_weight(x: Tensor, slope: Tensor) -> Tensor:
    """The gradient (copies, in, out) of a layer's weight."""
    if LINEAR is not None and _worth(x.mT, slope):
        if slope.shape[-1] < x.shape[-1]:
            return LINEAR(slope[0].mT, x[0].mT, None).mT[None]
        return LINEAR(x[0].mT, slope[0].mT, None)[None]
    return torch.bmm(slope.mT, x).mT if slope.shape[-1] < NARROW else torch.bmm(x.mT, slope)


def _worth(x: Tensor, weight: Tensor) -> bool:
    """Whether the product is large, and both lie in memory as oneDNN likes them: else it can take ten times as long."""
    large = len(x) == 1 and x.shape[1] * weight.numel() >= WORTH
    return large and all(y.is_contiguous() or y.mT.is_contiguous() for y in (x, weight))
