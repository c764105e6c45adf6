"""Bounds of sets of servers: by hand, below what placements cost, and the way to better sets."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dtbench import referee
from dtbench.problems import problem
from dtbench.problems.edge_association.placement.bound import (
    Groups,
    bounds,
    changes,
    improved,
    nearby,
    neighbours,
    priced,
)

from .hand import decision, every_association, hand_slot

PLACEMENT = problem("edge-placement")
SETS = np.array([[True, False], [False, True], [True, True]])


def test_neighbours_by_hand():
    """Close 0: nothing is left. Open 1 or 2, or exchange 0 for one of them."""
    opened = np.array([True, False, False])
    assert neighbours(opened, np.ones(3, dtype=bool)).astype(int).tolist() == [
        [1, 1, 0],
        [1, 0, 1],
        [0, 1, 0],
        [0, 0, 1],
    ]
    assert neighbours(opened, np.array([True, True, False])).astype(int).tolist() == [[1, 1, 0], [0, 1, 0]]
    assert neighbours(opened, np.zeros(3, dtype=bool)).shape == (0, 3)


def test_one_server_by_hand():
    """All on the second server, long deadlines: 0.853753 as the card computes it."""
    slot = hand_slot(deadline=(50.0, 50.0, 50.0), cap_min=1.0)
    value = bounds(Groups.of(slot), SETS)
    cost = PLACEMENT.evaluate(slot, decision([0, 1], [1, 1, 1])).objective
    assert_allclose(value[1] * slot.user_weight, cost, rtol=1e-9)


def test_below_what_any_placement_costs():
    """For every set and association. Users 0 and 1 are put together, which costs nothing here."""
    slot = hand_slot(deadline=(50.0, 50.0, 50.0))
    value = bounds(Groups.of(slot), SETS) * slot.user_weight
    for opened, least in zip(SETS, value, strict=True):
        every = every_association(slot)
        inside = every[opened[every].all(axis=-1)]
        outcome = PLACEMENT.evaluate(slot, decision(opened, inside))
        costs = outcome.objective[outcome.feasible]
        assert least <= costs.min(initial=np.inf) + 1e-12
    assert np.isinf(value[0])  # two places for three twins
    assert value[2] >= 0.97 * PLACEMENT.exact(slot).objective


@pytest.mark.parametrize("seed", range(90_001, 90_004))
def test_no_neighbour_is_better_in_the_end(seed):
    slot = referee.slots(PLACEMENT, PLACEMENT.generate("small", seed, horizon=1))[0]
    groups, free = Groups.of(slot), np.ones(slot.n_bs, dtype=bool)
    found = improved(groups, free, free, 20)
    assert (changes(groups, found, neighbours(found, free)) >= 0.0).all()
    assert (improved(groups, free, free, 0) == free).all()
    kept = np.array([True, False, True, True, True])
    assert improved(groups, free, kept, 20)[1]


def test_prices_by_hand():
    """One open server has all the load, at the price 2 S / F; the closed one has none, and nobody pays a toll."""
    slot = hand_slot(deadline=(50.0, 50.0, 50.0), cap_min=1.0)
    charge = priced(Groups.of(slot), SETS[1:2])[1]
    assert_allclose(charge[0, :, 0], [0.0, 2.0 * slot.root.sum() / slot.cpu[1]])
    assert_allclose(charge[1], 0.0, atol=1e-12)


def test_the_best_nearby_by_hand():
    """The fee of a second server is 1, so the first, which holds two of three, is closed; nothing if none is free."""
    slot = hand_slot(deadline=(50.0, 50.0, 50.0), cap_min=1.0, open_cost=1.0)
    groups, both = Groups.of(slot), np.ones(2, dtype=bool)
    found, charge = nearby(groups, both, both)
    assert found.tolist() == [False, True]
    assert_allclose(charge[0], [0.0, 2.0 * slot.root.sum() / slot.cpu[1]])
    assert nearby(groups, both, ~both)[0].all()


def test_groups_of_slots_are_those_of_each():
    slots = referee.slots(PLACEMENT, PLACEMENT.generate("small", 90_002, horizon=3))
    for t, one in enumerate(Groups.each(slots)):
        alone = Groups.of(slots[t])
        for name in ("wire", "root", "count", "cpu", "cap", "fee", "rest"):
            assert_allclose(getattr(one, name), getattr(alone, name), rtol=1e-12)
