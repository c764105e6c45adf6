"""Statistics of two methods in pairs: signed ranks, Holm's adjustment, probability of improvement.

References
----------
R. Agarwal, M. Schwarzer, P. S. Castro, A. Courville, M. G. Bellemare, "Deep Reinforcement Learning at the Edge of the
Statistical Precipice", NeurIPS 2021 (probability of improvement).

J. Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, 2006 (signed-rank test, Holm).

S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6, 1979.

F. Wilcoxon, "Individual Comparisons by Ranking Methods", Biometrics Bulletin 1, 1945.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from dtbench.arrays import Array, BoolArray, IntArray
from dtbench.reports.statistics import CHUNK, LEVEL, REPLICATES, SEED, pad, ranks_of

ALL_SIGNS = 13  # differences up to which a test goes through all signs


class SignedRank(NamedTuple):
    """Wilcoxon's signed-rank test: two-sided ``p``, ``n`` differences that are not 0, and the ``correlation``.

    The correlation is the matched-pairs rank-biserial one, ``(W+ - W-) / (W+ + W-)`` in [-1, 1]: 1 if all are positive.
    """

    p: float
    n: int
    correlation: float


def signed_rank(differences: npt.ArrayLike) -> SignedRank:
    """Whether differences are symmetric about 0 (Wilcoxon 1945; Demsar 2006 recommends it for two methods).

    Zeros are dropped. The p-value is exact up to 50 differences of distinct size, or up to 13 with equal ones, by going
    through all signs; beyond, it is the normal approximation with a correction for continuity. Of n differences it is
    ``2 / 2**n`` at the least, so that fewer than 6 instances show nothing at the level of 5 %.

    Parameters
    ----------
    differences
        (n,) finite and independent: one per instance.

    Raises
    ------
    ValueError
        If a difference is not finite.

    Examples
    --------
    >>> signed_rank([1.0, 2.0, 3.0, 0.0])  # W+ = 6 in one of 8 signs, and as far on the other side
    SignedRank(p=0.25, n=3, correlation=1.0)
    """
    x = np.asarray(differences, dtype=np.float64).ravel()
    if not np.isfinite(x).all():
        raise ValueError("the signed-rank test needs finite differences")
    x = x[x != 0.0]
    n = len(x)
    if n == 0:
        return SignedRank(1.0, 0, 0.0)
    from scipy import stats  # takes a second to import

    distinct = len(np.unique(np.abs(x))) == n
    if distinct and n <= 50:
        found = stats.wilcoxon(x, method="exact")
    elif n <= ALL_SIGNS:
        found = stats.wilcoxon(x, method=stats.PermutationMethod(n_resamples=2**n))
    else:
        found = stats.wilcoxon(x, method="approx", correction=True)
    ranks = ranks_of(np.abs(x))
    return SignedRank(min(float(found.pvalue), 1.0), n, float((np.sign(x) * ranks).sum() / ranks.sum()))


def holm(p: Sequence[float]) -> list[float]:
    """p-values adjusted for testing them all (Holm 1979): at 5 %, the chance of any false finding is at most 5 %.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03])  # 3 * 0.01; 2 * 0.03; 0.04, but not below the one before it
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p)), key=lambda i: p[i])
    adjusted, least = [0.0] * len(p), 0.0
    for place, i in enumerate(order):
        least = adjusted[i] = min(1.0, max(least, (len(p) - place) * p[i]))
    return adjusted


Sides = Sequence[tuple[npt.ArrayLike, npt.ArrayLike]]


def probability_of_improvement(sides: Sides, tolerance: float = 0.0) -> float:
    """How likely a run of the first method beats one of the second, on an instance drawn at random.

    Agarwal et al. (2021), Sec. 4.3: on each instance the share of all pairs of their runs in which the first has the
    lesser loss, a tie counting half; the mean over instances.

    Parameters
    ----------
    sides
        For each instance the losses of both methods, (n,) and (k,) finite, n and k >= 1; less is better.
    tolerance
        Losses that differ by at most this much tie.

    Returns
    -------
    float
        In [0, 1]; 1/2 where neither is better.

    Raises
    ------
    ValueError
        If there is no instance, or a side has no value.

    Examples
    --------
    >>> probability_of_improvement([([1.0, 2.0], [2.0, 3.0])])  # three of four pairs won, one tied
    0.875
    """
    wins, first, second = _wins(sides, tolerance)
    return float((wins.sum((1, 2)) / (first * second)).mean())


def improvement_interval(
    sides: Sides, tolerance: float = 0.0, *, level: float = LEVEL, n_replicates: int = REPLICATES, seed: int = SEED
) -> tuple[float, float] | None:
    """Percentile bootstrap interval of :func:`probability_of_improvement`: instances, then the runs of each side.

    As in :func:`dtbench.reports.statistics.bootstrap_interval`, and for its reasons; None for a single pair of runs.
    """
    wins, first, second = _wins(sides, tolerance)
    m, n, k = wins.shape
    if wins.size == 1:
        return None
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    instance = rng.integers(m, size=(n_replicates, m))
    means = []
    for drawn in np.array_split(instance, -(-n_replicates * wins.size // CHUNK)):
        row = (rng.random((*drawn.shape, n)) * first[drawn][..., None]).astype(np.int64)
        column = (rng.random((*drawn.shape, k)) * second[drawn][..., None]).astype(np.int64)
        there = _there(first[drawn], n)[..., :, None] & _there(second[drawn], k)[..., None, :]
        won = wins[drawn[..., None, None], row[..., :, None], column[..., None, :]] * there
        means.append((won.sum((-2, -1)) / (first * second)[drawn]).mean(-1))
    lower, upper = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return float(lower), float(upper)


def _wins(sides: Sides, tolerance: float) -> tuple[Array, IntArray, IntArray]:
    """Of each pair of runs (m, n, k) 1 if the first wins, 1/2 at a tie, else 0, also in padding; runs of each (m,)."""
    x, first = pad([side[0] for side in sides])
    y, second = pad([side[1] for side in sides])
    less = y[:, None, :] - x[:, :, None]
    wins = np.where(np.abs(less) <= tolerance, 0.5, (less > 0.0).astype(np.float64))
    there = _there(first, x.shape[1])[:, :, None] & _there(second, y.shape[1])[:, None, :]
    return wins * there, first, second


def _there(counts: IntArray, k: int) -> BoolArray:
    """(..., k): which of k values are there, and no padding, where there are ``counts`` (...,) of them."""
    return np.asarray(np.arange(k) < counts[..., None])
