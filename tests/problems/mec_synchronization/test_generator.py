"""Laws of the draws, and what stays when traces are drawn again."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.errors import DtbenchError
from dtbench.problems.mec_synchronization.generator import nearest, radical_inverse, station_positions, walk
from dtbench.problems.mec_synchronization.instance import SIZES, MecParams

from .hand import MEC


def test_five_stations_are_a_die_and_others_spread():
    assert_array_equal(station_positions(MecParams())[4], [500.0, 500.0])
    assert_allclose(station_positions(MecParams(n_bs=1)), [[500.0, 500.0]])
    place = station_positions(SIZES["large"])
    gap = np.linalg.norm(place[:, None] - place, axis=-1) + 1e9 * np.eye(15)
    assert gap.min() > 0.5 * 1732 / np.sqrt(15)
    assert ((place > 0) & (place < 1732)).all()


def test_radical_inverse_by_hand():
    """6 = 110 in base 2: 0.011 = 3/8; 5 = 12 in base 3: 0.21 = 7/9."""
    assert radical_inverse(6, 2) == 0.375
    assert_allclose(radical_inverse(5, 3), 7 / 9)


def test_a_walk_without_noise_is_straight_and_mirrored():
    """10 m/s for 0.05 s: steps of 0.5 m; a small square of 3 m is never left, and its walls turn the heading."""
    p = MecParams(n_users=4, area=3.0, speed_noise=0.0, heading_noise=0.0, frame_slots=100, n_frames=1)
    path = walk(p, np.random.default_rng(0), (), np.full(4, 10.0))
    assert ((path >= 0.0) & (path <= 3.0)).all()
    step = np.linalg.norm(np.diff(path, axis=0), axis=-1)
    assert (step <= 0.5 + 1e-9).all()
    inside = ((path[1:] > 0.5) & (path[1:] < 2.5) & (path[:-1] > 0.5) & (path[:-1] < 2.5)).all(axis=-1)
    assert_allclose(step[inside], 0.5)
    assert inside.any()


def test_mean_speed_is_kept():
    p = MecParams(n_users=200, frame_slots=200, n_frames=1)
    path = walk(p, np.random.default_rng(1), (), np.full(200, 6.0))
    speed = np.linalg.norm(np.diff(path, axis=0), axis=-1) / 0.05
    assert_allclose(speed.mean(), 6.0, rtol=0.03)


def test_ranges_and_rates_of_the_paper_size():
    instance = MEC.generate("paper", 0, n_frames=10)
    assert_allclose(instance.request.mean(), 0.5, atol=0.01)
    for name, low, high in (("data_bits", 15e3, 25e3), ("deadline", 12e-3, 20e-3), ("cycles", 550, 700)):
        value = getattr(instance, name)
        assert value.min() >= low * (1 - 1e-6)
        assert value.max() <= high * (1 + 1e-6)
    assert_array_equal(instance.data_bits, np.rint(instance.data_bits))
    near = nearest(instance.user_xy[::100], instance.bs_xy)
    assert_allclose((instance.host_ref == near).mean(), 0.7 + 0.3 / 5, atol=0.06)
    distance = np.linalg.norm(instance.user_xy[:, :, None] - instance.bs_xy, axis=-1)
    fading = instance.gain * np.maximum(distance, 10.0) ** 2 / 1e-3
    assert_allclose(fading.mean(), 1.0, atol=0.01)
    assert_allclose(fading.var(), (2 * 10 + 1) / 11**2, rtol=0.05)  # of a Rician power: (2 kappa + 1) / (kappa + 1)^2


def test_deadlines_follow_the_interference():
    assert MecParams(interference="printed").deadlines == (25e-3, 40e-3)
    assert MecParams(tau_min=5e-3).deadlines == (5e-3, 20e-3)
    assert MecParams(tau_max=6e-3).deadlines == (6e-3, 6e-3)
    assert MecParams(tau_min=60e-3, energy_cap=False).deadlines == (60e-3, 60e-3)
    assert MEC.generate("tiny", 0, interference="printed").deadline.min() >= 25e-3 * (1 - 1e-6)


def test_transmissions_must_fit_into_a_slot():
    """Exact methods price p t; the referee stops at the slot's end, so deadlines beyond it would differ."""
    with pytest.raises(DtbenchError, match="tau reaches 0.06 s, beyond the slot of 0.05 s"):
        MEC.generate("tiny", 0, tau_min=60e-3)


def test_resample_keeps_the_network():
    instance = MEC.generate("small", 0)
    fresh = MEC.resample(instance, np.random.default_rng(0), (2,))
    for name in ("bs_xy", "cycles", "speed_mean"):
        assert_array_equal(getattr(fresh, name)[1], getattr(instance, name))
    assert (fresh.user_xy[0] != fresh.user_xy[1]).any()
    assert (fresh.y_ref[0] != instance.y_ref).any()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [({"speed_min": 20.0}, "speed_min"), ({"mig_slots": 5}, "mig_slots"), ({"protocol": "open"}, "protocol")],
)
def test_bad_parameters_are_refused(overrides, message):
    with pytest.raises(DtbenchError, match=message):
        MEC.generate("tiny", 0, **overrides)


def test_migration_takes_three_percent_of_a_frame():
    assert [SIZES[size].migration_slots for size in ("tiny", "small", "paper")] == [1, 1, 3]
    assert MecParams(mig_slots=0).migration_slots == 0


def test_first_states():
    instance = MEC.generate("closed-tiny", 0)
    state = MEC.start(instance)
    assert_array_equal(state.queue, instance.y_ref[0])
    assert_array_equal(state.host, instance.host_ref[0])
    assert not MEC.start(MEC.generate("closed-tiny", 0, y0="zero")).queue.any()
