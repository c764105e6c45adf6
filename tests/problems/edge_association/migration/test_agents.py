"""Scores to decisions, and what servers see."""

import dataclasses

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.problems.edge_association.migration.agents import features, spectral_efficiency
from dtbench.problems.edge_association.migration.model import MigrationDecision

from .hand import MIGRATION, hand_slot, random_slots

TINY = MIGRATION.generate("tiny", 0)


def hand_encoding(name):
    return MIGRATION.encodings(MIGRATION.generate("tiny", 0, n_users=3, n_bs=2))[name]


def test_spaces():
    """Three servers score four users; or four users choose among three servers."""
    agents, search = (MIGRATION.encodings(TINY)[name] for name in ("agents", "search"))
    assert agents.agents == ("server_0", "server_1", "server_2")
    assert (agents.size, agents.categorical, agents.groups[0].observation) == (12, False, 48)
    assert (search.size, search.categorical, tuple(search.high)) == (4, True, (2, 2, 2, 2))


def test_decode_by_hand():
    """Server 0 scores (0.1, 0.9, 0.2), server 1 (0.3, 0.8, 0.7): users want (1, 0, 1), which is feasible."""
    x = np.array([0.1, 0.9, 0.2, 0.3, 0.8, 0.7])
    assert_array_equal(hand_encoding("agents").decode(hand_slot(), x).assoc, [1, 0, 1])


def test_decode_repairs_by_score():
    """All want server 1, which keeps the first two; an inadmissible server is not wanted, however high its score."""
    decode = hand_encoding("agents").decode
    assert_array_equal(decode(hand_slot(), np.array([0.0, 0.0, 0.0, 0.1, 0.1, 0.1])).assoc, [1, 1, 0])
    late = hand_slot(deadline=(0.6, 0.6, 0.4))
    assert_array_equal(decode(late, np.array([-1.0, -1.0, 0.0, 1.0, 1.0, -1.0])).assoc, [1, 0, 0])


def test_second_pass_follows_scores():
    """User 3 finds its server 0 full and takes the free one it has the higher score for, 2, not the faster."""
    instance = MIGRATION.generate("tiny", 0)
    slot = MIGRATION.slot(instance, 0, MIGRATION.start(instance))
    slot = dataclasses.replace(slot, deadline=np.full(4, 1e3), cap=np.array([3, 2, 2]))
    for worst, best in ((1, 2), (2, 1)):
        score = np.zeros((3, 4))
        score[0] = 1.0
        score[worst, 3], score[best, 3] = -0.5, 0.5
        assert_array_equal(MIGRATION.encodings(instance)["agents"].decode(slot, score.ravel()).assoc, [0, 0, 0, best])


def test_encode_inverts_decode_on_feasible_decisions():
    slots, wish = random_slots(4)
    decision = MIGRATION.repair(slots, wish)
    for encoding in MIGRATION.encodings(TINY).values():
        x = encoding.encode(slots, decision)
        assert x.shape == (4, encoding.size)
        assert_array_equal(encoding.decode(slots, x).assoc, decision.assoc)


def test_features_by_hand():
    """Server 1 on user 0: T/tau - 1 = 0.4375/0.6 - 1; it holds the twin; the user came nearer by a little of 200 m."""
    slot = hand_slot()
    phi = features(slot)
    assert phi.shape == (2, 3, 12)
    far, before = np.hypot(570.0, 40.0), np.hypot(570.0, 20.0)
    wanted = [
        0.4375 / 0.6 - 1, 0.0, 1.0, 1.0, far / (1500 * np.sqrt(2)), (far - before) / 200, 5.0 / 16, 10 / 25, 0.3,
        30 * 2 / 16e9 * 1e8 / 2, 2 / 3, 1 / 2,
    ]  # fmt: skip
    assert_allclose(phi[1, 0], wanted)
    assert_allclose(phi[0, 0, 1:4], [0.3 / 0.6, 0.0, 1.0])


def test_spectral_efficiency_of_a_shared_band():
    """User 0 and 1 share 20 MHz: 100 Mbit/s in 10 MHz are 10 bit/s/Hz, 5 if the band is the user's own."""
    assert_allclose(spectral_efficiency(hand_slot()), [5.0, 2.5, 10.0])
    assert_allclose(spectral_efficiency(hand_slot(bandwidth_mode="shared")), [10.0, 5.0, 10.0])


def test_observation():
    """Shapes and types; users stand still before the first slot; a batch is a loop."""
    slots, _ = random_slots(2)
    seen = MIGRATION.observe(slots)
    assert seen.agents["server"].shape == (4, 3, 48)
    assert seen.agents["server"].dtype == seen.state.dtype == np.float32
    assert seen.state.shape == (4, 144)
    assert_array_equal(seen.masks["user"], slots.admissible)
    assert np.abs(seen.state).max() <= 5.0
    first = MIGRATION.observe(MIGRATION.slot(TINY, 0, MIGRATION.start(TINY)))
    assert_array_equal(first.agents["server"].reshape(3, 4, 12)[..., 5], 0.0)
    for t in range(4):
        assert_array_equal(MIGRATION.observe(slots[t]).agents["server"], seen.agents["server"][t])


def test_the_state_couples_slots():
    """Where the twins were changes what a decision is worth."""
    decision = MigrationDecision(assoc=np.array([1, 0, 1]))
    one, other = (MIGRATION.evaluate(hand_slot(prev=prev), decision).objective for prev in ((1, 0, 1), (0, 0, 1)))
    assert one > other
