"""E(S): by hand, against a fine grid and scipy, and the facts about it that bounds lean on."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.convex import Program, price, served
from dtbench.problems.mec_synchronization.model import MecDecision

from .hand import MEC, hand_slot, slots_of

seeds = st.integers(0, 2**32 - 1)


def candidates(seed, size="tiny", **overrides):
    slots = slots_of(size, seed, **overrides)
    slot = slots[seed % slots.batch_shape[0]]
    return slot, Candidates.of(slot, slot.host)


def subset(found, seed, probability=0.7):
    return found.valid & (np.random.default_rng(seed).random(found.count) < probability)


def test_hand_example():
    slot = hand_slot()
    found = Candidates.of(slot, slot.host)
    both = price(found, found.valid)
    assert_allclose(both.power, [6.031199e-3, 1.090551e-2], rtol=1e-6)
    assert_allclose(both.time, [0.0128, 0.01096], rtol=1e-6)
    assert_allclose([both.lower, both.upper], 2 * 0.983619, rtol=1e-6)
    printed = hand_slot(interference="printed")
    assert_allclose(
        price(Candidates.of(printed, printed.host), found.valid).power, [6.406401e-3, 1.201301e-2], rtol=1e-6
    )


def test_one_user_by_hand():
    """Alone: p = gamma(tau - D C / F) sigma^2 / g, with the whole server."""
    slot = hand_slot()
    found = Candidates.of(slot, slot.host)
    alone = price(found, np.array([True, False]))
    power = (2.0 ** (20000.0 / (10e6 * 0.0128)) - 1.0) * 1e-9 / 2e-8
    assert_allclose(alone.upper, power * 0.0128 / 1e-4, rtol=1e-7)
    assert_allclose(found.alone()[0], power * 0.0128 / 1e-4, rtol=1e-12)


def test_two_users_of_one_server_against_a_fine_grid():
    """The split of the processor that least energy wants, by trying 4000 of them."""
    slot = hand_slot(host=(0, 0))
    found = Candidates.of(slot, slot.host)
    found = dataclasses.replace(found, remote=np.array([False, False]))  # no wire, one variable
    both = price(found, found.valid)
    part = np.linspace(0.02, 0.98, 4001)[:, None] * np.array([1.0, -1.0]) + np.array([0.0, 1.0])
    time = found.deadline - found.work / (10e9 * part)
    power, possible = found.rows((4001,)).least(np.broadcast_to(found.valid, part.shape), time)
    energy = np.where(possible, found.energy(power, time), np.inf)
    assert_allclose(both.upper, energy.min(), rtol=1e-6)
    assert both.lower <= energy.min()


@pytest.mark.parametrize("seed", range(12))
def test_scipy_finds_nothing_better(seed):
    """SLSQP over uplink and wire times, with least powers inside; within 1e-5 where it converges."""
    _, found = candidates(seed, "small", interference="physical" if seed % 2 else "printed")
    member = subset(found, seed, 0.6)
    priced = price(found, member)
    if not (member.any() and np.isfinite(priced.upper)):
        return
    program = Program(found, member)
    n, remote = program.n, program.remote

    def times(x):
        time, wire = np.zeros(found.count), np.zeros(n)
        time[program.part], wire[remote] = np.exp(x[:n]), np.exp(x[n:])
        return time, wire

    def energy(x):
        power, possible = found.least(member, times(x)[0])
        return float(found.energy(power, times(x)[0])) if possible else 1e3

    def room(x):
        time, wire = times(x)
        left = program.deadline - time[program.part] - wire
        left = np.maximum(left, 1e-6)
        return np.concatenate(
            [
                1.0 - program.on_server @ (program.work / left),
                1.0 - program.on_link @ (program.wire / np.maximum(wire, 1e-9))[remote],
            ]
        )

    start = np.log(np.concatenate([priced.time[program.part] * 0.98, priced.wire_time[program.part][remote]]))
    found_by_scipy = minimize(energy, start, constraints={"type": "ineq", "fun": room}, method="SLSQP", tol=1e-10)
    assert energy(start) >= priced.lower
    if found_by_scipy.success and room(found_by_scipy.x).min() > -1e-9:
        assert found_by_scipy.fun >= priced.lower * (1 - 1e-9)


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_lower_is_below_upper_and_the_decision_is_in_time(seed):
    slot, found = candidates(seed, "small", interference="physical" if seed % 2 else "printed")
    priced = price(found, subset(found, seed))
    assert priced.lower <= priced.upper
    if np.isfinite(priced.upper) and priced.member.any():
        assert priced.upper - priced.lower <= 1e-6 * priced.upper
        decision = found.decision(slot, slot.host, priced.member, priced.power, *served(found, priced))
        outcome = MEC.evaluate(slot, decision)
        assert outcome.feasible
        assert_allclose(outcome.metrics["energy"].sum() / 1e-4, priced.upper, rtol=1e-6)
        assert not outcome.metrics["failed"][found.user[priced.member]].any()


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_monotone_and_superadditive(seed):
    _, found = candidates(seed, "small")
    one = subset(found, seed)
    other = subset(found, seed + 1) & ~one
    first, second, union = (price(found, member) for member in (one, other, one | other))
    assert first.lower + second.lower <= union.upper * (1 + 1e-7)
    if np.isinf(first.lower):
        assert np.isinf(union.lower)


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_supermodular_at_fixed_times(seed):
    """E_t(S + k) - E_t(S) grows with S, for random times."""
    _, found = candidates(seed, "small")
    rng = np.random.default_rng(seed)
    time = found.longest * rng.uniform(0.8, 1.0, found.count)
    small = subset(found, seed, 0.3)
    large = small | subset(found, seed + 1, 0.3)
    k = np.zeros(found.count, dtype=bool)
    k[rng.integers(found.count)] = True
    if (large & k).any() or not (found.valid & k).any():
        return
    sets = (small, small | k, large, large | k)
    power, possible = zip(*(found.least(member, time) for member in sets), strict=True)
    if all(possible):
        energy = [found.energy(p, time) for p in power]
        assert energy[3] - energy[2] >= (energy[1] - energy[0]) * (1 - 1e-9)


def test_printed_mode_has_a_closed_form():
    """theta_k = gamma / (1 + gamma), S = sigma^2 Theta / (1 - Theta), p_k g_k = theta_k (S + sigma^2)."""
    _, found = candidates(3, "small", interference="printed")
    member = subset(found, 0, 0.5)
    time = np.where(member, found.longest, 0.0)
    power, possible = found.least(member, time)
    theta = np.where(member, 1.0 - 1.0 / (1.0 + np.where(member, found.gamma(np.where(member, time, 1.0)), 0.0)), 0.0)
    assert possible
    total = 1e-9 * theta.sum() / (1.0 - theta.sum())
    assert_allclose(power * found.gain, theta * (total + 1e-9), rtol=1e-9)


def test_least_powers_need_all_of_their_time():
    slot, found = candidates(5, "small")
    member = subset(found, 1, 0.5)
    cpu, wire = found.shares(member, np.ones(found.count), np.ones(found.count))
    time = found.uplink(member, cpu, wire)
    power, possible = found.least(member, time)
    assert possible
    decision = found.decision(slot, slot.host, member, power, wire, cpu)
    outcome = MEC.evaluate(slot, decision)
    served_users = found.user[member]
    assert_allclose(outcome.metrics["uplink"][served_users], time[member], rtol=1e-9)
    quieter = MecDecision(power=decision.power * 0.999, wire=decision.wire, cpu=decision.cpu, host=decision.host)
    assert MEC.evaluate(slot, quieter).metrics["failed"][served_users].any()


def test_out_of_reach_is_said():
    slot = hand_slot(p_max=1e-4)
    found = Candidates.of(slot, slot.host)
    assert np.isinf(found.alone()).all()
    assert np.isinf(price(found, found.valid).lower)
    crowd = hand_slot(f_max=2.0e9)  # 12 and 10.4 Mcycle in less than 14 and 12 ms on 2 GHz each: alone yes
    found = Candidates.of(crowd, np.array([0, 1]))
    assert np.isfinite(price(found, np.array([True, False])).upper)
    together = dataclasses.replace(crowd, host=np.array([0, 0]))
    found = Candidates.of(together, together.host)
    assert np.isinf(price(found, found.valid).lower)
