"""Policies of action values: choices by hand, exploration, agents in order, and what is saved."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.encoding import Box, Categorical, Encoding, Group, Observation
from dtbench.envs import BatchEnv
from dtbench.errors import DtbenchError
from dtbench.learning.networks import Network
from dtbench.learning.policy import EntryLayout, best, entries, select
from dtbench.learning.qlearning.policy import ValuePolicy
from dtbench.learning.torch_networks import StackedNetwork
from dtbench.learning.training import ordered
from dtbench.problems import problem

INF = np.inf


def array(value):
    return np.array(value, dtype=np.float32)


def make_encoding(*groups):
    return Encoding(groups, decode=lambda slot, x: x)


def echo(*groups):
    """A policy whose values are what the agents observe: the identity, shared by each group."""
    networks, weights = {}, {}
    for group in groups:
        width = group.space.mask_width
        networks[group.name] = Network(inputs=width, hidden=(), outputs=width)
        weights[f"{group.name}/output.weight"] = np.eye(width, dtype=np.float32)[None]
        weights[f"{group.name}/output.bias"] = np.zeros((1, 1, width), dtype=np.float32)
    return ValuePolicy(make_encoding(*groups), networks, weights)


def seen(masks=None, **values):
    """An observation of one row or more; everything is allowed if there are no masks."""
    values = {name: array(value) for name, value in values.items()}
    masks = {name: np.ones(value.shape, dtype=bool) for name, value in values.items()} | (masks or {})
    masks = {name: np.array(mask, dtype=bool) for name, mask in masks.items()}
    return Observation(values, masks, np.zeros((len(next(iter(values.values()))), 1), np.float32))


def play(policy, observation, **options):
    return policy.act(observation, policy.start(len(observation.state)), **options)[0]


def make_policy(groups, *, copies=None, memory=0, identity=False, seed=0):
    """A policy with random weights; ``copies`` by group, 1 unless given."""
    networks, weights, rng = {}, {}, np.random.default_rng(seed)
    for group in groups:
        own = Network(
            inputs=ValuePolicy.n_inputs(group, identity),
            hidden=(6,),
            outputs=ValuePolicy.n_outputs(group),
            memory=memory,
            copies=(copies or {}).get(group.name, 1),
        )
        networks[group.name] = own
        weights |= {f"{group.name}/{k}": array(rng.normal(size=shape)) for k, shape in own.shapes.items()}
    return ValuePolicy(make_encoding(*groups), networks, weights, identity=identity)


def random_observation(groups, rows, seed=0):
    rng = np.random.default_rng(seed)
    values = {g.name: rng.normal(size=(rows, g.count, g.observation)) for g in groups}
    masks = {g.name: rng.random((rows, g.count, g.space.mask_width)) < 0.6 for g in groups}
    return seen(masks, **values)


PAIR = Group("a", 2, Categorical((3,)), 3)
UNEQUAL = Group("b", 1, Categorical((2, 3)), 5)
MIXED = (Group("a", 2, Categorical((3,)), 4), Group("b", 3, Categorical((2, 4)), 5))


def test_best_allowed_by_hand():
    """Agent 0 likes 1, 2, 0 in this order, agent 1 likes 0, 1, 2."""
    values = [[[1, 3, 2], [5, 0, -1]]]
    assert_array_equal(play(echo(PAIR), seen(a=values)), [[1, 0]])
    mask = {"a": [[[1, 0, 1], [0, 0, 1]]]}
    assert_array_equal(play(echo(PAIR), seen(mask, a=values)), [[2, 2]])


def test_ties_go_to_the_first_and_nothing_allowed_to_zero():
    assert_array_equal(play(echo(PAIR), seen(a=[[[7, 7, 7], [0, 4, 4]]])), [[0, 1]])
    assert_array_equal(play(echo(PAIR), seen({"a": [[[0, 0, 0], [0, 0, 0]]]}, a=[[[1, 2, 3]] * 2])), [[0, 0]])


def test_entries_of_unequal_n_by_hand():
    """Values 0..1 of the first entry, then 2..4 of the second; what the first has not is no choice of its."""
    layout = EntryLayout((2, 3))
    flat, mask = array([1, 2, 3, 4, 5]), np.array([1, 0, 1, 1, 1], dtype=bool)
    assert_array_equal(layout.spread(flat, np.ones(5, dtype=bool)), [[1, 2, -INF], [3, 4, 5]])
    assert_array_equal(layout.spread(flat, mask), [[1, -INF, -INF], [3, 4, 5]])
    assert_array_equal(best(layout.spread(-flat, mask)), [0, 0])


def test_branches_by_hand():
    """Each entry is maximised by itself: values (1, 2 | 5, 4, 6)."""
    values = [[[1, 2, 5, 4, 6]]]
    assert_array_equal(play(echo(UNEQUAL), seen(b=values)), [[1, 2]])
    assert_array_equal(play(echo(UNEQUAL), seen({"b": [[[1, 0, 1, 1, 0]]]}, b=values)), [[0, 0]])
    assert_array_equal(play(echo(UNEQUAL), seen({"b": [[[1, 0, 0, 1, 0]]]}, b=values)), [[0, 1]])


def test_groups_stand_one_after_the_other():
    """Agents a_0, a_1, then both entries of b_0."""
    x = play(echo(PAIR, UNEQUAL), seen(a=[[[0, 1, 0], [0, 0, 1]]], b=[[[0, 1, 1, 0, 0]]]))
    assert_array_equal(x, [[1, 2, 1, 0]])
    assert x.dtype == np.int64


def test_entries_of_reals_are_refused():
    group = Group("real", 2, Box(1), 3)
    with pytest.raises(TypeError, match="agents 'real' act in reals"):
        entries(group)
    with pytest.raises(DtbenchError, match="agents 'real' act in reals; action values need categorical actions"):
        ValuePolicy.n_outputs(group)


@pytest.mark.parametrize("memory", [0, 3])
@pytest.mark.parametrize("copies", [{}, {"a": 2, "b": 3}, {"b": 3}])
def test_rows_do_not_touch_each_other(copies, memory):
    """A batch equals its loop, over two slots."""
    policy = make_policy(MIXED, copies=copies, memory=memory)
    first, second = (random_observation(MIXED, 5, seed) for seed in (1, 2))
    x, kept = policy.act(first, policy.start(5))
    y, _ = policy.act(second, kept)
    for row in range(5):
        one = slice(row, row + 1)
        alone = [
            Observation({k: v[one] for k, v in o.agents.items()}, {k: v[one] for k, v in o.masks.items()}, o.state[one])
            for o in (first, second)
        ]
        x_alone, kept_alone = policy.act(alone[0], policy.start(1))
        assert_array_equal(x[one], x_alone)
        assert_array_equal(y[one], policy.act(alone[1], kept_alone)[0])


@pytest.mark.parametrize("copies", [{}, {"a": 2, "b": 3}])
def test_memory_is_zero_at_the_start_of_an_episode(copies):
    policy = make_policy(MIXED, copies=copies, memory=3)
    observation, start = random_observation(MIXED, 4), policy.start(4)
    assert {k: v.shape for k, v in start.items()} == (
        {"a": (2, 4, 3), "b": (3, 4, 3)} if copies else {"a": (1, 8, 3), "b": (1, 12, 3)}
    )
    first, kept = policy.outputs(observation, start)
    second, _ = policy.outputs(observation, kept)
    again, _ = policy.outputs(observation, policy.start(4))
    for name in start:
        assert not start[name].any()
        assert kept[name].any()
        assert not np.allclose(first[name], second[name])
        assert_array_equal(first[name], again[name])


def test_identity_is_a_one_hot_number():
    """Two agents that see the same are told apart by their number alone."""
    policy = make_policy([PAIR], identity=True)
    assert policy.networks["a"].inputs == 5
    x = policy.features(PAIR, seen(a=[[[1, 2, 3], [1, 2, 3]]]))
    assert_array_equal(x, [[[1, 2, 3, 1, 0], [1, 2, 3, 0, 1]]])
    assert x.dtype == np.float32
    values, _ = policy.outputs(seen(a=[[[1, 2, 3], [1, 2, 3]]]), policy.start(1))
    assert not np.allclose(values["a"][0, 0], values["a"][0, 1])


def test_without_identity_a_network_sees_the_observation_alone():
    policy, observation = make_policy([PAIR]), seen(a=[[[1, 2, 3], [1, 2, 3]]])
    assert_array_equal(policy.features(PAIR, observation), observation.agents["a"])
    values, _ = policy.outputs(observation, policy.start(1))
    assert_array_equal(values["a"][0, 0], values["a"][0, 1])


def test_epsilon_greedy_frequencies():
    """Three of four allowed, the first best, epsilon 0.3: 0.7 + 0.1, 0.1, never, 0.1."""
    rows, group = 20_000, Group("a", 1, Categorical((4,)), 4)
    observation = seen({"a": np.tile([True, True, False, True], (rows, 1, 1))}, a=np.tile([9, 2, 8, 1], (rows, 1, 1)))
    x = play(echo(group), observation, rng=np.random.default_rng(0), explore=0.3)
    assert_allclose(np.bincount(x[:, 0], minlength=4) / rows, [0.8, 0.1, 0.0, 0.1], atol=0.012)  # 4 deviations


def test_every_entry_and_agent_explores_by_itself():
    """Epsilon 0.5 of two values: an entry leaves the best in 1/4, two entries in 1/16, whoever owns them."""
    rows, group = 20_000, Group("a", 2, Categorical((2, 2)), 4)
    observation = seen(a=np.tile([1, 0, 1, 0], (rows, 2, 1)))
    x = play(echo(group), observation, rng=np.random.default_rng(0), explore=0.5)
    together = x.T @ x / rows
    assert_allclose(together, np.where(np.eye(4, dtype=bool), 1 / 4, 1 / 16), atol=0.013)


def test_full_exploration_is_uniform_on_what_is_allowed():
    rows, group = 20_000, Group("a", 1, Categorical((2, 3)), 5)
    observation = seen({"a": np.tile([1, 1, 0, 1, 1], (rows, 1, 1))}, a=np.tile([5, 1, 9, 3, 4], (rows, 1, 1)))
    x = play(echo(group), observation, rng=np.random.default_rng(0), explore=1.0)
    assert_allclose(np.bincount(x[:, 0], minlength=2) / rows, [0.5, 0.5], atol=0.015)
    assert_allclose(np.bincount(x[:, 1], minlength=3) / rows, [0.0, 0.5, 0.5], atol=0.015)


def test_exploration_is_seeded_and_greed_draws_nothing():
    policy, observation = make_policy(MIXED), random_observation(MIXED, 30)
    x = [play(policy, observation, rng=np.random.default_rng(seed), explore=0.7) for seed in (0, 0, 1)]
    assert_array_equal(x[0], x[1])
    assert (x[0] != x[2]).any()
    rng = np.random.default_rng(0)
    assert_array_equal(play(policy, observation, rng=rng), play(policy, observation))
    assert rng.bit_generator.state == np.random.default_rng(0).bit_generator.state
    with pytest.raises(ValueError, match="exploring needs a generator"):
        play(policy, observation, explore=0.1)


def test_in_order_by_hand():
    """Three agents all like 0, 1, 2 in this order, and what one takes is forbidden to the next: 0, 1, 2."""
    group, asked = Group("a", 3, Categorical((3,)), 3), []

    def next_mask(x, agent):
        asked.append((agent, x[:, :agent].tolist()))
        return np.array([[value not in row[:agent] for value in range(3)] for row in x.tolist()])

    x = play(echo(group), seen(a=[[[3, 2, 1]] * 3, [[1, 3, 2]] * 3]), next_mask=next_mask)
    assert_array_equal(x, [[0, 1, 2], [1, 2, 0]])
    assert x.dtype == np.int64
    assert asked == [(0, [[], []]), (1, [[0], [1]]), (2, [[0, 1], [1, 2]])]


def test_in_order_over_groups_and_branches():
    """The agents are numbered through; one without a mask is free; the mask of the observation is not read."""
    values = {"a": [[[1, 3, 2], [1, 3, 2]]], "b": [[[1, 2, 5, 4, 6]]]}
    observation = seen({"a": np.zeros((1, 2, 3)), "b": np.zeros((1, 1, 5))}, **values)
    masks = {0: np.array([[True, False, True, True, False]]), 1: None, 2: np.array([[True, False, True]])}
    x = play(echo(UNEQUAL, PAIR), observation, next_mask=lambda x, agent: masks[agent])
    assert_array_equal(x, [[0, 0, 1, 2]])


def make_stin():
    owner = problem("stin-deployment")
    env = BatchEnv(owner, owner.generate("tiny", 7), 16, fresh=True)
    return env, env.encoding.groups


STIN, STIN_GROUPS = make_stin()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    explore=st.sampled_from([0.0, 0.3, 1.0]),
    stacked=st.booleans(),
    memory=st.sampled_from([0, 3]),
)
def test_in_order_no_mask_is_ever_violated(seed, explore, stacked, memory):
    """On fresh traces of stin-deployment every user takes what is left to it, so nothing has to be repaired."""
    env, rng = STIN, np.random.default_rng(seed)
    policy = make_policy(STIN_GROUPS, copies={"user": env.n_agents if stacked else 1}, memory=memory, seed=seed)
    now, rows = env.reset(seed=seed), np.arange(env.n_envs)
    kept = policy.start(env.n_envs)
    for _ in range(3):
        x, kept = policy.act(now, kept, rng=rng, explore=explore, next_mask=ordered(env))
        for agent in range(env.n_agents):
            assert np.broadcast_to(env.problem.next_mask(env.slot, x, agent), (env.n_envs, 4))[rows, x[:, agent]].all()
        step = env.step(x)
        assert step.info["feasible"].all()
        assert not step.info["repaired"].any()
        now = step.observation


def test_at_the_same_time_users_collide():
    """Why they choose in order: with nothing but the observation's mask the same policies overfill devices."""
    policy = make_policy(STIN_GROUPS, seed=1)
    now = STIN.reset(seed=0)
    x = policy.act(now, policy.start(STIN.n_envs), rng=np.random.default_rng(0), explore=1.0)[0]
    assert STIN.step(x).info["repaired"].any()


