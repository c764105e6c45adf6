"""Adam of many small parameters at once: their memory is one row, so that a step is a few operations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

DECAY = 0.9, 0.999  # of the moments, Kingma and Ba (2015)
TINY = 1e-8


class Adam:
    """Adam, Kingma and Ba (2015), with what torch's own optimizer has of names.

    Parameters
    ----------
    groups
        Parameters ``params`` with their learning rate ``lr``. They are moved into one row; arrays that shared their
        memory before do not any more.

    Attributes
    ----------
    param_groups
        As given; a changed ``lr`` counts from the next step on.
    flat, moments, gradient
        Parameters (n,), means and squares (2, n), and room for gradients (n,), of all parameters one after the other.
    steps
        Taken so far.
    """

    def __init__(self, groups: Sequence[Mapping[str, Any]]) -> None:
        self.param_groups = [{"params": list(group["params"]), "lr": group["lr"]} for group in groups]
        self.parameters: list[nn.Parameter] = [p for group in self.param_groups for p in group["params"]]
        self.flat = torch.cat([p.detach().flatten() for p in self.parameters])
        self.moments = torch.zeros(2, len(self.flat))
        self.gradient = torch.zeros_like(self.flat)
        self.steps = 0
        for parameter, (value,) in zip(self.parameters, self._split(self.flat[None]), strict=True):
            parameter.data = value
        sizes = [sum(p.numel() for p in group["params"]) for group in self.param_groups]
        rows = [self.flat, self.gradient, *self.moments]
        self._parts = list(zip(*(torch.split(row, sizes) for row in rows), strict=True))

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor] | None = None, most: float | None = None) -> None:
        """One step down the gradients, those of the parameters if none are given.

        ``most`` is the norm at which they are cut, all together.
        """
        if gradients is None:
            gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in self.parameters]
        torch.cat([g.reshape(-1) for g in gradients], out=self.gradient)
        if most is not None:
            norm = math.sqrt(float(self.gradient.dot(self.gradient)))
            if not norm <= most:
                self.gradient *= most / (norm + 1e-6)
        self.steps += 1
        after = torch.tensor(float(self.steps))
        for group, (value, gradient, mean, square) in zip(self.param_groups, self._parts, strict=True):
            torch._fused_adam_(  # one pass over the memory; what torch's own optimizer calls when it is fused
                [value], [gradient], [mean], [square], [], [after], lr=float(group["lr"]), beta1=DECAY[0],
                beta2=DECAY[1], weight_decay=0.0, eps=TINY, amsgrad=False, maximize=False,
            )  # fmt: skip

    def views(self) -> list[Tensor]:
        """The moments (2, ...) of each parameter; changes count."""
        return self._split(self.moments)

    def state(self) -> tuple[dict[str, npt.NDArray[Any]], int]:
        """A copy of the moments, and the number of steps; parameters belong to their networks."""
        return {"moments": self.moments.numpy().copy()}, self.steps

    def load(self, arrays: Mapping[str, npt.NDArray[Any]], steps: int) -> None:
        """The inverse of :meth:`state`."""
        self.moments.copy_(torch.from_numpy(np.ascontiguousarray(arrays["moments"])))
        self.steps = steps

    def _split(self, rows: Tensor) -> list[Tensor]:
        """Rows (r, n) as (r, ...) for each parameter; views."""
        parts = torch.split(rows, [p.numel() for p in self.parameters], dim=1)
        return [part.view(len(rows), *p.shape) for part, p in zip(parts, self.parameters, strict=True)]
