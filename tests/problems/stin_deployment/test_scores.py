"""The encoding ``scores`` of ``stin-deployment``: the papers' decoder for one controller."""

import numpy as np
from numpy.testing import assert_array_equal

from dtbench import referee
from dtbench.problems import problem

STIN = problem("stin-deployment")


def met(size="tiny", seed=90_001, **params):
    instance = STIN.generate(size, seed, **params)
    return referee.slots(STIN, instance), STIN.encodings(instance)


def test_users_choose_in_turn():
    """All five prefer device 1, then the cloud; it has one place, which the first user takes."""
    slots, made = met(cap_min=1, cap_max=1)
    score = np.zeros((5, slots.n_nodes))
    score[:, 1], score[:, -1] = 2.0, 1.0
    assert_array_equal(made["scores"].decode(slots[0], score.ravel()).node, [1, 3, 3, 3, 3])


def test_the_agents_decoder():
    """Users of ``agents`` who take the best node that their mask allows, one after the other, end at the same nodes."""
    slots, made = met("small")
    x = made["scores"].sample(np.random.default_rng(0))
    score, chosen = x.reshape(slots.n_users, slots.n_nodes), np.zeros(slots.n_users, dtype=np.int64)
    for user in range(slots.n_users):
        mask = STIN.next_mask(slots[0], chosen, user)
        chosen[user] = np.where(mask, score[user], -np.inf).argmax()
    assert_array_equal(made["scores"].decode(slots[0], x).node, made["agents"].decode(slots[0], chosen).node)


def test_savings_on_the_own_device_are_none():
    slots, made = met("small")
    inputs = made["scores"].layout.split_state(made["scores"].observe(slots[0]).state)
    assert_array_equal(inputs["pair"][:, 0], 0.0)
    assert_array_equal(inputs["free"][1:-1, 0], slots[0].cap_end)
    assert_array_equal(inputs["free"][[0, -1], 0], slots.n_users)