def test_weights_of_a_module_are_read_without_a_copy():
    """What an optimiser does to the parameters is what the policy does next."""
    network = Network(inputs=3, hidden=(), outputs=3)
    module = StackedNetwork(network, torch.Generator().manual_seed(0))
    policy = ValuePolicy(
        make_encoding(PAIR), {"a": network}, {f"a/{name}": value for name, value in module.arrays().items()}
    )
    with torch.no_grad():
        module.weight("output.weight").zero_()
        for value in (2, 0):
            module.weight("output.bias").copy_(torch.eye(3)[value])
            assert_array_equal(play(policy, seen(a=[[[1, 2, 3], [3, 2, 1]]])), [[value, value]])


@pytest.mark.parametrize("identity", [False, True])
@pytest.mark.parametrize("copies", [{}, {"a": 2, "b": 3}])
def test_restore_is_the_inverse_of_saving(copies, identity):
    policy = make_policy(MIXED, copies=copies, memory=3, identity=identity)
    facts = json.loads(json.dumps(policy.facts()))
    arrays = {name: value.copy() for name, value in policy.arrays().items()}
    again = ValuePolicy.restore(make_encoding(*MIXED), facts, arrays, "file")
    assert again.facts() == policy.facts()
    assert again.arrays().keys() == policy.arrays().keys()
    observation = random_observation(MIXED, 6)
    for name, value in policy.outputs(observation, policy.start(6))[0].items():
        assert_array_equal(again.outputs(observation, again.start(6))[0][name], value)


