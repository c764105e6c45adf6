"""Gymnasium's vector form: equality with the single form, and the autoreset modes."""

import numpy as np
import pytest
from gymnasium.utils.env_checker import data_equivalence
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import iterate
from numpy.testing import assert_array_equal

from dtbench.envs import BatchEnv, make_env
from dtbench.envs.single import SingleAgentEnv
from dtbench.envs.vector import BatchVectorEnv
from dtbench.problems import all_problems

SINGLE = list(all_problems())


@pytest.fixture
def make_vector(make_toy):
    def make(kind="mixed", n_envs=3, mode="NextStep", fresh=True):
        toy = make_toy(kind)
        return BatchVectorEnv(BatchEnv(toy, toy.generate("tiny", 0), n_envs, fresh=fresh), mode)

    return make


def row(info, b):
    """What copy ``b`` has of a vector info, without Gymnasium's masks, which must all hold."""
    found = {}
    for name, value in info.items():
        if name.startswith("_"):
            assert value.dtype == np.bool_
            assert value.all()
            continue
        found[name] = row(value, b) if isinstance(value, dict) else value[b]
    return found


def check_against_singles(vector, singles, seed=0):
    vector.reset(seed=seed)
    for one in singles:
        one.reset(seed=0)
    vector.action_space.seed(seed)
    for _ in range(vector.core.horizon):
        actions = vector.action_space.sample()
        states, rewards, terminated, truncated, info = vector.step(actions)
        assert states in vector.observation_space
        for b, (one, action) in enumerate(zip(singles, iterate(vector.action_space, actions), strict=True)):
            state, reward, *ends, found = one.step(action)
            assert_array_equal(states[b], state)
            assert (rewards[b], terminated[b], truncated[b]) == (reward, *ends)
            assert data_equivalence(plain(row(info, b)), plain(found))


def plain(info):
    """Arrays, also of single numbers; masks in a row."""
    flat = {k: np.asarray(v) for k, v in info.items() if k != "action_mask"}
    mask = info.get("action_mask", ())
    parts = [part for group in mask.values() if group for part in group] if isinstance(mask, dict) else mask
    return flat | ({"mask": np.concatenate(parts)} if isinstance(mask, dict | tuple) and mask else {"mask": mask})


def test_vector_equals_singles_on_every_kind_of_agent(toy):
    vector = BatchVectorEnv(BatchEnv(toy, toy.generate("small", 0), 3, fresh=True))
    vector.reset(seed=0)
    singles = [SingleAgentEnv(BatchEnv(toy, vector.core.instances[b])) for b in range(3)]
    check_against_singles(vector, singles)


@pytest.mark.parametrize("id", SINGLE)
def test_vector_equals_singles(id):
    problem = all_problems()[id]
    instance = problem.generate("tiny", 0)
    vector = make_env(instance, "vector", n_envs=3)
    check_against_singles(vector, [make_env(instance, "gym") for _ in range(3)])


@pytest.mark.parametrize("id", SINGLE)
def test_one_copy_is_the_single_form_of_the_same_seed(id):
    vector, one = make_env(f"{id}/tiny", "vector"), make_env(f"{id}/tiny", "gym")
    assert_array_equal(vector.reset(seed=4)[0][0], one.reset(seed=4)[0])
    assert vector.np_random_seed == 4


@pytest.mark.parametrize("id", SINGLE)
def test_whole_episodes_follow_the_seed(id):
    def episodes(seed):
        env = make_env(f"{id}/tiny", "vector", n_envs=2)
        env.action_space.seed(0)
        found = [env.reset(seed=seed)]
        return found + [env.step(env.action_space.sample()) for _ in range(2 * env.core.horizon + 1)]

    one, again, other = episodes(1), episodes(1), episodes(2)
    assert data_equivalence(one, again, exact=True)
    assert not any(data_equivalence(a, b, exact=True) for a, b in zip(one, other, strict=True))


