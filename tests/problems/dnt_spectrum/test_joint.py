"""Actions that are one number: digits by hand, the same decisions, and masks that forbid what entries forbid."""

import numpy as np
from numpy.testing import assert_array_equal

from dtbench.envs import BatchEnv
from dtbench.problems import problem
from dtbench.problems.dnt_spectrum import joint

DNT = problem("dnt-spectrum")


def test_digits_by_hand():
    """6 = 2 + 4: no upload, the first two users are claimed."""
    assert_array_equal(joint.entries_of(np.array([6, 1]), 3), [[0, 1, 1], [1, 0, 0]])


def test_allowed_numbers_by_hand():
    """Upload free, user 0 must be claimed, user 1 must not: 2 and 3 of eight."""
    mask = np.array([[True, True, False, True, True, False]])
    assert_array_equal(np.flatnonzero(joint.allowed_numbers(mask)[0]), [2, 3])


def test_masks_and_decisions_are_those_of_the_entries():
    instance = DNT.generate("tiny", 3)
    encodings, rng = DNT.encodings(instance), np.random.default_rng(0)
    env = BatchEnv(DNT, instance, 4, fresh=True, seed=1, encoding="joint")
    env.reset()
    entries, numbers = encodings["agents"], encodings["joint"]
    width = 1 + instance.params.n_users
    each, whole = DNT.observe(env.slot).masks["bs"], env.observation.masks["joint"]
    for number in range(2**width):
        digits = joint.entries_of(np.array(number), width)
        assert_array_equal(
            whole[..., number], each.reshape(*each.shape[:-1], width, 2)[..., np.arange(width), digits].all(-1)
        )
    x = rng.integers(2**width, size=(4, instance.params.n_bs))
    one, other = numbers.decode(env.slot, x), entries.decode(env.slot, joint.entries_of(x, width).reshape(4, -1))
    for name, _, value in one.arrays():
        assert_array_equal(value, getattr(other, name))


def test_only_where_numbers_are_few():
    assert "joint" in DNT.encodings(DNT.generate("small", 3))
    assert "joint" not in DNT.encodings(DNT.generate("tiny", 3, n_users=13))
