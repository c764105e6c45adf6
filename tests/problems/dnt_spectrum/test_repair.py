"""Repair: by hand, and its laws on arbitrary decisions."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from dtbench.problems.dnt_spectrum.model import DntDecision
from dtbench.problems.dnt_spectrum.repair import repair

from .hand import DNT, hand_slot, links, make_slot, random_slot


def assert_links(found, bs, rb, up):
    assert_array_equal(found.bs, bs)
    assert_array_equal(found.rb, rb)
    assert_array_equal(found.up, up)


def test_a_user_gives_way_to_the_upload_of_its_base_station():
    """One RB: the upload is placed first; a second base station may share it (0.8288 s)."""
    assert_links(repair(hand_slot(), links([0, 1], [0, 0], [0, -1])), [-1, 1], [-1, 0], [0, -1])
    assert_links(repair(hand_slot(n_rb=2), links([0, 1], [0, 0], [0, -1])), [0, 1], [1, 0], [0, -1])


def test_the_delay_limit_keeps_others_away():
    """alpha = 0.5 s: an upload bears nobody on its RB; the second upload moves on, then nothing is left for users."""
    slot = hand_slot(n_rb=2, delay_limit=0.5)
    assert_links(repair(slot, links([-1, -1], [-1, -1], [1, 1])), [-1, -1], [-1, -1], [1, 0])
    assert_links(repair(slot, links([0, 1], [0, 0], [1, -1])), [0, 1], [0, 0], [1, -1])
    assert_links(repair(slot, links([0, 1], [1, 1], [1, 1])), [-1, -1], [-1, -1], [1, 0])
    assert_links(repair(hand_slot(delay_limit=0.1), links([0, 1], [0, 0], [0, 0])), [0, 1], [0, 0], [-1, -1])


def test_the_stronger_user_keeps_its_block_and_blocks_are_cyclic():
    """Users 10 and 20 m from mast 0 both want RB 1 of 2; the nearer keeps it, the other goes on to RB 0."""
    slot = make_slot([[-50, 20], [-50, 10]], np.zeros((2, 2)), n_bs=2, n_rb=2)
    assert_links(repair(slot, links([0, 0], [1, 1], [-1, -1])), [0, 0], [0, 1], [-1, -1])
    one = make_slot([[-50, 20], [-50, 10]], np.zeros((2, 2)), n_bs=2, n_rb=1)
    assert_links(repair(one, links([0, 0], [0, 0], [-1, -1])), [-1, 0], [-1, 0], [-1, -1])


def test_wrong_entries_are_dropped():
    """Base station 1 does not cover user 0; RB 7, base station 5 and RB -3 do not exist; user 1 names no RB."""
    for bs, rb in (([1, 1], [0, -1]), ([5, 1], [0, 7]), ([0, -1], [-3, 0])):
        assert_links(repair(hand_slot(), links(bs, rb, [9, -2])), [-1, -1], [-1, -1], [-1, -1])


def test_claims_stay():
    claims = np.array([[True, True], [False, False]])
    raw = DntDecision(bs=np.array([1, 1]), rb=np.array([0, 0]), up=np.array([0, 0]), claims=claims)
    assert_array_equal(repair(hand_slot(), raw).claims, claims)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 50),
    size=st.sampled_from(["tiny", "small", "paper9"]),
    limit=st.sampled_from([0.1, 0.2, 0.4, 1.0, 4.0]),
    interference=st.sampled_from(["physical", "printed"]),
)
def test_feasible_idempotent_and_identity_on_feasible(seed, size, limit, interference):
    slot = random_slot(seed, size, delay_limit=limit, interference=interference)
    rng = np.random.default_rng(seed)
    users, stations = slot.n_users, slot.n_bs
    raw = DntDecision.of(
        rng.integers(-2, stations + 2, (20, users)),
        rng.integers(-2, slot.n_rb + 2, (20, users)),
        rng.integers(-2, slot.n_rb + 2, (20, stations)),
    )
    once = repair(slot, raw)
    assert DNT.evaluate(slot, once).feasible.all()
    again = repair(slot, once)
    for name in ("bs", "rb", "up", "claims"):
        assert_array_equal(getattr(again, name), getattr(once, name))
    for member in range(20):
        assert_array_equal(repair(slot, raw[member]).rb, once.rb[member])


@pytest.mark.parametrize("seed", range(3))
def test_feasible_decisions_of_the_optimum_stay(seed):
    slot = random_slot(seed, "paper9", delay_limit=0.4)
    best = DNT.exact(slot).decision
    found = repair(slot, best)
    for name in ("bs", "rb", "up"):
        assert_array_equal(getattr(found, name), getattr(best, name))
    crowded = dataclasses.replace(best, up=np.zeros(3, dtype=int))
    assert DNT.evaluate(slot, repair(slot, crowded)).feasible
