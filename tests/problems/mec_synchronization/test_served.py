"""Who is served: likely sets, by brute force; decisions, against the optimum; what is seen, whatever users' order."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.core import Limits
from dtbench.problems.mec_synchronization import served
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.convex import price
from dtbench.problems.mec_synchronization.heuristics import admitted

from .hand import MEC, hand_slot, slots_of

seeds = st.integers(0, 2**32 - 1)
PER_USER = ("cycles", "user_xy", "request", "data_bits", "deadline", "gain", "queue", "queue_frame", "host", "moving")


def reordered(slot, order):
    """The slot with its users in another order."""
    return dataclasses.replace(slot, **{name: getattr(slot, name)[order] for name in PER_USER})


@given(seeds, st.integers(1, 6), st.integers(1, 12))
def test_likely_sets_are_those_that_lose_least(seed, n, sets):
    rng = np.random.default_rng(seed)
    odds, can = rng.normal(size=n) * 3.0, rng.random(n) < 0.8
    found = served.likely(odds[None], can[None], np.ones((1, n)), sets)[0]
    every = np.array(list(itertools.product((False, True), repeat=n)))
    every = every[~(every & ~can).any(axis=-1)]  # n is at most the number of users who may be doubted
    loss = np.where(every != (odds >= 0.0), np.abs(odds), 0.0)[:, can].sum(axis=-1)
    lost = np.where(found != (odds >= 0.0), np.abs(odds), 0.0)[:, can].sum(axis=-1)
    least = np.sort(np.append(loss, np.full(sets, np.inf)))[: len(found)]
    assert_allclose(lost, np.where(least <= 10.0, least, 0.0))  # what is not likely is replaced by the likeliest
    assert len(found) >= min(sets, len(every))
    assert not (found & ~can).any()


def test_what_is_certain_is_not_doubted():
    """20 and -20: no other set is looked at."""
    found = served.likely(np.array([[20.0, -20.0, 20.0]]), np.ones((1, 3), dtype=bool), np.ones((1, 3)), 4)
    assert_array_equal(found, np.broadcast_to([True, False, True], found.shape))


def test_the_highest_sets_by_hand():
    """Nobody, the best, the best two; the third cannot be served; among equals who is worth more comes first."""
    can = np.array([[True, True, False, True]])
    found = served.highest(np.array([[1.0, 1.0, 9.0, -2.0]]), can, np.array([[1.0, 2.0, 9.0, 3.0]]))[0]
    wanted = [[0, 0, 0, 0], [0, 1, 0, 0], [1, 1, 0, 0], [1, 1, 0, 1], [1, 1, 0, 1]]
    assert_array_equal(found, np.array(wanted, dtype=bool))


def test_hand_example():
    """Log-odds of both: the optimum of the definition. Of one: the other fails, and costs its queue of 10."""
    slot = hand_slot()
    both = served.decode(slot, np.array([20.0, 20.0]))
    assert_allclose(both.power, [6.031199e-3, 1.090551e-2], rtol=1e-6)
    assert_allclose(both.cpu, [10e9, 10e9])
    first = served.decode(slot, np.array([20.0, -20.0]))
    assert_array_equal(MEC.evaluate(slot, first).metrics["failed"], [False, True])
    assert_allclose(MEC.evaluate(slot, served.decode(slot, np.array([0.1, -0.1]))).objective, 0.983619, rtol=1e-6)


@settings(max_examples=12, deadline=None)
@given(seeds, st.sampled_from(["tiny", "small", "closed-tiny"]))
def test_any_log_odds_give_feasible_decisions_no_worse_than_nobody(seed, size):
    slots = slots_of(size, seed)
    x = np.random.default_rng(seed).normal(size=(2, *slots.request.shape)) * 8.0
    outcome = MEC.evaluate(slots, served.decode(slots, x))
    assert outcome.feasible.all()
    nobody = MEC.evaluate(slots, served.decode(slots, np.full(slots.request.shape, -20.0))).objective
    assert (MEC.evaluate(slots, served.decode(slots, x * 0.0)).objective <= nobody + 1e-12).all()


@pytest.mark.parametrize("seed", range(3))
def test_the_optimum_comes_back(seed):
    """Encoded and decoded, it costs what it did, within what completions leave."""
    slot = slots_of("small", seed)[seed]
    best = MEC.exact(slot, Limits())
    again = MEC.evaluate(slot, served.decode(slot, served.encode(slot, best.decision)))
    assert again.feasible
    assert best.bound * (1.0 - 1e-9) <= float(again.objective) <= best.objective * 1.003


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_users_does_not_matter(seed):
    """What is seen of users, and what is decided for them, moves with them."""
    rng = np.random.default_rng(seed)
    slot = slots_of("small", seed)[0]
    order = rng.permutation(slot.n_users)
    moved, x = reordered(slot, order), rng.normal(size=slot.n_users) * 5.0
    sets = served.layout(slot.n_users, slot.n_bs)
    seen, there = (sets.split_state(served.observe(s).state) for s in (slot, moved))
    for name in ("user", "pair"):
        assert_allclose(there[name], seen[name][order], rtol=1e-5, atol=1e-6)
    one, other = served.decode(slot, x), served.decode(moved, x[order])
    for name in ("power", "cpu", "wire"):
        assert_allclose(getattr(other, name), getattr(one, name)[order], rtol=1e-6, atol=1e-12)


def test_who_does_not_ask_is_not_seen():
    slot = hand_slot(request=(True, False))
    seen = served.layout(2, 2).split_state(served.observe(slot).state)
    assert seen["user"][0, 0] == 1.0
    assert not seen["user"][1].any()
    assert not seen["pair"][1].any()


@pytest.mark.parametrize("seed", range(2))
def test_the_teacher_answers_with_a_set_that_no_single_change_betters(seed):
    """Judged by the certified program, within what completions leave; and it says nothing of those who do not ask."""
    slots = slots_of("small", seed)
    slot = slots[3]
    odds = served.teacher(MEC, None, Limits())(3, slot)
    found = Candidates.of(slot, slot.host)
    assert_array_equal(np.isnan(odds), ~slot.request | (slot.moving > 0))
    member = np.where(found.valid, odds[found.user], -1.0) > 0.0

    def cost(chosen):
        return price(found, chosen).upper + found.value[found.valid & ~chosen].sum()

    near = [member ^ (np.arange(found.count) == k) for k in np.flatnonzero(found.valid)]
    assert cost(member) <= min(map(cost, near)) * 1.003
    assert cost(member) <= cost(admitted(found)) * (1.0 + 1e-3)
