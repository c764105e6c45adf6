"""Small models with optima that can be checked by hand or by enumeration."""

import itertools

import numpy as np
from scipy import sparse

from dtbench.exact.linear import LinearModel


def model(cost, rows, row_lower, row_upper, *, lower=0.0, upper=1.0, integer=True, **more) -> LinearModel:
    cost = np.asarray(cost, dtype=float)
    rows = sparse.csr_array(np.atleast_2d(np.asarray(rows, dtype=float)))
    spread = [np.broadcast_to(np.asarray(v), cost.shape) for v in (lower, upper, integer)]
    return LinearModel(
        cost=cost, lower=spread[0], upper=spread[1], integer=spread[2], rows=rows,
        row_lower=np.broadcast_to(row_lower, rows.shape[0]), row_upper=np.broadcast_to(row_upper, rows.shape[0]),
        **more,
    )  # fmt: skip


def knapsack(**more) -> LinearModel:
    """max 10 a + 13 b + 7 c + 1 with 3 a + 4 b + 2 c <= 6: b and c, 21. The rest does not fit."""
    return model([10.0, 13.0, 7.0], [3, 4, 2], -np.inf, 6.0, sense="max", offset=1.0, **more)


def random_model(seed: int, sense: str) -> LinearModel:
    """Six integers in [-2, 2], real costs, three rows of integers."""
    rng = np.random.default_rng(seed)
    return model(
        rng.uniform(-1, 1, 6), rng.integers(-3, 4, (3, 6)), -np.inf, rng.integers(0, 6, 3).astype(float),
        lower=-2.0, upper=2.0, sense=sense, offset=0.5,
    )  # fmt: skip


def best_by_enumeration(m: LinearModel) -> float:
    points = np.array(list(itertools.product(range(-2, 3), repeat=6)), dtype=float)
    activity = points @ m.rows.toarray().T
    values = (points @ m.cost + m.offset)[(activity <= m.row_upper).all(axis=1)]
    return float(values.min() if m.sense == "min" else values.max())
