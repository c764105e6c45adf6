import numpy as np
from numpy.testing import assert_array_equal

from dtbench.envs import make_env
from dtbench.learning.items import stations, uavs


def test_uavs_by_hand():
    """N = 2, M = 2, state D0 D1 b0 b1 T E, action c0 c1 s00 s01 s10 s11: UAV 1 has D1, b1, c1, s01, s11."""
    assert_array_equal(uavs(2, 2, 6), [[0, 2, 6, 8, 10], [1, 3, 7, 9, 11]])
    assert_array_equal(uavs(2, 1, 2), [[0, 2, 4], [1, 3, 5]])


def test_stations_have_their_own_columns():
    """Position by position: what belongs to station 1 of the observation moves with it, and nothing else."""
    env = make_env("edge-placement/tiny", seed=0)
    env.reset()
    users, n_bs = env.slot.n_users, env.slot.n_bs
    like = stations(users, n_bs)
    state = env.observation.state[0]
    assert like.shape == (n_bs, 3 * users + 3 + 1 + users)
    assert len(set(like.ravel())) == like.size
    cpu = like[:, 3 * users]
    np.testing.assert_allclose(state[cpu], np.broadcast_to(env.slot.cpu, (1, n_bs))[0] / 24e9, rtol=1e-6)
    decided = like[:, -(1 + users) :] - len(state)
    assert_array_equal(decided.ravel(), np.arange(env.encoding.size))
