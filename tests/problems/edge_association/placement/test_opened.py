"""The encoding ``opened`` of ``edge-placement``: servers, completed by their twins; who teaches it."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench import referee
from dtbench.core import Limits
from dtbench.problems import problem
from dtbench.problems.edge_association.placement.opened import CUT, LONG, decode, encode, observe, teacher

from .hand import decision, hand_slot

PLACEMENT = problem("edge-placement")


def met(size, seed=90_001, **params):
    """Slots (T,) of an instance, and the encoding."""
    instance = PLACEMENT.generate(size, seed, **params)
    return referee.slots(PLACEMENT, instance), PLACEMENT.encodings(instance)["opened"]


def test_servers_by_hand():
    """What is certain stays; where all are below 0 the greatest opens; its three twins fit on the second only."""
    slot = hand_slot()
    assert decode(slot, np.array([1.0, 1.0])).open.tolist() == [True, True]
    assert decode(slot, np.array([-1.0, -0.6])).assoc.tolist() == [1, 1, 1]
    assert encode(slot, decision([0, 1], [1, 1, 1])).tolist() == [-1.0, 1.0]


def test_what_is_not_certain_is_improved():
    """The fee of a second server is 0.15, what it saves 0.22: opened. At a fee of 1 the first is closed."""
    assert decode(hand_slot(), np.array([-0.1, 0.1])).open.tolist() == [True, True]
    dear = hand_slot(deadline=(9.0, 9.0, 9.0), open_cost=1.0)
    assert decode(dear, np.array([0.1, 0.1])).open.tolist() == [False, True]


@pytest.mark.parametrize("seed", range(90_001, 90_005))
def test_the_servers_of_the_optimum_are_completed_well(seed):
    slots, encoding = met("small", seed, horizon=2)
    best = PLACEMENT.exact(slots[1])
    again = PLACEMENT.evaluate(slots[1], encoding.decode(slots[1], encoding.encode(slots[1], best.decision)))
    assert again.feasible
    assert best.objective * (1.0 - 1e-6) <= float(again.objective) <= 1.02 * best.objective


def test_a_batch_is_its_members():
    slots, encoding = met("small", horizon=3)
    x = encoding.sample(np.random.default_rng(0), (2, 3))
    found = decode(slots, x)
    assert PLACEMENT.evaluate(slots, found).feasible.all()
    for i, t in np.ndindex(2, 3):
        one = decode(slots[t], x[i, t])
        assert_array_equal(one.open, found.open[i, t])
        assert_array_equal(one.assoc, found.assoc[i, t])


def reordered(slot, axis, order):
    """The slot with users or base stations in another order."""
    fields = {n: np.take(v, order, axis=s.dims.index(axis)) for n, s, v in slot.arrays() if axis in s.dims}
    return dataclasses.replace(slot, **fields)


def test_users_stand_anywhere_in_the_list():
    slots, _ = met("small", horizon=1)
    slot = slots[0]
    other = reordered(slot, "user", np.random.default_rng(1).permutation(slot.n_users))
    assert_allclose(observe(other).state, observe(slot).state, rtol=1e-5, atol=1e-6)
    x = np.linspace(-0.2, 0.2, slot.n_bs)
    found = [float(PLACEMENT.evaluate(s, decode(s, x)).objective) for s in (slot, other)]
    assert found[0] == pytest.approx(found[1], rel=1e-9)


def test_base_stations_stand_anywhere_in_the_list():
    slots, encoding = met("small", horizon=1)
    slot, order = slots[0], np.array([3, 1, 4, 0, 2])
    other = reordered(slot, "bs", order)
    other = dataclasses.replace(other, access=np.argsort(order)[slot.access], safe=np.argsort(order)[slot.safe])
    mine, theirs = (encoding.layout.split_state(observe(s).state) for s in (slot, other))
    assert_allclose(theirs["server"], mine["server"][order], rtol=1e-5, atol=1e-6)
    assert_allclose(theirs["access"], mine["access"][order], rtol=1e-5, atol=1e-6)
    assert_allclose(theirs["pair"], mine["pair"][order][:, order], rtol=1e-5, atol=1e-6)
    assert_allclose(theirs["whole"], mine["whole"], rtol=1e-5)


@pytest.mark.parametrize("size", ["tiny", "small", "paper"])
def test_what_is_seen_is_bounded(size):
    slots, _ = met(size, horizon=2)
    assert (np.abs(observe(slots).state) <= CUT).all()


def test_the_teacher_finds_good_servers():
    """No more than 2 % above the optimum, where greedy-add is 5 %; what it says of each stays within its limit."""
    instance = PLACEMENT.generate("small", 90_006, horizon=3)
    slots = referee.slots(PLACEMENT, instance)
    answer = teacher(PLACEMENT, instance, Limits())
    for t in range(3):
        said = answer(t, slots[t])
        assert (np.abs(said) <= LONG).all()
        found = PLACEMENT.evaluate(slots[t], decode(slots[t], np.where(said >= 0.0, 1.0, -1.0))).objective
        assert float(found) <= 1.02 * PLACEMENT.exact(slots[t]).objective
