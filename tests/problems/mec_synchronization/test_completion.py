"""Quick completions: by hand, against the certified program, and in a batch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.completion import complete
from dtbench.problems.mec_synchronization.convex import price

from .hand import hand_slot, slots_of

seeds = st.integers(0, 2**32 - 1)


def one(candidates, member, points):
    """The completion of one set (n,) of one slot's candidates."""
    return complete(candidates.rows((1,)), np.asarray(member)[None], points)


def test_hand_example():
    """Each has a whole server; all that is left is the least powers, at the first point already."""
    slot = hand_slot()
    found = Candidates.of(slot, slot.host)
    done = one(found, [True, True], 1)
    assert_allclose(done.power[0], [6.031199e-3, 1.090551e-2], rtol=1e-6)
    assert_allclose(done.energy, [2 * 0.983619], rtol=1e-6)
    assert_allclose(done.cpu[0], [1.0, 1.0])
    assert_allclose(done.wire[0], [0.0, 0.0])


def test_nobody_takes_nothing():
    slot = hand_slot()
    done = one(Candidates.of(slot, slot.host), [False, False], 3)
    assert_array_equal(done.energy, [0.0])
    assert not done.power.any()
    assert not done.cpu.any()


def test_what_cannot_be_served_costs_infinity():
    """6 and 11 mW are needed, 0.1 mW are allowed."""
    slot = hand_slot(p_max=1e-4)
    done = one(Candidates.of(slot, slot.host), [True, True], 6)
    assert_array_equal(done.energy, [np.inf])
    assert not done.power.any()


@settings(max_examples=15, deadline=None)
@given(seeds, st.sampled_from(["physical", "printed"]), st.sampled_from(["tiny", "small"]))
def test_as_the_certified_program(seed, interference, size):
    """Twelve points are enough; no energy is below the proven bound; what it serves, the program does."""
    slots = slots_of(size, seed, interference=interference)
    slot = slots[seed % slots.batch_shape[0]]
    found = Candidates.of(slot, slot.host)
    member = found.valid & (np.random.default_rng(seed).random(found.count) < 0.7)
    wanted, done = price(found, member), one(found, member, 12)
    if np.isfinite(done.energy[0]):
        assert done.energy[0] >= wanted.lower * (1.0 - 1e-7)
        assert_allclose(done.energy[0], wanted.upper, rtol=1e-3)
        cpu = np.bincount(found.server, done.cpu[0] * member)
        assert cpu.max(initial=0.0) <= 1.0 + 1e-9
        assert np.bincount(found.link, done.wire[0] * member).max(initial=0.0) <= 1.0 + 1e-9


@pytest.mark.parametrize("size", ["tiny", "small"])
def test_rows_do_not_know_each_other(size):
    """A batch of sets, whatever else is in it, has the completions of its sets one by one."""
    slots = slots_of(size, 5)
    found = Candidates.of(slots, slots.host)
    member = found.valid & (np.random.default_rng(0).random(found.valid.shape) < 0.7)
    together = complete(found, member, 4)
    for t in range(len(member)):
        alone = one(found[t], member[t], 4)
        for name in ("energy", "power", "cpu", "wire"):
            assert_allclose(getattr(together, name)[t], getattr(alone, name)[0], rtol=1e-9, atol=1e-15, err_msg=name)


def test_four_points_are_near_the_least_energy():
    """What the docstrings promise, on sets that greedy serves at size paper."""
    from dtbench.problems.mec_synchronization.heuristics import admitted

    slots = slots_of("paper", 7, n_frames=1, frame_slots=12)
    found = Candidates.of(slots, slots.host)
    member = admitted(found)
    done = complete(found, member, 4)
    best = np.array([price(found[t], member[t]).upper for t in range(len(member))])
    assert np.mean(done.energy / best) <= 1.002
