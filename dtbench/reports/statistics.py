"""Statistics: interquartile mean, two-level bootstrap interval, mean rank; means of sweeps.

References
----------
R. Agarwal, M. Schwarzer, P. S. Castro, A. Courville, M. G. Bellemare, "Deep Reinforcement Learning at the Edge of the
Statistical Precipice", NeurIPS 2021 (interquartile mean and bootstrap intervals instead of bare means).

A. C. Davison, D. V. Hinkley, "Bootstrap Methods and their Application", Cambridge University Press 1997, Sec. 3.8
(resampling of hierarchical data) and Sec. 5.3.1 (percentile interval).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, IntArray

LEVEL = 0.95
REPLICATES = 4000
CHUNK = 2**18  # values of bootstrap samples at once, which fit a processor's cache
SEED = 20210830  # any number, as long as it stays


def interquartile_mean(values: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> Array:
    """Mean of the middle half of the values: ``2 * integral of Q(u) du, u in [1/4, 3/4]``, Q their quantile function.

    A value on the border of the middle half counts with the part of its weight that lies inside. Where n is a multiple
    of 4 and weights are equal, this is the 25 % trimmed mean of Agarwal et al. (2021), ``scipy.stats.trim_mean``. That
    one trims whole values only: of 3 values it trims none and is a bare mean, this one trims 3/4 of a value per end.

    Parameters
    ----------
    values
        (..., n) finite.
    weights
        (..., n) >= 0 with a positive sum, broadcast against ``values``; equal ones by default.

    Returns
    -------
    Array
        (...,), in the unit of ``values``.

    Raises
    ------
    ValueError
        If there is no value, or one is not finite.

    Examples
    --------
    >>> float(interquartile_mean([0.0, 1.0, 3.0, 100.0]))  # (1 + 3) / 2
    2.0
    >>> float(interquartile_mean([0.0, 3.0, 9.0]))  # (0.25 * 0 + 1 * 3 + 0.25 * 9) / 1.5
    3.5
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim == 0 or x.shape[-1] == 0 or not np.isfinite(x).all():
        raise ValueError("the interquartile mean needs at least one value, all of them finite")
    w = np.broadcast_to(1.0 if weights is None else np.asarray(weights, dtype=np.float64), x.shape)
    order = np.argsort(x, axis=-1, kind="stable")
    return _middle_mean(np.take_along_axis(x, order, -1), np.take_along_axis(w, order, -1))


def _middle_mean(x: Array, weights: Array) -> Array:
    """The interquartile mean (...,) of values (..., n) in ascending order with weights (..., n)."""
    upper = np.cumsum(weights, axis=-1)
    total = upper[..., -1:].copy()
    middle = np.clip(upper, 0.25 * total, 0.75 * total, out=upper)  # of the middle half, up to each value
    middle[..., 1:] -= middle[..., :-1].copy()
    middle[..., :1] -= 0.25 * total
    return np.asarray(np.einsum("...n,...n->...", middle, x) / middle.sum(-1))


def pad(strata: Sequence[npt.ArrayLike]) -> tuple[Array, IntArray]:
    """Ragged strata as an array (m, k) filled up with 0, and how many values each has (m,) int.

    Raises
    ------
    ValueError
        If there is no stratum, or one is empty.
    """
    rows = [np.asarray(s, dtype=np.float64).ravel() for s in strata]
    counts = np.array([len(row) for row in rows], dtype=np.int64)
    if not rows or counts.min() == 0:
        raise ValueError("a statistic over strata needs at least one stratum, and none may be empty")
    values = np.zeros((len(rows), counts.max()))
    values[np.arange(values.shape[1]) < counts[:, None]] = np.concatenate(rows)
    return values, counts


def stratified_iqm(strata: Sequence[npt.ArrayLike]) -> float:
    """Interquartile mean over all runs, where every stratum (instance) counts the same however many runs it has.

    Examples
    --------
    >>> stratified_iqm([[1.0], [3.0, 3.0], [100.0, 200.0], [0.0]])  # as of 1, 3, [100, 200], 0: (1 + 3) / 2
    2.0
    """
    values, counts = pad(strata)
    weights = _weights(counts, values.shape[1])
    return float(interquartile_mean(values.ravel(), weights.ravel()))


