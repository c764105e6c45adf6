"""Advantages by hand."""

import numpy as np
from numpy.testing import assert_allclose

from dtbench.learning.gae import gae

HALF = {"gamma": 0.5, "lam": 0.5}


def columns(*values):
    return np.array(values, dtype=float)[:, None]


def flags(*values):
    return np.array(values, dtype=bool)[:, None]


def test_truncated_episode_bootstraps_by_hand():
    """gamma = lam = 1/2. delta = (1 + 2 - 2, 2 + 4 - 4, 3 + 1 - 8) = (1, 2, -4); A2 = -4, A1 = 2 - 1, A0 = 1 + 1/4."""
    reward, value, reached = columns(1, 2, 3), columns(2, 4, 8), columns(4, 8, 2)
    advantage, target = gae(reward, value, reached, flags(0, 0, 0), flags(0, 0, 1), **HALF)
    assert_allclose(advantage, columns(1.25, 1, -4))
    assert_allclose(target, columns(3.25, 5, 4))


def test_terminated_episode_does_not_by_hand():
    """As above, but the last delta is 3 - 8 = -5: A2 = -5, A1 = 2 - 5/4, A0 = 1 + 0.75 / 4."""
    reward, value, reached = columns(1, 2, 3), columns(2, 4, 8), columns(4, 8, 2)
    advantage, _ = gae(reward, value, reached, flags(0, 0, 1), flags(0, 0, 1), **HALF)
    assert_allclose(advantage, columns(1.1875, 0.75, -5))


def test_an_end_in_the_middle_cuts_the_sum():
    """Two episodes one after the other are those two apart."""
    rng = np.random.default_rng(0)
    reward, value, reached = rng.random((3, 6, 2))
    done = np.zeros((6, 2), dtype=bool)
    done[[2, 5]] = True
    none = np.zeros_like(done)
    whole, _ = gae(reward, value, reached, none, done, gamma=0.9, lam=0.8)
    first, _ = gae(reward[:3], value[:3], reached[:3], none[:3], done[:3], gamma=0.9, lam=0.8)
    last, _ = gae(reward[3:], value[3:], reached[3:], none[3:], done[3:], gamma=0.9, lam=0.8)
    assert_allclose(whole, np.concatenate([first, last]))


def test_lambda_one_is_the_discounted_return():
    rng = np.random.default_rng(1)
    reward, value = rng.random((2, 5, 1))
    done = flags(0, 0, 0, 0, 1)
    _, target = gae(reward, value, np.concatenate([value[1:], value[:1]]), done, done, gamma=0.9, lam=1.0)
    assert_allclose(target[0], (0.9 ** np.arange(5)) @ reward)
