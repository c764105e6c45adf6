"""Statistics: numbers checked by hand, slow loops as oracles, laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose
from scipy.stats import trim_mean

from dtbench.reports import statistics
from dtbench.reports.statistics import (
    MeanInterval,
    bootstrap_interval,
    interquartile_mean,
    mean_interval,
    mean_rank,
    pad,
    stratified_iqm,
    tied,
)

FINITE = st.floats(-1e6, 1e6)
STRATA = st.lists(st.lists(FINITE, min_size=1, max_size=4), min_size=1, max_size=6)


@pytest.mark.parametrize("module", [statistics])
def test_doctests(module):
    import doctest

    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def slow_iqm(values, weights):
    """Walk along the cumulative weight and add up what lies in the middle half."""
    total, position, area = math.fsum(weights), 0.0, 0.0
    for value, weight in sorted(zip(values, weights, strict=True)):
        begin, end = max(position, 0.25 * total), min(position + weight, 0.75 * total)
        area += value * max(end - begin, 0.0)
        position += weight
    return area / (0.5 * total)


class TestInterquartileMean:
    def test_by_hand(self):
        """Middle half of 1..8 is 3, 4, 5, 6; of five values, a quarter of the second and fourth are cut off."""
        assert interquartile_mean([8, 1, 7, 2, 6, 3, 5, 4]) == 4.5
        assert_allclose(interquartile_mean([-100.0, 1.0, 2.0, 4.0, 100.0]), (0.75 * 1 + 2 + 0.75 * 4) / 2.5)
        assert interquartile_mean([7.0]) == 7.0
        assert interquartile_mean([1.0, 3.0]) == 2.0

    def test_weights_by_hand(self):
        """Weight 3 of 4 lies on 10: the first quarter is 0, the middle half all 10."""
        assert interquartile_mean([0.0, 10.0], [1.0, 3.0]) == 10.0
        assert_allclose(interquartile_mean([0.0, 10.0], [2.0, 3.0]), (0.75 * 0 + 1.75 * 10) / 2.5)

    @given(hnp.arrays(float, st.integers(1, 8).map(lambda n: 4 * n), elements=FINITE))
    def test_equals_the_trimmed_mean_on_multiples_of_four(self, values):
        assert_allclose(interquartile_mean(values), trim_mean(values, 0.25), rtol=1e-9, atol=1e-6)

    @given(st.lists(st.tuples(FINITE, st.floats(0.1, 10)), min_size=1, max_size=12))
    def test_equals_the_slow_loop(self, pairs):
        values, weights = zip(*pairs, strict=True)
        assert_allclose(interquartile_mean(values, weights), slow_iqm(values, weights), rtol=1e-9, atol=1e-6)

    def test_leading_axes_equal_their_loop(self):
        rng = np.random.default_rng(0)
        values, weights = rng.normal(size=(3, 4, 7)), rng.uniform(0, 1, size=(3, 4, 7))
        batch = interquartile_mean(values, weights)
        assert batch.shape == (3, 4)
        assert_allclose(
            batch, [[slow_iqm(v, w) for v, w in zip(*r, strict=True)] for r in zip(values, weights, strict=True)]
        )

    @given(st.lists(FINITE, min_size=1, max_size=12), st.randoms(use_true_random=False))
    def test_order_does_not_matter(self, values, random):
        shuffled = random.sample(values, len(values))
        assert interquartile_mean(shuffled) == interquartile_mean(values)

    @pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf], 1.0])
    def test_refuses_what_has_no_mean(self, values):
        with pytest.raises(ValueError, match="finite"):
            interquartile_mean(values)


class TestStrata:
    def test_pad(self):
        values, counts = pad([[1.0], [2.0, 3.0]])
        assert values.tolist() == [[1.0, 0.0], [2.0, 3.0]]
        assert counts.tolist() == [1, 2]

    @pytest.mark.parametrize("strata", [[], [[1.0], []]])
    def test_refuses_empty_ones(self, strata):
        with pytest.raises(ValueError, match="stratum"):
            stratified_iqm(strata)

    def test_instances_count_the_same_however_many_seeds_they_have(self):
        """Three instances at 0, one at 12 with nine seeds: pooled runs would give 12 the majority."""
        assert stratified_iqm([[0.0], [0.0], [0.0], [12.0] * 9]) == 0.0

    @given(STRATA)
    def test_repeating_every_run_changes_nothing(self, strata):
        assert_allclose(stratified_iqm([2 * s for s in strata]), stratified_iqm(strata), rtol=1e-9, atol=1e-6)


def slow_interval(strata, n_replicates, seed):
    """The two-level bootstrap as one would write it down, with its own random numbers."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(n_replicates):
        drawn = [strata[i] for i in rng.integers(len(strata), size=len(strata))]
        runs = [rng.choice(stratum, size=len(stratum)) for stratum in drawn]
        values = np.concatenate(runs)
        weights = np.concatenate([np.full(len(r), 1 / len(r)) for r in runs])
        found.append(slow_iqm(values.tolist(), weights.tolist()))
    return np.quantile(found, [0.025, 0.975])


