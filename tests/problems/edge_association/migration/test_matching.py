"""The encoding ``matching`` of ``edge-migration``: worths of servers later, and the best matching with them."""

import dataclasses
import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench import referee
from dtbench.core import Limits
from dtbench.problems import problem
from dtbench.problems.edge_association.migration import forecast, heuristics
from dtbench.problems.edge_association.migration.matching import observe, worths
from dtbench.problems.edge_association.migration.model import MigrationDecision

MIGRATION = problem("edge-migration")
TINY = MIGRATION.generate("tiny", 90_001)
SLOT = MIGRATION.slot(TINY, 1, MIGRATION.start(TINY))
ENCODING = MIGRATION.encodings(TINY)["matching"]


def test_without_worths_it_is_the_best_of_the_slot():
    x = np.zeros(ENCODING.size)
    assert_array_equal(ENCODING.decode(SLOT, x).assoc, heuristics.myopic_opt(SLOT).assoc)


def test_the_greatest_sum_of_utility_and_worth():
    """Against all feasible associations of a tiny slot."""
    x = np.random.default_rng(0).uniform(-1.0, 1.0, ENCODING.size)
    every = np.array(list(itertools.product(range(SLOT.n_servers), repeat=SLOT.n_users)))
    every = every[MIGRATION.evaluate(SLOT, MigrationDecision(assoc=every)).feasible]
    value = SLOT.utility + x.reshape(SLOT.n_users, SLOT.n_servers)
    total = value[np.arange(SLOT.n_users), every].sum(axis=-1)
    assert_array_equal(ENCODING.decode(SLOT, x).assoc, every[total.argmax()])


@pytest.mark.parametrize("size", ["tiny", "small"])
def test_who_knows_the_worths_plays_the_optimum(size):
    """The decoder's ceiling: the matching with the teacher's worths is the clairvoyant optimum, within its prices."""
    instance = MIGRATION.generate(size, 90_002)
    encoding, answer = MIGRATION.encodings(instance)["matching"], worths(MIGRATION, instance, Limits())
    best = MIGRATION.exact_horizon(instance, Limits()).objective
    played = referee.walk(MIGRATION, instance, lambda t, slot: encoding.decode(slot, np.nan_to_num(answer(t, slot))))
    assert played[1].mean == pytest.approx(best, rel=2e-3)
    myopic = referee.walk(MIGRATION, instance, lambda t, slot: heuristics.myopic_opt(slot))[1].mean
    assert myopic < best * (1.0 - 1e-3)


def test_worths_are_of_admissible_servers_and_about_their_mean():
    answer = worths(MIGRATION, TINY, Limits())
    given = answer(1, SLOT).reshape(SLOT.n_users, SLOT.n_servers)
    assert_array_equal(np.isnan(given), ~SLOT.admissible)
    assert_allclose(np.nanmean(given, axis=-1), 0.0, atol=1e-12)
    last = answer(TINY.horizon - 1, MIGRATION.slot(TINY, TINY.horizon - 1, MIGRATION.start(TINY)))
    assert_allclose(np.nan_to_num(last), 0.0)  # nothing comes after the last slot


def test_positions_are_mirrored_by_hand():
    """1600 m is 1400 m in a square of 1500 m, -100 m is 100 m, 3100 m is 100 m."""
    assert_allclose(forecast.mirrored(np.array([1600.0, -100.0, 3100.0, 700.0]), 1500.0), [1400.0, 100.0, 100.0, 700.0])


def test_who_stands_still_sees_what_is_there():
    """With no motion, what is seen ahead is the present slot."""
    still = dataclasses.replace(SLOT, prev_xy=SLOT.user_xy)
    (gain,), (late,) = forecast.ahead(still, [3.0])
    now = still.params.beta_u * np.exp(still.deadline[:, None] - still.latency)
    in_law = still.deadline >= np.partition(still.latency, 1, axis=-1)[:, 1] * (1.0 - 1e-9)
    assert in_law.all()
    assert_allclose(gain, now, rtol=1e-9)
    assert_allclose(late, still.latency / still.deadline[:, None] - 1.0, atol=1e-9)


def test_what_is_seen_is_free_of_where_twins_are():
    other = dataclasses.replace(SLOT, prev=(SLOT.prev + 1) % SLOT.n_servers)
    assert_array_equal(observe(SLOT).state, observe(other).state)
