"""Repair: each of its steps by hand, then laws."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.problems.satellite_offloading.allocation import min_delay, sqrt_shares
from dtbench.problems.satellite_offloading.model import evaluate
from dtbench.problems.satellite_offloading.repair import repair, repair_flagged

from .hand import decision, hand_slot, raw_decisions, slots_of


def test_step_0_leaves_feasible_decisions():
    found, step = repair_flagged(hand_slot(), decision())
    assert step == 0
    assert_array_equal(found.share, [0.4, 0.6, 0.5])


def test_step_1_by_hand():
    """Satellite 0 is asked for 1.25 of its processor; UAV 1 has no channel, UAV 2 too many."""
    asked = decision(channels=(1, 0, 9), assoc=(-1, 0, 5), share=(0.5, 0.75, 0.5))
    found, step = repair_flagged(hand_slot(), asked)
    assert step == 1
    assert found.channels.tolist() == [1, 1, 2]
    assert found.assoc.tolist() == [0, 0, 1]
    assert_allclose(found.share, [0.4, 0.6, 0.5])


def test_step_2_scales_up_before_it_blends():
    """At shares (.1, .15, .2) satellite 0 takes 145.8 s: T = 584.7 s; at (.4, .6, 1) T = 475.3 s."""
    found, step = repair_flagged(hand_slot(deadline=500.0), decision(share=(0.1, 0.15, 0.2)))
    assert step == 2
    assert_allclose(found.share, [0.4, 0.6, 1.0])


def test_step_2_takes_the_first_blend_that_is_feasible():
    """Shares (.9, .1, 1): 6.94 + 125 s; theta = 0.25: (.779, .221): 64.5 s; 0.5: (.657, .343): 46.0 s."""
    asked = decision(share=(0.9, 0.1, 1.0))
    slot = hand_slot(deadline=438.82 + 50.0)
    found, step = repair_flagged(slot, asked)
    assert step == 2
    assert_allclose(found.share, 0.5 * asked.share + 0.5 * sqrt_shares(slot, asked.assoc))


def test_step_3_changes_the_channels():
    """Even with sqrt shares (T_train = 36.4 s) an upload of 600 s is late."""
    slot = hand_slot(deadline=480.0)
    found, step = repair_flagged(slot, decision(channels=(2, 1, 1)))
    assert step == 3
    assert found.channels.tolist() == [1, 1, 2]
    assert found.assoc.tolist() == [0, 0, 1]


def test_step_4_is_the_minimum_delay_decision():
    """All on one satellite: 105 s of training and 3.2 s more of spreading."""
    slot = hand_slot(deadline=480.0)
    found, step = repair_flagged(slot, decision(assoc=(0, 0, 0)))
    assert step == 4
    reference = min_delay(slot)
    assert_array_equal(found.assoc, reference.assoc)
    assert_allclose(found.share, reference.share)


def test_the_energy_limit_is_mended_too():
    found, step = repair_flagged(hand_slot(energy_limit=145e3), decision(share=(0.1, 0.15, 0.2)))
    assert step == 2
    assert evaluate(hand_slot(energy_limit=145e3), found).feasible


@pytest.mark.parametrize("size", ["tiny", "small", "paper", "large"])
def test_anything_becomes_feasible(size):
    slots = slots_of(size, 1)
    raw = raw_decisions(slots, np.random.default_rng(0), 30)
    found, step = repair_flagged(slots, raw)
    outcome = evaluate(slots, found)
    assert outcome.feasible.all()
    assert found.channels.dtype == found.assoc.dtype == np.int64
    again, second = repair_flagged(slots, found)
    assert (second == 0).all()
    for name, _, value in again.arrays():
        assert_array_equal(value, getattr(found, name))
    assert len(np.unique(step)) >= 2


def test_a_batch_equals_its_loop_whatever_the_leading_axes():
    slots = slots_of("small", 2)[:6]
    raw = raw_decisions(slots, np.random.default_rng(1), 4)
    whole, step = repair_flagged(slots[None, :], raw)
    for member, t in np.ndindex(4, 6):
        one, alone = repair_flagged(slots[t], raw[member, t])
        assert alone == step[member, t]
        assert_array_equal(one.channels, whole.channels[member, t])
        assert_array_equal(one.assoc, whole.assoc[member, t])
        assert_allclose(one.share, whole.share[member, t], rtol=1e-12)


def test_where_nothing_is_feasible_the_last_step_stays():
    slot = hand_slot(deadline=100.0)
    found = repair(slot, decision())
    assert not evaluate(slot, found).feasible
    again, step = repair_flagged(slot, found)
    assert step == 4
    assert_allclose(again.share, found.share)


def test_nan_shares_are_mended():
    found = repair(hand_slot(), decision(share=(np.nan, 0.6, 0.5)))
    assert evaluate(hand_slot(), found).feasible
