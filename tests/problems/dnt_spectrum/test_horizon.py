"""The clairvoyant optimum: reference values, enumeration of uploads, and its place between policies and bounds."""

import dataclasses
import itertools

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dtbench import referee
from dtbench.core import Limits
from dtbench.problems.dnt_spectrum.best_rates import BestRates, fixed
from dtbench.problems.dnt_spectrum.exact import by_highs, form_of
from dtbench.problems.dnt_spectrum.horizon import ceiling, perfect
from dtbench.problems.dnt_spectrum.packing import members
from dtbench.problems.dnt_spectrum.timeline import Timeline, stale_errors

from .hand import DNT

REFERENCE = {0.1: 19.5319, 0.2: 20.4435, 0.3: 21.1326, 0.5: 21.2137, 0.8: 21.2137, 1.0: 21.3083, 4.0: 21.4546}


@pytest.mark.parametrize(("limit", "expected"), REFERENCE.items())
def test_reference_values(limit, expected):
    """World 2, walk 2, T = 8, size paper; below 0.149322 s no upload is possible."""
    instance = DNT.generate("paper", 2, world=2, horizon=8, delay_limit=limit)
    certificate = DNT.exact_horizon(instance)
    assert certificate.status == "optimal"
    assert_allclose(certificate.objective, expected, atol=5e-5)
    if limit == 0.1:
        assert not (certificate.decision.up >= 0).any()


def table(instance):
    """Best weighted rate (T, 8) for every set of uploads, by MILP."""
    slots, value = perfect(DNT, instance), []
    for t in range(instance.horizon):
        form = form_of(slots[t], patterns=instance.params.interference == "printed")
        found = [by_highs(fixed(form.model(), form.upload_columns, v), Limits(gap=1e-9)) for v in members(3)]
        value.append([-np.inf if f.status == "infeasible" else f.objective for f in found])
    return np.array(value)


