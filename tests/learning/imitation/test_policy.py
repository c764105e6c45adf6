"""The policy of a network of sets: acting, noise, and the way through a file."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.encoding import Observation
from dtbench.errors import DtbenchError
from dtbench.learning.imitation.network import SetNetwork
from dtbench.learning.imitation.policy import SetPolicy, layout_of
from dtbench.problems import problem

STIN = problem("stin-deployment")


def encoding(size="tiny"):
    return STIN.encodings(STIN.generate(size, 90_001))["matching"]


def policy(made, seed=0):
    network = SetNetwork.of(layout_of(made), 8, 2)
    rng = np.random.default_rng(seed)
    return SetPolicy(made, network, {n: rng.normal(0.1, 0.3, s).astype(np.float32) for n, s in network.shapes.items()})


def seen(made, rows=3):
    state = np.random.default_rng(1).standard_normal((rows, layout_of(made).state_size)).astype(np.float32)
    return Observation({}, {}, state)


def test_rows_do_not_see_each_other():
    made = encoding()
    one, x = policy(made), seen(made)
    whole, memory = one.act(x, one.start(3))
    assert whole.shape == (3, made.size)
    assert memory == {}  # no clock
    alone = np.concatenate([one.act(Observation({}, {}, x.state[i : i + 1]), {})[0] for i in range(3)])
    assert_allclose(whole, alone, rtol=1e-4, atol=1e-5)


def test_noise_needs_a_generator_and_changes_actions():
    made = encoding()
    one, x = policy(made), seen(made)
    with pytest.raises(ValueError, match="generator"):
        one.act(x, {}, explore=0.1)
    noisy, _ = one.act(x, {}, explore=0.1, rng=np.random.default_rng(0))
    assert not np.array_equal(noisy, one.act(x, {})[0])


def test_a_policy_is_restored_for_other_numbers_of_users():
    """Its weights know no number: what was learned at one size plays at another."""
    made, other = encoding(), encoding("small")
    one = policy(made)
    again = SetPolicy.restore(other, one.facts(), one.arrays(), "'file'")
    assert again.act(seen(other), {})[0].shape == (3, other.size)
    same = SetPolicy.restore(made, one.facts(), one.arrays(), "'file'")
    assert_array_equal(same.act(seen(made), {})[0], one.act(seen(made), {})[0])


def test_what_does_not_fit_is_refused():
    made = encoding()
    one = policy(made)
    with pytest.raises(DtbenchError, match="kind 'value', expected 'sets'"):
        SetPolicy.restore(made, {"kind": "value"}, {}, "'file'")
    migration = problem("edge-migration")
    other = migration.encodings(migration.generate("tiny", 90_001))["matching"]
    with pytest.raises(DtbenchError, match="axes of the network are"):
        SetPolicy.restore(other, one.facts(), one.arrays(), "'file'")
    with pytest.raises(DtbenchError, match="array 'shift.pair' is missing"):
        SetPolicy.restore(made, one.facts(), {}, "'file'")


def test_the_clock_counts_by_hand():
    """Of 4 slots, 3 come after the first: 3/8 with a clock of 8, then 2/8, and never less than 0."""
    migration = problem("edge-migration")
    made = migration.encodings(migration.generate("tiny", 90_001))["matching"]
    one, x = policy(made), seen(made, 2)
    memory, looks, at = one.start(2), [], made.layout.start_of("left")
    for _ in range(6):
        looks.append(one.look(x, memory)[:, at])
        _, memory = one.act(x, memory)
    assert_allclose(np.array(looks), np.repeat(np.array([3, 2, 1, 0, 0, 0])[:, None] / 8.0, 2, axis=1))
    assert_array_equal(one.look(x, memory)[:, :at], x.state[:, :at])  # and nothing else is changed
