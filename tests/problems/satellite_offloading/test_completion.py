"""Exact shares of an association: by hand, against a general convex solver, and by their optimality conditions."""

import itertools
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from dtbench.problems.satellite_offloading.association import named
from dtbench.problems.satellite_offloading.completion import best_time, complete
from dtbench.problems.satellite_offloading.families import FINE, QUICK, Satellites, inverse_root
from dtbench.problems.satellite_offloading.model import OffloadingDecision, evaluate, on_satellite
from dtbench.problems.satellite_offloading.newton import together
from dtbench.problems.satellite_offloading.terms import Terms

from .hand import hand_slot, slots_of


def slsqp(terms, assoc):
    """Least objective of one association (N,) with the first channel point, by a general solver; inf if infeasible."""
    here = np.eye(terms.n_sat)[assoc]
    own = terms.work[np.arange(len(assoc)), assoc]
    cost = terms.rate_cost[assoc] * own / terms.beta
    fullest = here.sum(axis=0).max()
    limit = terms.cap[0] - terms.per_uav * fullest
    root = np.sqrt(own) @ here
    if (root**2).max() > limit:
        return np.inf
    start = np.append(np.sqrt(own) / root[assoc] * (1 - 1e-9), (root**2).max())
    constraints = [
        {
            "type": "ineq", "fun": lambda v: v[-1] - (own / v[:-1]) @ here,
            "jac": lambda v: np.hstack([(here * (own / v[:-1] ** 2)[:, None]).T, np.ones((terms.n_sat, 1))]),
        },
        {
            "type": "ineq", "fun": lambda v: 1.0 - v[:-1] @ here,
            "jac": lambda v: np.hstack([-here.T, np.zeros((terms.n_sat, 1))]),
        },
    ]  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = minimize(
            lambda v: v[-1] + cost @ v[:-1] ** 2, start, jac=lambda v: np.append(2 * cost * v[:-1], 1.0),
            bounds=[(1e-3, 1.0)] * len(assoc) + [(0.0, limit)], constraints=constraints,
            method="SLSQP", options={"maxiter": 500, "ftol": 1e-13},
        )  # fmt: skip
    return terms.beta * (found.fun + terms.const + terms.per_uav * fullest) + terms.point_cost[0]


def test_hand_example():
    """{1, 2} | {3}: A = 18.75 s on both satellites, the capacity slack, all shares 0.344866."""
    terms = Terms.of(hand_slot())
    done = complete(terms, np.array([[0, 0, 1]]))
    assert_allclose(done.share[0], 0.344866, atol=5e-7)
    assert_allclose(done.objective, 0.304051, atol=5e-7)
    outcome = evaluate(hand_slot(), done.decision(0))
    assert_allclose(outcome.metrics["t_train"], 54.369019, rtol=1e-7)
    assert_allclose(outcome.metrics["t_total"], 493.189019, rtol=1e-8)
    assert_allclose(outcome.metrics["e_total"], 177400.440, rtol=1e-7)
    assert_allclose(outcome.objective, done.objective, rtol=1e-8)


def test_roots_of_the_cubic():
    s = np.array([0.0, 1e-12, 1e-3, 1.0, 1e3, 1e12])
    for p in (1e-3, 0.04, 1.0, 50.0):
        z = inverse_root(s, np.full_like(s, p))
        assert (z > 0).all()
        assert_allclose(z**3, p * z + s, rtol=1e-9)


@pytest.mark.parametrize("mu", [0.0, 0.1, 0.5, 0.9, 1.0])
@pytest.mark.parametrize(("size", "seed"), [("tiny", 0), ("small", 1), ("paper", 0)])
def test_equals_a_general_convex_solver(size, seed, mu):
    slots = slots_of(size, seed, mu=mu)
    rng = np.random.default_rng(seed)
    for t in range(3):
        terms = Terms.of(slots[t])
        assoc = rng.integers(0, slots.n_sat, (4, slots.n_uav))
        done = complete(terms, assoc)
        for row, value in zip(assoc, done.objective, strict=True):
            expected = slsqp(terms, row)
            assert np.isinf(value) == np.isinf(expected)
            if np.isfinite(value):
                assert_allclose(value, expected, rtol=2e-7)


@pytest.mark.parametrize("mu", [0.0, 0.3, 0.99])
@pytest.mark.parametrize("kappa", [0.6, 1.2])
def test_the_referee_agrees_and_finds_them_feasible(mu, kappa):
    slots = slots_of("small", 3, mu=mu, kappa_th=kappa)
    assoc = np.random.default_rng(0).integers(0, 3, (200, 7))
    for t in range(4):
        done = complete(Terms.of(slots[t]), assoc)
        outcome = evaluate(slots[t], OffloadingDecision(channels=done.channels, assoc=done.assoc, share=done.share))
        some = np.isfinite(done.objective)
        assert some.any()
        assert outcome.feasible[some].all()
        assert_allclose(outcome.objective[some], done.objective[some], rtol=2e-8)


def test_infeasible_associations_are_infinite_and_none_of_their_shares_is_feasible():
    slot = slots_of("tiny", 0)[0]
    assoc = np.array(list(itertools.product(range(2), repeat=4)))
    done = complete(Terms.of(slot), assoc)
    bad = assoc[np.isinf(done.objective)]
    assert 0 < len(bad) < 16
    share = np.random.default_rng(0).dirichlet(np.ones(4), (2000, len(bad)))
    share = share / np.array([(s * (b == b[:, None])).sum(-1) for s, b in zip(share.mean(0), bad, strict=True)]).max()
    tried = OffloadingDecision(channels=np.broadcast_to(done.channels[0], share.shape), assoc=bad, share=share)
    assert not evaluate(slot, tried).feasible.any()