def test_masks_of_copies_are_in_a_row():
    env = make_env("dnt-spectrum/tiny", "vector", n_envs=3)
    _, info = env.reset(seed=0)
    rows = env.action_masks()
    assert rows.shape == (3, env.single_action_space.nvec.sum())
    assert info["action_mask"].dtype == np.int8
    assert_array_equal(info["action_mask"], rows)
    single = make_env("dnt-spectrum/tiny", "gym")
    single.reset(seed=0)
    assert_array_equal(np.concatenate(single.reset(seed=0)[1]["action_mask"]), single.action_masks())


def test_spaces_are_batches_of_the_single_ones(make_vector):
    env = make_vector("switch")
    assert env.action_space.shape == (3, 4)
    assert env.observation_space.shape == (3, 3)
    assert env.single_action_space.shape == (4,)
    assert env.num_envs == 3


def test_next_step_resets_in_the_step_after_the_end(make_vector):
    """Horizon 3: steps 0, 1, 2 play, step 3 resets whatever the action, step 4 plays the second episode."""
    env = make_vector("real")
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    first, _ = env.reset(seed=0)
    ended = []
    for number in range(8):
        states, rewards, terminated, truncated, info = env.step(np.full((3, 6), 0.5, np.float32))
        ended.append(truncated.tolist())
        assert not terminated.any()
        assert "final_obs" not in info
        if number in (3, 7):
            assert_array_equal(rewards, 0.0)
            assert_array_equal(states[:, 1], 0.0)  # nothing in stock
            assert "objective" not in info
            assert (states != first).any(axis=1).all()  # fresh traces
        else:
            assert_array_equal(states[:, 1], 3.0 * (number % 4 + 1))
            assert (rewards < 0).all()
    assert ended == [[n in (2, 6)] * 3 for n in range(8)]


def test_same_step_returns_the_next_episode_and_keeps_the_final_observation(make_vector):
    env, twin = make_vector("mixed", mode="SameStep"), make_vector("mixed")
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    env.reset(seed=0)
    twin.reset(seed=0)
    env.action_space.seed(0)
    for number in range(6):
        actions = env.action_space.sample()
        states, rewards, terminated, truncated, info = env.step(actions)
        expected, reward, _, end, told = twin.step(actions)
        assert_array_equal(rewards, reward)
        assert_array_equal(truncated, end)
        assert not terminated.any()
        if number in (2, 5):
            assert truncated.all()
            assert info["final_obs"].dtype == object
            assert info["_final_obs"].all()
            assert_array_equal(np.stack(info["final_obs"]), expected)
            assert data_equivalence(info["final_info"], told, exact=True)
            following, after, *_, fresh = twin.step(actions)
            assert_array_equal(states, following)
            assert_array_equal(after, 0.0)
            assert data_equivalence(info["action_mask"], fresh["action_mask"])
            assert "objective" not in info
        else:
            assert not truncated.any()
            assert "final_obs" not in info
            assert_array_equal(states, expected)


def test_disabled_leaves_the_reset_to_the_caller(make_vector):
    env = make_vector("real", mode=AutoresetMode.DISABLED)
    env.reset(seed=0)
    x = np.zeros((3, 6), np.float32)
    for _ in range(3):
        *_, truncated, _ = env.step(x)
    assert truncated.all()
    with pytest.raises(ValueError, match="call reset"):
        env.step(x)
    env.reset(options={"reset_mask": np.ones(3, bool)})
    assert not env.step(x)[3].any()


def test_reset_in_the_middle_begins_anew(make_vector):
    env = make_vector("real")
    x = np.zeros((3, 6), np.float32)
    env.reset(seed=0)
    for _ in range(3):
        env.step(x)
    env.reset()
    assert (env.step(x)[1] < 0).all()  # plays; it does not reset again


def test_some_copies_cannot_be_reset_alone(make_vector):
    env = make_vector()
    with pytest.raises(ValueError, match="step together"):
        env.reset(options={"reset_mask": np.array([True, False, True])})
