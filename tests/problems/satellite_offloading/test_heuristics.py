"""Rules: by hand, then laws."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.problems.satellite_offloading import heuristics, neighbours
from dtbench.problems.satellite_offloading.completion import complete
from dtbench.problems.satellite_offloading.enumeration import partitions
from dtbench.problems.satellite_offloading.model import evaluate
from dtbench.problems.satellite_offloading.neighbours import Neighbours
from dtbench.problems.satellite_offloading.terms import Terms

from .hand import OFFLOADING, hand_slot, slots_of

RULES = sorted(OFFLOADING.heuristics)


def test_greedy_by_hand():
    """Channels of (2/3, 4/3, 2): 1, 1, 2. UAV 2 alone, shares 1/3 and 2/3 on the other satellite."""
    slot = hand_slot()
    found = heuristics.greedy(slot)
    assert found.channels.tolist() == [1, 1, 2]
    assert found.assoc.tolist() == [1, 1, 0]
    assert_allclose(found.share, [1 / 3, 2 / 3, 1.0])
    assert_allclose(evaluate(slot, found).objective, 0.367242, atol=5e-7)


@pytest.mark.parametrize("rule", ["lpt-convex", "local-search"])
def test_completed_rules_find_the_optimum_of_the_hand_example(rule):
    slot = hand_slot()
    assert_allclose(evaluate(slot, OFFLOADING.heuristics[rule](slot)).objective, 0.304051, atol=5e-7)


def all_near(assoc, n_sat):
    near = Neighbours.of(assoc, n_sat)
    return near.assoc(np.arange(len(near.first)))


def test_neighbours_are_all_moves_and_swaps():
    """3 UAVs on 2 satellites, {0, 1} | {2}: 3 moves and 2 swaps."""
    near = all_near(np.array([0, 0, 1]), 2)
    assert sorted(near.tolist()) == sorted([[1, 0, 1], [0, 1, 1], [0, 0, 0], [1, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize("seed", range(3))
def test_local_search_ends_where_no_neighbour_is_better(seed):
    for t in range(4):
        terms = Terms.of(slots_of("paper", seed)[t])
        found = heuristics.descend(terms, heuristics.starts(slots_of("paper", seed)[t]))
        near = complete(terms, all_near(found.assoc[0], 3)).objective
        assert (near >= found.objective[0] * (1 - 1e-12)).sum() >= len(near) - 1


@pytest.mark.parametrize("params", [{}, {"f_rel": "1,1.5,2"}, {"train_delay": "max"}], ids=str)
def test_bounds_by_what_changes_are_those_of_whole_associations(params, monkeypatch):
    terms = Terms.of(slots_of("paper", 1, **params)[0])
    near = Neighbours.of(np.arange(terms.n_uav) * 7 % 3, terms.n_sat)
    whole = near.bounds(terms)
    monkeypatch.setattr(neighbours, "LARGE", 0)
    assert_allclose(near.bounds(terms), whole, rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_order_of_the_rules(seed):
    """local-search <= lpt-convex <= min-delay in every slot; none is below the optimum."""
    slots = slots_of("small", seed)
    found = {rule: evaluate(slots, OFFLOADING.heuristics[rule](slots)) for rule in RULES}
    assert all(o.feasible.all() for o in found.values())
    objective = {rule: o.objective for rule, o in found.items()}
    assert (objective["local-search"] <= objective["lpt-convex"] * (1 + 1e-12)).all()
    assert (objective["lpt-convex"] <= objective["min-delay"] * (1 + 1e-9)).all()
    every = partitions(7, 3, identical=True)
    for t in range(5):
        best = complete(Terms.of(slots[t]), every).objective.min()
        assert all(value[t] >= best * (1 - 1e-9) for value in objective.values())


@pytest.mark.parametrize("rule", RULES)
def test_rules_on_a_grid_of_slots_equal_the_loop(rule):
    slots = slots_of("small", 1)[:6]
    grid = OFFLOADING.heuristics[rule](slots[np.arange(6).reshape(2, 3)])
    for t in range(6):
        alone = OFFLOADING.heuristics[rule](slots[t])
        for name, _, value in alone.arrays():
            assert_allclose(getattr(grid, name)[divmod(t, 3)], value, rtol=1e-12)


def test_random_decisions_are_feasible_seeded_and_of_their_law():
    slots = slots_of("paper", 0)
    one, again, other = (heuristics.random_decision(slots, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert evaluate(slots, one).feasible.all()
    assert_array_equal(one.share, again.share)
    assert (one.share != other.share).any()
    total = one.channels.sum(axis=-1)
    assert 21 <= total.min() < total.max() <= 32


def test_random_draws_until_it_is_feasible():
    """One draw in ten is feasible at paper size: with 200 draws hardly any decision is a repaired one."""
    slots = slots_of("paper", 0)
    genes = OFFLOADING.encodings(OFFLOADING.generate("paper", 0))["search"].sample(np.random.default_rng(0), (200, 20))
    from dtbench.problems.satellite_offloading.genes import decision_of

    share = evaluate(slots, decision_of(slots, genes)).feasible.mean()
    assert 0.03 < share < 0.25
    found = evaluate(slots, heuristics.random_decision(slots, np.random.default_rng(0)))
    repaired = OFFLOADING.evaluate(slots, OFFLOADING.repair(slots, decision_of(slots, genes)))
    assert found.objective.mean() > repaired.objective.mean()


def test_one_satellite_leaves_no_choice():
    slots = slots_of("tiny", 0, n_sat=1, horizon=3)
    for rule in RULES:
        found = OFFLOADING.heuristics[rule](slots)
        assert (found.assoc == 0).all()
        assert evaluate(slots, found).feasible.all()


@pytest.mark.parametrize("overrides", [{"train_delay": "max"}, {"energy_model": "pooled"}, {"f_rel": "1,0.7,1.3"}])
def test_rules_take_every_reading(overrides):
    slots = slots_of("small", 2, **overrides)
    found = {rule: evaluate(slots, OFFLOADING.heuristics[rule](slots)) for rule in RULES}
    assert all(o.feasible.all() for o in found.values())
    assert (found["local-search"].objective <= found["min-delay"].objective * (1 + 1e-9)).all()


def test_where_nothing_is_feasible_rules_still_decide():
    slot = hand_slot(deadline=100.0)
    for rule in RULES:
        assert not evaluate(slot, OFFLOADING.heuristics[rule](slot)).feasible
