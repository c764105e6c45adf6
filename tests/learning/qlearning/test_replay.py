"""What is stored, what is drawn from it, and that every sub-sequence is drawn with the same probability."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.stats import chisquare

from dtbench.envs import make_env
from dtbench.learning.qlearning.replay import Replay


def numbered(capacity=5, episodes=5, **kept):
    """A buffer in which slot t of episode e is written as 100 e + t, what is seen in the end as 100 e + 8; T = 8."""
    replay = Replay(make_env("dnt-spectrum/tiny"), capacity, **kept)
    for episode in range(episodes):
        write(replay, replay.claim(1), episode)
    return replay


def write(replay, rows, episode):
    for name, array in replay.arrays.items():
        for t in range(array.shape[1]):
            value = np.full((len(rows), *array.shape[2:]), 100 * episode + t)
            replay.write(name, rows, t, value % 2 == 0 if array.dtype == bool else value)


def test_shapes():
    replay = numbered(state=True, agent_rewards=True)
    batch = replay.sample(np.random.default_rng(0), 6, 3)
    assert batch.observations["bs"].shape == (6, 4, 3, 22)
    assert batch.masks["bs"].shape == (6, 4, 3, 12)
    assert batch.actions.shape == (6, 3, 18)
    assert batch.reward.shape == (6, 3)
    assert batch.agent_rewards.shape == (6, 3, 3)
    assert batch.state.shape[:2] == (6, 4)
    assert {batch.reward.dtype, batch.agent_rewards.dtype, batch.observations["bs"].dtype} == {np.dtype(np.float32)}


def test_what_is_not_kept_is_none():
    batch = numbered().sample(np.random.default_rng(0), 6, 3)
    assert batch.agent_rewards is None
    assert batch.state is None


@pytest.mark.parametrize(("following", "seen"), [(True, 4), (False, 3)])
def test_the_same_slots_of_everything(following, seen):
    """A row that begins with 100 e + t goes on with 100 e + t + 1, ...; what is observed has one slot more."""
    replay = numbered(state=True, agent_rewards=True)
    batch = replay.sample(np.random.default_rng(0), 50, 3, following=following)
    expected = batch.reward[:, :1] + np.arange(seen)
    assert_array_equal(batch.reward, expected[:, :3])
    assert_array_equal(batch.actions, np.broadcast_to(expected[:, :3, None], batch.actions.shape))
    assert_array_equal(batch.agent_rewards, np.broadcast_to(expected[:, :3, None], batch.agent_rewards.shape))
    for value in (batch.observations["bs"], batch.state):
        lead = expected.reshape(50, seen, *[1] * (value.ndim - 2))
        assert_array_equal(value, np.broadcast_to(lead, value.shape))
    assert_array_equal(batch.masks["bs"][..., 0, 0], expected % 2 == 0)


@pytest.mark.parametrize(("length", "following", "starts"), [(3, True, 6), (3, False, 6), (1, True, 8), (8, True, 1)])
def test_sampling_is_uniform(length, following, starts):
    """T = 8: starts 0..T-L, the last slot as often as others; whole episodes start at 0."""
    replay, draws = numbered(), 20_000
    first = replay.sample(np.random.default_rng(0), draws, length, following=following).reward[:, 0]
    values, counts = np.unique(first, return_counts=True)
    assert_array_equal(values, [100 * e + t for e in range(5) for t in range(starts)])
    assert chisquare(counts).pvalue > 0.01


def test_whole_episodes_end_with_what_is_seen_after_them():
    batch = numbered(state=True).sample(np.random.default_rng(0), 40, 8)
    assert batch.actions.shape[1] == 8
    for seen in (batch.observations["bs"][..., 0, 0], batch.state[..., 0]):
        assert_array_equal(seen, batch.reward[:, :1] + np.arange(9))


def test_only_what_is_stored_is_drawn():
    first = numbered(capacity=9, episodes=2).sample(np.random.default_rng(0), 500, 8).reward[:, 0]
    assert set(first) == {0.0, 100.0}


def test_the_oldest_are_overwritten():
    """Capacity 5: rounds of 3 episodes go to rows 0 1 2, 3 4 0, 1 2 3."""
    replay, rows = Replay(make_env("dnt-spectrum/tiny"), 5), []
    for number in range(3):
        rows.append(replay.claim(3))
        write(replay, rows[-1], number)
    assert_array_equal(rows, [[0, 1, 2], [3, 4, 0], [1, 2, 3]])
    assert replay.size == 5
    assert_array_equal(replay.arrays["reward"][:, 0], [100, 200, 200, 200, 100])


def test_a_stored_buffer_is_restored():
    replay, other = numbered(episodes=3), numbered(episodes=0)
    other.load(*replay.state())
    assert (other.size, other.head) == (3, 3)
    one, two = (r.sample(np.random.default_rng(3), 20, 2) for r in (replay, other))
    assert_array_equal(one.actions, two.actions)
    assert_array_equal(one.observations["bs"], two.observations["bs"])


def test_misuse():
    replay = numbered(episodes=0)
    with pytest.raises(ValueError, match="cannot draw 2 slots from 0 episodes of 8"):
        replay.sample(np.random.default_rng(0), 1, 2)
    with pytest.raises(ValueError, match="cannot draw 9 slots"):
        numbered().sample(np.random.default_rng(0), 1, 9)
    with pytest.raises(ValueError, match="6 episodes do not fit into a replay buffer of 5"):
        replay.claim(6)
