"""The bound by how many users are in the cloud: by hand, then against optima."""

import math
import time

import numpy as np
import pytest

from dtbench.core import Limits
from dtbench.problems import problem
from dtbench.problems.stin_deployment.crowds import Places, crowd_bound
from dtbench.problems.stin_deployment.model import cloud_latency

STIN = problem("stin-deployment")


def first(size, seed, **params):
    instance = STIN.generate(size, seed, **params)
    return STIN.slot(instance, 0, STIN.start(instance))


def test_with_everybody_at_home_or_in_the_cloud_it_is_a_choice_of_each():
    """No places on devices: between 2 and 5 users in the cloud wait q(2), which at most 5 take."""
    slot = first("tiny", 0, cap_min=0, cap_max=0)
    there = cloud_latency(slot, 2)
    assert Places.of(slot).bound(2, 5) == pytest.approx(np.minimum(slot.own, there).sum(), rel=1e-12)
    one = slot.own.sum() - max(float((slot.own - cloud_latency(slot, 1)).max()), 0.0)
    assert Places.of(slot).bound(1, 1) == pytest.approx(one, rel=1e-12)


@pytest.mark.parametrize("split", ["even", "optimal"])
@pytest.mark.parametrize("size", ["tiny", "small", "paper"])
def test_no_placement_is_below_it(size, split):
    for seed in range(3):
        slot = first(size, seed, split=split)
        best = STIN.exact(slot, Limits()).objective
        bound = crowd_bound(slot, math.inf, math.inf)
        assert 0.9 * best <= bound <= best * (1 + 1e-9)
        assert crowd_bound(slot, 0.5 * best, math.inf) == 0.5 * best


def test_it_says_what_it_has_when_time_is_up():
    slot = first("small", 0)
    assert crowd_bound(slot, math.inf, time.perf_counter()) == -math.inf
    assert crowd_bound(slot, math.inf, math.inf) >= Places.of(slot).bound(0, slot.n_users)
