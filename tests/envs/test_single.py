"""Gymnasium's form: its own checker, whole episodes by seed, and equality with the core."""

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env, data_equivalence
from numpy.testing import assert_array_equal

from dtbench.envs import BatchEnv, make_env
from dtbench.envs.single import SingleAgentEnv
from dtbench.envs.spaces import joint_action
from dtbench.problems import all_problems

SINGLE = list(all_problems())
ENCODINGS = [(id, name) for id, p in all_problems().items() for name in p.encodings(p.generate("tiny", 0))]
# The bounds of observations are not declared; the checker would rather have finite ones.
unbounded = pytest.mark.filterwarnings("ignore:.*A Box observation space (minimum|maximum) value is -?infinity")


@unbounded
@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("id", SINGLE)
def test_gymnasiums_checker(id, fresh):
    check_env(make_env(f"{id}/tiny", "gym", fresh=fresh), skip_render_check=True)


@unbounded
def test_gymnasiums_checker_on_every_kind_of_agent(toy):
    check_env(make_env(toy_instance(toy), "gym", fresh=True), skip_render_check=True)


def toy_instance(toy):
    return toy.generate("small", 0)


@pytest.fixture(autouse=True)
def known_toys(monkeypatch, make_toy):
    """``make_env`` finds the toys by the id that their instances carry."""
    toys = {f"toy-{kind}": make_toy(kind) for kind in ("mixed", "real", "switch")}
    monkeypatch.setattr("dtbench.envs.problem", lambda id: toys[id] if id in toys else all_problems()[id])


def test_spaces_by_hand(make_toy):
    """Levers (2, 3) twice and three knobs of two reals: a Dict where both occur."""
    mixed = SingleAgentEnv(BatchEnv(make_toy("mixed"), toy_instance(make_toy("mixed"))))
    assert mixed.action_space == spaces.Dict(
        {"lever": spaces.MultiDiscrete([2, 3, 2, 3]), "knob": spaces.Box(0.0, 1.0, (6,), np.float32)}
    )
    assert mixed.observation_space.shape == (3,)
    real = SingleAgentEnv(BatchEnv(make_toy("real"), toy_instance(make_toy("real"))))
    assert real.action_space == spaces.Box(0.0, 1.0, (6,), np.float32)
    switch = SingleAgentEnv(BatchEnv(make_toy("switch"), toy_instance(make_toy("switch"))))
    assert switch.action_space == spaces.MultiDiscrete([2, 3, 2, 3])


def test_joint_action_keeps_the_order_of_the_encoding(make_toy):
    """Gymnasium sorts the keys of a Dict, the joint action has levers first."""
    encoding = make_toy("mixed").encodings(None)["agents"]
    action = {"knob": np.arange(6) / 8, "lever": np.array([1, 2, 0, 1])}
    assert_array_equal(joint_action(encoding, action), [1, 2, 0, 1, 0, 0.125, 0.25, 0.375, 0.5, 0.625])


def episode(env, seed, actions):
    """Everything that an episode returns."""
    found = [env.reset(seed=seed)]
    found += [env.step(action) for action in actions]
    assert [step[3] for step in found[1:]] == [False] * (len(actions) - 1) + [True]
    assert not any(step[2] for step in found[1:])
    return found


def sampled(env, seed, length):
    env.action_space.seed(seed)
    return [env.action_space.sample() for _ in range(length)]


@pytest.mark.parametrize("id", SINGLE)
def test_whole_episodes_follow_the_seed(id):
    envs = [make_env(f"{id}/tiny", "gym") for _ in range(3)]
    actions = sampled(envs[0], 0, envs[0].core.horizon)
    one, again, other = (episode(env, seed, actions) for env, seed in zip(envs, (1, 1, 2), strict=True))
    assert data_equivalence(one, again, exact=True)
    assert not any(data_equivalence(a, b, exact=True) for a, b in zip(one, other, strict=True))
    following = [episode(env, None, actions) for env in envs[:2]]
    assert data_equivalence(*following, exact=True)
    assert not data_equivalence(one, following[0], exact=True)


