"""Gauss-Markov motion: laws of its definition."""

import numpy as np
from numpy.testing import assert_allclose

from dtbench.physics.mobility import gauss_markov


def walk(**changes):
    given = {"n_users": 400, "horizon": 60, "area": 1e6, "slot": 1.0, "speed": 20.0, "memory": 0.8, "noise": 3.0}
    given |= changes
    n_users, horizon, area, slot = (given.pop(k) for k in ("n_users", "horizon", "area", "slot"))
    return gauss_markov(np.random.default_rng(0), (), n_users, horizon, area, slot, **given)


def test_velocity_has_the_stated_spread_and_memory():
    step = np.diff(walk(), axis=0)
    about = step - step.mean(axis=0)
    assert_allclose(about[10:].std(), 3.0, rtol=0.05)
    assert_allclose(np.corrcoef(about[10:-1].ravel(), about[11:].ravel())[0, 1], 0.8, atol=0.04)
    speed = np.sqrt((step.mean(axis=0) ** 2).sum(-1))
    assert_allclose(speed.mean(), 10.0, rtol=0.1)


def test_without_noise_users_walk_straight_until_a_border_mirrors_them():
    path = walk(noise=0.0, area=100.0, horizon=200)
    assert path.min() >= 0.0
    assert path.max() <= 100.0
    pace = np.abs(np.diff(path, axis=0))
    straight = np.isclose(pace, pace.max(axis=0), rtol=1e-9, atol=1e-9)  # all but the steps with a border
    assert straight.mean() > 0.7
    assert (pace <= pace.max(axis=0) + 1e-9).all()


def test_a_step_over_several_borders_stays_inside():
    path = walk(slot=1000.0, area=50.0, horizon=20)
    assert ((path >= 0.0) & (path <= 50.0)).all()


def test_nobody_moves_at_no_speed():
    path = walk(speed=0.0, noise=0.0)
    assert_allclose(path, np.broadcast_to(path[0], path.shape))
