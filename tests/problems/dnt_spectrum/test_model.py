"""The equations: the hand example, the reference rates of the definition, and the referee's laws."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.problems.dnt_spectrum.model import DntDecision

from .hand import DNT, hand_slot, links, make_slot, mirrored, mirrored_links, random_slot


@pytest.mark.parametrize(
    ("decision", "rates", "delay", "objective"),
    [
        (links([0, 1], [0, 0], [-1, -1]), [6.246610, 3.644367], [0, 0], 0.597744),
        (links([0, -1], [0, -1], [-1, 0]), [6.246610, 0], [0, 0.828814], 1.186652),
        (links([-1, -1], [-1, -1], [0, 0]), [0, 0], [0.828814, 0.828814], 0.0),
        (links([-1, -1], [-1, -1], [-1, -1]), [0, 0], [0, 0], -0.375 * 5),
    ],
)
def test_hand_example(decision, rates, delay, objective):
    """Gains 1/100 and 1/1000 against 1/8100 and 1/13000 (100 and 31.6 m; 90 and 114 m), cloud 1/5000; w = 0.375."""
    outcome = DNT.evaluate(hand_slot(), decision)
    assert_allclose(outcome.metrics["rates"], rates, atol=1e-6)
    assert_allclose(outcome.metrics["upload_delay"], delay, atol=1e-6)
    assert_allclose(outcome.objective, objective, atol=1e-6)
    assert outcome.feasible


def test_metrics_by_hand():
    metrics = DNT.evaluate(hand_slot(), links([0, -1], [0, -1], [-1, 0])).metrics
    assert_allclose([metrics["rate_sum"], metrics["rate_mean"]], [6.246610, 3.123305], atol=1e-6)
    assert (metrics["sync_error"], metrics["n_uploads"], metrics["n_served"]) == (0.5, 1, 1)
    assert_array_equal(metrics["claims"], [[True, False], [False, False]])


@pytest.mark.parametrize(
    ("up", "active", "expected"),
    [
        (0, [], 3.169925),
        (1, [], 5.357552),
        (0, [2], 0.917538),
        (0, [1], 0.257158),
        (1, [0], 2.444785),
        (1, [0, 2], 1.745427),
    ],
)
def test_cloud_rates(up, active, expected):
    """Upload of a side or the centre base station alone, and with others active on the RB."""
    at = np.array([[-100.0, 10.0], [0.0, 10.0], [100.0, 10.0]])
    slot = make_slot(at, at, n_rb=1, delay_limit=100.0)
    bs = np.array([m if m in active else -1 for m in range(3)])
    upload = np.where(np.arange(3) == up, 0, -1)
    delay = DNT.evaluate(slot, links(bs, np.where(bs >= 0, 0, -1), upload)).metrics["upload_delay"]
    assert_allclose(0.8 / delay[up], expected, atol=1e-6)


def test_printed_interference_by_hand():
    """User 0 hears base station 1 as user 1 does (1/1000); an upload counts U - 1 times at users, U at the cloud."""
    slot = hand_slot(interference="printed", n_rb=2)
    rates = DNT.evaluate(slot, links([0, 1], [0, 0], [-1, -1])).metrics["rates"]
    assert_allclose(rates, np.log2([1 + 0.01 / (0.001 + 1e-5), 1 + 0.001 / (0.01 + 1e-5)]))
    three = make_slot([[-40, 0], [60, 30], [-60, 0]], np.zeros((3, 2)), n_bs=2, n_rb=1, interference="printed")
    outcome = DNT.evaluate(three, links([0, -1, -1], [0, -1, -1], [-1, 0]))
    assert_allclose(outcome.metrics["rates"][0], np.log2(1 + 0.01 / (2 / 8100 + 1e-5)))
    both = DNT.evaluate(three, links([-1] * 3, [-1] * 3, [0, 0]))
    assert_allclose(both.metrics["upload_delay"], 0.8 / np.log2(1 + (1 / 5000) / (3 / 5000 + 1e-5)))
    assert both.violations["upload_delay"] > 0


def test_options_of_gains_by_hand():
    """Exponent 1 gives the paper's printed distance; nobody is nearer than the least distance."""
    instance = DNT.generate("tiny", 0, path_loss_exp=1.0, fading="none", min_distance=20.0)
    length = np.sqrt(((instance.position[:, :, None] - instance.params.bs_xy) ** 2).sum(-1))
    assert_allclose(instance.gain, 1.0 / np.maximum(length, 20.0))


def overlap_slot(**params):
    """User 0 in discs 0 and 1 with e = 4, user 1 in disc 0 only with e = 9."""
    return make_slot([[-50.0, 0.0], [-110.0, 0.0]], [[-52.0, 0.0], [-110.0, 3.0]], n_rb=4, **params)


