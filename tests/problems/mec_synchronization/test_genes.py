"""Encodings for search and random draws."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.problems.mec_synchronization.genes import decode_admission, decode_direct

from .hand import MEC, hand_slot, slots_of


def test_direct_by_hand():
    slot = hand_slot(host=(1, 1))
    decision = decode_direct(slot, np.array([0.5, 0.2, 0.8, 1.0, 0.7, 0.8]))
    assert_allclose(decision.power, [0.25, 0.5])
    assert_allclose(decision.wire, [2e6, 0.0])
    assert_allclose(decision.cpu, [5e9, 5e9])  # 8 and 8 GHz asked for


def test_admission_by_hand():
    """Keys 0.6 and 0.4: user 0 only, with all of its server; weights 0.45 + 0.05 and 0.95 + 0.05 split one as 1 : 2."""
    slot = hand_slot()
    one = decode_admission(slot, np.array([0.6, 0.1, 0.1, 0.4, 0.1, 0.1]))
    assert_array_equal(one.power > 0, [True, False])
    assert_allclose(one.cpu, [10e9, 0.0])
    shared = decode_admission(hand_slot(host=(0, 0)), np.array([0.6, 0.45, 0.1, 0.9, 0.95, 0.1]))
    assert_allclose(shared.cpu, [10e9 / 3, 20e9 / 3])


def test_the_smallest_key_is_dropped():
    """On 2.1 GHz both cannot be served: the one with the smaller key goes."""
    slot = hand_slot(f_max=2.1e9, host=(0, 0))
    for keys, served in (((0.9, 0.6), [True, False]), ((0.6, 0.9), [False, True])):
        x = np.array([keys[0], 0.5, 0.5, keys[1], 0.5, 0.5])
        found = decode_admission(slot, x).power > 0
        assert_array_equal(found & ~np.array(served), [False, False])


@pytest.mark.parametrize("size", ["small", "closed-tiny"])
@pytest.mark.parametrize("name", ["search", "direct"])
def test_populations_equal_the_loop(size, name):
    slots = slots_of(size, 2)[:4]
    encoding = MEC.encodings(MEC.generate(size, 2))[name]
    x = encoding.sample(np.random.default_rng(0), (5, 4))
    together = encoding.decode(slots, x)
    assert MEC.evaluate(slots, together).feasible.all()
    for index in np.ndindex(5, 4):
        for field, _, value in encoding.decode(slots[index[1]], x[index]).arrays():
            assert_allclose(getattr(together, field)[index], value, rtol=1e-9, atol=1e-12)


def test_admitted_users_are_in_time():
    slots = slots_of("paper", 0)[:5]
    encoding = MEC.encodings(MEC.generate("paper", 0))["search"]
    decision = encoding.decode(slots, encoding.sample(np.random.default_rng(0), (5,)))
    outcome = MEC.evaluate(slots, decision)
    assert not (outcome.metrics["failed"] & (decision.power > 0)).any()
