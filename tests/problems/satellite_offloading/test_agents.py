"""Observation and action modes by hand, and what environments say of repaired decisions."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.envs import make_env
from dtbench.errors import DtbenchError
from dtbench.problems.satellite_offloading import agents
from dtbench.problems.satellite_offloading.agents import uav_entries
from dtbench.problems.satellite_offloading.model import evaluate
from dtbench.problems.satellite_offloading.repair import repair_flagged

from .hand import OFFLOADING, hand_slot, slots_of


def test_observation_by_hand():
    """D / 8e9; b over the rate at -126 dB; T_th / 1200; E_th / 900e3."""
    slot = hand_slot()
    seen = agents.observe(slot)
    reference = 2e6 * np.log2(1 + 10**-12.6 / slot.params.noise)
    assert_allclose(seen.state, [0.25, 0.5, 0.75, *[1e7 / reference] * 3, 0.5, 200 / 900], rtol=1e-6)
    assert_array_equal(seen.agents["controller"], seen.state[None])
    assert_allclose(agents.observe(hand_slot(obs="paper")).state, [0.25, 0.5, 0.75])


@pytest.mark.parametrize(("obs", "length"), [("full", 24), ("paper", 11), ("ordered", 24)])
def test_lengths_at_paper_size(obs, length):
    instance = OFFLOADING.generate("paper", 0, obs=obs)
    encodings = OFFLOADING.encodings(instance)
    assert {name: e.size for name, e in encodings.items()} == {
        "agents": 11 + 33 + 1 + 3, "strict": 11 + 33 + 1 + 3, "structured": 44, "penalty": 44, "search": 37,
        "association": 33,
    }  # fmt: skip
    assert encodings["agents"].groups[0].observation == length
    assert_array_equal(encodings["structured"].high, [32.0] * 11 + [1.0] * 33)


def test_raw_by_hand():
    """Total 3 + 0.5 (4 - 3) (0 + 1) = 3.5: 3 channels. Columns (.8, -.2), (.4, .1), (0, .5): satellites 0, 0, 1.

    Shares .8 / 1.2 and .4 / 1.2 times (0 + 1) / 2; 1 times (1 + 1) / 2.
    """
    x = np.array([0.1, -0.9, 0.4, 0.8, 0.4, 0.0, -0.2, 0.1, 0.5, 0.0, 0.0, 1.0])
    found = agents.ask_raw(hand_slot(), x)
    assert found.channels.tolist() == [1, 1, 1]
    assert found.assoc.tolist() == [0, 0, 1]
    assert_allclose(found.share, [1 / 3, 1 / 6, 1.0])


def test_raw_reaches_every_channel_and_no_more():
    slot = hand_slot(n_channel=7)
    most = np.array([0.5, 0.5, 1.0, *[0.5] * 6, 1.0, 1.0, 1.0])
    assert agents.ask_raw(slot, most).channels.tolist() == [2, 2, 3]
    least = np.where(np.arange(12) == 9, -1.0, most)
    assert agents.ask_raw(slot, least).channels.tolist() == [1, 1, 1]


def test_raw_meets_all_but_the_limits():
    slots = slots_of("paper", 0)
    encoding = OFFLOADING.encodings(OFFLOADING.generate("paper", 0))["agents"]
    x = encoding.sample(np.random.default_rng(0), (50, 20))
    broken = evaluate(slots, agents.ask_raw(slots, x)).violations
    for name, value in broken.items():
        assert name in ("deadline", "uav_energy") or (value <= 1e-9).all()


def test_structured_by_hand():
    """Reals (1.2, 0.9, 1.9) are rounded; the largest entry of a column is the share, the lowest row on ties."""
    x = np.array([1.2, 0.9, 1.9, 0.4, 0.6, 0.1, 0.4, 0.2, 0.5])
    found = agents.ask_structured(hand_slot(), x)
    assert found.channels.tolist() == [1, 1, 2]
    assert found.assoc.tolist() == [0, 0, 1]
    assert_allclose(found.share, [0.4, 0.6, 0.5])


def test_penalty_by_hand():
    """Channels round(1 + (x + 1) / 2): 1, 2, 2 of 4, one too many. Satellite 0 gives 0.6 + 0.9: half too much.

    Uploads 200, 200, 300 s; training 6.25 / .6 + 12.5 / .9 = 24.3 s and 37.5 s: T_total = 376.32 s, E_com = 700 J,
    E_cmp = 6400 (6.25 .36 + 12.5 .81 + 18.75 .25) = 109200 J.
    """
    x = np.array([-1.0, 1.0, 1.0, 0.2, 0.8, -1.0, -0.5, 0.1, 0.0])
    slot = hand_slot()
    found = agents.ask_penalty(slot, x)
    assert found.channels.tolist() == [1, 2, 2]
    assert found.assoc.tolist() == [0, 0, 1]
    assert_allclose(found.share, [0.6, 0.9, 0.5])
    objective = 0.5 * 376.32 / 1200 + 0.5 * (300 * 376.32 + 700 + 109200) / 900e3
    assert_allclose(agents.penalised_reward(agents.ask_penalty, slot, x), -objective - 1 / 4 - 0.5, rtol=1e-7)


def test_penalties_and_objectives_are_clipped():
    x = np.full(9, -1.0)
    assert_allclose(agents.penalised_reward(agents.ask_penalty, hand_slot(), x), -5.0 - 5.0 - 5.0)


def test_environments_reward_the_repaired_decision_and_say_what_was_wrong():
    env = make_env("satellite-offloading/tiny", n_envs=64, seed=0)
    env.reset()
    x = env.encoding.sample(np.random.default_rng(0), (64,))
    asked = agents.ask_raw(env.slot, x)
    outcome, (repaired, step) = evaluate(env.slot, asked), repair_flagged(env.slot, asked)
    expected = evaluate(env.slot, repaired)
    played = env.step(x)
    assert_allclose(played.reward, -expected.objective)
    assert_array_equal(played.info["repaired"], ~outcome.feasible)
    assert_array_equal(played.info["repaired_threshold"], step >= 2)
    assert 0 < played.info["repaired_threshold"].sum() < 64
    assert_allclose(played.info["raw_violations"]["deadline"], outcome.violations["deadline"])
    assert played.info["feasible"].all()


@pytest.mark.parametrize(("mode", "ask"), [("penalty", agents.ask_penalty), ("strict", agents.ask_raw)])
def test_some_modes_reward_what_was_asked_for(mode, ask):
    env = make_env("satellite-offloading/tiny", n_envs=16, seed=0, encoding=mode)
    env.reset()
    x = env.encoding.sample(np.random.default_rng(0), (16,))
    expected = agents.penalised_reward(ask, env.slot, x)
    played = env.step(x)
    assert_allclose(played.reward, expected)
    assert_allclose(played.agent_rewards[:, 0], expected)
    assert played.info["feasible"].all()
    assert (played.reward < -played.info["objective"]).any()


@pytest.mark.parametrize("mode", ["agents", "strict", "structured", "penalty"])
def test_gymnasium_plays_every_mode(mode):
    env = make_env("satellite-offloading/tiny", "gym", encoding=mode, seed=1)
    seen, _ = env.reset(seed=3)
    assert env.observation_space.contains(seen)
    for t in range(20):
        env.action_space.seed(t)
        seen, reward, terminated, truncated, info = env.step(env.action_space.sample())
        assert np.isfinite(reward)
        assert not terminated
        assert truncated == (t == 19)
        assert isinstance(info["repaired_threshold"], bool)


def test_pettingzoo_plays_the_modes_of_one_agent():
    env = make_env("satellite-offloading/tiny", "parallel")
    seen, _ = env.reset(seed=0)
    assert list(seen) == ["controller_0"]
    with pytest.raises(DtbenchError, match="observe nothing"):
        make_env("satellite-offloading/tiny", "parallel", encoding="structured")


def test_ordered_observation_by_hand():
    """Data (2, 4, 6) / 8 of equal rates: the third UAV comes first, and what it decides is the first column."""
    slot = hand_slot(obs="ordered")
    assert_allclose(agents.observe(slot).state[:3], [0.75, 0.5, 0.25])
    encoding = OFFLOADING.encodings(OFFLOADING.generate("tiny", 0, n_uav=3, n_sat=2, n_channel=4, obs="ordered"))
    x = np.array([2.0, 1.0, 1.0, 0.1, 0.6, 0.4, 0.5, 0.2, 0.1])
    found = encoding["structured"].ask(slot, x)
    assert found.channels.tolist() == [1, 1, 2]
    assert found.assoc.tolist() == [0, 0, 1]
    assert_allclose(found.share, [0.4, 0.6, 0.5])


@pytest.mark.parametrize("mode", ["agents", "strict", "structured", "penalty"])
def test_numbering_uavs_anew_changes_nothing_an_ordered_agent_sees_or_gets(mode):
    instance = OFFLOADING.generate("paper", 0, obs="ordered")
    slot = OFFLOADING.slot(instance, 3, OFFLOADING.start(instance))[...]
    turn = np.random.default_rng(0).permutation(11)
    other = replace(slot, data_bits=slot.data_bits[..., turn], gain=np.broadcast_to(slot.gain, (11,))[turn])
    assert_array_equal(agents.observe(slot).state, agents.observe(other).state)
    encoding = OFFLOADING.encodings(instance)[mode]
    x = encoding.sample(np.random.default_rng(1), (20,))
    first, second = encoding.ask(slot, x), encoding.ask(other, x)
    assert_array_equal(first.assoc[:, turn], second.assoc)
    assert_allclose(first.share[:, turn], second.share, rtol=1e-12)
    assert_allclose(evaluate(slot, first).objective, evaluate(other, second).objective, rtol=1e-12)
    if encoding.reward is not None:
        assert_allclose(encoding.reward(slot, x), encoding.reward(other, x), rtol=1e-12)


def test_ordered_actions_are_free_in_their_leading_axes():
    """One joint action for several slots whose data are ordered differently."""
    slots = slots_of("tiny", 0, obs="ordered")
    encoding = OFFLOADING.encodings(OFFLOADING.generate("tiny", 0))["agents"]
    x = encoding.sample(np.random.default_rng(0), ())
    spread = np.broadcast_to(x, (*slots.batch_shape, len(x)))
    assert_array_equal(agents.as_numbered(slots, x), agents.as_numbered(slots, spread))


def test_entries_of_uavs_by_hand():
    """N = 2, M = 2, state D0 D1 b0 b1 T E, action c0 c1 s00 s01 s10 s11: UAV 1 has D1, b1, c1, s01, s11."""
    assert_array_equal(uav_entries(2, 2, 6), [[0, 2, 6, 8, 10], [1, 3, 7, 9, 11]])
    assert_array_equal(uav_entries(2, 1, 2), [[0, 2, 4], [1, 3, 5]])
