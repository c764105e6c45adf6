"""The encoding for search by hand, and what the genetic algorithm makes of it."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems.satellite_offloading import genes as search
from dtbench.problems.satellite_offloading.model import evaluate

from .hand import OFFLOADING, decision, hand_slot, slots_of


def test_decode_by_hand():
    """Weights 1, 1, 2 of 3 + 1 (4 - 3) channels; shares .2 / .5 and .3 / .5, and 1, times the factors 1 and 0.5."""
    genes = np.array([0.5, 0.5, 1.0, 0, 0, 1, 0.2, 0.3, 0.7, 1.0, 1.0, 0.5])
    found = search.decision_of(hand_slot(), genes)
    assert found.channels.tolist() == [1, 1, 2]
    assert found.assoc.tolist() == [0, 0, 1]
    assert_allclose(found.share, [0.4, 0.6, 0.5])


def test_encode_by_hand():
    genes = search.encode(hand_slot(), decision())
    assert_allclose(genes, [0.5, 0.5, 1.0, 0, 0, 1, 2 / 3, 1.0, 1.0, 1.0, 1.0, 0.5])


def test_weights_of_zero_count_as_little():
    found = search.decision_of(hand_slot(), np.zeros(12))
    assert found.channels.tolist() == [1, 1, 1]
    assert_allclose(found.share, 1e-3 / 3)


def test_genes_of_the_random_algorithm_have_their_law():
    genes = search.random_genes(7, 3, 20, np.random.default_rng(0), (4000,))
    weights, factors = genes[:, [*range(7), *range(14, 21)]], genes[:, 22:]
    assert 0.2 <= weights.min() < 0.21
    assert 0.99 < weights.max() <= 1.0
    assert 0.5 <= factors.min() < 0.51
    assert set(np.unique(genes[:, 7:14])) == {0.0, 1.0, 2.0}
    total = search.decision_of(slots_of("small")[0], genes).channels.sum(axis=-1)
    values, counts = np.unique(total, return_counts=True)
    assert values.tolist() == list(range(13, 21))
    assert_allclose(counts / 4000, 1 / 8, atol=0.02)


def test_every_completed_decision_can_be_encoded():
    slots = slots_of("paper", 1)
    for rule in OFFLOADING.heuristics.values():
        found = rule(slots)
        back = search.decode(slots, search.encode(slots, found))
        assert_array_equal(back.channels, found.channels)
        assert_array_equal(back.assoc, found.assoc)
        assert_allclose(back.share, found.share, rtol=1e-9)


def test_genetic_is_close_to_the_optimum_on_tiny_slots():
    instance = OFFLOADING.generate("tiny", 0)
    solver = load_solver(discover()["genetic"])(OFFLOADING, instance, seed=0, generations=60)
    slots = slots_of("tiny", 0)
    for t in range(2):
        found = evaluate(slots[t], solver.decide(slots[t]))
        best = OFFLOADING.exact(slots[t], None, "enumeration").objective
        assert found.feasible
        assert best * (1 - 1e-9) <= found.objective <= 1.02 * best


def test_a_search_starts_best_from_the_rule():
    """Of 1000 uniform draws some objectives differ; near the rule's genes most do, and a tenth is better."""
    problem = OFFLOADING
    instance = problem.generate("small", 5)
    slot = problem.slot(instance, 0, problem.start(instance))
    encoding = problem.encodings(instance)["search"]
    rule = problem.heuristics["min-delay"](slot)
    start, rng = encoding.to_unit(encoding.encode(slot, rule)), np.random.default_rng(0)

    def objectives(u):
        return np.round(evaluate(slot, encoding.decode(slot, encoding.from_unit(u))).objective, 9)

    box = objectives(rng.random((1000, encoding.size)))
    near = objectives(start + 0.02 * rng.standard_normal((1000, encoding.size)))
    assert len(np.unique(box)) < 200
    assert len(np.unique(near)) > 800
    assert (near < evaluate(slot, rule).objective).mean() > 0.1