class TestBootstrapInterval:
    def test_two_instances_by_hand(self):
        """Of 0 and 1, a quarter of the samples is (0, 0), a quarter (1, 1): the 95 % interval is [0, 1]."""
        assert bootstrap_interval([[0.0], [1.0]]) == (0.0, 1.0)

    def test_narrower_level_by_hand(self):
        """The middle 40 % of the same samples all have the mean 1/2."""
        assert bootstrap_interval([[0.0], [1.0]], level=0.4) == (0.5, 0.5)

    def test_one_run_says_nothing(self):
        assert bootstrap_interval([[3.0]]) is None

    def test_one_instance_speaks_of_seeds(self):
        lower, upper = bootstrap_interval([[0.0, 1.0, 2.0, 3.0]])
        assert 0.0 <= lower < 1.5 < upper <= 3.0

    def test_deterministic_solvers_have_an_interval_over_instances(self):
        lower, upper = bootstrap_interval([[x] for x in (1.0, 2.0, 3.0, 4.0, 5.0)])
        assert lower < 3.0 < upper

    def test_no_spread_no_width(self):
        assert bootstrap_interval([[0.0, 0.0], [0.0], [0.0]]) == (0.0, 0.0)

    @pytest.mark.parametrize("counts", [[5] * 8, [1] * 8, [1, 2, 3, 4, 5, 6, 7, 8]])
    def test_agrees_with_the_slow_loop(self, counts):
        """Two samples of one distribution: their quantiles agree to a few percent of its spread."""
        rng = np.random.default_rng(1)
        strata = [rng.normal(rng.normal(), 0.5, size=n) for n in counts]
        lower, upper = bootstrap_interval(strata)
        assert_allclose([lower, upper], slow_interval(strata, 4000, seed=2), atol=0.07 * (upper - lower))

    def test_seeds_widen_it(self):
        """The same instance means, with and without spread over seeds."""
        calm = bootstrap_interval([[x, x] for x in range(8)])
        wild = bootstrap_interval([[x - 4.0, x + 4.0] for x in range(8)])
        assert wild[1] - wild[0] > calm[1] - calm[0]

    @given(STRATA)
    def test_lies_within_the_values_and_repeats(self, strata):
        interval = bootstrap_interval(strata, n_replicates=200)
        flat = [x for s in strata for x in s]
        if len(flat) == 1:
            assert interval is None
        else:
            tolerance = 1e-9 * (1 + max(map(abs, flat)))
            assert min(flat) - tolerance <= interval[0] <= interval[1] <= max(flat) + tolerance
            assert bootstrap_interval(strata, n_replicates=200) == interval

    @given(st.integers(0, 10**6), st.integers(4, 12), st.integers(1, 5))
    def test_contains_the_estimate(self, seed, n_instances, n_seeds):
        strata = np.random.default_rng(seed).normal(size=(n_instances, n_seeds))
        lower, upper = bootstrap_interval(list(strata), n_replicates=1000)
        assert lower < stratified_iqm(list(strata)) < upper

    @given(STRATA, st.floats(0.1, 10), FINITE)
    def test_follows_scale_and_shift(self, strata, scale, shift):
        if sum(map(len, strata)) > 1:
            moved = bootstrap_interval([[scale * x + shift for x in s] for s in strata], n_replicates=100)
            interval = bootstrap_interval(strata, n_replicates=100)
            assert_allclose(moved, scale * np.array(interval) + shift, rtol=1e-6, atol=1e-3)

    def test_refuses_nan(self):
        with pytest.raises(ValueError, match="finite"):
            bootstrap_interval([[1.0, math.nan], [2.0]])

    @pytest.mark.slow
    def test_covers_the_truth_about_as_often_as_it_says(self):
        """20 instances, 3 seeds: 95 % intervals of a symmetric law cover its centre in 90 to 98 % of 400 samples."""
        rng = np.random.default_rng(3)
        samples = rng.normal(size=(400, 20, 1)) + 0.5 * rng.normal(size=(400, 20, 3))
        intervals = np.array([bootstrap_interval(list(s), n_replicates=1000) for s in samples])
        covered = (intervals[:, 0] <= 0) & (intervals[:, 1] >= 0)
        assert 0.90 <= covered.mean() <= 0.98


