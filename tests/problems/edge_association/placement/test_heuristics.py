"""Rules and local search: by hand, then laws."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench import referee
from dtbench.problems import problem
from dtbench.problems.edge_association.placement import heuristics
from dtbench.problems.edge_association.placement.local_search import Neighbours, local_search, relocate
from dtbench.problems.edge_association.placement.model import evaluate, of_assoc
from dtbench.problems.edge_association.placement.repair import Tables

from .hand import every_association, hand_slot

PLACEMENT = problem("edge-placement")


def slots_of(size, seed=0):
    return referee.slots(PLACEMENT, PLACEMENT.generate(size, seed))


def test_nearest_by_hand():
    placed = heuristics.nearest(hand_slot())
    assert placed.assoc.tolist() == [0, 0, 1]
    assert placed.open.tolist() == [True, True]


def test_greedy_by_hand():
    """User 1 first (25 Mbit): 0.5 s of radio on server 0 and 0.075 s; server 1 costs 0.75 s of wire more. Then 0, 2.

    User 0 on server 0: 0.125 + (sqrt 3.75 + sqrt 7.5)^2 / 100 - 0.075 = 0.2686; on server 1: 0.5 + ...; user 2: server
    1 costs 0.03 + 0.01125 + the fee 0.15 * 3 / 3, server 0 is full.
    """
    assert heuristics.greedy(hand_slot()).assoc.tolist() == [0, 0, 1]


def test_the_amortised_fee_decides_whether_greedy_opens():
    """Without capacity in the way user 2 stays on server 0 once opening costs more than the wire."""
    slot = dataclasses.replace(hand_slot(), cap=np.array([3, 3]))
    dear = dataclasses.replace(slot, params=slot.params.replace({"open_cost": 10.0}))
    assert heuristics.greedy(slot).assoc[2] == 1
    assert heuristics.greedy(dear).assoc.tolist() == [0, 0, 0]


def test_greedy_add_by_hand_ends_at_the_optimum():
    slot = hand_slot()
    outcome = evaluate(slot, heuristics.greedy_add(slot))
    assert_allclose(outcome.objective, 0.629939, rtol=1e-6)


def test_sets_that_cannot_take_everyone_are_skipped():
    slot = hand_slot()
    value, assoc = heuristics.try_sets(slot[None, None], np.array([[[True, False], [False, True], [True, True]]]))
    assert np.isinf(value[0, 0])
    assert (assoc[0, 0] == -1).sum() == 1
    assert_allclose(value[0, 1:], [0.853753, 0.629939], rtol=1e-6)


def test_assign_places_everybody_it_can():
    slot = hand_slot()
    t = Tables.of(slot, ())
    everywhere = np.ones((1, 2), dtype=bool)
    assert_array_equal(heuristics.assign(t, everywhere, everywhere, np.zeros((1, 2))), [[0, 0, 1]])
    assert_array_equal(heuristics.assign(t, everywhere, ~everywhere, np.zeros((1, 2))), [[-1, -1, -1]])


@pytest.mark.parametrize("size", ["tiny", "small"])
def test_tables_of_toggles_equal_the_referee(size):
    """V_k after a user joins or leaves, against evaluations of the changed association."""
    slot = slots_of(size)[3]
    start = heuristics.greedy_add(slot)
    tables = Neighbours(slot, start.assoc[None])
    now = evaluate(slot, start)
    for user in range(slot.n_users):
        source = start.assoc[user]
        for target in np.flatnonzero(start.open):
            if target == source:
                continue
            moved = start.assoc.copy()
            moved[user] = target
            after = evaluate(slot, dataclasses.replace(start, assoc=moved))
            change = (
                tables.toggled[0, target, user] - tables.value[0, target] + slot.carry[user, target]
                + tables.toggled[0, source, user] - tables.value[0, source] - slot.carry[user, source]
            )  # fmt: skip
            if after.feasible:
                assert_allclose(slot.user_weight * change, after.objective - now.objective, atol=1e-9)
            else:
                assert np.isinf(change)


def test_relocation_ends_where_no_single_move_helps():
    slot = slots_of("small", 2)[0]
    start = heuristics.greedy_add(slot).assoc
    assoc, value = relocate(slot, start[None], 1e-10)
    best = of_assoc(assoc[0], slot.n_bs)
    assert_allclose(evaluate(slot, best).objective, value[0])
    assert value[0] <= evaluate(slot, of_assoc(start, slot.n_bs)).objective
    for user in range(slot.n_users):
        for target in np.flatnonzero(best.open):
            moved = assoc[0].copy()
            moved[user] = target
            outcome = evaluate(slot, dataclasses.replace(best, assoc=moved))
            assert not outcome.feasible or outcome.objective >= value[0] - 1e-8


@pytest.mark.parametrize("seed", range(3))
def test_order_of_the_rules(seed):
    """All feasible; local search is never above greedy-add, and close to the optimum on tiny."""
    slots = slots_of("tiny", seed)
    decisions = {name: rule(slots) for name, rule in PLACEMENT.heuristics.items()}
    outcomes = {name: evaluate(slots, d) for name, d in decisions.items()}
    assert all(o.feasible.all() for o in outcomes.values())
    assert (outcomes["local-search"].objective <= outcomes["greedy-add"].objective + 1e-12).all()
    everything = of_assoc(every_association(slots)[:, None], slots.n_bs)
    referees = evaluate(slots, everything)
    best = np.where(referees.feasible, referees.objective, np.inf).min(axis=0)
    assert all((o.objective >= best * (1 - 1e-12)).all() for o in outcomes.values())
    assert (outcomes["local-search"].objective / best).mean() < 1.02


@pytest.mark.parametrize("rule", ["nearest", "greedy", "greedy-add", "local-search"])
def test_rules_on_a_grid_of_slots_equal_the_loop(rule):
    slots = slots_of("small")[:6]
    grid = slots[np.arange(6).reshape(2, 3)]
    decisions = PLACEMENT.heuristics[rule](grid)
    assert decisions.assoc.shape == (2, 3, 20)
    for t in range(6):
        alone = PLACEMENT.heuristics[rule](slots[t])
        assert_array_equal(decisions.assoc[divmod(t, 3)], alone.assoc)
        assert_array_equal(decisions.open[divmod(t, 3)], alone.open)


def test_unused_servers_are_closed():
    slots = slots_of("small")
    for rule in PLACEMENT.heuristics.values():
        decision = rule(slots)
        assert_array_equal(decision.open, of_assoc(decision.assoc, 5).open)


def test_random_placement_is_feasible_and_seeded():
    slots = slots_of("paper")[:4]
    search = PLACEMENT.encodings(PLACEMENT.generate("paper", 0))["search"]
    one, again, other = (
        search.decode(slots, search.sample(np.random.default_rng(seed), slots.batch_shape)) for seed in (0, 0, 1)
    )
    used = [len(np.unique(servers)) for servers in search.sample(np.random.default_rng(3), (200,))]
    assert_allclose(np.mean(used), 5.0, atol=0.4)  # of 10, each with probability 1/2
    assert evaluate(slots, one).feasible.all()
    assert_array_equal(one.assoc, again.assoc)
    assert (one.assoc != other.assoc).any()


def test_local_search_starts_from_a_given_placement():
    slot = slots_of("small", 1)[0]
    start = heuristics.nearest(slot)
    found = local_search(slot, start)
    assert evaluate(slot, found).objective < evaluate(slot, start).objective


def test_one_base_station_leaves_no_choice():
    slots = referee.slots(PLACEMENT, PLACEMENT.generate("tiny", 0, n_bs=1, horizon=2))
    for rule in PLACEMENT.heuristics.values():
        assert (rule(slots).assoc == 0).all()


def test_where_nothing_is_feasible_rules_still_decide():
    slot = dataclasses.replace(hand_slot(), deadline=np.array([1.0, 0.3, 0.5]))
    for rule in PLACEMENT.heuristics.values():
        assert not evaluate(slot, rule(slot)).feasible
