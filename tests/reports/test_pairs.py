"""Statistics of pairs: numbers checked by hand, slow loops as oracles, laws."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from dtbench.reports import pairs
from dtbench.reports.pairs import SignedRank, holm, improvement_interval, probability_of_improvement, signed_rank

FINITE = st.floats(-1e6, 1e6)


def test_doctests():
    result = doctest.testmod(pairs)
    assert result.attempted > 0
    assert result.failed == 0


class TestSignedRank:
    def test_by_hand(self):
        """14 of the 64 subsets of the ranks 1 to 6 sum up to at most 6: p = 2 * 14 / 64; W+ = 15, W- = 6."""
        found = signed_rank([1.0, 2.0, 3.0, 4.0, 5.0, -6.0])
        assert (found.p, found.n) == (28 / 64, 6)
        assert_allclose(found.correlation, (15 - 6) / 21)

    def test_equal_sizes_by_hand(self):
        """Ranks 2, 2, 2: all positive in one of 8 signs; one negative in 3 of 8 and worse, on both sides."""
        assert signed_rank([1.0, 1.0, 1.0]).p == 0.25
        assert signed_rank([1.0, 1.0, -1.0]).p == 1.0

    def test_zeros_say_nothing(self):
        assert signed_rank([0.0, 0.0]) == SignedRank(1.0, 0, 0.0)
        assert signed_rank([]) == SignedRank(1.0, 0, 0.0)
        assert signed_rank([0.0, 1.0, 2.0, 3.0]) == signed_rank([1.0, 2.0, 3.0])

    @pytest.mark.parametrize("n", range(1, 9))
    def test_the_least_p(self, n):
        assert_allclose(signed_rank(np.arange(1.0, n + 1)).p, min(1.0, 2 / 2**n))

    def test_many_with_equal_sizes(self):
        """All ranks are 60.5, so W+ = 4840 instead of 3630, with variance 60.5^2 * 120 / 4: z = 3.65, p = 0.00026."""
        found = signed_rank([1.0] * 80 + [-1.0] * 40)
        assert_allclose(found.p, 0.00026, rtol=0.03)
        assert_allclose(found.correlation, 40 / 120)

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.floats(-9, 9).map(lambda x: round(x, 1)), max_size=20))
    def test_turning_the_sign_turns_the_correlation(self, differences):
        one, other = signed_rank(differences), signed_rank([-d for d in differences])
        assert_allclose([one.p, one.correlation], [other.p, -other.correlation], atol=1e-12)
        assert 0.0 < one.p <= 1.0

    def test_refuses_nan(self):
        with pytest.raises(ValueError, match="finite"):
            signed_rank([1.0, math.nan])


class TestHolm:
    def test_by_hand(self):
        """3 * 0.01, then 2 * 0.03, then 0.04, which may not fall below 0.06."""
        assert_allclose(holm([0.01, 0.04, 0.03]), [0.03, 0.06, 0.06])
        assert holm([0.9, 0.8]) == [1.0, 1.0]
        assert holm([]) == []

    @settings(max_examples=50)
    @given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
    def test_between_the_value_and_bonferroni(self, p):
        adjusted = holm(p)
        assert all(a >= x and a <= min(1.0, len(p) * x) + 1e-12 for a, x in zip(adjusted, p, strict=True))
        assert [a for _, a in sorted(zip(p, adjusted, strict=True))] == sorted(adjusted)


def slow_probability(sides):
    shares = []
    for xs, ys in sides:
        pairs = [(x, y) for x in xs for y in ys]
        shares.append(sum(1.0 if x < y else 0.5 if x == y else 0.0 for x, y in pairs) / len(pairs))
    return math.fsum(shares) / len(shares)


SIDES = st.lists(
    st.tuples(*[st.lists(st.integers(0, 4).map(float), min_size=1, max_size=4)] * 2), min_size=1, max_size=5
)


class TestProbabilityOfImprovement:
    def test_by_hand(self):
        """3.5 of 4 pairs on the first instance, none on the second: (0.875 + 0) / 2."""
        assert probability_of_improvement([([1.0, 2.0], [2.0, 3.0]), ([5.0], [1.0, 2.0, 3.0])]) == 0.4375

    def test_ties_within_the_tolerance(self):
        assert probability_of_improvement([([1.0], [1.0 + 1e-12])], 1e-9) == 0.5
        assert probability_of_improvement([([1.0], [1.0 + 1e-12])]) == 1.0

    @settings(max_examples=50)
    @given(SIDES)
    def test_equals_the_slow_loop(self, sides):
        assert_allclose(probability_of_improvement(sides), slow_probability(sides))
        turned = probability_of_improvement([(y, x) for x, y in sides])
        assert_allclose(probability_of_improvement(sides) + turned, 1.0)

    def test_two_instances_by_hand(self):
        """One won, one lost: a quarter of the samples has both lost, a quarter both won."""
        assert improvement_interval([([0.0], [1.0]), ([1.0], [0.0])]) == (0.0, 1.0)
        assert improvement_interval([([0.0], [1.0])]) is None

    def test_agrees_with_the_slow_loop(self):
        rng = np.random.default_rng(5)
        sides = [(rng.normal(0.5, 1, n), rng.normal(0, 1, k)) for n, k in [(3, 3), (1, 3), (2, 4), (5, 1), (3, 3)]]
        draws = []
        for _ in range(1000):
            drawn = [sides[i] for i in rng.integers(len(sides), size=len(sides))]
            draws.append(slow_probability([(rng.choice(x, len(x)), rng.choice(y, len(y))) for x, y in drawn]))
        lower, upper = improvement_interval(sides)
        assert_allclose([lower, upper], np.quantile(draws, [0.025, 0.975]), atol=0.06)
        assert lower < probability_of_improvement(sides) < upper

    @pytest.mark.parametrize("sides", [[], [([], [1.0])]])
    def test_refuses_nothing(self, sides):
        with pytest.raises(ValueError, match="stratum"):
            probability_of_improvement(sides)
