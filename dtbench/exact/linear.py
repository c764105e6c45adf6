"""A mixed-integer linear program as arrays, and what a solver proves about it: the words of all back ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from dtbench.arrays import Array, BoolArray
from dtbench.core import CertificateStatus, Limits, Sense


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearModel:
    """min or max ``cost x + offset`` subject to ``row_lower <= rows x <= row_upper``, ``lower <= x <= upper``.

    Attributes
    ----------
    cost, lower, upper
        (n,) per column; bounds may be infinite, costs may not: leave out a column that costs infinity.
    integer
        (n,) bool.
    rows
        (m, n) sparse, stored by rows.
    row_lower, row_upper
        (m,), infinite where a side is free.
    offset
        Constant of the objective.
    sense
        ``"min"`` or ``"max"``.
    names, row_names
        n and m names for export, or empty.

    Raises
    ------
    ValueError
        If lengths differ, or a number is NaN, or a cost or coefficient is not finite.
    """

    cost: Array
    lower: Array
    upper: Array
    integer: BoolArray
    rows: sparse.csr_array
    row_lower: Array
    row_upper: Array
    offset: float = 0.0
    sense: Sense = "min"
    names: Sequence[str] = ()
    row_names: Sequence[str] = ()

    def __post_init__(self) -> None:
        kinds = {"cost": float, "lower": float, "upper": float, "integer": bool, "row_lower": float, "row_upper": float}
        for name, kind in kinds.items():
            value = np.ascontiguousarray(getattr(self, name), dtype=kind)
            length = self.n_rows if name.startswith("row") else self.n_columns
            if value.shape != (length,):
                raise ValueError(f"{name} has shape {value.shape}, expected ({length},)")
            if np.isnan(value).any():
                raise ValueError(f"{name} holds NaN")
            object.__setattr__(self, name, value)
        if not (np.isfinite(self.cost).all() and np.isfinite(self.rows.data).all() and np.isfinite(self.offset)):
            raise ValueError("costs, coefficients and offset must be finite")
        for given, length in ((self.names, self.n_columns), (self.row_names, self.n_rows)):
            if given and len(given) != length:
                raise ValueError(f"{len(given)} names for {length} columns or rows")

    @property
    def n_columns(self) -> int:
        """n."""
        return int(self.rows.shape[1])

    @property
    def n_rows(self) -> int:
        """m."""
        return int(self.rows.shape[0])

    def value(self, x: Array) -> float:
        """Objective of a point (n,)."""
        return float(self.cost @ x + self.offset)

    def violation(self, x: Array) -> float:
        """By how much a point (n,) breaks its worst row, column bound or integrality; 0 if feasible."""
        activity = self.rows @ x
        worst = [self.row_lower - activity, activity - self.row_upper, self.lower - x, x - self.upper]
        worst.append(np.abs(x - np.round(x))[self.integer])
        return max(0.0, *(float(part.max(initial=0.0)) for part in worst))

    def with_columns(self, cost: npt.ArrayLike, upper: npt.ArrayLike, *, integer: bool) -> LinearModel:
        """A copy with (k,) more columns in [0, upper], in no row yet. Names are dropped."""
        cost = np.asarray(cost, dtype=float)
        empty = sparse.csr_array((self.n_rows, cost.size))
        return replace(
            self,
            cost=np.concatenate([self.cost, cost]),
            lower=np.concatenate([self.lower, np.zeros(cost.size)]),
            upper=np.concatenate([self.upper, np.broadcast_to(np.asarray(upper, dtype=float), cost.shape)]),
            integer=np.concatenate([self.integer, np.full(cost.shape, integer)]),
            rows=sparse.csr_array(sparse.hstack([self.rows, empty], format="csr")),
            names=(),
        )

    def with_rows(self, rows: Any, row_lower: npt.ArrayLike, row_upper: npt.ArrayLike) -> LinearModel:
        """A copy with (k, n) more rows, such as the cuts of an outer approximation. Row names are dropped."""
        return replace(
            self,
            rows=sparse.csr_array(sparse.vstack([self.rows, rows], format="csr")),
            row_lower=np.concatenate([self.row_lower, np.asarray(row_lower, dtype=float)]),
            row_upper=np.concatenate([self.row_upper, np.asarray(row_upper, dtype=float)]),
            row_names=(),
        )


@dataclass(frozen=True)
class MilpResult:
    """What a back end found and proved.

    ``objective`` is NaN and ``x`` None without a feasible point; ``bound`` is NaN where the status proves none.
    ``status`` is ``"optimal"`` within the gaps that were asked for; ``native`` is the solver's own word for it.
    """

    status: CertificateStatus
    x: Array | None
    objective: float
    bound: float
    seconds: float
    backend: str
    native: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


def gaps(limits: Limits) -> tuple[float, float]:
    """Relative and absolute gap that a back end stops at; no relative gap given means 0."""
    return (0.0 if limits.gap is None else limits.gap), limits.gap_abs
