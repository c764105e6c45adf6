"""Associations: likely ones, by brute force; names of satellites; decisions, in any order of UAVs."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.core import Limits
from dtbench.problems.satellite_offloading import association
from dtbench.problems.satellite_offloading.enumeration import partitions
from dtbench.problems.satellite_offloading.model import on_satellite
from dtbench.problems.satellite_offloading.terms import Terms

from .hand import OFFLOADING, brute_force, decision, hand_slot, slots_of

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.integers(1, 5), st.integers(1, 3), st.integers(1, 9))
def test_likely_associations_are_those_that_lose_least(seed, n, m, count):
    score = np.random.default_rng(seed).normal(size=(n, m)) * 4.0
    found = association.likely(score[None], count)[0]
    every = np.array(list(itertools.product(range(m), repeat=n)))

    def lost(assoc):
        return (score.max(axis=-1) - score[np.arange(n), assoc]).sum(axis=-1)

    least = np.sort(lost(every))[:count]
    assert_allclose(lost(found), np.where(least <= 10.0, least, 0.0), atol=1e-12)


def test_names_by_hand():
    """Agreement is greatest if 2 is called 0 and 0 is called 1; of unequal satellites nobody is renamed."""
    equal = np.ones(3)
    assert_array_equal(association.renamed(np.array([2, 2, 0, 1]), np.array([0, 0, 1, 2]), equal), [0, 0, 1, 2])
    assert_array_equal(association.renamed(np.array([1, 0]), np.array([0, 1]), np.array([1.0, 0.5])), [1, 0])


@given(seeds)
def test_names_once_given_stay(seed):
    rng = np.random.default_rng(seed)
    assoc, start, speed = rng.integers(4, size=7), rng.integers(4, size=7), rng.choice([0.5, 1.0], size=4)
    once = association.renamed(assoc, start, speed)
    assert_array_equal(association.renamed(once, start, speed), once)
    assert_array_equal(once[:, None] == once, assoc[:, None] == assoc)
    assert_array_equal(speed[once], speed[assoc])


def test_hand_example():
    """The optimum of the definition, 0.304051, from its association; and from no scores at all, as LPT has it too."""
    slot = hand_slot()
    for x in (association.encode(slot, decision()), np.zeros(6)):
        made = association.decode(slot, x)
        assert_array_equal(made.channels, [1, 1, 2])
        assert_allclose(made.share, 0.344866, atol=1e-6)
        assert_allclose(OFFLOADING.evaluate(slot, made).objective, 0.304051, atol=1e-6)


@settings(max_examples=8, deadline=None)
@given(seeds, st.sampled_from(["tiny", "small"]), st.sampled_from(["", "pooled", "max"]))
def test_any_scores_give_feasible_decisions(seed, size, reading):
    overrides = {"": {}, "pooled": {"energy_model": "pooled"}, "max": {"train_delay": "max"}}[reading]
    slots = slots_of(size, seed, **overrides)[:3]
    n, m = slots.n_uav, slots.n_sat
    x = np.random.default_rng(seed).normal(size=(2, 3, n * m)) * 6.0
    assert OFFLOADING.evaluate(slots, association.decode(slots, x)).feasible.all()


@pytest.mark.parametrize("seed", range(3))
def test_the_optimum_comes_back(seed):
    slot = slots_of("tiny", seed)[seed]
    best = OFFLOADING.exact(slot, Limits(), "enumeration")
    again = OFFLOADING.evaluate(slot, association.decode(slot, association.encode(slot, best.decision)))
    assert again.feasible
    assert_allclose(again.objective, best.objective, rtol=1e-6)
    assert float(again.objective) >= brute_force(slot) * (1.0 - 1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_uavs_does_not_matter(seed):
    """What is seen of UAVs, and where each goes, moves with them."""
    rng = np.random.default_rng(seed)
    slot = slots_of("small", seed)[0]
    n, m = slot.n_uav, slot.n_sat
    order = rng.permutation(n)
    moved = dataclasses.replace(slot, gain=slot.gain[order], data_bits=slot.data_bits[order])
    x = rng.normal(size=(n, m)) * 3.0
    sets = association.layout(n, m)
    seen, there = (sets.split_state(association.observe(s).state) for s in (slot, moved))
    for name in ("pair", "uav"):
        assert_allclose(there[name], seen[name][order], rtol=1e-5, atol=1e-6)
    assert_allclose(there["sat"], seen["sat"], rtol=1e-5, atol=1e-6)
    one = association.decode(slot, x.ravel())
    other = association.decode(moved, x[order].ravel())
    for name in ("assoc", "share", "channels"):
        assert_allclose(getattr(other, name), getattr(one, name)[order], rtol=1e-6, err_msg=name)


@pytest.mark.parametrize(("size", "overrides"), [("small", {}), ("tiny", {"f_rel": "1,0.6"})])
def test_the_teacher_answers_with_a_good_association(size, overrides):
    """That of least bound of all partitions; with unequal satellites a local search."""
    slot = slots_of(size, 1, **overrides)[2]
    x = association.teacher(OFFLOADING, None, Limits())(2, slot)
    assoc = x.reshape(slot.n_uav, slot.n_sat).argmax(axis=-1)
    terms = Terms.of(slot)
    every = partitions(slot.n_uav, slot.n_sat, identical=terms.identical)
    bound = terms.closed(on_satellite(every, slot.n_sat).astype(float))[0]
    mine = terms.closed(on_satellite(assoc, slot.n_sat)[None].astype(float))[0][0]
    assert_allclose(mine, bound.min(), rtol=1e-9 if not overrides else 0.01)


def test_many_uavs_have_a_teacher_too():
    slot = slots_of("tiny", 0, n_uav=18, n_channel=36)[0]
    x = association.teacher(OFFLOADING, None, Limits())(0, slot)
    assert_array_equal((x > 0.0).reshape(18, 2).sum(axis=-1), 1)
    assert OFFLOADING.evaluate(slot, association.decode(slot, x)).feasible