class TestTied:
    def test_by_hand(self):
        """0.1, 0.19 and 0.28 tie in a chain of steps of 0.09; 0.4 is 0.12 away."""
        assert tied([0.4, 0.28, math.nan, 0.1, 0.19], 0.1).tolist()[:2] == [0.4, 0.1]
        assert tied([0.4, 0.28, 0.1, 0.19], 0.1).tolist() == [0.4, 0.1, 0.1, 0.1]

    def test_rows_are_apart(self):
        assert tied([[0.0, 1.0], [1.0, 1.05]], 0.1).tolist() == [[0.0, 1.0], [1.0, 1.0]]

    @given(st.floats(-1e3, 1e3))
    def test_neighbours_in_the_last_bit_tie_everywhere(self, x):
        """Rounded to nine decimals, 5e-10 and the number after it would not."""
        assert len(set(tied([x, math.nextafter(x, math.inf)], 1e-9).tolist())) == 1

    def test_nothing(self):
        assert tied([], 1e-9).shape == (0,)


class TestMeanRank:
    def test_by_hand(self):
        """Ranks (1, 2, 3), (2.5, 1, 2.5) and (1.5, 1.5, 3)."""
        losses = [[0.0, 1.0, 2.0], [5.0, 4.0, 5.0], [0.0, 0.0, math.nan]]
        assert_allclose(mean_rank(losses), [5 / 3, 4.5 / 3, 8.5 / 3])

    def test_without_a_score_the_place_is_the_last_however_many_share_it(self):
        """Of two that have none both are last of three, not 2.5th."""
        assert mean_rank([[1.0, math.nan, math.nan]]).tolist() == [1.0, 3.0, 3.0]
        assert mean_rank([[math.nan, math.nan]]).tolist() == [2.0, 2.0]

    def test_places_are_among_those_that_are_planned(self):
        """The third is planned on the first instance only: (1, 2, 3) there, (2, 1) on the other."""
        planned = [[True, True, True], [True, True, False]]
        assert mean_rank([[0.0, 1.0, 2.0], [5.0, 4.0, math.nan]], planned).tolist() == [1.5, 1.5, 3.0]

    @given(hnp.arrays(float, st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 5)), elements=FINITE))
    def test_equals_the_slow_loop(self, losses):
        def rank(row, x):
            return 1 + sum(y < x for y in row) + (sum(y == x for y in row) - 1) / 2

        slow = [np.mean([[rank(row, x) for x in row] for row in block], axis=0) for block in losses]
        assert_allclose(mean_rank(losses), slow)


def test_mean_interval_by_hand():
    """2, 4, 4, 6: s^2 = 8/3, standard error sqrt(2/3), t_3(0.975) = 3.182446."""
    found = mean_interval([2.0, 4.0, 4.0, 6.0])
    half = 3.182446 * math.sqrt(2 / 3)
    assert (found.n, found.mean) == (4, 4.0)
    assert_allclose([found.standard_error, found.lower, found.upper], [math.sqrt(2 / 3), 4 - half, 4 + half], rtol=1e-6)


def test_mean_interval_of_one_value_and_of_none():
    assert mean_interval([3.0]) == MeanInterval(1, 3.0)
    for bad in ([], [1.0, math.nan], [[1.0, 2.0]]):
        with pytest.raises(ValueError, match="at least one value, all of them finite"):
            mean_interval(bad)


def test_mean_interval_covers_the_mean_as_often_as_it_says():
    draws = np.random.default_rng(1).normal(5.0, 2.0, size=(2000, 5))
    covered = [found.lower <= 5.0 <= found.upper for found in map(mean_interval, draws)]
    assert 0.93 < np.mean(covered) < 0.97
