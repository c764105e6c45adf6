"""Frames: placements priced, enumerated, searched, bounded."""

import dataclasses
import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.problems.mec_synchronization import frame
from dtbench.problems.mec_synchronization.branch_and_bound import branch_and_bound
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.horizon import frame_slots
from dtbench.problems.mec_synchronization.pooled import pooled

from .hand import MEC, slots_of


def first_frame(size, seed, **overrides):
    instance = MEC.generate(size, seed, **overrides)
    return frame_slots(MEC, instance, 0, MEC.start(instance))


def test_moves_silence_the_first_slots():
    slots = first_frame("closed-small", 0, mig_slots=3)
    host = slots[0].host.copy()
    host[4] = (host[4] + 1) % 3
    placed = frame.under(slots, host)
    assert_array_equal(placed.moving[:5, 4], [3, 2, 1, 0, 0])
    assert not np.delete(placed.moving, 4, axis=1).any()
    assert_array_equal(placed.host[7], host)


def test_under_follows_the_closed_loop():
    """The same hosts played by the referee: the same migration in every slot of the frame."""
    instance = MEC.generate("closed-small", 1, mig_slots=2)
    slots = first_frame("closed-small", 1, mig_slots=2)
    host = slots[0].access
    placed, state = frame.under(slots, host), MEC.start(instance)
    for t in range(20):
        slot = MEC.slot(instance, t, state)
        decision = MEC.heuristics["greedy"](placed[t])
        outcome = MEC.evaluate(slot, decision)
        assert outcome.feasible
        assert_allclose(outcome.objective, MEC.evaluate(placed[t], decision).objective, rtol=1e-12)
        state = MEC.advance(slot, decision)


def test_greedy_cost_of_many_placements_equals_the_loop():
    slots = first_frame("closed-tiny", 2)
    hosts = np.random.default_rng(0).integers(0, 2, (6, 5))
    sample = frame.spread_sample(5)
    together = frame.greedy_cost(slots, hosts, sample)
    assert_allclose(together, [frame.greedy_cost(slots, host, sample) for host in hosts], rtol=1e-12)


def enumerate_placements(slots, gap=1e-4):
    """Least cost of all M^K placements, and the least of their bounds."""
    hosts = itertools.product(range(slots.n_bs), repeat=slots.n_users)
    costs, bounds, _ = zip(*(frame.exact_cost(slots, np.array(host), gap, np.inf) for host in hosts), strict=True)
    return min(costs), min(bounds)


@pytest.mark.parametrize("seed", range(2))
def test_bound_enumeration_and_local_search_in_order(seed):
    """M^K = 16 placements of 4 users: pooled bound <= best of all <= local search <= staying."""
    slots = first_frame("closed-tiny", seed, n_users=4, frame_slots=3)
    cost, bound = enumerate_placements(slots)
    found = frame.place(slots)
    stay = frame.exact_cost(slots, slots[0].host, 1e-4, 10.0)[0]
    assert bound <= cost
    assert_allclose(bound, cost, rtol=2e-4)
    assert found.bound <= cost * (1 + 1e-9)
    assert cost <= found.cost * (1 + 1e-4)
    assert found.cost <= stay * (1 + 1e-4)


def test_pooled_bound_holds_for_every_placement():
    slots = slots_of("closed-tiny", 6)
    slot = dataclasses.replace(slots[3], frame_start=np.array(False))
    whole = pooled(slot)
    bound = branch_and_bound(whole, np.zeros(whole.count, dtype=bool), 1e-4, 10.0).bound
    for host in np.ndindex(*(2,) * 5):
        placed = dataclasses.replace(slot, host=np.array(host), moving=np.zeros(5, dtype=np.int64))
        found = Candidates.of(placed, placed.host)
        best = branch_and_bound(found, np.zeros(found.count, dtype=bool), 1e-4, 10.0)
        assert bound <= best.cost * (1 + 1e-9)


def test_sample_is_spread():
    assert_array_equal(frame.spread_sample(5), np.arange(5))
    assert len(frame.spread_sample(100)) == 17
    assert frame.spread_sample(100)[[0, -1]].tolist() == [0, 99]