OPTIONS = [
    {},
    {"predictor": "drift"},
    {"interference": "printed"},
    {"radius": 80.0},
    {"delay_limit": 0.5},
    {"confine": False},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_equals_enumeration_of_uploads(seed, options):
    """8^4 sequences of uploads on tiny, T = 4, twin errors by the referee's own state."""
    instance = DNT.generate("tiny", seed, horizon=4, rate_weight=0.1, step=2.0, **options)
    rates = table(instance)
    plans = np.array(list(itertools.product(range(8), repeat=4)))
    state, total = DNT.start(instance)[None], np.zeros(len(plans))
    for t in range(4):
        slot = DNT.slot(instance, t, state)
        upload = members(3)[plans[:, t]]
        nobody = np.full((len(plans), 5), -1)
        silent = type(DNT.exact(slot[0]).decision).of(nobody, nobody, np.where(upload, np.arange(3) % 3, -1))
        error = DNT.evaluate(slot, silent).metrics["sync_error"]
        total += rates[t, plans[:, t]] - 0.9 * error
        state = DNT.advance(slot, silent)
    certificate = DNT.exact_horizon(instance)
    assert certificate.status == "optimal"
    assert_allclose(certificate.objective, total.max() / 4, rtol=1e-7)


@pytest.mark.parametrize("size", ["tiny", "small", "paper9"])
@pytest.mark.parametrize("predictor", ["hold", "drift"])
def test_between_policies_and_the_perfect_twin(size, predictor):
    instance = DNT.generate(size, 3, predictor=predictor, horizon=8)
    certificate = DNT.exact_horizon(instance)
    slots = perfect(DNT, instance)
    twin = np.mean([DNT.exact(slots[t]).bound for t in range(8)])
    top = ceiling(DNT, instance)
    assert certificate.objective <= certificate.bound <= twin + 1e-9
    assert top.objective <= certificate.bound + 1e-9
    for name, rule in DNT.heuristics.items():
        scores = referee.walk(DNT, instance, lambda t, slot, rule=rule: rule(slot))[1]
        assert scores.feasible.all()
        assert scores.mean <= certificate.bound + 1e-9
        if name.startswith("hungarian"):
            assert scores.mean <= top.bound + 1e-9


def test_ceiling_by_enumeration_of_actions():
    """All joint actions of a horizon of two slots: no sequence beats the ceiling, one attains it."""
    instance = DNT.generate("tiny", 0, horizon=2, n_users=3, n_rb=2, rate_weight=0.1, step=3.0)
    encoding = DNT.encodings(instance)["agents"]
    flags = np.array(list(itertools.product([0, 1], repeat=3)))
    shared = [np.argwhere(c & (c.sum(-1) > 1)[:, None]) for c in instance.cover]
    best = -np.inf

    def actions(pairs):
        claims = np.array(list(itertools.product([0, 1], repeat=len(pairs))))
        x = np.zeros((len(flags), len(claims), 3, 4), dtype=int)
        x[..., 0] = flags[:, None]
        for k, (u, m) in enumerate(pairs):
            x[:, :, m, 1 + u] = claims[:, k]
        return x.reshape(-1, 12)

    slot = DNT.slot(instance, 0, DNT.start(instance))
    first = encoding.decode(slot, actions(shared[0]))
    value = DNT.evaluate(slot, first).objective
    following = DNT.slot(instance, 1, DNT.advance(slot, first))
    second = encoding.decode(following[:, None], actions(shared[1]))
    best = (value[:, None] + DNT.evaluate(following[:, None], second).objective).max() / 2
    assert_allclose(ceiling(DNT, instance).objective, best, rtol=1e-8)


def test_bounds_of_rates_are_bounds_and_settle():
    instance = DNT.generate("small", 1, horizon=3)
    rates, exact = BestRates.of(perfect(DNT, instance), np.inf), table(instance)
    assert (rates.value >= exact - 1e-9).all()
    for t, v in np.ndindex(*exact.shape):
        rates.settle(t, v, Limits(gap=1e-9))
        assert not rates.settle(t, v, Limits(gap=1e-9))
    assert_allclose(rates.value, exact, rtol=1e-8)


def test_no_upload_is_possible_below_the_least_delay():
    rates = BestRates.of(perfect(DNT, DNT.generate("small", 0, horizon=2, delay_limit=0.1493)), np.inf)
    assert np.isfinite(rates.value[:, 0]).all()
    assert np.isneginf(rates.value[:, 1:]).all()


def test_stale_errors_by_hand():
    """One user from 0 to 1, 3, 6 m, mean move 1 m: in slot 2, known from slot 0, it is 5 m off, with drift 3 m."""
    instance = DNT.generate("tiny", 0, n_users=1, horizon=3)
    path = np.array([[1.0, 0.0], [3.0, 0.0], [6.0, 0.0]])[:, None]
    instance = dataclasses.replace(
        instance, position=path, warm=np.zeros_like(instance.warm), drift=np.array([[1.0, 0.0]])
    )
    hold = stale_errors(instance)[0]
    assert_allclose(hold[0], [1, 9, 36])
    assert_allclose(hold[1, 1:], [4, 25])
    assert_allclose(hold[2, 2], 9)
    drift = stale_errors(dataclasses.replace(instance, params=instance.params.replace({"predictor": "drift"})))[0]
    assert_allclose(drift[0], [0, 1, 9])
    assert_allclose(drift[1, 2], 9)


def test_timeline_by_hand():
    """One user from 0 to 1, 3, 5 m, w = 0.75; an upload costs 8. In slot 1 it leaves errors 1 and 4: 22 - 3.75."""
    instance = DNT.generate("tiny", 0, n_users=1, horizon=3, n_bs=1)
    path = np.array([[1.0, 0.0], [3.0, 0.0], [5.0, 0.0]])[:, None]
    instance = dataclasses.replace(
        instance, position=path, warm=np.zeros_like(instance.warm), cover=np.ones((3, 1, 1), dtype=bool)
    )
    value = np.array([[10.0, 2.0]] * 3)
    result, uploads = Timeline.of(instance, value).solve(Limits(gap=1e-9), 10.0)
    assert uploads.tolist() == [0, 1, 0]
    assert_allclose(result.objective, (22.0 - 0.75 * (1 + 4)) / 3)
    blocked = value.copy()
    blocked[1, 1] = -np.inf
    result, uploads = Timeline.of(instance, blocked).solve(Limits(gap=1e-9), 10.0)
    assert uploads.tolist() == [0, 0, 1]
    assert_allclose(result.objective, (22.0 - 0.75 * (1 + 9)) / 3)


@pytest.mark.parametrize("options", [{"error_scope": "block"}, {"serve_all": True, "n_rb": 2}], ids=str)
def test_other_bounds(options):
    """Blocks have the bound of a perfect twin; a slot in which not all can be served makes the horizon infeasible."""
    instance = DNT.generate("tiny", 0, **options)
    certificate = DNT.exact_horizon(instance)
    if "serve_all" in options:
        assert certificate.status == "infeasible"
        assert certificate.decision is None
    else:
        assert certificate.details["model"] == "perfect twin"
        assert_allclose(referee.rescore(DNT, instance, certificate.decision).mean, certificate.objective)
        assert certificate.objective < certificate.bound


def test_out_of_time_the_bound_still_holds():
    instance = DNT.generate("small", 0)
    hasty, best = (DNT.exact_horizon(instance, Limits(seconds=s)) for s in (0.0, 60.0))
    assert hasty.status == "feasible"
    assert hasty.objective <= best.objective <= best.bound
    assert np.isnan(hasty.bound)  # nothing is proved in no time


def test_batches_are_refused():
    batch = DNT.resample(DNT.generate("tiny", 0), np.random.default_rng(0), (2,))
    with pytest.raises(ValueError, match="leading axes"):
        DNT.exact_horizon(batch)
    with pytest.raises(ValueError, match="ceiling is defined"):
        ceiling(DNT, DNT.generate("tiny", 0, error_scope="block"))
