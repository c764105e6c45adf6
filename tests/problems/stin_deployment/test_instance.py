"""The generator follows the laws of the definition."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.errors import DtbenchError
from dtbench.problems import problem
from dtbench.problems.stin_deployment.generator import draw
from dtbench.problems.stin_deployment.instance import BITS_PER_MB, SIZES, StinParams
from dtbench.problems.stin_deployment.model import cloud_latency

STIN = problem("stin-deployment")
MANY = draw(StinParams(), np.random.default_rng(0), (200,), size="paper", seed=0)


def test_ranges_and_means():
    assert MANY.data_bits.min() >= 0.5 * BITS_PER_MB
    assert MANY.data_bits.max() <= 2.0 * BITS_PER_MB
    assert_allclose(MANY.data_bits.mean(), 1.25 * BITS_PER_MB, rtol=0.01)
    assert_allclose(MANY.f_local.mean(), 5.25e9, rtol=0.03)
    assert_allclose(MANY.f_end.mean(), 15e9, rtol=0.03)
    assert_allclose(MANY.cycles_per_bit.mean(), 100.0, rtol=0.03)
    assert_array_equal(np.unique(MANY.cap_end), [1, 2, 3])
    assert_allclose([np.mean(MANY.cap_end == n) for n in (1, 2, 3)], [1 / 3] * 3, atol=0.06)


def test_typical_end_side_rates():
    """50..290 Mbit/s between the 10 % and 90 % points."""
    assert_allclose(np.quantile(MANY.r_end, [0.1, 0.9]) / 1e6, [50, 290], rtol=0.12)


def test_typical_satellite_rates():
    """355 / 187 / 117 / 81 / 48 Mbit/s when 1 / 3 / 6 / 10 / 20 users share the band."""
    slots = STIN.slot(MANY, 0, STIN.start(MANY))
    fixed = slots.d_us[..., None] + slots.d_sc[..., None]
    for n, expected in ((1, 355), (3, 187), (6, 117), (10, 81), (20, 48)):
        transfer = (
            cloud_latency(slots, n)
            - slots.work / slots.params.f_cloud
            - fixed / 299_792_458.0
            - slots.data_bits / slots.r_sc[..., None]
        )
        assert_allclose(np.mean(slots.data_bits / transfer) / 1e6, expected, rtol=0.05)


def test_satellite_pass():
    """Slant ranges in 550..812 km; a pass lasts about 30 slots, then the next satellite takes over."""
    assert MANY.d_us.min() >= 549_999
    assert MANY.d_us.max() <= 813_000
    jumps = np.diff(MANY.d_us, n=2, axis=1)
    assert (np.abs(np.diff(MANY.d_us, axis=1)) < 40_000).all()  # the ranges meet at the hand-over
    assert (jumps < -1_000).any(axis=1).all()  # which 50 slots always contain
    assert_allclose(MANY.r_sc.mean(), 3.5e9, rtol=0.1)


def test_walkers_stay_in_the_square_and_keep_to_their_speed():
    steps = np.sqrt((np.diff(MANY.user_xy, axis=1) ** 2).sum(-1))
    assert steps.max() <= 5.0 * 5.0 + 1e-9
    assert MANY.user_xy.min() >= 0.0
    assert MANY.user_xy.max() <= 500.0


@pytest.mark.parametrize("size", SIZES)
def test_sizes(size):
    instance = STIN.generate(size, 1)
    assert dict(STIN.dimensions(instance.params)) == instance.dims


def test_fixed_data_of_figure_7():
    assert (STIN.generate("paper", 0, data_mb_fixed=1.5).data_bits == 1.5 * BITS_PER_MB).all()


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"n_users": -1}, "'n_users' is -1"),
        ({"n_user": 3}, "Did you mean 'n_users'"),
        ({"cap_min": 5}, "'cap_min' is 5, above 'cap_max' = 3"),
        ({"split": "odd"}, "expected one of even, optimal"),
        ({"w_sat": float("nan")}, "'w_sat' is nan"),
        ({"n_users": "many"}, "expected int"),
    ],
)
def test_bad_overrides_name_the_parameter(overrides, words):
    with pytest.raises(DtbenchError, match=words):
        STIN.generate("paper", 0, **overrides)
