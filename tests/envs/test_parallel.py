"""PettingZoo's form: its own checks, whole episodes by seed, masks, and equality with the core."""

import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import data_equivalence
from numpy.testing import assert_array_equal
from pettingzoo.test import api_test, parallel_api_test, parallel_seed_test
from pettingzoo.utils import parallel_to_aec

from dtbench.core import Problem
from dtbench.envs import BatchEnv, make_env
from dtbench.envs.parallel import MultiAgentEnv
from dtbench.problems import all_problems

every = pytest.mark.parametrize("id", all_problems())


@pytest.fixture
def make_parallel(make_toy):
    def make(kind="mixed", fresh=True):
        toy = make_toy(kind)
        return MultiAgentEnv(BatchEnv(toy, toy.generate("small", 0), fresh=fresh))

    return make


@every
def test_pettingzoos_checks(id):
    parallel_api_test(make_env(f"{id}/tiny", "parallel"), num_cycles=100)
    parallel_seed_test(lambda: make_env(f"{id}/tiny", "parallel"), num_cycles=100)


@pytest.mark.filterwarnings("ignore::UserWarning:pettingzoo.test.api_test")  # of sizes, bounds, MultiDiscrete actions
@every
def test_pettingzoos_checks_of_agents_in_turn(id):
    api_test(parallel_to_aec(make_env(f"{id}/tiny", "parallel")), num_cycles=20)


@pytest.mark.parametrize("kind", ["mixed", "real", "switch"])
def test_pettingzoos_checks_on_every_kind_of_agent(make_parallel, kind):
    parallel_api_test(make_parallel(kind), num_cycles=100)
    parallel_seed_test(lambda: make_parallel(kind), num_cycles=100)


def episode(env, seed, actions_seed=0):
    """Everything that an episode returns, and the global states."""
    found = [env.reset(seed=seed), env.state()]
    for i, agent in enumerate(env.possible_agents):
        env.action_space(agent).seed(actions_seed + i)
    while env.agents:
        found.append(env.step({agent: env.action_space(agent).sample() for agent in env.agents}))
        found.append(env.state())
    return found


@every
def test_whole_episodes_follow_the_seed(id):
    envs = [make_env(f"{id}/tiny", "parallel") for _ in range(3)]
    one, again, other = (episode(env, seed) for env, seed in zip(envs, (1, 1, 2), strict=True))
    assert len(one) == 2 * (envs[0].core.horizon + 1)
    assert data_equivalence(one, again, exact=True)
    assert not any(data_equivalence(a, b, exact=True) for a, b in zip(one, other, strict=True))
    second = [episode(env, None) for env in envs[:2]]
    assert data_equivalence(*second, exact=True)
    assert not data_equivalence(one, second[0], exact=True)


def test_agents_and_spaces_by_hand(make_parallel):
    env = make_parallel()
    assert env.possible_agents == ["lever_0", "lever_1", "knob_0", "knob_1", "knob_2"]
    assert env.action_space("lever_1") == spaces.MultiDiscrete([2, 3])
    assert env.action_space("knob_0") == spaces.Box(0.0, 1.0, (2,), np.float32)
    assert env.observation_space("lever_0").shape == (3,)
    assert env.observation_space("knob_2").shape == (2,)
    _, infos = env.reset(seed=0)
    assert [mask.tolist() for mask in infos["lever_0"]["action_mask"]] == [[1, 1], [1, 1, 1]]
    assert "action_mask" not in infos["knob_0"]
    assert str(env) == "dtbench_toy-mixed_v0"


