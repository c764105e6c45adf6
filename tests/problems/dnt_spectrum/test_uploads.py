"""The encoding ``uploads`` of ``dnt-spectrum``: worths of uploads, completed exactly; who teaches it."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench import referee
from dtbench.core import Limits
from dtbench.problems.dnt_spectrum.uploads import CERTAIN, CUT, decode, encode, observe, teacher, values

from .hand import DNT, hand_slot, links, random_slot


def played(instance, said):
    """The mean objective if ``said(t, slot)`` are the worths."""
    scores = referee.walk(DNT, instance, lambda t, slot: decode(slot, said(t, slot)))[1]
    return float(scores.mean)


def test_worths_by_hand():
    """Two base stations, one RB: the second uploads beside user 0, f = 1.186652; if both upload, f = 0."""
    slot = hand_slot()
    expected = [0.25 * np.log2(1001.0) - 1.875, 0.25 * 3.644367 - 1.5, 1.186652, 0.0]
    assert_allclose(values(slot), expected, rtol=1e-6)
    assert_array_equal(decode(slot, np.zeros(2)).up >= 0, [False, True])
    assert_array_equal(decode(slot, np.array([1.2, 0.0])).up >= 0, [True, True])
    assert_array_equal(decode(slot, np.array([2.0, -4.0])).up >= 0, [True, False])
    assert encode(slot, links([0, -1], [0, -1], [-1, 0])).tolist() == [-CERTAIN, CERTAIN]


@pytest.mark.parametrize(("size", "params"), [("tiny", {}), ("paper", {}), ("tiny", {"n_bs": 4, "n_users": 6})])
@pytest.mark.parametrize("seed", range(3))
def test_without_worths_the_slot_is_solved(size, params, seed):
    """Also with four base stations, where no tables are made."""
    slot = random_slot(seed, size, **params)
    found = DNT.evaluate(slot, decode(slot, np.zeros(slot.n_bs)))
    assert found.feasible
    assert float(found.objective) == pytest.approx(DNT.exact(slot).objective, rel=1e-9)


@pytest.mark.parametrize("params", [{}, {"predictor": "drift"}])
def test_the_optimum_of_a_trace_is_reached(params):
    """By the uploads of its plan, and by the worths of the teacher, in the states that these lead to."""
    instance = DNT.generate("tiny", 90_001, **params)
    best = DNT.exact_horizon(instance)
    assert played(instance, lambda t, slot: encode(slot, best.decision[t])) == pytest.approx(best.objective, rel=1e-9)
    answer = teacher(DNT, instance, Limits())
    assert played(instance, answer) == pytest.approx(best.objective, rel=1e-3)


def test_nothing_is_worth_anything_after_the_last_slot():
    instance = DNT.generate("tiny", 90_002)
    slot = DNT.slot(instance, instance.horizon - 1, DNT.start(instance))
    assert_array_equal(teacher(DNT, instance, Limits())(instance.horizon - 1, slot), 0.0)


def test_without_tables_the_plan_teaches():
    instance = DNT.generate("tiny", 90_003, error_scope="block", horizon=3)
    plan = DNT.exact_horizon(instance).decision
    slot = DNT.slot(instance, 1, DNT.start(instance))
    assert_array_equal(teacher(DNT, instance, Limits())(1, slot), encode(slot, plan[1]))


def test_users_stand_anywhere_in_the_list():
    slot, order = random_slot(7, "paper"), np.random.default_rng(7).permutation(12)
    fields = {n: np.take(v, order, axis=s.dims.index("user")) for n, s, v in slot.arrays() if "user" in s.dims}
    other = dataclasses.replace(slot, **fields)
    layout = DNT.encodings(DNT.generate("paper", 0))["uploads"].layout
    mine, theirs = (layout.split_state(observe(s).state) for s in (slot, other))
    for name in ("station", "whole"):
        assert_allclose(theirs[name], mine[name], rtol=1e-5, atol=1e-6)
    for name in ("user", "pair"):
        assert_allclose(theirs[name], mine[name][order], rtol=1e-5, atol=1e-6)
    x = np.array([0.1, -0.1, 0.3])
    found = [float(DNT.evaluate(s, decode(s, x)).objective) for s in (slot, other)]
    assert found[0] == pytest.approx(found[1], rel=1e-12)


@pytest.mark.parametrize(("size", "params"), [("paper", {}), ("tiny", {"delay_limit": 0.1}), ("large", {"horizon": 2})])
def test_what_is_seen_is_bounded_and_one_by_one(size, params):
    """Also where no upload is possible, and where no tables are made."""
    slots = referee.slots(DNT, DNT.generate(size, 90_004, **params))
    state = observe(slots).state
    assert (np.abs(state) <= CUT).all()
    for t in range(2):
        assert_array_equal(observe(slots[t]).state, state[t])
