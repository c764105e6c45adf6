"""Twins on given servers: prices, repair, moves."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dtbench import referee
from dtbench.problems import problem
from dtbench.problems.edge_association.placement.assignment import Twins, assign
from dtbench.problems.edge_association.placement.bound import Groups, priced
from dtbench.problems.edge_association.placement.repair import Tables

from .hand import decision, hand_slot

PLACEMENT = problem("edge-placement")


def slots(size, seed, **params):
    return referee.slots(PLACEMENT, PLACEMENT.generate(size, seed, **params))


@pytest.mark.parametrize(
    ("asked", "opened", "assoc"),
    [([1, 1], [1, 1], [0, 0, 1]), ([0, 1], [0, 1], [1, 1, 1]), ([1, 0], [1, 1], [0, 0, 1])],
)
def test_by_hand(asked, opened, assoc):
    """Both: the optimum, J = 0.629939. The second takes all three, the first only two: the second opens too."""
    found = assign(hand_slot(), np.array(asked, dtype=bool))
    assert (found.open.astype(int).tolist(), found.assoc.tolist()) == (opened, assoc)


def test_what_moves_cost_is_what_the_referee_says():
    """Without deadlines that bind: every move of a twin, from every association."""
    slot = hand_slot(deadline=(50.0, 50.0, 50.0))
    tables = Tables.of(slot, ())
    for number in range(8):
        assoc = (number >> np.arange(3)) & 1
        twins = Twins(tables, 0, np.array([True, True]), assoc)
        before = PLACEMENT.evaluate(slot, decision([1, 1], assoc)).objective
        for user in range(3):
            moved = assoc.copy()
            moved[user] = other = 1 - assoc[user]
            change = PLACEMENT.evaluate(slot, decision([1, 1], moved)).objective - before
            said = twins.join[other, user] + twins.leave[user]
            if np.isfinite(said):
                assert_allclose(said * slot.user_weight, change, rtol=1e-4, atol=1e-9)
            else:
                assert (moved == 0).all()  # the first takes two


def test_twins_on_their_floor_are_costed_so():
    """tau_1 = 0.49: users 0 and 1 take 0.1125 s each on server 0; user 0 alone takes 0.0375 s."""
    slot = hand_slot(deadline=(1.0, 0.49, 0.5))
    twins = Twins(Tables.of(slot, ()), 0, np.array([True, True]), np.array([0, 0, 1]))
    assert twins.leave[1] == pytest.approx(0.0375 - 2 * 0.1125 - 0.5, rel=1e-6)
    assert np.isinf(twins.join[1, 1])  # its wire alone takes a second


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**6), st.sampled_from(["tiny", "small"]))
def test_feasible_and_one_by_one(seed, size):
    met, rng = slots(size, seed, horizon=3), np.random.default_rng(seed)
    asked = rng.random((4, 3, met.n_bs)) < 0.4
    asked[..., 0] |= ~asked.any(axis=-1)
    found = assign(met, asked)
    assert PLACEMENT.evaluate(met, found).feasible.all()
    for i, t in np.ndindex(4, 3):
        one = assign(met[t], asked[i, t])
        assert_array_equal(one.assoc, found.assoc[i, t])
        assert_array_equal(one.open, found.open[i, t])
    again = assign(met, found.open)
    assert_array_equal(again.assoc, found.assoc)


def test_moves_help():
    met = slots("small", 90_001)
    asked = np.ones(met.n_bs, dtype=bool)
    with_moves, without = (PLACEMENT.evaluate(met, assign(met, asked, moves=m)).objective for m in (True, False))
    assert (with_moves <= without + 1e-9).all()
    assert with_moves.mean() < without.mean()


def test_prices_of_the_bound_save_steps():
    """From them the placements cost hardly more than after all steps, and are feasible."""
    met = slots("paper", 90_001, horizon=6)
    rng = np.random.default_rng(0)
    asked = rng.random((6, met.n_bs)) < 0.6
    charge = np.stack([priced(one, sets[None])[1][:, :, 0] for one, sets in zip(Groups.each(met), asked, strict=True)])
    every, quick = (PLACEMENT.evaluate(met, found) for found in (assign(met, asked), assign(met, asked, charge)))
    assert quick.feasible.all()
    assert quick.objective.mean() <= 1.01 * every.objective.mean()
