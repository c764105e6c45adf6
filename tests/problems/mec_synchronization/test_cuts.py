"""Outer approximation: the same optimum as the search, tangents that cut nothing off, bounds at any time."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dtbench.core import Limits
from dtbench.exact.highs import solve_highs
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.cuts import Master, Surfaces, price

from .hand import MEC, hand_slot, slots_of

TIGHT = Limits(gap=1e-7)


def surfaces(slot):
    candidates = Candidates.of(slot, slot.host)
    part = np.flatnonzero(candidates.valid & np.isfinite(candidates.alone()))
    return Surfaces(candidates, part)


@pytest.mark.parametrize("options", [{}, {"interference": "printed"}, {"eta": 0.05}, {"p_max": 0.02}, {"arrival": 1.0}])
def test_agrees_with_the_search(options):
    """Tiny slots with all, some and hardly any users served."""
    slots = slots_of("tiny", 301, **options)
    for slot in (slots[t] for t in range(6)):
        search, cuts = (MEC.exact(slot, TIGHT, method) for method in ("search", "cuts"))
        assert cuts.status == search.status == "optimal"
        assert_allclose(cuts.objective, search.objective, rtol=1e-6)
        assert cuts.bound <= search.objective * (1 + 1e-7)


def test_hand_example():
    certificate = MEC.exact(hand_slot(), TIGHT, "cuts")
    assert_allclose(certificate.objective, 0.983619, atol=5e-7)
    assert certificate.backend.startswith("HiGHS")


def test_tangents_lie_below():
    """All functions are convex: value + gradient (x' - x) <= value at x', at random pairs of points."""
    on, rng = surfaces(slots_of("small", 300)[0]), np.random.default_rng(0)
    for _ in range(200):
        a, b = (on.low + rng.random(on.low.shape) * (on.high - on.low) for _ in range(2))
        (radio, by_pi, by_y), step = on.radio(a), b - a
        assert (radio + by_pi @ step[0] + by_y * step[1] <= on.radio(b)[0] + 1e-9).all()
        share, share_y, share_r = on.processor(a)
        assert (share + share_y * step[1] + share_r * step[2] <= on.processor(b)[0] * (1 + 1e-9)).all()
        assert (on.wires(a) * (1.0 - step[2]) <= on.wires(b) + 1e-12).all()


def test_gradients_are_differences():
    on, rng = surfaces(slots_of("small", 300)[1]), np.random.default_rng(1)
    x, eps = on.low + rng.uniform(0.2, 0.8, on.low.shape) * (on.high - on.low), 1e-6
    _, by_pi, by_y = on.radio(x)
    _, share_y, share_r = on.processor(x)
    for j in range(on.n):
        up, down = x.copy(), x.copy()
        up[0, j], down[0, j] = x[0, j] + eps, x[0, j] - eps
        assert_allclose((on.radio(up)[0] - on.radio(down)[0]) / (2 * eps), by_pi[:, j], atol=1e-6)
    for row, slope in ((1, share_y), (2, share_r)):
        step = np.zeros_like(x)
        step[row] = eps
        assert_allclose(
            (on.processor(x + step)[0] - on.processor(x - step)[0]) / (2 * eps), slope, rtol=1e-4, atol=1e-6
        )
    step = np.zeros_like(x)
    step[1] = eps
    assert_allclose((on.radio(x + step)[0] - on.radio(x - step)[0]) / (2 * eps), by_y, rtol=1e-5)


def test_a_set_that_cannot_be_served_is_cut_off():
    """Users who disturb each other too much: tangents at the point of least violation exclude the set."""
    slots, excluded = slots_of("tiny", 302, arrival=1.0, p_max=0.004), 0
    for slot in (slots[t] for t in range(slots.batch_shape[0])):
        on = surfaces(slot)
        if on.n < 2:
            continue
        everybody = np.ones(on.n, dtype=bool)
        x, served = price(on, everybody, 0.5 * (on.low + on.high), np.inf)
        if served:
            continue
        worst = max(on.radio(x)[0].max(), *(on.processor(x)[0][on.server == s].sum() - 1.0 for s in set(on.server)))
        assert worst > 0.0
        excluded += 1
        master = Master(on, np.full(on.n, 1e3))
        for _ in range(30):
            result = solve_highs(master.model(), Limits(gap=1e-6))
            if not (result.x[master.s] > 0.5).all():
                break
            master.tangents(master.point(result.x))
            master.tangents(price(on, everybody, master.point(result.x), np.inf)[0])
        assert not (result.x[master.s] > 0.5).all()
    assert excluded


def test_a_bound_at_any_time():
    slot = slots_of("small", 303)[0]
    best = MEC.exact(slot, TIGHT).objective
    for seconds in (0.0, 0.05, 0.5):
        found = MEC.exact(slot, Limits(seconds=seconds, gap=1e-7), "cuts")
        assert found.bound <= best * (1 + 1e-7)
        assert found.objective >= best * (1 - 1e-7)


def test_nobody_asks():
    slot = slots_of("tiny", 304)[0]
    silent = dataclasses.replace(slot, request=np.zeros_like(slot.request))
    found = MEC.exact(silent, TIGHT, "cuts")
    assert found.status == "optimal"
    assert found.objective == 0.0
