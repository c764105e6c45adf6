"""The rules: by hand, and below the optimum of every slot that they meet."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench import referee
from dtbench.problems.dnt_spectrum import heuristics

from .hand import DNT, hand_slot, make_slot, random_slot

RULES = DNT.heuristics | heuristics.UPLOADS | {"exact-kappa": heuristics.exact_kappa}


def test_due_by_hand():
    """w = 0.375; blocks of e = 1 and 4 weigh 0.375 and 1.5, against thresholds of 1.5 and 2 times 0.25."""
    assert_array_equal(heuristics.due(hand_slot()), [False, True])
    assert_array_equal(heuristics.due(hand_slot(), 1.4), [True, True])
    assert_array_equal(heuristics.due(hand_slot(), 6.1), [False, False])


def test_greedy_by_hand():
    """Mast 1 is due and uploads; user 0 shares the only RB: the optimum of the hand example."""
    found = heuristics.greedy(hand_slot())
    assert_array_equal(np.r_[found.bs, found.rb, found.up], [0, -1, 0, -1, -1, 0])
    assert_allclose(DNT.evaluate(hand_slot(), found).objective, 1.186652, atol=1e-6)


def test_greedy_is_selfish():
    """The nearer user comes first and takes RB 0, the next takes the free one, the third the RB where it gets most."""
    slot = make_slot([[-50, 40], [50, 10], [50, -20]], np.zeros((3, 2)), n_bs=2, n_rb=2, rate_weight=0.9999)
    found = heuristics.greedy(slot)
    assert_array_equal(found.bs, [0, 1, 1])
    assert_array_equal(found.rb[1:], [0, 1])
    alternatives = [DNT.evaluate(slot, type(found).of(found.bs, np.array([n, 0, 1]), found.up)) for n in (0, 1)]
    assert found.rb[0] == np.argmax([o.metrics["rates"][0] for o in alternatives])


@pytest.mark.parametrize(
    ("rule", "uploads"),
    [
        ("always", [[1, 1, 1]] * 6),
        ("never", [[0, 0, 0]] * 6),
        ("round-robin", [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]),
        ("every-5", [[1, 1, 1], *[[0, 0, 0]] * 4, [1, 1, 1]]),
    ],
)
def test_upload_rules(rule, uploads):
    slot = random_slot(0, "paper")
    for t, expected in enumerate(uploads):
        found = heuristics.UPLOADS[rule](dataclasses.replace(slot, elapsed=np.array(t)))
        assert_array_equal(found.up >= 0, np.array(expected, dtype=bool))
    batch = dataclasses.replace(slot, elapsed=np.arange(6))
    assert_array_equal(heuristics.UPLOADS[rule](batch).up >= 0, np.array(uploads, dtype=bool))


def test_threshold_uploads_what_is_due():
    slot = random_slot(3, "paper")
    found = heuristics.UPLOADS["threshold"](slot)
    assert_array_equal(found.up >= 0, heuristics.due(slot))


@pytest.mark.parametrize("seed", range(6))
def test_kappa_plans_with_blown_up_errors(seed):
    """kappa = 1 is the optimum of the slot, kappa = 0 that without errors; more kappa never refreshes less error."""
    slot = random_slot(seed, "paper9", spread=1.0)
    best = DNT.exact(slot).objective
    assert_allclose(DNT.evaluate(slot, heuristics.exact_kappa(slot, 1.0)).objective, best)
    outcomes = [DNT.evaluate(slot, heuristics.exact_kappa(slot, k)) for k in (0.0, 0.5, 1.5, 5.0, 1e3)]
    assert all(o.objective <= best + 1e-9 for o in outcomes)
    assert (np.diff([float(o.metrics["sync_error"]) for o in outcomes]) <= 1e-9).all()
    assert (np.diff([float(o.metrics["rate_sum"]) for o in outcomes]) <= 1e-7).all()


@pytest.mark.parametrize(
    "options", [{}, {"interference": "printed"}, {"error_scope": "block"}, {"rate_weight": 0.8}], ids=str
)
@pytest.mark.parametrize("rule", RULES)
def test_feasible_in_every_slot_and_never_above_the_optimum(rule, options):
    instance = DNT.generate("small", 2, horizon=6, **options)

    def decide(_, slot):
        decision = RULES[rule](slot)
        outcome, best = DNT.evaluate(slot, decision), DNT.exact(slot)
        assert outcome.feasible
        assert outcome.objective <= best.bound + 1e-9
        return decision

    referee.walk(DNT, instance, decide)
