"""Algorithm 1: by hand, always feasible, and its optimal counterpart."""

import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.problems.dnt_spectrum.allocation import allocate, strongest
from dtbench.problems.dnt_spectrum.exact import best_allocation

from .hand import DNT, all_decisions, hand_slot, make_slot, random_slot


def test_in_turn_by_hand():
    """The first base station takes RB 0; the second prefers RB 1, where nobody disturbs, or shares the only one."""
    assoc, silent = np.array([0, 1]), np.zeros(2, dtype=bool)
    found = allocate(hand_slot(n_rb=2), assoc, silent)
    assert_array_equal(found.rb, [0, 1])
    assert_array_equal(allocate(hand_slot(), assoc, silent).rb, [0, 0])


def test_uploads_are_placed_protected_and_dropped_by_hand():
    """Mast 0 uploads on RB 0. At alpha = 0.5 s mast 1 must leave it; at 1 s it may join; 0.1 s is too short for any."""
    assoc, flags = np.array([0, 1]), np.array([True, False])
    found = allocate(hand_slot(n_rb=2, delay_limit=0.5), assoc, flags)
    assert_array_equal(np.r_[found.up, found.rb], [0, -1, 1, 1])
    one = allocate(hand_slot(delay_limit=0.5), assoc, flags)
    assert_array_equal(np.r_[one.up, one.rb], [0, -1, -1, -1])
    assert_array_equal(allocate(hand_slot(), assoc, flags).rb, [-1, 0])
    assert_array_equal(allocate(hand_slot(delay_limit=0.1), assoc, np.array([True, True])).up, [-1, -1])


def test_assignment_is_of_maximum_weight():
    """No exchange of RBs among the users of the last base station, whose choice sees all others, is better."""
    for seed in range(10):
        slot = random_slot(seed, "small", n_rb=4)
        assoc = strongest(slot, slot.cover)
        found = allocate(slot, assoc, np.zeros(3, dtype=bool))
        mine = np.flatnonzero(assoc == 2)
        value = DNT.evaluate(slot, found).metrics["rates"][mine].sum()
        for blocks in itertools.permutations([*range(4), *[-1] * max(len(mine) - 4, 0)], len(mine)):
            rb, bs = found.rb.copy(), found.bs.copy()
            rb[mine], bs[mine] = blocks, np.where(np.array(blocks) >= 0, 2, -1)
            other = type(found).of(bs, rb, found.up)
            assert DNT.evaluate(slot, other).metrics["rates"][mine].sum() <= value + 1e-7


@pytest.mark.parametrize("interference", ["physical", "printed"])
@pytest.mark.parametrize("passes", [1, 2, 3])
def test_always_feasible(passes, interference):
    rng = np.random.default_rng(passes)
    for seed in range(15):
        limit = rng.choice([0.16, 0.3, 0.9, 1.0, 3.0])
        slot = random_slot(seed, "paper9", passes=passes, interference=interference, delay_limit=limit)
        assoc = np.where(rng.random((10, 12)) < 0.9, strongest(slot, slot.cover & (rng.random((10, 12, 3)) < 0.7)), -1)
        flags = rng.random((10, 3)) < 0.5
        found = allocate(slot, assoc, flags)
        outcome = DNT.evaluate(slot, found)
        assert outcome.feasible.all()
        assert (outcome.metrics["uploads"] <= flags).all()
        assert ((found.bs == assoc) | (found.bs == -1)).all()
        for member in range(10):
            assert_array_equal(allocate(slot, assoc[member], flags[member]).rb, found.rb[member])


def test_strongest_claimant_by_hand():
    """User 0 is 50 m from masts 0 and 1, and faded alike; user 1 is nearer to mast 1; nobody claims user 2."""
    slot = make_slot([[-50, 0], [-40, 0], [0, 0]], np.zeros((3, 2)))
    claims = np.array([[True, True, False], [True, True, False], [False, False, False]])
    assert_array_equal(strongest(slot, claims), [0, 1, -1])
    claims[1, 1] = False
    assert_array_equal(strongest(slot, claims), [0, 0, -1])


@pytest.mark.parametrize("seed", range(12))
def test_best_allocation_equals_enumeration(seed):
    """Among decisions with as many of these uploads as fit, and these associations, none has a greater objective."""
    slot = random_slot(seed, n_users=3, n_rb=2, delay_limit=[1.0, 4.0][seed % 2])
    assoc, rng = strongest(slot, slot.cover), np.random.default_rng(seed)
    flags = rng.random(3) < 0.7
    every = all_decisions(slot)
    outcome = DNT.evaluate(slot, every)
    links_fit = ((every.bs == assoc) | (every.bs == -1)).all(-1)
    fits = outcome.feasible & links_fit & (outcome.metrics["uploads"] <= flags).all(-1)
    placed = np.where(fits, outcome.metrics["n_uploads"], -1)
    most = fits & (placed == placed.max())
    found = DNT.evaluate(slot, best_allocation(slot, assoc, flags))
    assert found.feasible
    assert found.metrics["n_uploads"] == placed.max()
    assert_allclose(found.objective, outcome.objective[most].max(), rtol=1e-9)
    in_turn = DNT.evaluate(slot, allocate(slot, assoc, flags))
    assert in_turn.metrics["n_uploads"] < placed.max() or in_turn.objective <= found.objective + 1e-9
