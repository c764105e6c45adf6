"""What agents see, may do and get, by hand."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench import referee
from dtbench.arrays import specs
from dtbench.envs import BatchEnv
from dtbench.problems import problem
from dtbench.problems.stin_deployment.agents import observation_length
from dtbench.problems.stin_deployment.instance import StinInstance

from .hand import hand_slot

STIN = problem("stin-deployment")


def hand_instance(**params):
    """The hand example as an instance of one slot."""
    slot = hand_slot(**params)
    arrays = {
        name: getattr(slot, name)[None] if "time" in spec.dims else getattr(slot, name)
        for name, spec in specs(StinInstance).items()
    }
    return StinInstance(problem="stin-deployment", size="tiny", seed=0, params=slot.params, **arrays)


def test_observation_by_hand():
    """ell(x) = log10(x / 0.1 s); u, e, w, q(1), q(1), q(3); N / 3; D, mu, f; distances; previous node and occupancy.

    Users sit 50, 10 and 10 m from the device in a square of 500 m; the previous placement was (0, 1, 2).
    """
    slot = dataclasses.replace(hand_slot(), prev_node=np.array([0, 1, 2]), prev_count=np.array([1, 1, 1]))
    seen = STIN.observe(slot).agents["user"]
    latencies = [
        [0.8, 0.08, 0.05, 0.163588, 0.163588, 0.290065],
        [0.48, 0.15, 0.06, 0.217692, 0.217692, 0.399502],
        [0.15, 0.2, 0.075, 0.230799, 0.230799, 0.398035],
    ]
    rest = [
        [2 / 3, 8 / 16, 100 / 150, 0.1, 0.0707107, 0.6, 1, 0, 0, 1 / 3, 1 / 3, 1 / 3],
        [2 / 3, 12 / 16, 80 / 150, 0.2, 0.0141421, 0.6, 0, 1, 0, 1 / 3, 1 / 3, 1 / 3],
        [2 / 3, 10 / 16, 120 / 150, 0.8, 0.0141421, 0.6, 0, 0, 1, 1 / 3, 1 / 3, 1 / 3],
    ]
    assert_allclose(seen, np.hstack([np.log10(np.array(latencies) / 0.1), rest]), rtol=1e-5)


def test_observation_before_the_first_slot():
    """Everybody was on the own device, but nobody is counted anywhere."""
    tail = STIN.observe(hand_slot()).agents["user"][:, -6:]
    assert_array_equal(tail, [[1, 0, 0, 0, 0, 0]] * 3)


@pytest.mark.parametrize(("size", "length"), [("tiny", 24), ("small", 30), ("paper", 30), ("large", 102)])
def test_observation_length_is_6j_plus_12(size, length):
    instance = STIN.generate(size, 0)
    slot = STIN.slot(instance, 0, STIN.start(instance))
    seen = STIN.observe(slot)
    assert observation_length(instance.params.n_end) == length
    assert seen.agents["user"].shape == (instance.params.n_users, length)
    assert_array_equal(seen.state, seen.agents["user"].ravel())


def test_latencies_are_clipped_to_two_decades():
    slot = dataclasses.replace(hand_slot(), r_end=np.array([[0.0], [1e12], [50e6]]))
    assert_allclose(STIN.observe(slot).agents["user"][:, 1], [2.0, -2.0, np.log10(2.0)], rtol=1e-6)


def test_demand_of_others_is_hidden():
    slot = hand_slot()
    changed = dataclasses.replace(slot, data_bits=slot.data_bits * [1, 2, 3], g_us=slot.g_us * [1, 0.5, 2])
    before, after = (STIN.observe(s).agents["user"] for s in (slot, changed))
    assert_array_equal(before[0], after[0])
    assert (before[1:] != after[1:]).any(axis=1).all()


def test_masks_by_hand():
    """One device that takes two: the third user may not go there; a device that takes nobody is never allowed."""
    slot = hand_slot()
    assert STIN.observe(slot).masks["user"].all()
    x = np.array([[1, 1, 0], [1, 2, 0]])
    assert_array_equal(STIN.next_mask(slot, x, 0), [[True] * 3] * 2)
    assert_array_equal(STIN.next_mask(slot, x, 1), [[True] * 3] * 2)
    assert_array_equal(STIN.next_mask(slot, x, 2), [[True, False, True], [True, True, True]])
    assert_array_equal(STIN.observe(hand_slot(cap=0)).masks["user"], [[True, False, True]] * 3)


def test_reward_in_the_environment_by_hand():
    """(1, 2, 0): -0.7 * 0.497692 - 0.3 * 0.1 * 3 = -0.438384; (1, 1, 1) is repaired to (1, 1, 0), 0.6 s."""
    env = BatchEnv(STIN, hand_instance(), 2)
    env.reset(0)
    step = env.step(np.array([[1, 2, 0], [1, 1, 1]]))
    assert_allclose(step.reward, [-0.438384, -0.7 * 0.6 - 0.09], atol=5e-7)
    assert_allclose(step.info["objective"], [0.497692, 0.6], atol=5e-7)
    assert_array_equal(step.agent_rewards, np.repeat(step.reward[:, None], 3, axis=1))
    assert_array_equal(step.info["n_repaired"], [0, 1])
    assert_array_equal(step.info["metrics"]["occupancy"], [[1, 1, 1], [1, 2, 0]])
    assert_array_equal(step.observation.agents["user"][:, :, -6:-3].argmax(axis=-1), [[1, 2, 0], [1, 1, 0]])
    assert_allclose(step.observation.agents["user"][1, 0, -3:], [1 / 3, 2 / 3, 0], rtol=1e-6)
    assert step.truncated.all()


def test_reward_that_counts_hosted_twins_by_hand():
    """(1, 2, 0): two twins off the own device, -0.7 * 0.497692 - 0.3 * 0.1 * 2."""
    env = BatchEnv(STIN, hand_instance(cost_count="hosted"))
    env.reset(0)
    assert_allclose(env.step(np.array([[1, 2, 0]])).reward, [-0.408384], atol=5e-7)


def test_capacity_violations_do_not_change_the_scored_sum():
    """The environment's mean objective is the referee's of the raw, often infeasible placements."""
    instance = STIN.generate("small", 3)
    env = BatchEnv(STIN, instance)
    env.reset(0)
    x = np.random.default_rng(0).integers(0, instance.params.n_end + 2, (instance.horizon, instance.params.n_users))
    steps = [env.step(row[None]) for row in x]
    scores = referee.rescore(STIN, instance, STIN.Decision(node=x))
    assert scores.repaired.any()
    assert_array_equal([s.info["repaired"][0] for s in steps], scores.repaired)
    assert_allclose([s.info["objective"][0] for s in steps], scores.objective, rtol=1e-12)
    assert_allclose(
        sum(s.reward[0] for s in steps),
        (-0.7 * scores.objective - 0.3 * 0.1 * instance.params.n_users).sum(),
        rtol=1e-12,
    )