def bootstrap_interval(
    strata: Sequence[npt.ArrayLike], *, level: float = LEVEL, n_replicates: int = REPLICATES, seed: int = SEED
) -> tuple[float, float] | None:
    """Percentile bootstrap interval of :func:`stratified_iqm`: resamples strata, and the values within each.

    The strata are instances, the values runs with different seeds. Agarwal et al. (2021) resample seeds only, because
    their tasks are the whole population that they speak of. Here instances are draws of a generator, and the claim is
    about the class they come from; most methods are deterministic besides, so that over seeds alone their interval
    would have no width and promise a certainty that does not exist. Hence two levels with replacement: instances, then
    as many runs of each drawn instance as it has. Seeds drop out where there is one per instance, instances where there
    is one.

    Two things to know. Resampling the runs as well counts their spread twice (Davison and Hinkley 1997, Sec. 3.8), so
    with many seeds the interval errs on the wide side; with few instances (below ten, say) every percentile bootstrap
    errs on the narrow side. And methods run on the same instances, so two of them can differ clearly although their
    intervals overlap: look at the mean rank, too.

    Parameters
    ----------
    strata
        m sequences of finite values, each of any length >= 1.
    level
        Coverage in (0, 1).
    n_replicates
        Number of bootstrap samples, all drawn at once.
    seed
        Fixed, so that the same values give the same interval, bit for bit.

    Returns
    -------
    tuple or None
        Lower and upper end; None for a single value, which says nothing about spread.

    Raises
    ------
    ValueError
        If there is no stratum, one is empty, or a value is not finite.
    """
    values, counts = pad(strata)
    if not np.isfinite(values).all():
        raise ValueError("the bootstrap needs finite values")
    if counts.sum() == 1:
        return None
    m, k = values.shape
    weights = _weights(counts, k)
    order = np.argsort(values, axis=None, kind="stable")
    place = np.empty(m * k, dtype=np.int64)  # of each value among all values in order
    place[order] = np.arange(m * k)
    ascending = values.ravel()[order]
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    stratum = rng.integers(m, size=(n_replicates, m))
    replicates = []
    for drawn in np.array_split(stratum, -(-n_replicates * m * k // CHUNK)):
        run = (rng.random((len(drawn), m, k)) * counts[drawn][..., None]).astype(np.int64)
        run += drawn[..., None] * k
        at = place[run]
        at += np.arange(len(drawn))[:, None, None] * (m * k)
        mass = np.bincount(at.ravel(), weights[drawn].ravel(), len(drawn) * m * k)
        replicates.append(
            _middle_mean(ascending, np.asarray(mass, np.float64).reshape(len(drawn), -1))
        )  # so no replicate is sorted
    lower, upper = np.quantile(np.concatenate(replicates), [(1 - level) / 2, (1 + level) / 2])
    return float(lower), float(upper)


@dataclass(frozen=True)
class MeanInterval:
    """Mean of ``n`` values, its standard error and confidence interval; these are None for a single value."""

    n: int
    mean: float
    standard_error: float | None = None
    lower: float | None = None
    upper: float | None = None


def mean_interval(values: npt.ArrayLike, *, level: float = LEVEL) -> MeanInterval:
    """Mean with Student's t interval: ``mean -+ t_(n-1) s / sqrt(n)``, s the standard deviation with ``n - 1``.

    For curves that are compared with those of a paper, which plots means; the values are means over the horizon of one
    instance each, hence near enough to normal for the t interval at the ten or so instances of a point, where the
    percentile bootstrap is too narrow. Rankings rest on :func:`stratified_iqm`.

    Parameters
    ----------
    values
        (n,) finite, independent of each other: one per instance.
    level
        Coverage in (0, 1).

    Raises
    ------
    ValueError
        If there is no value, or one is not finite.

    Examples
    --------
    >>> found = mean_interval([1.0, 2.0, 3.0])  # s = 1, t_2(0.975) = 4.303
    >>> round(found.mean, 3), round(found.lower, 3), round(found.upper, 3)
    (2.0, -0.484, 4.484)
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or len(x) == 0 or not np.isfinite(x).all():
        raise ValueError("the mean needs at least one value, all of them finite")
    mean = float(x.mean())
    if len(x) == 1:
        return MeanInterval(1, mean)
    from scipy.special import stdtrit  # half a second that tables without means need not wait for

    error = float(x.std(ddof=1)) / len(x) ** 0.5
    half = float(stdtrit(len(x) - 1, (1 + level) / 2)) * error
    return MeanInterval(len(x), mean, error, mean - half, mean + half)


def tied(losses: npt.ArrayLike, tolerance: float) -> Array:
    """Losses with those that tie made equal: in order of size, each is at most ``tolerance`` above the one before it.

    Rounding would not do: two numbers that differ in their last bit can lie on both sides of a rounding boundary.

    Parameters
    ----------
    losses
        (..., n); NaN stays NaN.

    Returns
    -------
    Array
        (..., n): the least loss of those that each ties with.

    Examples
    --------
    >>> tied([0.3, 0.1, 0.1 + 1e-12, np.nan], 1e-9)
    array([0.3, 0.1, 0.1, nan])
    """
    x = np.asarray(losses, dtype=np.float64)
    order = np.argsort(x, axis=-1, kind="stable")
    ordered = np.take_along_axis(x, order, -1)
    opens = np.concatenate([np.ones_like(ordered[..., :1], bool), ~(np.diff(ordered) <= tolerance)], axis=-1)
    first = np.maximum.accumulate(np.where(opens, np.arange(x.shape[-1]), 0), axis=-1)
    equal = np.empty_like(x)
    np.put_along_axis(equal, order, np.take_along_axis(ordered, first, -1), -1)
    return equal


def mean_rank(losses: npt.ArrayLike, planned: npt.ArrayLike | None = None) -> Array:
    """Mean over instances of each solver's rank among all; 1 = best, ties share the mean of their ranks.

    A solver without a score has the last place, however many others have none.

    Parameters
    ----------
    losses
        (..., n_instances, n_solvers), less is better; NaN = no score.
    planned
        (..., n_instances, n_solvers) bool: whether the solver is to be run on the instance; all are by default. Places
        are among those that are, and each solver's mean is over its own instances.

    Returns
    -------
    Array
        (..., n_solvers) in [1, n_solvers].

    Examples
    --------
    >>> mean_rank([[0.0, 0.0, 5.0], [1.0, np.nan, 0.0]])
    array([1.75, 2.25, 2.  ])
    >>> mean_rank([[0.0, np.nan, np.nan]])
    array([1., 3., 3.])
    """
    x = np.asarray(losses, dtype=np.float64)
    mine = np.ones(x.shape, bool) if planned is None else np.asarray(planned, dtype=bool)
    ranks = ranks_of(np.where(np.isnan(x) | ~mine, np.inf, x))
    last = np.broadcast_to(mine.sum(axis=-1, keepdims=True), x.shape)
    places = np.where(mine, np.where(np.isnan(x), last, ranks), 0.0)
    return np.asarray(places.sum(axis=-2) / mine.sum(axis=-2))


def ranks_of(x: Array) -> Array:
    """Ranks (..., n) of values (..., n), the least first; equal ones share the mean of theirs."""
    before = (x[..., None, :] < x[..., :, None]).sum(-1)
    equal = (x[..., None, :] == x[..., :, None]).sum(-1)
    return np.asarray(before + (equal + 1) / 2)


def _weights(counts: IntArray, k: int) -> Array:
    """(m, k): ``1 / counts`` for the values that there are, 0 for the padding."""
    return np.where(np.arange(k) < counts[:, None], 1.0 / counts[:, None], 0.0)
