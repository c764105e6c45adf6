"""Radio, mobility and orbit by hand."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dtbench.physics import mobility, orbit, radio


def test_shannon_rate_by_hand():
    """SNR = 1 * 3 / (1 * 1) = 3: log2(4) = 2 bit/s per Hz."""
    assert_allclose(radio.shannon_rate(1.0, 1.0, 3.0, 1.0), 2.0)


def test_free_space_loss_at_1m_and_2_4_ghz():
    assert_allclose(radio.free_space_loss_db(1.0, 2.4e9), 40.05, atol=0.01)


def test_log_distance_gain_by_hand():
    """40 dB at 1 m and exponent 3: 70 dB at 10 m."""
    assert_allclose(radio.log_distance_gain(10.0, 40.0, 3.0), 1e-7)


@pytest.mark.parametrize("k", [0.0, 4.0, 10.0])
def test_rician_power_has_mean_one_and_the_right_spread(k):
    """Variance (2 K + 1) / (K + 1)^2 of a Rician power of mean 1."""
    power = radio.rician_power(np.random.default_rng(0), k, (200_000,))
    assert_allclose(power.mean(), 1.0, atol=0.02)
    assert_allclose(power.var(), (2 * k + 1) / (k + 1) ** 2, rtol=0.05)


def test_fading_floor():
    assert radio.rician_power(np.random.default_rng(0), 0.0, (1000,), 0.1).min() == 0.1


def test_zenith_and_horizon_of_a_pass():
    """At the zenith the range is the altitude; at the lowest elevation, 40 degrees, it is about 812 km."""
    half = orbit.half_pass(550e3, 40.0)
    assert_allclose(orbit.slant_range(0.0, 550e3), 550e3)
    assert_allclose(orbit.slant_range(half, 550e3), 812e3, rtol=1e-3)
    assert_allclose(2 * half / orbit.angular_speed(550e3), 164.0, rtol=0.01)  # [s] a pass of about 33 slots


def test_waypoints_by_the_law():
    """A user who does not arrive walks speed x slot per slot; positions lie in the square."""
    path = mobility.random_waypoint(np.random.default_rng(1), (7,), 3, 40, 100.0, 2.0, (1.0, 1.0))
    assert path.shape == (7, 40, 3, 2)
    steps = np.sqrt((np.diff(path, axis=1) ** 2).sum(-1))
    assert steps.max() <= 2.0 + 1e-9
    assert_allclose(np.median(steps), 2.0)
    assert path.min() >= 0.0
    assert path.max() <= 100.0


def test_waypoints_of_users_who_stand_still():
    path = mobility.random_waypoint(np.random.default_rng(1), (), 2, 5, 100.0, 2.0, (0.0, 0.0))
    assert (path == path[:1]).all()


def test_fast_users_turn_several_times_within_a_slot():
    path = mobility.random_waypoint(np.random.default_rng(1), (), 50, 20, 10.0, 10.0, (20.0, 30.0))
    assert np.isfinite(path).all()
    assert path.min() >= 0.0
    assert path.max() <= 10.0
