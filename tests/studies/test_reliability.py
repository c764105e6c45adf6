import numpy as np

from dtbench.learning import cache

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


def test_a_centre_places_the_twins_of_its_agents(tmp_path, monkeypatch):
    """A short training in the closed loop; hosts are its centre's at the start of a frame, and stay in between."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path))
    options = {"episodes": 2, "parallel": 1, "traces": 1, "validate_every": 2}
    closed = reliability.MEC.generate("closed-tiny", 20_000)
    decide = reliability.method("mappo", 0, closed, centre=True, size="closed-tiny", **options)
    state, hosts = reliability.MEC.start(closed), []
    for t in range(closed.horizon):
        slot = reliability.MEC.slot(closed, t, state)
        decision = decide(slot)
        assert reliability.MEC.evaluate(slot, decision).feasible
        state = reliability.MEC.advance(slot, decision)
        hosts.append(decision.host)
    frame = closed.params.frame_slots
    assert all(np.array_equal(host, hosts[t - t % frame]) for t, host in enumerate(hosts))
    assert not np.array_equal(hosts[0], closed.host_ref[0])
