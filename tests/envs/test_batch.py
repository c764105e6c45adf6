"""The batched core against the referee, against its own loop, and by its seeds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dtbench import referee
from dtbench.core import Problem
from dtbench.envs.batch import BatchEnv
from dtbench.errors import DtbenchError
from dtbench.problems import all_problems

REAL = [(p, "tiny") for p in all_problems().values()]
real = pytest.mark.parametrize(("problem", "size"), REAL, ids=[p.id for p, _ in REAL])


def play(env, actions):
    """Observations (as dicts of arrays) and steps of one episode; ``actions`` (T, B, size)."""
    steps = [env.step(x) for x in actions]
    assert env.t == env.horizon
    return steps


def arrays(value, prefix=""):
    """Every array of an observation, a step or an info, by its path."""
    if hasattr(value, "_asdict"):
        value = value._asdict()
    elif hasattr(value, "__dataclass_fields__"):
        value = vars(value)
    if not isinstance(value, dict):
        return {prefix: np.asarray(value)}
    return {path: a for name, part in value.items() for path, a in arrays(part, f"{prefix}/{name}").items()}


def same(first, second):
    """Whether two sequences of observations or steps hold the same bits."""
    pairs = list(zip(map(arrays, first), map(arrays, second), strict=True))
    return all(
        a.keys() == b.keys() and all(a[k].shape == b[k].shape and (a[k] == b[k]).all() for k in a) for a, b in pairs
    )


def random_actions(env, seed, episodes=1):
    return env.encoding.sample(np.random.default_rng(seed), (episodes * env.horizon, env.n_envs))


def decisions_of(env, actions):
    """The joint actions (T, 1, size) of one copy as decisions with a leading time axis."""
    problem, instance = env.problem, env.instance
    state, found = problem.start(instance), []
    for t, x in enumerate(actions[:, 0]):
        slot = problem.slot(instance, t, state)
        found.append(env.encoding.decode(slot, x))
        state = problem.advance(slot, found[-1])
    return problem.Decision.stack(found)


@real
def test_return_equals_the_referee(problem, size):
    check_return(problem, problem.generate(size, 3), seed=0)


def test_return_equals_the_referee_on_every_kind_of_agent(toy):
    check_return(toy, toy.generate("small", 3), seed=0)


def check_return(problem, instance, seed):
    env = BatchEnv(problem, instance)
    env.reset(0)
    actions = random_actions(env, seed)
    steps = play(env, actions)
    decisions = decisions_of(env, actions)
    scores = referee.rescore(problem, instance, decisions)
    assert_allclose(np.mean([s.info["objective"] for s in steps]), scores.mean, rtol=1e-9)
    state, total = problem.start(instance), 0.0
    for t in range(instance.horizon):
        slot = problem.slot(instance, t, state)
        scored, outcome, _ = referee.judge(problem, slot, decisions[t])
        total += float(problem.reward(slot, outcome))
        state = problem.advance(slot, scored)
    assert_allclose(sum(s.reward[0] for s in steps), total, rtol=1e-9)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize("problem", all_problems().values(), ids=all_problems())
def test_objective_of_each_step_is_the_referees(problem, seed):
    env = BatchEnv(problem, problem.generate("tiny", seed % 7), 2, fresh=True)
    env.reset(seed)
    for x in random_actions(env, seed)[:3]:
        slot = env.slot
        step = env.step(x)
        outcome = problem.evaluate(slot, env.encoding.decode(slot, x))
        assert_allclose(step.info["objective"], outcome.objective, rtol=1e-12)
        assert_allclose(step.reward, problem.reward(slot, outcome), rtol=1e-12)


def check_copies(problem, instance, fresh):
    """B copies step by step against B environments of one copy that play the same traces."""
    env = BatchEnv(problem, instance, 3, fresh=fresh)
    seen = env.reset(5)
    ones = [BatchEnv(problem, env.instances[b] if fresh else instance) for b in range(3)]
    compare_copies(seen, [one.reset(0) for one in ones])
    for x in random_actions(env, 1):
        step = env.step(x)
        compare_copies(step, [one.step(x[b : b + 1]) for b, one in enumerate(ones)])


def compare_copies(batched, singles):
    whole = arrays(batched)
    for b, single in enumerate(singles):
        for path, value in arrays(single).items():
            assert_allclose(whole[path][b], value[0], rtol=1e-12, atol=1e-12, err_msg=path)


@pytest.mark.parametrize("fresh", [False, True])
@real
def test_batch_equals_its_loop(problem, size, fresh):
    check_copies(problem, problem.generate(size, 1), fresh)


@pytest.mark.parametrize("fresh", [False, True])
def test_batch_equals_its_loop_on_every_kind_of_agent(toy, fresh):
    check_copies(toy, toy.generate("small", 1), fresh)


@real
def test_whole_episodes_follow_the_seed(problem, size):
    """Two episodes, the second without a seed: all observations, rewards and infos."""

    def episodes(seed, actions_seed=0):
        env = BatchEnv(problem, problem.generate(size, 2), 2, fresh=True)
        actions = random_actions(env, actions_seed, episodes=2)
        first = [env.reset(seed), *play(env, actions[: env.horizon])]
        return first, [env.reset(), *play(env, actions[env.horizon :])]

    one, again, other = episodes(7), episodes(7), episodes(8)
    assert same(one[0], again[0])
    assert same(one[1], again[1])
    assert not same(one[0], other[0])
    assert not same(one[0], one[1])
    assert not any(same([a], [b]) for a, b in zip(one[0], other[0], strict=True))
    x = arrays(one[0][1])
    assert not all((x[k][0] == x[k][1]).all() for k in x)  # the copies have traces of their own


def test_seed_of_the_constructor_serves_the_first_episode(make_toy):
    toy = make_toy("mixed")
    instance = toy.generate("small", 0)
    first = BatchEnv(toy, instance, 2, fresh=True, seed=4)
    first.reset()
    second = BatchEnv(toy, instance, 2, fresh=True)
    second.reset(4)
    assert_array_equal(first.instances.demand, second.instances.demand)


def test_without_any_seed_episodes_differ(make_toy):
    toy = make_toy("mixed")
    envs = [BatchEnv(toy, toy.generate("small", 0), fresh=True) for _ in range(2)]
    for env in envs:
        env.reset()
    assert (envs[0].instances.demand != envs[1].instances.demand).any()


def test_fixed_mode_replays_the_instance(toy):
    env = BatchEnv(toy, toy.generate("small", 0), 2)
    actions = random_actions(env, 0)
    first = [env.reset(1), *play(env, actions)]
    assert same(first, [env.reset(), *play(env, actions)])
    assert same(first, [env.reset(2), *play(env, actions)])


def test_last_observation_is_of_the_state_reached_on_the_last_slot(make_toy):
    """Stock after 5 slots of six knobs at 0.5 is 15; the demand seen is that of slot 4."""
    toy = make_toy("real")
    instance = toy.generate("small", 0)
    env = BatchEnv(toy, instance, 2)
    env.reset(0)
    steps = play(env, np.full((5, 2, 6), 0.5))
    assert_allclose(steps[-1].observation.state[:, :2], [[instance.demand[4], 15.0]] * 2, rtol=1e-6)
    assert_allclose(steps[-2].observation.state[:, :2], [[instance.demand[4], 12.0]] * 2, rtol=1e-6)
    assert [s.truncated.tolist() for s in steps] == [[False, False]] * 4 + [[True, True]]


def test_rewards_per_agent_by_hand(make_toy):
    """Slot 0 with demand d, knobs 0, levers 0: the objective is d^2, agent i gets -(i + 1) d^2."""
    toy = make_toy("mixed")
    env = BatchEnv(toy, toy.generate("small", 0), 1)
    env.reset(0)
    step = env.step(np.zeros((1, 10)))
    d = env.instance.demand[0]
    assert_allclose(step.agent_rewards, [-(d**2) * np.arange(1, 6)], rtol=1e-12)
    assert_allclose(step.reward, [-(d**2)])


def test_repaired_counts_agents_by_hand(make_toy):
    """Room is 4 in all: levers (1,2), (1,2) add to 6; the last entry is undone, one agent of two. (0,2), (0,2) fit."""
    toy = make_toy("switch")
    env = BatchEnv(toy, toy.generate("small", 0), 2)
    env.reset(0)
    info = env.step(np.array([[1, 2, 1, 2], [0, 2, 0, 2]])).info
    assert_array_equal(info["n_repaired"], [1, 0])
    assert_array_equal(info["repaired"], [True, False])
    assert_array_equal(info["metrics"]["choice"], [[1, 2, 1, 0], [0, 2, 0, 2]])
    assert info["feasible"].all()


def test_without_an_inverse_nothing_is_said_of_repair(make_toy, monkeypatch):
    toy = make_toy("switch")
    env = BatchEnv(toy, toy.generate("small", 0))
    env.reset(0)
    monkeypatch.setattr(env, "encoding", type(env.encoding)(env.encoding.groups, env.encoding.decode))
    assert {"repaired", "n_repaired"}.isdisjoint(env.step(np.zeros((1, 4), int)).info)


def test_real_entries_are_clipped(make_toy):
    toy = make_toy("real")
    env = BatchEnv(toy, toy.generate("small", 0))
    env.reset(0)
    assert_allclose(env.step(np.array([[2.0, -1.0, 0.5, 0.5, 0.0, 0.0]])).info["metrics"]["used"], [2.0])


def test_actions_in_another_encoding_by_hand(make_toy):
    """Six levels of five for six knobs: 4 means 1.0, so 1 + 0.5 = 1.5. Each encoding shows the masks of its groups."""
    toy = make_toy("real")
    env = BatchEnv(toy, toy.generate("small", 0), encoding="search")
    assert env.reset(0).masks.keys() == {"level"}
    assert_allclose(env.step(np.array([[4, 2, 0, 0, 0, 0]])).info["metrics"]["used"], [1.5])
    assert_array_equal(env.next_mask(np.zeros((1, 6), int), 5), np.ones((1, 5), bool))
    assert BatchEnv(toy, toy.generate("small", 0)).reset(0).masks == {}


@pytest.mark.parametrize(
    ("kind", "x", "message"),
    [
        ("switch", np.zeros((2, 3), int), "shape"),
        ("switch", np.zeros(4, int), "shape"),
        ("switch", np.array([[0, 3, 0, 0], [0, 0, 0, 0]]), "out of range"),
        ("switch", np.array([[0, -1, 0, 0], [0, 0, 0, 0]]), "out of range"),
        ("switch", np.array([[0, 0.5, 0, 0], [0, 0, 0, 0]]), "not an integer"),
        ("mixed", np.full((2, 10), 0.5), "not an integer"),
        ("mixed", np.full((2, 10), np.nan), "not an integer"),
        ("real", np.full((2, 6), np.nan), "NaN"),
    ],
)
def test_joint_actions_that_are_none_are_refused(make_toy, kind, x, message):
    toy = make_toy(kind)
    env = BatchEnv(toy, toy.generate("small", 0), 2)
    env.reset(0)
    with pytest.raises(ValueError, match=message):
        env.step(x)
    assert env.t == 0


def test_stepping_outside_an_episode_is_refused(toy):
    env = BatchEnv(toy, toy.generate("tiny", 0))
    x = random_actions(env, 0)
    with pytest.raises(ValueError, match="call reset"):
        env.step(x[0])
    env.reset(0)
    play(env, x)
    with pytest.raises(ValueError, match="call reset"):
        env.step(x[0])


def test_bad_construction_is_refused(make_toy):
    toy = make_toy("mixed")
    instance = toy.generate("tiny", 0)
    with pytest.raises(ValueError, match="n_envs"):
        BatchEnv(toy, instance, 0)
    with pytest.raises(DtbenchError, match="no encoding 'other'"):
        BatchEnv(toy, instance, encoding="other")
    with pytest.raises(ValueError, match="leading axes"):
        BatchEnv(toy, toy.resample(instance, np.random.default_rng(0), (2,)))


@real
def test_what_is_returned_may_be_written_to_and_is_not_used_again(problem, size):
    env = BatchEnv(problem, problem.generate(size, 0), 2)
    again = BatchEnv(problem, problem.generate(size, 0), 2)
    seen = env.reset(0)
    again.reset(0)
    for x in random_actions(env, 0):
        for value in arrays(seen).values():
            value[...] = 0
        step, expected = env.step(x), again.step(x)
        assert same([step], [expected])
        seen = step.observation


SEQUENTIAL = {id: p for id, p in all_problems().items() if type(p).next_mask is not Problem.next_mask}


@pytest.mark.parametrize("problem", SEQUENTIAL.values(), ids=SEQUENTIAL)
def test_acting_by_sequential_masks_needs_no_repair(problem):
    env = BatchEnv(problem, problem.generate("tiny", 4), 8, fresh=True)
    env.reset(0)
    rng = np.random.default_rng(0)
    for _ in range(env.horizon):
        x, column = np.zeros((8, env.encoding.size), env.encoding.dtype), 0
        spaces = [g.space for g in env.encoding.groups for _ in range(g.count)]
        for agent, space in enumerate(spaces):
            for mask in np.split(env.next_mask(x, agent), np.cumsum(space.n)[:-1], axis=-1):
                x[:, column] = np.where(mask, rng.random(mask.shape), -1.0).argmax(axis=-1)
                column += 1
        assert not env.step(x).info["repaired"].any()


def test_masks_of_agents_that_act_at_the_same_time(make_toy):
    toy = make_toy("mixed")
    env = BatchEnv(toy, toy.generate("tiny", 0), 2)
    env.reset(0)
    x = np.zeros((2, 10))
    assert_array_equal(env.next_mask(x, 1), np.ones((2, 5), bool))
    assert env.next_mask(x, 2) is None
    with pytest.raises(ValueError, match="5 agents"):
        env.next_mask(x, 5)