def test_face_returns_what_the_core_does(make_parallel):
    env, twin = make_parallel(), make_parallel().core
    seen, _ = env.reset(seed=1)
    observation = twin.reset(1)
    assert_array_equal(seen["knob_1"], observation.agents["knob"][0, 1])
    actions = {
        "lever_0": np.array([1, 2]), "lever_1": np.array([0, 2]), "knob_0": np.array([0.5, 0.25]),
        "knob_1": np.array([0.0, 1.0]), "knob_2": np.array([0.75, 0.0]),
    }  # fmt: skip
    seen, rewards, terminated, truncated, infos = env.step(actions)
    step = twin.step(np.array([[1, 2, 0, 2, 0.5, 0.25, 0.0, 1.0, 0.75, 0.0]]))
    assert_array_equal(seen["lever_1"], step.observation.agents["lever"][0, 1])
    assert_array_equal(env.state(), step.observation.state[0])
    assert list(rewards.values()) == step.agent_rewards[0].tolist()
    assert rewards["knob_2"] == 5 * rewards["lever_0"]
    assert not any(terminated.values())
    assert not any(truncated.values())
    for info in infos.values():
        assert info["objective"] == step.info["objective"][0]
    assert_array_equal(infos["knob_0"]["metrics/choice"], [1, 2, 0, 0])


def test_all_agents_end_by_truncation(make_parallel):
    env = make_parallel()
    env.reset(seed=0)
    for t in range(env.core.horizon):
        _, _, terminated, truncated, _ = env.step({a: env.action_space(a).sample() for a in env.agents})
        assert set(truncated.values()) == {t == env.core.horizon - 1}
        assert set(terminated.values()) == {False}
    assert env.agents == []
    env.reset()
    assert env.agents == env.possible_agents


def test_actions_of_other_agents_are_refused(make_parallel):
    env = make_parallel("switch")
    env.reset(seed=0)
    with pytest.raises(ValueError, match="one action per agent"):
        env.step({"lever_0": [0, 0]})
    with pytest.raises(ValueError, match="one action per agent"):
        env.step({"lever_0": [0, 0], "lever_1": [0, 0], "lever_2": [0, 0]})


def test_mask_given_without_an_order_is_the_mask_of_the_observation(make_parallel):
    env = make_parallel()
    env.reset(seed=0)
    assert [mask.tolist() for mask in env.mask_given({})] == [[1, 1], [1, 1, 1]]
    assert env.mask_given({"lever_0": [1, 2], "lever_1": [0, 0]}) is None
    for wrong in ({"lever_1": [0, 0]}, {a: env.action_space(a).sample() for a in env.possible_agents}):
        with pytest.raises(ValueError, match="first agents"):
            env.mask_given(wrong)


@every
def test_mask_given_fits_the_agents_space(id):
    env = make_env(f"{id}/tiny", "parallel")
    env.reset(seed=0)
    actions = {}
    for agent in env.possible_agents:
        space, mask = env.action_space(agent), env.mask_given(actions)
        assert (mask is None) == isinstance(space, spaces.Box)
        actions[agent] = space.sample(mask=mask)
    env.step(actions)


@pytest.mark.parametrize("id", [id for id, p in all_problems().items() if type(p).next_mask is not Problem.next_mask])
def test_who_follows_the_masks_is_never_repaired(id):
    env = make_env(f"{id}/tiny", "parallel")
    env.reset(seed=0)
    for i, agent in enumerate(env.possible_agents):
        env.action_space(agent).seed(i)
    while env.agents:
        actions = {}
        for agent in env.possible_agents:
            actions[agent] = env.action_space(agent).sample(mask=env.mask_given(actions))
        infos = env.step(actions)[4]
        assert not any(info["repaired"] for info in infos.values())


@every
def test_returned_arrays_are_the_callers(id):
    """Writing into one agent's observation changes neither another's nor the global state."""
    env = make_env(f"{id}/tiny", "parallel")
    seen, _ = env.reset(seed=0)
    state, copies = env.state(), {agent: row.copy() for agent, row in seen.items()}
    seen[env.agents[0]][...] = -99.0
    assert_array_equal(env.state(), state)
    for agent in env.agents[1:]:
        assert_array_equal(seen[agent], copies[agent])
