"""Passes and chains by hand, then laws against scipy's matching."""

import dataclasses

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse
from scipy.sparse.csgraph import maximum_bipartite_matching

from dtbench.problems.edge_association.migration.model import MigrationDecision
from dtbench.problems.edge_association.migration.repair import extend, place

from .hand import MIGRATION, hand_slot, random_slots

seeds = st.integers(0, 2**32 - 1)


def draw(seed):
    """A random placement task: 7 users, 4 servers, about half of the pairs admissible."""
    rng = np.random.default_rng(seed)
    return rng.random((7, 4)) < 0.5, rng.integers(1, 4, 4), rng.integers(-1, 6, 7), rng.random((7, 4))


def test_wishes_first_then_the_fastest():
    """All ask for server 1 with two places: users 0 and 1 keep it, user 2 goes to 0, its only free one."""
    assert_array_equal(MIGRATION.repair(hand_slot(), MigrationDecision(assoc=np.array([1, 1, 1]))).assoc, [1, 1, 0])


def test_the_choosy_go_first():
    """User 2 may only be on 1, so it comes before users 0 and 1, who then compete for the other place there."""
    slot = hand_slot(deadline=(0.6, 1.6, 0.1))
    assert_array_equal(MIGRATION.repair(slot, MigrationDecision(assoc=np.array([1, 1, 1]))).assoc, [1, 0, 1])


def test_order_ranks_the_second_pass():
    """No wishes, three servers, one place each: least order first, user by user."""
    order = np.array([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0], [0.0, 0.0, 0.0]])
    assoc, placed = place(np.ones((3, 3), bool), np.ones(3, int), np.full(3, -1), order)
    assert_array_equal(assoc, [1, 2, 0])
    assert placed.all()


def test_chain_by_hand():
    """Users 0 -> {0}, 1 -> {0, 1}, 2 -> {1, 2}: 1 and 2 sit on 0 and 1; user 0 pushes 1 to server 1 and 2 to 2."""
    admissible = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1]], dtype=bool)
    assoc, free = np.array([-1, 0, 1]), np.array([0, 0, 1])
    assert extend(admissible, assoc, free, 0)
    assert_array_equal(assoc, [0, 1, 2])
    assert_array_equal(free, [0, 0, 0])


def plain_extend(admissible, assoc, free, user):
    """The definition's search, user by user and server by server."""
    came = {k: (user, None) for k in range(len(free)) if admissible[user, k]}
    queue = list(came)
    for here in queue:
        if free[here] > 0:
            free[here] -= 1
            while here is not None:
                assoc[came[here][0]], here = here, came[here][1]
            return True
        for mover in range(len(assoc)):
            if assoc[mover] == here:
                for target in range(len(free)):
                    if admissible[mover, target] and target not in came:
                        came[target] = (mover, here)
                        queue.append(target)
    return False


def test_chains_equal_the_plain_search():
    """200 tasks of 12 users on 6 servers, all but one placed at random where they may be."""
    found = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        admissible = rng.random((12, 6)) < 0.15
        admissible[np.arange(12), rng.integers(0, 6, 12)] = True
        assoc = np.array([rng.choice(np.flatnonzero(row)) for row in admissible])
        assoc[5] = -1
        free = np.where(admissible[5], 0, rng.random(6) < 0.25).astype(np.int64)
        mine, plain = (assoc.copy(), free.copy()), (assoc.copy(), free.copy())
        assert extend(admissible, *mine, 5) == plain_extend(admissible, *plain, 5)
        assert_array_equal(mine[0], plain[0])
        assert_array_equal(mine[1], plain[1])
        found += (mine[0] != assoc).sum() > 2
    assert found > 10  # chains of three moves or more


def test_no_chain_changes_nothing():
    admissible = np.array([[1, 0], [1, 0]], dtype=bool)
    assoc, free = np.array([-1, 0]), np.array([0, 1])
    assert not extend(admissible, assoc, free, 0)
    assert_array_equal(assoc, [-1, 0])
    assert_array_equal(free, [0, 1])


def test_repair_uses_a_chain():
    """Three users with two servers each; 0 and 1 fill servers 0 and 1 as they wish, so user 2 has to push user 0."""
    admissible = np.array([[1, 0, 1], [1, 1, 0], [1, 1, 0]], dtype=bool)
    assoc, placed = place(admissible, np.ones(3, int), np.array([0, 1, 0]), np.zeros((3, 3)))
    assert placed.all()
    assert_array_equal(assoc, [2, 1, 0])


@given(seeds)
@settings(max_examples=200, deadline=None)
def test_places_as_many_as_a_maximum_matching(seed):
    admissible, cap, want, order = draw(seed)
    assoc, placed = place(admissible, cap, want, order)
    copies = sparse.csr_array(np.repeat(admissible, cap, axis=1))
    assert placed.sum() == (maximum_bipartite_matching(copies, perm_type="column") >= 0).sum()
    chosen = assoc[placed]
    assert admissible[placed, chosen].all()
    assert (np.bincount(chosen, minlength=4) <= cap).all()
    if placed.all():
        again, _ = place(admissible, cap, assoc, order)
        assert_array_equal(again, assoc)


def test_batch_equals_loop():
    tasks = [draw(seed) for seed in range(60)]
    together = place(*(np.stack(column) for column in zip(*tasks, strict=True)))
    assert 0 < together[1].all(axis=-1).sum() < 60
    for n, task in enumerate(tasks):
        for alone, batch in zip(place(*task), together, strict=True):
            assert_array_equal(alone, batch[n])


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_repair_is_feasible_idempotent_and_leaves_its_input(seed):
    slots, wish = random_slots(seed, n_users=8, n_bs=5)
    before = wish.assoc.copy()
    repaired = MIGRATION.repair(slots, wish)
    assert_array_equal(wish.assoc, before)
    assert MIGRATION.evaluate(slots, repaired).feasible.all()
    assert_array_equal(MIGRATION.repair(slots, repaired).assoc, repaired.assoc)
    fine = MIGRATION.evaluate(slots, wish).feasible
    assert_array_equal(repaired.assoc[fine], before[fine])


def test_infeasible_slots_are_left_infeasible():
    """Nobody is in time: all stay where they asked, and the referee says so."""
    slot = dataclasses.replace(hand_slot(), deadline=np.full(3, 1e-3))
    repaired = MIGRATION.repair(slot, MigrationDecision(assoc=np.array([1, 0, 9])))
    assert_array_equal(repaired.assoc, [1, 0, 1])
    assert not MIGRATION.evaluate(slot, repaired).feasible


def test_few_members_are_placed_like_many(monkeypatch):
    """One by one in plain numbers or all together in arrays: the same servers, chains of moves included."""
    rng = np.random.default_rng(3)
    admissible, order = rng.random((30, 12, 4)) < 0.5, rng.random((30, 12, 4))
    want, cap = rng.integers(-1, 5, (30, 12)), np.array([3, 3, 3, 3])
    together = place(admissible, cap, want, order)
    monkeypatch.setattr("dtbench.problems.edge_association.migration.repair.FEW", 30)
    alone = place(admissible, cap, want, order)
    assert not together[1].all()
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one, other)
