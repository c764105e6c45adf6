"""Rules: by hand, in order, on batches."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.problems.mec_synchronization import heuristics
from dtbench.problems.mec_synchronization.candidates import Candidates

from .hand import MEC, hand_slot, slots_of


def objective(slots, decision):
    outcome = MEC.evaluate(slots, decision)
    assert outcome.feasible.all()
    return outcome.objective


def test_greedy_by_hand():
    """Both are served with a server each: the optimum. Worth 0.3 is less than user 2's 1.1672 alone: silent."""
    slot = hand_slot()
    assert_allclose(objective(slot, heuristics.greedy(slot)), 0.983619, atol=5e-7)
    poor = hand_slot(queue=(10.0, 0.3))
    assert_array_equal(heuristics.greedy(poor).power > 0, [True, False])


def test_full_and_silent_by_hand():
    """0.5 W each; the shared server is halved, the wire is whole."""
    decision = heuristics.full(hand_slot(host=(1, 1)))
    assert_array_equal(decision.power, [0.5, 0.5])
    assert_array_equal(decision.cpu, [5e9, 5e9])
    assert_array_equal(decision.wire, [10e6, 0.0])
    assert_allclose(objective(hand_slot(), heuristics.silent(hand_slot())), 10.0)


def test_all_in_serves_everybody_or_nobody():
    assert (heuristics.all_in(hand_slot(queue=(0.0, 0.0))).power > 0).all()
    crowded = hand_slot(f_max=1.9e9, host=(0, 0))
    assert not heuristics.all_in(crowded).power.any()
    assert heuristics.local_search(crowded).power.any()


def test_nearest_moves_twins_at_the_start_of_a_frame_only():
    assert_array_equal(heuristics.nearest(hand_slot(protocol="closed", host=(1, 0))).host, [0, 1])
    assert_array_equal(heuristics.nearest(hand_slot(protocol="closed", host=(1, 0), start=False)).host, [1, 0])
    assert_array_equal(heuristics.greedy(hand_slot(protocol="closed", host=(1, 0))).host, [1, 0])


@pytest.mark.parametrize("size", ["tiny", "small", "paper", "closed-small"])
def test_rules_in_order(size):
    """Means over slots: the local search is not worse than greedy, greedy better than a random set, that than noise."""
    slots = slots_of(size, 0, frame_slots=10)
    rng = np.random.default_rng(0)
    means = {name: objective(slots, MEC.heuristics[name](slots)).mean() for name in ("local-search", "greedy", "full")}
    drawn = objective(slots, heuristics.random_set(slots, rng)).mean()
    instance = MEC.generate(size, 0, frame_slots=10)
    noise = objective(slots, MEC.random_decision(instance, slots, rng)).mean()
    assert means["local-search"] <= means["greedy"] <= drawn <= noise <= means["full"] * 2
    local, greedy = (objective(slots, MEC.heuristics[name](slots)) for name in ("local-search", "greedy"))
    assert (local <= greedy * (1 + 1e-9)).all()


@pytest.mark.parametrize("rule", list(MEC.heuristics))
@pytest.mark.parametrize("size", ["small", "closed-tiny"])
def test_batch_equals_loop(rule, size):
    slots = slots_of(size, 4)[:6]
    together = MEC.heuristics[rule](slots)
    for t in range(6):
        alone = MEC.heuristics[rule](slots[t])
        for name, _, value in alone.arrays():
            assert_allclose(getattr(together, name)[t], value, rtol=1e-9, atol=1e-12, err_msg=name)


def test_greedy_serves_in_time_with_equal_shares():
    slots = slots_of("paper", 1)[:20]
    found = Candidates.of(slots, slots.host)
    member = heuristics.admitted(found)
    outcome = MEC.evaluate(slots, heuristics.greedy(slots))
    failed = np.take_along_axis(outcome.metrics["failed"], found.user, axis=-1)
    assert_array_equal(failed & found.valid, found.valid & ~member)


def test_random_sets_are_never_late():
    slots = slots_of("small", 2)
    decision = heuristics.random_set(slots, np.random.default_rng(1))
    outcome = MEC.evaluate(slots, decision)
    assert outcome.feasible.all()
    assert not (outcome.metrics["failed"] & (decision.power > 0)).any()
