"""The best RBs for given uploads: by hand, and against the MILP of active sets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.problems.dnt_spectrum.packing import Packing, best_rates, by_milp, n_ways, pack, packs, places, ways

from .hand import DNT, hand_slot, random_slot

EVERY = [[False, False], [True, False], [False, True], [True, True]]


def test_ways_by_hand():
    """One RB is saved by a pair (two places) or a user who is not served; three in 20 ways, and 4 with a triple."""
    assert ways(2, 1).tolist() == [[0, 0, 1], [1, 1, 0]]
    assert [n_ways(3, k) for k in range(4)] == [1, 4, 11, 24]
    assert len(ways(3, 3)) == 24
    where = places(3)
    assert (ways(3, 3)[:, np.unique(where.kind, return_index=True)[1]] @ where.saved == 3).all()


def test_rates_by_hand():
    """One RB: user 0 alone log2(1001); beside an upload of the other 3.644367 or 6.246610; two leave no room."""
    packing = Packing.of(hand_slot()[None])
    found = [packing.rates(0, np.array(upload)) for upload in EVERY]
    assert_allclose(found, [np.log2(1001.0), 3.644367, 6.246610, 0.0], rtol=1e-6)


def test_links_by_hand():
    """Both uploads share the RB and nobody is served; without uploads the nearer user has it."""
    both, none = pack(hand_slot(), np.array([True, True])), pack(hand_slot(), np.array([False, False]))
    assert (both.bs.tolist(), both.up.tolist()) == ([-1, -1], [0, 0])
    assert (none.bs.tolist(), none.rb.tolist(), none.up.tolist()) == ([0, -1], [0, -1], [-1, -1])


def test_an_upload_that_is_late_alone_is_left_out():
    """A side base station needs 0.25 s alone, the centre one 0.15 s."""
    decision = pack(random_slot(1, "paper", delay_limit=0.2), np.ones(3, dtype=bool))
    assert_array_equal(decision.up >= 0, [False, True, False])


@pytest.mark.parametrize("params", [{}, {"n_rb": 9}, {"n_rb": 14}, {"delay_limit": 2.0}, {"error_scope": "block"}])
@pytest.mark.parametrize("seed", range(3))
def test_as_good_as_the_milp(seed, params):
    slot = random_slot(seed, "paper", **params)
    flags = np.random.default_rng(seed).random(3) < 0.6
    found = DNT.evaluate(slot, pack(slot, flags))
    assert found.feasible
    assert float(found.objective) == pytest.approx(float(DNT.evaluate(slot, by_milp(slot, flags)).objective), rel=1e-9)


def test_where_there_are_many_ways_or_other_rules_a_milp_is_solved():
    assert packs(DNT.params("paper", {}))
    assert not packs(DNT.params("large", {}))
    assert not packs(DNT.params("paper", {"interference": "printed"}))
    slot = random_slot(0, "tiny", interference="printed")
    assert DNT.evaluate(slot, pack(slot, np.array([True, False, True]))).feasible


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from(["tiny", "small", "paper"]))
def test_feasible_and_one_by_one(seed, size):
    """Any flags, two slots at once; uploads that find no room are dropped."""
    slot = type(s := random_slot(seed, size)).stack([s, random_slot(seed + 1, size, world=s.params.world)])
    flags = np.random.default_rng(seed).random((3, 2, 3)) < 0.5
    found = pack(slot, flags)
    assert DNT.evaluate(slot, found).feasible.all()
    assert ((found.up >= 0) <= flags).all()
    for i, j in np.ndindex(3, 2):
        one = pack(slot[j], flags[i, j])
        for name, _, value in one.arrays():
            assert_array_equal(getattr(found, name)[i, j], value)


def test_best_rates_are_those_of_packed_decisions():
    slot = random_slot(4, "paper")
    for v, rates in enumerate(best_rates(slot)):
        upload = (v >> np.arange(3)) & 1 == 1
        assert_allclose(DNT.evaluate(slot, pack(slot, upload)).metrics["rate_sum"], rates, rtol=1e-12)