def test_without_energy_the_slowest_satellite_has_sqrt_shares():
    """mu = 0: T_train = max_j P_j^2, shares sqrt(a) / P with sum 1 where it is reached."""
    slot = slots_of("paper", 2, mu=0.0)[0]
    terms = Terms.of(slot)
    assoc = np.random.default_rng(1).integers(0, 3, (20, 11))
    done = complete(terms, assoc)
    root = np.sqrt(terms.work[:, 0])
    for index in np.flatnonzero(np.isfinite(done.objective)):
        sums = np.array([root[assoc[index] == j].sum() for j in range(3)])
        outcome = evaluate(slot, done.decision(index))
        assert_allclose(outcome.metrics["t_train"], sums.max() ** 2, rtol=1e-7)
        own = assoc[index] == sums.argmax()
        assert_allclose(done.share[index][own], root[own] / sums.max(), rtol=1e-5)


def test_equal_loads_need_no_family():
    """Four equal UAVs on two satellites: P^2 = N A exactly, the width of the family is 0."""
    slot = slots_of("tiny", 0)[0]
    terms = Terms.of(type(slot)(
        params=slot.params, gain=slot.gain, f_sat=slot.f_sat, deadline=np.array(1e6), energy_limit=np.array(1e9),
        data_bits=np.full(4, 4e9),
    ))  # fmt: skip
    done = complete(terms, np.array([[0, 0, 1, 1], [0, 0, 0, 1]]))
    assert_allclose(done.objective[0], slsqp(terms, np.array([0, 0, 1, 1])), rtol=1e-7)
    assert_allclose(done.objective[1], slsqp(terms, np.array([0, 0, 0, 1])), rtol=1e-7)


def test_several_channel_points_are_all_tried():
    """Little hover power: fewer seconds of upload against less energy of transmission."""
    slots = slots_of("tiny", 1, p_hover=1e-3, p_tx=50.0, mu=0.9, kappa_th=3.0)
    several = [t for t in range(20) if len(Terms.of(slots[t]).u) > 1]
    assert several
    for t in several[:3]:
        terms = Terms.of(slots[t])
        done = complete(terms, np.array([[0, 0, 1, 1]]))
        for channels in terms.channels:
            other = OffloadingDecision(channels=channels, assoc=done.assoc[0], share=done.share[0])
            assert evaluate(slots[t], other).objective >= done.objective[0] * (1 - 1e-8)


@pytest.mark.parametrize("size", ["tiny", "small", "paper"])
def test_quick_completions_are_nearly_exact(size):
    """Objectives to 1e-8, and what they are of is what the referee finds."""
    slot = slots_of(size, 3)[1]
    terms, assoc = Terms.of(slot), np.random.default_rng(0).integers(slot.n_sat, size=(20, slot.n_uav))
    exact, quick = complete(terms, assoc), complete(terms, assoc, QUICK)
    assert_allclose(quick.objective, exact.objective, rtol=1e-8)
    for index in np.flatnonzero(np.isfinite(quick.objective))[:5]:
        assert_allclose(evaluate(slot, quick.decision(index)).objective, quick.objective[index], rtol=1e-6)


@pytest.mark.parametrize(
    "overrides", [{}, {"mu": 0.95}, {"mu": 0.02}, {"f_rel": "1,0.7,0.5"}, {"kappa_th": 0.6}, {"kappa_cpu": 0.0}]
)
def test_quick_completions_of_odd_rounds(overrides):
    """Dear and cheap energy, unequal satellites, limits that bind, and no energy of processors at all."""
    tried = 0
    for slot in slots_of("paper", 7, **overrides)[:4]:
        terms = Terms.of(slot)
        for assoc in np.random.default_rng(1).integers(slot.n_sat, size=(10, 1, slot.n_uav)):
            exact, quick = complete(terms, assoc), complete(terms, assoc, QUICK)
            assert_allclose(quick.objective, exact.objective, rtol=1e-8)
            tried += int(np.isfinite(exact.objective).all())
    assert tried


def test_all_roots_at_once_are_those_found_one_in_another():
    """T and the places, of LPT in the slots of an instance; satellites whose capacity binds are among them."""
    bound = 0
    for slot in slots_of("paper", 5)[:10]:
        terms, assoc = Terms.of(slot), named(slot)[None]
        here = on_satellite(assoc, slot.n_sat).astype(float)
        work = terms.work[np.arange(slot.n_uav), assoc]
        sats = Satellites(
            work=work, assoc=assoc, here=here, count=here.sum(axis=1), load=(terms.work * here).sum(axis=1),
            root=(np.sqrt(terms.work) * here).sum(axis=1), cost=terms.rate_cost, accuracy=FINE,
        )  # fmt: skip
        least, limit = (sats.root**2).max(axis=-1), terms.cap[:1] - terms.per_uav * sats.count.max(axis=-1)
        time, places = together(sats, terms.beta, least, limit)
        wanted = best_time(sats, terms.beta, least, limit)
        tight = sats.tight(wanted)
        assert_allclose(time, wanted, rtol=1e-4)
        assert_allclose(places[tight], sats.position(time, tight)[tight], atol=1e-4)
        bound += int(tight.sum())
    assert bound
