import numpy as np

from .scripts import script

reliability = script("studies", "reliability")


def test_the_second_half_of_silence():
    """Who never sends fails whenever it asks, spends nothing, and its queue grows by failures less eps."""
    closed = reliability.MEC.generate("closed-tiny", 20_000)
    told = reliability.second_half(closed, reliability.MEC.heuristics["silent"])
    half = closed.request[closed.horizon // 2 :]
    np.testing.assert_allclose(told["failure_ratio"], half.mean())
    np.testing.assert_allclose(told["worst"], half.mean(axis=0).max())
    assert told["energy"] == 0.0
    assert told["growth"] > 0.0


def test_a_rule_keeps_its_twins_at_the_nearest_server():
    closed = reliability.MEC.generate("closed-tiny", 20_001)
    told = reliability.second_half(closed, reliability.method("greedy", 0, closed))
    assert 0.0 <= told["failure_ratio"] <= 1.0
    assert told["energy"] > 0.0
