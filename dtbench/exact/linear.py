"""A mixed-integer linear program as arrays, and what a solver proves about it: the words of all back ends."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, BoolArray
from dtbench.core import CertificateStatus, Limits, Sense

if TYPE_CHECKING:
    from scipy import sparse

FEASIBILITY = 1e-9
"""By how much a row, a bound or integrality may be broken: the defaults of back ends are too coarse for a 1e-7 gap."""

INFINITE = 1e19
"""Bounds and sides of rows from this magnitude on mean none: solvers write 1e19, 1e20 or 1e30 for infinity."""


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearModel:
    """min or max ``cost x + offset`` subject to ``row_lower <= rows x <= row_upper``, ``lower <= x <= upper``.

    Attributes
    ----------
    cost, lower, upper
        (n,) per column; bounds may be infinite (from 1e19 on they are), costs may not: leave out a column that costs
        infinity.
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
            if name.endswith(("lower", "upper")):
                value = np.where(np.abs(value) >= INFINITE, np.copysign(np.inf, value), value)
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

    @property
    def contradictory(self) -> bool:
        """Whether a column's or a row's bounds alone leave no value: crossed, or no integer between them."""
        lower = np.where(self.integer, np.ceil(self.lower - FEASIBILITY), self.lower)
        upper = np.where(self.integer, np.floor(self.upper + FEASIBILITY), self.upper)
        pairs = ((self.lower, self.upper), (lower, upper), (self.row_lower, self.row_upper))
        return any(
            bool(((low > high + FEASIBILITY) | (low == np.inf) | (high == -np.inf)).any()) for low, high in pairs
        )

    def column(self, number: int) -> str:
        """What messages call a column."""
        return f"column {number}" + (f" ('{self.names[number]}')" if self.names else "")

    def row(self, number: int) -> str:
        """What messages call a row."""
        return f"row {number}" + (f" ('{self.row_names[number]}')" if self.row_names else "")

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
        from scipy import sparse  # results and certificates, which all problems know, need none

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
        from scipy import sparse

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


def checked_start(model: LinearModel, start: Array) -> Array:
    """The start as floats (n,).

    Raises
    ------
    ValueError
        If it has another length or holds NaN or inf.
    """
    start = np.asarray(start, dtype=float)
    if start.shape != (model.n_columns,) or not np.isfinite(start).all():
        raise ValueError(f"the start has shape {start.shape}; expected ({model.n_columns},) finite numbers")
    return start


def infeasible(seconds: float, backend: str) -> MilpResult:
    """The result of a contradictory model: no back end is asked."""
    return MilpResult("infeasible", None, math.nan, math.nan, seconds, backend, native="contradictory bounds")


def gaps(limits: Limits) -> tuple[float, float]:
    """Relative and absolute gap that a back end stops at; no relative gap given means 0."""
    return (0.0 if limits.gap is None else limits.gap), limits.gap_abs
