"""All exact methods against brute force and each other, and what changes the optimum in which direction."""

import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dtbench.core import Limits
from dtbench.exact.highs import solve_highs
from dtbench.problems.dnt_spectrum.active_sets import ActiveSets
from dtbench.problems.dnt_spectrum.heuristics import exact_kappa
from dtbench.problems.dnt_spectrum.patterns import Patterns

from .hand import DNT, brute_force, hand_slot, links, make_slot, mirrored, mirrored_links, random_slot

TINY = {"n_users": 3, "n_rb": 2}
FAST = ("active-sets", "patterns", "cpsat")


def varied(seed, **options):
    """A slot of 3 users and 2 RBs with its own weights, delay limit, twin errors and coverage."""
    rng = np.random.default_rng([seed, 77])
    given = {
        "rate_weight": rng.choice([0.05, 0.25, 0.8]), "delay_limit": rng.choice([0.1, 0.3, 0.85, 1.0, 4.0]),
        "radius": rng.choice([60.0, 80.0]),
    }  # fmt: skip
    return random_slot(seed, spread=rng.choice([0.5, 2.0, 6.0]), **TINY | given | options)


@pytest.mark.parametrize("method", [*FAST, "reference"])
def test_hand_example(method):
    certificate = DNT.exact(hand_slot(), method=method)
    assert certificate.status == "optimal"
    assert_allclose(certificate.objective, 1.186652, atol=1e-6)


@pytest.mark.parametrize("method", FAST)
@pytest.mark.parametrize("part", range(4))
def test_brute_force_on_random_slots(part, method):
    """30 slots each, 120 in total per method."""
    for seed in range(30 * part, 30 * part + 30):
        slot = varied(seed)
        certificate = DNT.exact(slot, method=method)
        assert certificate.status == "optimal"
        assert_allclose(certificate.objective, brute_force(slot), rtol=1e-7, atol=1e-8)
        assert certificate.bound >= certificate.objective