def test_face_returns_what_the_core_does(toy):
    instance = toy_instance(toy)
    env, core = make_env(instance, "gym", fresh=True), BatchEnv(toy, instance, fresh=True)
    observation, info = env.reset(seed=3)
    assert_array_equal(observation, core.reset(3).state[0])
    for action in sampled(env, 0, core.horizon):
        observation, reward, terminated, truncated, info = env.step(action)
        step = core.step(joint_action(core.encoding, action)[None])
        assert_array_equal(observation, step.observation.state[0])
        assert (reward, terminated, truncated) == (step.reward[0], False, step.truncated[0])
        assert info["objective"] == step.info["objective"][0]
        assert info.get("n_repaired") == (step.info["n_repaired"][0] if "n_repaired" in step.info else None)
        assert_array_equal(info["metrics/choice"], step.info["metrics"]["choice"][0])
        assert not any(isinstance(value, dict) for name, value in info.items() if name != "action_mask")
        assert ("action_mask" in info) == bool(step.observation.masks)
    assert (list(env.core.observation.agents), bool(core.observation.agents)) == ([], True)  # nobody reads them here


def test_one_agent_may_act_in_another_encoding(make_toy):
    env = make_env(toy_instance(make_toy("real")), "gym", encoding="search")
    assert env.action_space == spaces.MultiDiscrete([5] * 6)
    assert [mask.shape for mask in env.reset(seed=0)[1]["action_mask"]] == [(5,)] * 6


def test_random_generator_is_the_one_that_is_used(make_toy):
    env = make_env(toy_instance(make_toy("real")), "gym", fresh=True)
    env.reset(seed=11)
    assert env.np_random is env.core.rng
    assert env.np_random_seed == 11


@pytest.mark.parametrize(("id", "encoding"), ENCODINGS)
def test_mask_is_what_the_space_samples_from(id, encoding):
    """And the row of masks says the same: whatever is sampled is allowed there."""
    env = make_env(f"{id}/tiny", "gym", encoding=encoding)
    _, info = env.reset(seed=0)
    for _ in range(env.core.horizon):
        if not env.core.encoding.discrete.any():
            assert "action_mask" not in info
            with pytest.raises(ValueError, match="real numbers"):
                env.action_masks()
            return
        action = env.action_space.sample(mask=info.get("action_mask"))
        assert env.action_space.contains(action)
        row, entries = env.action_masks(), joint_action(env.core.encoding, action)[env.core.encoding.discrete]
        counts = (env.core.encoding.high + 1)[env.core.encoding.discrete].astype(int)
        assert row.dtype == np.bool_
        assert row.shape == (counts.sum(),)
        assert row[np.cumsum([0, *counts[:-1]]) + entries.astype(int)].all()
        info = env.step(action)[4]


def test_masks_of_mixed_actions_by_hand(make_toy):
    env = SingleAgentEnv(BatchEnv(make_toy("mixed"), toy_instance(make_toy("mixed"))))
    mask = env.reset(seed=0)[1]["action_mask"]
    assert mask["knob"] is None
    assert [part.tolist() for part in mask["lever"]] == [[1, 1], [1, 1, 1]] * 2
    assert env.action_masks().tolist() == [True] * 10


def test_entries_out_of_range_are_clipped_and_counted(make_toy):
    """Two of six are out of [0, 1]; 1 + 0 + 4 * 0.5 are used."""
    env = SingleAgentEnv(BatchEnv(make_toy("real"), toy_instance(make_toy("real"))))
    env.reset(seed=0)
    info = env.step(np.array([2.0, -0.5, 0.5, 0.5, 0.5, 0.5], np.float32))[4]
    assert info["n_clipped"] == 2
    assert info["metrics/used"] == 3.0
    assert env.step(np.full(6, 0.5, np.float32))[4]["n_clipped"] == 0
