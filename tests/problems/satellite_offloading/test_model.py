"""The equations by hand, and the laws of the model."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from dtbench.problems.satellite_offloading.model import TOLERANCE, evaluate, in_time

from .hand import OFFLOADING, decision, hand_slot, raw_decisions, slots_of, with_params


def test_hand_example():
    outcome = evaluate(hand_slot(), decision())
    found = {name: float(value) for name, value in outcome.metrics.items()}
    assert_allclose(found["t_up"], 400.0)
    assert_allclose(found["t_inter"], 6.4 + 0.12)
    assert_allclose(found["t_down"], 32.0)
    assert_allclose(found["t_block"], 0.3)
    assert_allclose(found["t_train"], 37.5, rtol=1e-8)
    assert_allclose(found["t_total"], 476.32, rtol=1e-8)
    assert_allclose(found["e_com"], 900.0)
    assert_allclose(found["e_hover"], 142896.0, rtol=1e-8)
    assert_allclose(found["e_uav"], 143796.0, rtol=1e-8)
    assert_allclose(found["e_cmp"], 65200.0)
    assert_allclose(found["e_total"], 208996.0, rtol=1e-8)
    assert found["n_sat_max"] == 2
    assert_allclose(outcome.objective, 0.314576, atol=5e-7)
    assert outcome.feasible
    assert all(value == 0.0 for value in outcome.violations.values())


def test_tables_of_the_hand_example():
    slot = hand_slot()
    assert_allclose(slot.rate, 1e7)
    assert_allclose(slot.work, [[6.25] * 2, [12.5] * 2, [18.75] * 2])
    assert_allclose(slot.power, 6400.0)


def test_delays_of_a_satellite_add_up_as_printed():
    """Satellite 0: 6.25 / 0.4 + 12.5 / 0.6 = 36.458333 s, above the 18.75 / 0.6 = 31.25 s of satellite 1."""
    outcome = evaluate(hand_slot(), decision(share=(0.4, 0.6, 0.6)))
    assert_allclose(outcome.metrics["t_train"], 36.458333, rtol=1e-7)
    parallel = evaluate(hand_slot(train_delay="max"), decision(share=(0.4, 0.6, 0.6)))
    assert_allclose(parallel.metrics["t_train"], 31.25, rtol=1e-7)


def test_other_readings():
    pooled = evaluate(hand_slot(energy_model="pooled"), decision())
    assert_allclose(pooled.metrics["e_cmp"], 150000.0)
    assert_allclose(pooled.objective, 0.361687, atol=5e-7)
    parallel = evaluate(hand_slot(train_delay="max"), decision())
    assert_allclose(parallel.metrics["t_train"], 37.5, rtol=1e-7)


def test_one_satellite_spreads_no_model():
    outcome = evaluate(hand_slot(n_sat=1), decision(assoc=(0, 0, 0), share=(0.2, 0.3, 0.5)))
    assert_allclose(outcome.metrics["t_inter"], 0.0)
    producers = evaluate(hand_slot(n_sat=1, n_producer=4), decision(assoc=(0, 0, 0), share=(0.2, 0.3, 0.5)))
    assert_allclose(producers.metrics["t_inter"], 2 * 0.12)


def test_processors_may_differ():
    """At half the clock: a doubles, alpha f^3 is an eighth; T_block is the slow satellite's."""
    slot = dataclasses.replace(hand_slot(), f_sat=np.array([4e9, 2e9]))
    outcome = evaluate(slot, decision())
    assert_allclose(outcome.metrics["t_train"], 75.0, rtol=1e-7)
    assert_allclose(outcome.metrics["t_block"], 0.6)
    assert_allclose(outcome.metrics["e_cmp"], 6400 * 5.5 + 800 * 37.5 * 0.25)


