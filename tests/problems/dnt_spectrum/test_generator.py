"""Worlds and walks: what stays, what is drawn anew, and that the streams are the definition's."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.errors import DtbenchError
from dtbench.problems.dnt_spectrum.generator import MOVES, admissible, walks

from .hand import DNT


def test_geometry_by_hand():
    """Masts at -100, 0, 100 m; the cloud at (0, 50) is sqrt(12500) m from the outer ones, 50 m from the inner."""
    instance = DNT.generate("paper", 0)
    assert_array_equal(instance.params.bs_xy, [[-100, 0], [0, 0], [100, 0]])
    assert_allclose(instance.gain_cloud, [1 / 12500, 1 / 2500, 1 / 12500])
    assert instance.params.half_length == 150.0


def test_first_draws_of_world_and_walk_are_the_streams_of_the_definition():
    instance = DNT.generate("paper", 3, world=2)
    world = np.random.default_rng([1001, 2])
    stay, split = world.uniform(0.1, 0.6, 12), world.dirichlet(np.ones(4), 12)
    assert_array_equal(instance.p_move[:, 0], stay)
    assert_array_equal(instance.p_move[:, 1:], (1 - stay)[:, None] * split)
    assert_array_equal(instance.fading[0], np.maximum(world.exponential(1.0, 12), 0.1))
    walk = np.random.default_rng([2002, 2, 3])
    here = walk.uniform([-150, -50], [150, 50])
    while not admissible(instance.params, here):
        here = walk.uniform([-150, -50], [150, 50])
    assert_array_equal(instance.warm[0, 0], here)


def test_seeds_without_a_world_go_through_five_worlds():
    for seed, (world, walk) in {0: (0, 0), 4: (4, 0), 5: (0, 1), 13: (3, 2)}.items():
        instance, named = DNT.generate("small", seed), DNT.generate("small", walk, world=world)
        assert (instance.params.world, instance.params.walk) == (world, walk)
        assert_array_equal(instance.position, named.position)
        again = DNT.generate("small", 99, **instance.params.asdict())
        assert_array_equal(again.position, instance.position)


def test_worlds_stay_and_walks_change():
    one, other = DNT.generate("paper", 0, world=1), DNT.generate("paper", 1, world=1)
    assert_array_equal(one.p_move, other.p_move)
    assert_array_equal(one.fading, other.fading)
    assert (one.position != other.position).any()
    assert (DNT.generate("paper", 0, world=2).p_move != one.p_move).any()
    fresh = DNT.resample(one, np.random.default_rng(0), (3,))
    assert_array_equal(fresh.p_move, one.p_move)
    assert_array_equal(fresh.fading[1], one.fading)
    assert (fresh.position[0] != fresh.position[1]).any()


@pytest.mark.parametrize("confine", [True, False])
def test_users_stay_in_the_admissible_region_and_move_one_step(confine):
    instance = DNT.generate("large", 0, confine=confine, step=3.0)
    path = np.concatenate([instance.warm, instance.position])
    assert admissible(instance.params, path).all()
    assert instance.cover.any(axis=-1).all() == confine
    length = np.abs(np.diff(path, axis=0)).sum(axis=-1)
    assert set(np.unique(length.round(9))) == {0.0, 3.0}


def test_moves_follow_their_chances():
    """200 000 steps in a world without walls: frequencies within five standard deviations."""
    params = DNT.params("paper", {"n_users": 2, "spacing": 1e7, "half_height": 1e7, "confine": False})
    p_move = np.array([[0.2, 0.1, 0.3, 0.15, 0.25], [0.6, 0.4, 0.0, 0.0, 0.0]])
    path = walks(params, np.random.default_rng(0), np.zeros((1000, 2, 2)), p_move, 101)
    step = np.diff(path, axis=-3)
    count = (step[..., None, :] == MOVES).all(axis=-1).mean(axis=(0, 1))
    assert_allclose(count, p_move, atol=5 * 0.5 / np.sqrt(1e5))


def test_drift_is_the_mean_move():
    instance = DNT.generate("paper", 1, step=2.0)
    p = instance.p_move
    assert_allclose(instance.drift, 2.0 * np.stack([p[:, 4] - p[:, 3], p[:, 1] - p[:, 2]], axis=-1))


def test_fading_laws():
    none, slot = DNT.generate("paper", 0, fading="none"), DNT.generate("paper", 0, fading="slot")
    user = DNT.generate("paper", 0)
    assert (none.fading == 1.0).all()
    assert (user.fading == user.fading[0]).all()
    assert (np.ptp(slot.fading, axis=0) > 0).all()
    assert slot.fading.min() >= 0.1
    assert_allclose(user.gain, user.fading[..., None] * none.gain)
    assert_allclose(none.gain[0, 0], np.maximum(np.hypot(*(none.position[0, 0] - none.params.bs_xy).T), 1.0) ** -2)


def test_an_unknown_predictor_is_refused():
    with pytest.raises(DtbenchError, match="predictor"):
        DNT.generate("tiny", 0, predictor="oracle")
