"""Equations by hand, then laws."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.problems.mec_synchronization.model import MecDecision, interference, sums, transmit

from .hand import MEC, hand_decision, hand_slot, random_decision, slots_of

seeds = st.integers(0, 2**32 - 1)
CLOSED = ("closed-tiny", "tiny")


def test_optimum_by_hand():
    """Uplinks of 12.8 and 10.96 ms, J = (0.7719934 + 1.195244) / 2, latencies exactly tau, nobody fails."""
    outcome = MEC.evaluate(hand_slot(), hand_decision())
    assert outcome.feasible
    assert_allclose(outcome.objective, 0.983619, atol=5e-7)
    assert_allclose(outcome.metrics["sinr"], [0.114387, 0.106486], atol=5e-7)
    assert_allclose(outcome.metrics["rate"], [1.562500e6, 1.459854e6], rtol=5e-7)
    assert_allclose(outcome.metrics["energy"], [7.719934e-5, 1.195244e-4], rtol=5e-7)
    assert_allclose(outcome.metrics["uplink"], [0.0128, 0.01096], rtol=5e-7)
    assert_allclose(outcome.metrics["compute"], [1.2e-3, 1.04e-3])
    assert_allclose(outcome.metrics["xi"], -1.016381, atol=5e-7)
    assert not outcome.metrics["failed"].any()
    assert set(outcome.violations) == {
        "power", "idle_power", "cpu", "link", "idle_share", "host_range", "host_frozen"
    }  # fmt: skip


def test_silence_by_hand():
    """Two failures of weight 10 among two users: J = 10; no energy."""
    outcome = MEC.evaluate(hand_slot(), hand_decision(power=(0.0, 0.0), cpu=(0.0, 0.0)))
    assert outcome.feasible
    assert outcome.objective == 10.0
    assert outcome.metrics["mean_energy"] == 0.0
    assert outcome.metrics["failures"] == 2


def test_printed_interference_by_hand():
    """S = sum of p_i g_{i,m(i)} = 2.482580e-10 W; the least powers are larger than in the physical mode."""
    slot = hand_slot(interference="printed")
    power = np.array([6.406401e-3, 1.201301e-2])
    assert_allclose((power * [2e-8, 1e-8]).sum(), 2.482580e-10, rtol=5e-7)
    outcome = MEC.evaluate(slot, hand_decision(power=power))
    assert_allclose(outcome.metrics["energy"], [8.200194e-5, 1.316625e-4], rtol=5e-7)
    assert_allclose(interference(slot, power), [power[1] * 1e-8, power[0] * 2e-8])


def test_a_remote_twin_crosses_a_wire_by_hand():
    """20 kbit at 10 Mbit/s: 2 ms more; both twins on server 1, half of 10 GHz each: 2.4 and 2.08 ms."""
    slot = hand_slot(host=(1, 1))
    outcome = MEC.evaluate(slot, hand_decision(wire=(10e6, 0.0), cpu=(5e9, 5e9), host=(1, 1)))
    assert outcome.feasible
    assert_allclose(outcome.metrics["wired"], [2e-3, 0.0])
    assert_allclose(outcome.metrics["compute"], [2.4e-3, 2.08e-3])
    assert outcome.metrics["failed"].all()
    over = MEC.evaluate(slot, hand_decision(wire=(11e6, 0.0), cpu=(10e9, 5e9), host=(1, 1)))
    assert_allclose([over.violations["link"], over.violations["cpu"]], [0.1, 0.5])


def test_violations_by_hand():
    """P_max = 0.5 W: 0.6 W is 0.2 too much, -0.1 W too; a user without request must be silent and idle."""
    slot = hand_slot(request=(True, False))
    outcome = MEC.evaluate(slot, hand_decision(power=(0.6, 0.05), wire=(1e6, 0.0), cpu=(4e9, 2e9)))
    expected = {"power": 0.2, "idle_power": 0.1, "cpu": 0.0, "link": 0.0, "idle_share": 0.3, "host_range": 0}
    for name, value in expected.items():
        assert_allclose(outcome.violations[name], value, atol=1e-12, err_msg=name)
    assert not outcome.feasible
    assert_allclose(MEC.evaluate(hand_slot(), hand_decision(power=(-0.1, 0.0))).violations["power"], 0.2)
    moved = MEC.evaluate(hand_slot(), hand_decision(host=(1, 2)))
    assert (moved.violations["host_range"], moved.violations["host_frozen"]) == (1, 2)


def test_no_number_is_infeasible_and_repaired_to_nothing():
    slot = hand_slot()
    bad = hand_decision(power=(np.nan, 0.01), wire=(0.0, np.inf))
    assert not MEC.evaluate(slot, bad).feasible
    mended = MEC.repair(slot, bad)
    assert_array_equal(mended.power, [0.0, 0.01])
    assert MEC.evaluate(slot, mended).feasible


@pytest.mark.parametrize(("cap", "energy"), [(True, 0.0), (False, 0.0)])
def test_silence_costs_no_energy_with_or_without_the_stop(cap, energy):
    slot = hand_slot(energy_cap=cap)
    assert MEC.evaluate(slot, hand_decision(power=(0.0, 0.0))).metrics["mean_energy"] == energy


def test_energy_of_a_faint_transmission_by_hand():
    """Without the stop, p -> 0 costs D ln2 sigma^2 / (B g) = 20000 * 0.693147 * 1e-9 / (1e7 * 2e-8) = 6.93e-5 J."""
    faint = hand_decision(power=(1e-14, 0.0))
    assert_allclose(MEC.evaluate(hand_slot(energy_cap=False), faint).metrics["energy"], [6.931472e-5, 0.0], rtol=1e-6)
    assert_allclose(MEC.evaluate(hand_slot(), faint).metrics["energy"], [1e-14 * 0.05, 0.0])


def test_the_two_energies_agree_for_successes():
    for cap in (True, False):
        outcome = MEC.evaluate(hand_slot(energy_cap=cap), hand_decision())
        assert_allclose(outcome.objective, 0.983619, atol=5e-7)


def test_queue_and_migration_by_hand():
    """Frames of 100 slots: a move takes 3 slots, its request fails; Y = 10 + 1 - 0.2, or 10 - 0.2."""
    slot = hand_slot(protocol="closed")
    outcome = MEC.evaluate(slot, hand_decision(host=(1, 1), power=(0.0, 1.1e-2), cpu=(0.0, 10e9)))
    assert outcome.feasible
    assert_array_equal(outcome.metrics["failed"], [True, False])
    assert outcome.metrics["migrations"] == 1
    state = MEC.advance(slot, hand_decision(host=(1, 1), power=(0.0, 1.1e-2), cpu=(0.0, 10e9)))
    assert_allclose(state.queue, [10.8, 9.8])
    assert_array_equal(state.moving, [2, 0])
    assert_array_equal(state.host, [1, 1])
    assert_array_equal(state.queue_frame, [10.0, 10.0])


def test_a_moving_twin_is_not_served_and_hosts_are_frozen_within_a_frame():
    slot = hand_slot(protocol="closed", start=False, moving=(1, 0))
    outcome = MEC.evaluate(slot, hand_decision(power=(0.0, 1.2e-2), cpu=(0.0, 10e9)))
    assert outcome.feasible
    assert_array_equal(outcome.metrics["failed"], [True, False])
    assert MEC.evaluate(slot, hand_decision(host=(1, 1))).violations["host_frozen"] == 1
    assert_array_equal(MEC.repair(slot, hand_decision(host=(1, 1))).host, [0, 1])


def test_without_migration_time_nothing_is_lost():
    slot = hand_slot(protocol="closed", mig_slots=0)
    moved = hand_decision(host=(1, 1), power=(0.5, 0.2), wire=(10e6, 0.0), cpu=(5e9, 5e9))
    assert not MEC.evaluate(slot, moved).metrics["failed"].any()


def test_queue_modes_agree_in_the_first_slot_of_a_frame():
    instance = MEC.generate("closed-small", 3, queue="live")
    frozen = dataclasses.replace(instance, params=instance.params.replace({"queue": "frame"}))
    for each in (instance, frozen):
        state = MEC.start(each)
        slot = MEC.slot(each, 0, state)
        assert_allclose(slot.weight, slot.queue)
    live = MEC.slot(instance, 1, dataclasses.replace(MEC.start(instance), queue=np.ones(12)))
    kept = MEC.slot(frozen, 1, dataclasses.replace(MEC.start(frozen), queue=np.ones(12)))
    assert_array_equal(live.weight, np.ones(12))
    assert_array_equal(kept.weight, instance.y_ref[0])


def test_frames_of_the_reference_protocol():
    """Slots 0..19 have the first frame's queues and hosts, 20..39 the second's, whatever the state."""
    instance = MEC.generate("small", 0)
    state = MEC.start(instance)
    for t in (0, 19, 20, 39):
        slot = MEC.slot(instance, t, state)
        assert_array_equal(slot.queue, instance.y_ref[t // 20])
        assert_array_equal(slot.host, instance.host_ref[t // 20])
        assert slot.frame_start == (t % 20 == 0)
        assert_allclose(slot.phase, t % 20 / 20)
        assert not slot.hosts_open


def test_rates_fall_when_others_speak_up():
    for mode in ("physical", "printed"):
        slots = slots_of("small", 1, interference=mode)
        decision = MEC.repair(slots, random_decision(slots, 0))
        louder = dataclasses.replace(decision, power=decision.power * (1.0 + 0.1 * (np.arange(12) == 3)))
        before, after = transmit(slots, decision).rate, transmit(slots, louder).rate
        others = np.arange(12) != 3
        assert (after[:, others] <= before[:, others] * (1 + 1e-12)).all()
        assert (after[:, 3] >= before[:, 3] * (1 - 1e-12)).all()


def test_sums_by_hand():
    assert_array_equal(sums(np.array([[1.0, 2.0, 4.0]]), np.array([[1, 1, 0], [2, 2, 2]]), 3), [[4, 3, 0], [0, 0, 7]])


@pytest.mark.parametrize("size", CLOSED)
@given(seed=seeds)
@settings(max_examples=15, deadline=None)
def test_repair_is_feasible_idempotent_and_keeps_feasible_decisions(size, seed):
    slots = slots_of(size, seed)
    raw = random_decision(slots, seed)
    once = MEC.repair(slots, raw)
    assert MEC.evaluate(slots, once).feasible.all()
    twice = MEC.repair(slots, once)
    for name, _, value in once.arrays():
        assert_array_equal(getattr(twice, name), value)
    assert (once.power <= np.maximum(raw.power, 0.0)).all()  # never up
    assert (once.cpu <= np.maximum(raw.cpu, 0.0)).all()
    assert (once.wire <= np.maximum(raw.wire, 0.0)).all()


@pytest.mark.parametrize("size", CLOSED)
@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_batch_equals_loop(size, seed):
    slots = slots_of(size, seed)
    raw = random_decision(slots, seed)
    mended = MEC.repair(slots, raw)
    verdict, after = MEC.evaluate(slots, mended), MEC.advance(slots, mended)
    for t in range(slots.batch_shape[0]):
        slot = slots[t]
        for name, _, value in MEC.repair(slot, raw[t]).arrays():
            assert_allclose(value, getattr(mended, name)[t], rtol=1e-12, err_msg=name)
        alone = MEC.evaluate(slot, mended[t])
        assert_allclose(alone.objective, verdict.objective[t], rtol=1e-12)
        for name, value in alone.metrics.items():
            assert_allclose(value, verdict.metrics[name][t], rtol=1e-9, err_msg=name)
        for name, _, value in MEC.advance(slot, mended[t]).arrays():
            assert_allclose(value, getattr(after, name)[t], rtol=1e-12, err_msg=name)


def test_a_batch_of_instances_walks_like_each_of_them():
    """Closed loops of three traces, states too."""
    instance = MEC.generate("closed-tiny", 0)
    batch = MEC.resample(instance, np.random.default_rng(0), (3,))
    together, alone = MEC.start(batch), [MEC.start(batch[b]) for b in range(3)]
    for t in range(batch.horizon):
        slot = MEC.slot(batch, t, together)
        raw = random_decision(slot, t)
        decision = MEC.repair(slot, raw)
        together = MEC.advance(slot, decision)
        for b in range(3):
            single = MEC.slot(batch[b], t, alone[b])
            alone[b] = MEC.advance(single, MEC.repair(single, raw[b]))
            for name, _, value in alone[b].arrays():
                assert_allclose(getattr(together, name)[b], value, rtol=1e-12, err_msg=name)


def test_inputs_are_left_alone():
    slots = slots_of("closed-tiny", 0)
    raw = random_decision(slots, 0)
    for _, _, value in [*raw.arrays(), *slots.arrays()]:
        np.asarray(value).flags.writeable = False
    MEC.advance(slots, MEC.repair(slots, raw))


def test_decisions_of_another_shape_broadcast():
    slot = slots_of("tiny", 0)[2]
    population = random_decision(slots_of("tiny", 0), 3)
    assert MEC.evaluate(slot, population).objective.shape == (10,)
    assert isinstance(MEC.repair(slot, population), MecDecision)