@pytest.mark.parametrize(
    ("up", "user", "block"), [([-1, -1, -1], 13, 17), ([-1, 0, -1], 9, 13), ([0, -1, -1], 0, 4), ([0, 1, -1], 0, 0)]
)
def test_error_scopes_by_hand(up, user, block):
    """One upload of a user's base stations refreshes it; as blocks, base station 1 still holds its own copy."""
    for scope, expected in (("user", user), ("block", block)):
        slot = overlap_slot(error_scope=scope)
        outcome = DNT.evaluate(slot, links([-1, -1], [-1, -1], up))
        assert_allclose(outcome.metrics["sync_error"], expected / 2)


def test_uncovered_users_count_once_in_blocks():
    slot = make_slot([[0.0, 0.0], [50.0, 50.0]], [[0.0, 1.0], [50.0, 52.0]], confine=False, error_scope="block")
    assert not slot.cover[1].any()
    assert_allclose(DNT.evaluate(slot, links([-1, -1], [-1, -1], [0, 1, 2])).metrics["sync_error"], 4 / 2)


@pytest.mark.parametrize(
    ("decision", "name", "amount"),
    [
        (links([0, 0], [0, 0], [-1, -1]), "one_link_per_rb", 1),
        (links([0, -1], [0, -1], [0, -1]), "one_link_per_rb", 1),
        (links([1, -1], [0, -1], [-1, -1]), "coverage", 1),
        (links([0, -1], [5, -1], [-1, -1]), "index", 1),
        (links([0, 1], [-1, 0], [-1, -1]), "index", 1),
        (links([-2, 7], [0, 0], [3, -4]), "index", 4),
        (links([-1, 1], [-1, 0], [0, -1]), "upload_delay", 0.828814 - 0.5),
    ],
)
def test_each_violation(decision, name, amount):
    outcome = DNT.evaluate(hand_slot(delay_limit=0.5 if name == "upload_delay" else 1.0), decision)
    assert not outcome.feasible
    assert_allclose(outcome.violations[name], amount, atol=1e-6)
    assert all(v == 0 for key, v in outcome.violations.items() if key not in (name, "coverage"))


def test_serve_all_asks_for_every_covered_user():
    outcome = DNT.evaluate(hand_slot(serve_all=True), links([0, -1], [0, -1], [-1, 0]))
    assert (outcome.violations["all_served"], bool(outcome.feasible)) == (1, False)
    assert "all_served" not in DNT.evaluate(hand_slot(), links([0, -1], [0, -1], [-1, 0])).violations


@pytest.mark.parametrize("interference", ["physical", "printed"])
@pytest.mark.parametrize("seed", range(5))
def test_permuting_blocks_changes_nothing(seed, interference):
    slot = random_slot(seed, "paper9", interference=interference)
    rng = np.random.default_rng(seed)
    encoding = DNT.encodings(DNT.generate("paper9", seed))["search"]
    decision = encoding.decode(slot, encoding.sample(rng))
    order = np.append(rng.permutation(9), -1)
    moved = DntDecision.of(decision.bs, order[decision.rb], order[decision.up])
    one, other = DNT.evaluate(slot, decision), DNT.evaluate(slot, moved)
    assert_allclose(other.objective, one.objective)
    assert other.feasible == one.feasible
    assert_allclose(DNT.evaluate(mirrored(slot), mirrored_links(decision)).objective, one.objective)


def test_advance_by_hand():
    """Base station 0 uploads: its user is true, the other keeps its estimate; ages count, hold predicts the last."""
    slot = dataclasses.replace(hand_slot(), age=np.array([3, 4]), elapsed=np.array(6))
    state = DNT.advance(slot, links([-1, -1], [-1, -1], [0, -1]))
    assert_array_equal(state.history[-1], [[-40, 0], [60, 28]])
    assert_array_equal(state.history[:-1], slot.history[1:])
    assert_array_equal(state.estimate, state.history[-1])
    assert_array_equal(state.age, [0, 5])
    assert state.elapsed == 7


def test_drift_moves_the_estimate_and_without_drift_is_hold():
    slot = dataclasses.replace(hand_slot(predictor="drift"), drift=np.array([[0.5, 0.0], [0.0, -1.0]]))
    state = DNT.advance(slot, links([-1, -1], [-1, -1], [0, -1]))
    assert_array_equal(state.estimate, [[-39.5, 0], [60, 27]])
    still = DNT.advance(hand_slot(predictor="drift"), links([-1, -1], [-1, -1], [0, -1]))
    assert_array_equal(still.estimate, still.history[-1])


def test_always_uploading_leaves_no_error():
    instance = DNT.generate("paper", 0)
    state = DNT.start(instance)
    for t in range(5):
        slot = DNT.slot(instance, t, state)
        decision = links([-1] * 12, [-1] * 12, [0, 1, 2])
        outcome = DNT.evaluate(slot, decision)
        assert outcome.feasible
        assert outcome.metrics["sync_error"] == 0.0
        state = DNT.advance(slot, decision)
