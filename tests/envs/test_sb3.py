"""Stable-Baselines3's vector form: equality with Gymnasium's, what ends an episode, masks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

pytest.importorskip("stable_baselines3")
from stable_baselines3.common.vec_env import VecMonitor

from dtbench.envs import BatchEnv, make_env
from dtbench.envs.sb3 import BatchVecEnv
from dtbench.errors import DtbenchError


@pytest.mark.parametrize("name", ["stin-deployment/tiny", "dnt-spectrum/tiny", "satellite-offloading/tiny"])
def test_it_equals_gymnasiums_vector_form(name):
    """Two episodes; the first observation of the second comes with the last step of the first."""
    mine, other = make_env(name, "sb3", 3), make_env(name, "vector", 3, autoreset_mode="SameStep")
    mine.seed(7)
    assert_array_equal(mine.reset(), other.reset(seed=7)[0])
    mine.action_space.seed(0)
    for step in range(2 * mine.core.horizon):
        actions = np.stack([mine.action_space.sample() for _ in range(3)])
        state, reward, done, infos = mine.step(actions)
        expected = other.step(actions)
        assert_array_equal(state, expected[0])
        assert_allclose(reward, expected[1], rtol=1e-6)
        assert_array_equal(done, expected[3])
        told = expected[4]["final_info"] if done[0] else expected[4]
        assert_array_equal([info["objective"] for info in infos], told["objective"])
        assert done[0] == (step % mine.core.horizon == mine.core.horizon - 1)
        assert all(("terminal_observation" in info) == done[0] for info in infos)
        if done[0]:
            assert_array_equal([info["terminal_observation"] for info in infos], np.stack(expected[4]["final_obs"]))
            assert all(info["TimeLimit.truncated"] for info in infos)
        assert not any(isinstance(value, dict) for info in infos for value in info.values())


def test_masks_are_found_by_their_name():
    env = make_env("dnt-spectrum/tiny", "sb3", 2)
    env.reset()
    assert env.has_attr("action_masks")
    assert not env.has_attr("nothing")
    assert_array_equal(np.stack(env.env_method("action_masks")), env.action_masks())
    assert env.env_method("action_masks", indices=[1])[0].shape == (env.action_space.nvec.sum(),)
    assert env.get_attr("horizon") == [8, 8]


def test_returns_are_those_of_the_monitor():
    env = VecMonitor(make_env("stin-deployment/tiny", "sb3", 2))
    env.reset()
    total = np.zeros(2)
    for _ in range(10):
        _, reward, _, infos = env.step(np.zeros((2, 5), int))
        total += reward
    assert_allclose([info["episode"]["r"] for info in infos], total, atol=1e-5)


def test_what_it_cannot_do_is_refused(make_toy):
    toy = make_toy("mixed")
    with pytest.raises(DtbenchError, match="partly choices and partly real numbers"):
        BatchVecEnv(BatchEnv(toy, toy.generate("tiny", 0)))
    with pytest.raises(DtbenchError, match="cannot be set"):
        make_env("stin-deployment/tiny", "sb3").set_attr("fresh", False)


def test_copies_draw_themselves():
    env = make_env("stin-deployment/tiny", "sb3", n_envs=2, render_mode="rgb_array")
    env.reset()
    env.step(np.array([env.action_space.sample() for _ in range(2)]))
    first, second = env.get_images()
    assert first.shape == second.shape == (680, 1120, 3)
    assert (first != second).any()
    assert env.render_mode == "rgb_array"
    assert make_env("stin-deployment/tiny", "sb3", n_envs=2).get_images() == [None, None]