def test_select_takes_one_group():
    """Also where the name of one group begins that of another."""
    weights = {"a/x": array([1]), "ab/x": array([2]), "a/y.z": array([3])}
    assert {k: v.tolist() for k, v in select(weights, "a").items()} == {"x": [1], "y.z": [3]}


def other_kind(facts, arrays):
    facts["kind"] = "stochastic"


def no_kind(facts, arrays):
    del facts["kind"]


def other_group(facts, arrays):
    facts["networks"]["user"] = facts["networks"].pop("a")


def more_inputs(facts, arrays):
    facts["networks"]["a"]["inputs"] = 9


def more_outputs(facts, arrays):
    facts["networks"]["b"]["outputs"] = 7


def more_copies(facts, arrays):
    facts["networks"]["b"]["copies"] = 4


def told_its_number(facts, arrays):
    facts["identity"] = True


def lost_array(facts, arrays):
    del arrays["b/hidden0.bias"]


def other_shape(facts, arrays):
    arrays["a/output.bias"] = arrays["a/output.bias"][..., :2]


def other_type(facts, arrays):
    arrays["a/output.bias"] = arrays["a/output.bias"].astype(np.float64)


def not_a_number(facts, arrays):
    arrays["b/output.weight"][0, 0, 0] = np.nan


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (other_kind, r"file: holds a policy of kind 'stochastic', expected 'value'\."),
        (no_kind, r"file: holds a policy of kind 'None', expected 'value'\."),
        (other_group, r"file: there is no network of agents 'a', but of b, user\."),
        (more_inputs, r"file: the network of agents 'a' has 9 inputs.*this instance has 4 inputs, 3 outputs and 2 ag"),
        (more_outputs, r"file: the network of agents 'b' has 5 inputs, 7 outputs.*this instance has 5 inputs, 6 outp"),
        (more_copies, r"file: the network of agents 'b' .* and 4 copies; this instance has .* and 3 agents\."),
        (told_its_number, r"file: the network of agents 'a' has 4 inputs.*this instance has 6 inputs"),
        (lost_array, r"file: group 'b': array 'hidden0.bias' is missing\."),
        (other_shape, r"file: group 'a': array 'output.bias' is float32 \(1, 1, 2\), expected float32 \(1, 1, 3\)\."),
        (other_type, r"file: group 'a': array 'output.bias' is float64 \(1, 1, 3\), expected float32 \(1, 1, 3\)\."),
        (not_a_number, r"file: group 'b': array 'output.weight' holds NaN or inf\."),
    ],
)
def test_restore_says_what_does_not_fit(spoil, message):
    policy = make_policy(MIXED)
    facts, arrays = json.loads(json.dumps(policy.facts())), {k: v.copy() for k, v in policy.arrays().items()}
    spoil(facts, arrays)
    with pytest.raises(DtbenchError, match=message):
        ValuePolicy.restore(make_encoding(*MIXED), facts, arrays, "file")


def test_restore_refuses_agents_that_act_in_reals():
    policy = make_policy([PAIR])
    with pytest.raises(DtbenchError, match="agents 'a' act in reals"):
        ValuePolicy.restore(make_encoding(Group("a", 2, Box(3), 3)), policy.facts(), policy.arrays(), "file")
