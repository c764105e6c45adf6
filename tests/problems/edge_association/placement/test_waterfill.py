"""The split of a processor in finite steps against numeric solvers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import brentq, minimize

from dtbench.problems.edge_association.placement.waterfill import balance, cost, level, toggled


def draw(seed, n, tightness):
    """Floors, sqrt(w) in decreasing order of their quotient, and a processor that the floors fill to ``tightness``."""
    rng = np.random.default_rng(seed)
    root = np.sqrt(rng.uniform(1e8, 1e9, n))
    floor = rng.uniform(0.0, 1e9, n) * (rng.random(n) < 0.7)
    order = np.argsort(-floor / root, kind="stable")
    return floor[order], root[order], max(floor.sum(), 1e8) / tightness


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.floats(0.05, 0.999))
@settings(max_examples=150, deadline=None)
def test_level_solves_the_budget(seed, n, tightness):
    """u is the root of sum max(g, u sqrt(w)) = F, found by bisection."""
    floor, root, cpu = draw(seed, n, tightness)
    u, fits = level(np.ones(n, dtype=bool), floor, root, np.array(cpu))
    assert fits
    expected = brentq(
        lambda v: np.maximum(floor, v * root).sum() - cpu, 0.0, 2.0 * cpu / root.min(), xtol=1e-9, rtol=1e-14
    )
    assert_allclose(np.maximum(floor, u * root), np.maximum(floor, expected * root), rtol=1e-6)
    assert_allclose(np.maximum(floor, u * root).sum(), cpu, rtol=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 4), st.floats(0.05, 1.3))
@settings(max_examples=150, deadline=None)
def test_servers_balanced_together_are_at_the_level_of_each(seed, n, m, tightness):
    """Any batch, servers that nobody uses and floors that do not fit included."""
    rng = np.random.default_rng(seed)
    floor, root, _ = (np.stack(each) for each in zip(*(draw(seed + b, n, 1.0) for b in range(3)), strict=True))
    assoc = rng.integers(0, m, (3, n))
    here = assoc[:, None] == np.arange(m)[:, None]  # (3, m, n): the users stand in the order that level wants
    needed = np.where(here, floor[:, None], 0.0).sum(axis=-1)
    cpu = np.maximum(needed, 1e8) / tightness
    expected, fits = level(here, floor[:, None], root[:, None], cpu)
    u, fit, held = balance(assoc, floor, root, cpu)
    assert_allclose(held, needed, rtol=1e-12)
    assert np.array_equal(fit, fits)
    assert_allclose(u, expected, rtol=1e-9)
    for b in range(3):  # a member of a batch has the same as alone, to the bit
        alone = balance(assoc[b], floor[b], root[b], cpu[b])
        assert all(np.array_equal(one, every[b]) for one, every in zip(alone, (u, fit, held), strict=True))


@pytest.mark.parametrize("tightness", [1.0, 1.0 + 5e-9])
def test_floors_that_use_a_processor_up_leave_a_trace(tightness):
    """Every user is on the floor; one without any gets next to nothing, and nobody gets an infinite share."""
    floor, root = np.array([4.0, 2.0, 0.0]), np.array([1.0, 2.0, 1.0])
    cpu = np.array([6.0 / tightness, 3.0])
    expected, _ = level(np.ones(3, dtype=bool), floor, root, cpu[:1])
    u, fits, held = balance(np.zeros(3, dtype=int), floor, root, cpu)
    assert fits.all()
    assert_allclose(held, [6.0, 0.0])
    assert 0.0 < u[0] < 1e-8
    assert_allclose(u[0], expected[0])
    assert np.isinf(u[1])


@pytest.mark.parametrize("seed", range(15))
def test_cost_is_the_optimum_of_a_convex_solver(seed):
    floor, root, cpu = draw(seed, 5, 0.6)
    value, fits = cost(np.ones(5, dtype=bool), floor, root, np.array(cpu))
    assert fits
    low = floor / cpu
    start = low + (1.0 - low.sum()) / 5
    found = minimize(
        lambda f: (root**2 / cpu / f).sum(),
        start,
        jac=lambda f: -(root**2) / cpu / f**2,
        bounds=[(max(v, 1e-3), None) for v in low],
        constraints={"type": "ineq", "fun": lambda f: 1.0 - f.sum(), "jac": lambda f: -np.ones(5)},
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-10},
    )
    assert found.success
    assert_allclose(value, found.fun, rtol=1e-5)
    assert value >= root.sum() ** 2 / cpu * (1 - 1e-12)  # floors never help


def test_floors_that_do_not_fit_fall_back_to_the_square_root_rule():
    floor, root = np.array([6.0, 5.0]), np.array([1.0, 3.0])
    u, fits = level(np.array([True, True]), floor, root, np.array(8.0))
    assert not fits
    assert_allclose(u, 2.0)
    assert_allclose(cost(np.array([True, True]), floor, root, np.array(8.0))[0], 2.0)


def test_who_is_not_a_member_does_not_count():
    floor, root, cpu = draw(3, 6, 0.5)
    member = np.array([True, False, True, True, False, False])
    alone = cost(np.ones(3, dtype=bool), floor[member], root[member], np.array(cpu))[0]
    assert_allclose(cost(member, floor, root, np.array(cpu))[0], alone)
    nobody = cost(np.zeros(6, dtype=bool), floor, root, np.array(cpu))
    assert nobody[0] == 0.0
    assert nobody[1]


def test_a_hopeless_user_without_floor_keeps_the_cost_finite():
    """The other user's floor takes the whole processor."""
    value, fits = cost(np.array([True, True]), np.array([4.0, 0.0]), np.array([1.0, 1.0]), np.array(4.0))
    assert fits
    assert np.isfinite(value)


@pytest.mark.parametrize("n", [1, 2, 5, 40])
@pytest.mark.parametrize("tightness", [0.3, 0.9, 1.05])
def test_toggled_is_the_cost_of_every_changed_membership(n, tightness):
    """One user joins or leaves: the same as :func:`cost` of all n memberships; 40 users exceed the first levels."""
    for seed in range(20):
        floor, root, cpu = (np.stack(v) for v in zip(*(draw(seed + 97 * k, n, 0.5) for k in range(3)), strict=True))
        member = np.random.default_rng(seed).random((3, n)) < [[0.2], [0.6], [1.0]]
        cpu = np.maximum((member * floor).sum(axis=-1) / tightness, 0.01 * cpu)
        flipped = member[:, None] ^ np.eye(n, dtype=bool)
        plain, fits = cost(flipped, floor[:, None], root[:, None], cpu[:, None])
        assert_allclose(toggled(member, floor, root, cpu), np.where(fits, plain, np.inf), rtol=1e-9)