@pytest.mark.parametrize("part", range(2))
def test_brute_force_of_the_reference(part):
    for seed in range(12 * part, 12 * part + 12):
        slot = varied(seed)
        certificate = DNT.exact(slot, method="reference")
        assert certificate.status == "optimal"
        assert_allclose(certificate.objective, brute_force(slot), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("method", ["patterns", "cpsat"])
def test_brute_force_of_printed_interference(method):
    for seed in range(25):
        slot = varied(seed, interference="printed")
        certificate = DNT.exact(slot, method=method)
        assert_allclose(certificate.objective, brute_force(slot), rtol=1e-7, atol=1e-8)
    assert DNT.exact(slot).method == "patterns"


@pytest.mark.parametrize("options", [{"error_scope": "block"}, {"serve_all": True}, {"confine": False}], ids=str)
def test_brute_force_of_options(options):
    for seed in range(20):
        slot = varied(seed, **options)
        best = brute_force(slot)
        for method in (*FAST, "reference") if seed < 4 else FAST:
            certificate = DNT.exact(slot, method=method)
            if np.isfinite(best):
                assert_allclose(certificate.objective, best, rtol=1e-6, atol=1e-7)
            else:
                assert certificate.status == "infeasible"


@pytest.mark.parametrize("seed", range(3))
def test_brute_force_of_the_tiny_size(seed):
    slot = random_slot(seed)
    best = brute_force(slot)
    for method in FAST:
        assert_allclose(DNT.exact(slot, method=method).objective, best, rtol=1e-7)


@pytest.mark.parametrize("size", ["small", "paper", "paper9"])
def test_methods_agree_where_nothing_is_enumerated(size):
    for seed in range(8):
        slot = random_slot(seed, size)
        found = [DNT.exact(slot, method=method) for method in FAST]
        for certificate in found:
            assert certificate.status == "optimal"
            assert certificate.gap <= 1e-8
            assert_allclose(certificate.objective, found[0].objective, rtol=1e-8)


def test_the_relaxation_is_nearly_tight():
    """Root gap below 1e-5 in all of these slots; the referee confirms the model's value to 1e-7."""
    for seed in range(10):
        form = ActiveSets.of(random_slot(seed, "paper9"))
        model = form.model()
        whole = solve_highs(model, Limits(gap=1e-9))
        loose = solve_highs(dataclasses.replace(model, integer=np.zeros(model.n_columns, dtype=bool)), Limits())
        assert 0 <= loose.bound - whole.objective + 1e-9 <= 1e-5 * whole.objective
        value = DNT.evaluate(form.slot, form.decision(whole.x)).objective
        assert_allclose(value, whole.objective, atol=1e-7)


def test_large_is_solved():
    certificate = DNT.exact(random_slot(0, "large"))
    assert certificate.status == "optimal"
    assert certificate.gap <= 1e-8


def test_refusals():
    printed = random_slot(0, interference="printed")
    for method, message in (("active-sets", "physical"), ("reference", "physical"), ("simplex", "simplex")):
        with pytest.raises(ValueError, match=message):
            DNT.exact(printed, method=method)
    with pytest.raises(ValueError, match="leading axes"):
        DNT.exact(printed[None])
    with pytest.raises(ValueError, match="patterns; more than"):
        Patterns.of(random_slot(0, "large"))


def test_patterns_by_hand():
    """Masts: idle, upload, own user: 9 - 1 patterns; at alpha = 0.5 s nobody may join an upload: 3 * 3 - 1 - 3 left."""
    assert len(Patterns.of(hand_slot()).what) == Patterns.count(hand_slot()) == 8
    assert len(Patterns.of(hand_slot(delay_limit=0.5)).what) == 5


def optimum(slot, **params):
    return DNT.exact(dataclasses.replace(slot, params=slot.params.replace(params))).objective


@pytest.mark.parametrize("seed", range(4))
def test_more_blocks_and_more_time_never_hurt(seed):
    slot = random_slot(seed, "small", spread=4.0)
    blocks = [optimum(slot, n_rb=n) for n in range(1, 13)]
    limits = [optimum(slot, delay_limit=a) for a in (0.1, 0.16, 0.3, 0.5, 0.9, 1.0, 3.0, 10.0)]
    assert (np.diff(blocks) >= -1e-9).all()
    assert (np.diff(limits) >= -1e-9).all()


@pytest.mark.parametrize("seed", range(3))
def test_with_enough_blocks_nobody_is_disturbed(seed):
    """N >= U + M: every user has its rate without interference from its best mast, and E = 0."""
    slot = random_slot(seed, "small", n_rb=11)
    p = slot.params
    rates = np.log2(1 + np.where(slot.cover, slot.gain, 0).max(axis=-1) / p.noise_psd)
    assert_allclose(DNT.exact(slot).objective, 0.25 * rates.sum(), rtol=1e-9)


def test_no_upload_below_the_least_delay():
    """The centre alone needs 0.8 / 5.357552 = 0.149322 s."""
    slot = random_slot(0, "small", spread=20.0)
    for limit, uploads in ((0.1493, 0), (0.1494, 1)):
        found = DNT.exact(dataclasses.replace(slot, params=slot.params.replace({"delay_limit": limit})))
        assert (found.decision.up >= 0).sum() == uploads


def test_limits_of_the_weight():
    """epsilon = 1 ignores errors; epsilon = 0 refreshes everybody, here with uploads on their own RBs."""
    slot = random_slot(0, "small", spread=20.0)
    perfect = dataclasses.replace(slot, estimate=slot.position)
    assert_allclose(optimum(slot, rate_weight=1.0), optimum(perfect, rate_weight=1.0))
    assert_allclose(optimum(slot, rate_weight=0.0), 0.0, atol=1e-9)
    assert DNT.evaluate(slot, links([-1] * 8, [-1] * 8, [-1] * 3)).objective < -10


def test_mirroring_mirrors_the_optimum():
    for seed in range(5):
        slot = random_slot(seed, "paper9")
        found, other = DNT.exact(slot), DNT.exact(mirrored(slot))
        assert_allclose(other.objective, found.objective, rtol=1e-9)
        assert_allclose(DNT.evaluate(mirrored(slot), mirrored_links(found.decision)).objective, found.objective)


def test_exact_without_blocks_for_all_who_must_be_served():
    """Two users of one mast and one RB: serve_all cannot be met, which is proved."""
    slot = make_slot([[-50, 0], [-50, 10]], np.zeros((2, 2)), n_bs=2, n_rb=1, serve_all=True)
    for method in (*FAST, "reference"):
        assert DNT.exact(slot, method=method).status == "infeasible"
    assert (exact_kappa(slot).bs == -1).all()
