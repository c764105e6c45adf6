import numpy as np
import pytest
from numpy.testing import assert_allclose

from dtbench.learning.ddpg.replay import Transitions


def played(replay, episodes, slots):
    """Episodes in which slot number n (over all episodes) sees n, does 10 n, is paid 100 n, and ends seeing n + 0.5."""
    number = 0
    for _ in range(episodes):
        replay.begin({"state": full(replay, number)})
        for t in range(slots):
            last = t == slots - 1
            after = number + (0.5 if last else 1.0)
            replay.add(full(replay, 10 * number), full(replay, 100 * number), {"state": full(replay, after)}, last=last)
            number += 1


def full(replay, value):
    return np.full((replay.n_envs, 1), value, dtype=np.float32) + np.arange(replay.n_envs)[:, None] / 8


def buffer(capacity=100, n_envs=2):
    return Transitions(capacity, n_envs, {"state": (1,)}, action=1, reward=1)


def test_what_was_seen_after_is_of_the_next_slot_or_the_end():
    replay = buffer()
    played(replay, 2, 3)
    rows = replay.sample(np.random.default_rng(0), 500)
    now, after = replay.look(rows)["state"][:, 0], replay.look_after(rows)["state"][:, 0]
    last = replay.last[rows[0]]
    assert len(replay) == 12
    assert_allclose(after - now, np.where(last, 0.5, 1.0))
    assert_allclose(replay.action[rows][:, 0] - rows[1] / 8, 10 * (now - rows[1] / 8))
    assert set(np.floor(now[last])) == {2, 5}


def test_the_oldest_transitions_are_lost_and_the_rest_stay_whole():
    replay = buffer(capacity=10, n_envs=2)  # 5 slots, and 2 places more
    played(replay, 4, 3)
    rows = replay.sample(np.random.default_rng(0), 500)
    now, after = replay.look(rows)["state"][:, 0], replay.look_after(rows)["state"][:, 0]
    assert_allclose(after - now, np.where(replay.last[rows[0]], 0.5, 1.0))
    assert set(np.floor(now)) == {7, 8, 9, 10, 11}


def test_every_transition_is_drawn_equally_often():
    """60 transitions, 60 000 draws: chi-squared with 59 degrees of freedom is below 100 but for 1 case in 1000."""
    replay = buffer(n_envs=3)
    played(replay, 4, 5)
    place, env = replay.sample(np.random.default_rng(1), 60_000)
    count = np.unique(place * 3 + env, return_counts=True)[1]
    assert len(count) == 60
    assert ((count - 1000.0) ** 2 / 1000.0).sum() < 100.0


def test_newest_come_first():
    replay = buffer()
    played(replay, 2, 3)
    assert_allclose(replay.seen["state"][replay.newest(4), 0, 0], [5, 4, 3, 2])
    assert replay.newest(99).size == 6
    assert_allclose(replay.stamp[replay.newest(2)], [5, 4])


def test_it_goes_on_from_its_state():
    first, second = buffer(capacity=10), buffer(capacity=10)
    played(first, 3, 4)
    second.load(*first.state())
    for replay in (first, second):
        played(replay, 1, 3)
    rows = first.sample(np.random.default_rng(0), 50)
    assert all((a == b).all() for a, b in zip(rows, second.sample(np.random.default_rng(0), 50), strict=True))
    assert_allclose(first.look_after(rows)["state"], second.look_after(rows)["state"])
    assert_allclose(first.reward[rows], second.reward[rows])


def test_nothing_cannot_be_sampled():
    replay = buffer()
    replay.begin({"state": full(replay, 0)})
    with pytest.raises(ValueError, match="no transitions"):
        replay.sample(np.random.default_rng(0), 1)
