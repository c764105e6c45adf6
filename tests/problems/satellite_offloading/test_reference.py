"""The naive form in Pyomo: the same optimum."""

import pytest
from numpy.testing import assert_allclose

from .hand import OFFLOADING, slots_of


@pytest.mark.parametrize("seed", range(2))
def test_the_naive_form_agrees(seed):
    slots = slots_of("tiny", seed)
    for t in range(3):
        strong, naive = (OFFLOADING.exact(slots[t], None, method) for method in ("strong", "reference"))
        assert naive.status == "optimal"
        assert_allclose(naive.objective, strong.objective, rtol=1e-6)
        assert naive.bound <= strong.objective * (1 + 1e-9)