@pytest.mark.parametrize(
    ("name", "value", "changes"),
    [
        ("channel_integer", 2.0, {"channels": (1, -1, 2)}),
        ("channel_total", 3.0, {"channels": (2, 2, 3)}),
        ("assoc_valid", 2.0, {"assoc": (-1, 2, 1)}),
        ("share_bounds", 0.3, {"share": (-0.1, 0.6, 1.2)}),
        ("share_capacity", 0.25, {"share": (0.5, 0.75, 0.5)}),
    ],
)
def test_violations(name, value, changes):
    outcome = evaluate(hand_slot(), decision(**changes))
    assert_allclose(outcome.violations[name], value)
    assert not outcome.feasible
    assert np.isfinite(outcome.objective)


def test_fractions_of_channels_are_flagged():
    outcome = evaluate(hand_slot(), decision(channels=(1.25, 0.5, 2.0)))
    assert_allclose(outcome.violations["channel_integer"], 0.25 + 0.5 + 0.5)


def test_limits_are_relative():
    outcome = evaluate(hand_slot(deadline=400.0, energy_limit=143796.0 / 1.1), decision())
    assert_allclose(outcome.violations["deadline"], 476.32 / 400.0 - 1.0, rtol=1e-7)
    assert_allclose(outcome.violations["uav_energy"], 0.1, rtol=1e-6)


def test_shares_below_zero_do_not_shorten_the_training():
    """Within the tolerance of share_bounds a share may be negative; a / rho must not be."""
    outcome = evaluate(hand_slot(), decision(share=(0.4, 0.6, -5e-7)))
    assert outcome.violations["share_bounds"] <= 1e-6
    assert not outcome.feasible
    assert outcome.objective > 1e3


@given(st.floats(0.0, 1.0), st.integers(0, 2**32 - 1))
def test_laws_of_the_objective(mu, seed):
    """Affine in mu; E_hover = N P_hover T_total; C7 is C6 again but for E_com."""
    slots = SMALL
    raw = raw_decisions(slots, np.random.default_rng(seed), 1)
    found = evaluate(with_params(slots, mu=mu), raw)
    ends = [evaluate(with_params(slots, mu=end), raw).objective for end in (0.0, 1.0)]
    assert_allclose(found.objective, (1 - mu) * ends[0] + mu * ends[1], rtol=1e-10)
    assert_allclose(found.metrics["e_hover"], 7 * 100.0 * found.metrics["t_total"])
    assert_allclose(found.metrics["e_uav"], found.metrics["e_hover"] + found.metrics["e_com"])


SMALL = slots_of("small")


def test_relabelling_changes_nothing():
    slots, rng = SMALL, np.random.default_rng(1)
    raw = raw_decisions(slots, rng, 4)
    before = evaluate(slots, raw)
    users = rng.permutation(slots.n_uav)
    moved = dataclasses.replace(slots, gain=slots.gain[..., users], data_bits=slots.data_bits[..., users])
    after = evaluate(moved, OFFLOADING.Decision(**{n: v[..., users] for n, _, v in raw.arrays()}))
    assert_allclose(after.objective, before.objective, rtol=1e-12)
    label = np.array([2, 0, 1])
    valid = np.clip(raw.assoc, 0, 2)
    one, other = (evaluate(slots, dataclasses.replace(raw, assoc=a)) for a in (valid, label[valid]))
    for name, value in one.metrics.items():
        assert_allclose(other.metrics[name], value, rtol=1e-12, err_msg=name)


def test_a_batch_equals_its_loop():
    slots = SMALL
    raw = raw_decisions(slots, np.random.default_rng(2), 3)
    whole = evaluate(slots, raw)
    for member, t in np.ndindex(3, 20):
        one = evaluate(slots[t], raw[member, t])
        assert_allclose(one.objective, whole.objective[member, t], rtol=1e-12)
        assert one.feasible == whole.feasible[member, t]


@pytest.mark.parametrize("size", ["small", "paper"])
def test_in_time_is_feasible_of_what_keeps_the_rest(size):
    slots = slots_of(size, 3)
    raw = raw_decisions(slots, np.random.default_rng(3), 40)
    outcome = evaluate(slots, raw)
    late = (outcome.violations["deadline"] > TOLERANCE) | (outcome.violations["uav_energy"] > TOLERANCE)
    assert_array_equal(in_time(slots, raw), ~late)
    assert late.any()
    assert not late.all()
