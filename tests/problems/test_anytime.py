"""What methods tell while they search, on every problem: all of it holds, and it ends at the objective."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dtbench import anytime, referee
from dtbench.core import Limits, gap_to
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import problem
from dtbench.problems.shipped import HORIZONS as SHIPPED

SOLVERS = discover()
METHODS = [
    (id, method)
    for id in SHIPPED
    for method in (*problem(id).exactness.methods, *problem(id).exactness.bracket_methods)
]
HORIZONS = [(id, method) for id in SHIPPED for method in problem(id).exactness.horizon_methods]
SEARCHES = [
    (id, name) for id in SHIPPED for name in ("local-search", "genetic")
    if name == "genetic" or name in problem(id).heuristics
]  # fmt: skip


def told(owner, heard, score):
    """Pairs of seconds and objective; a report that cannot be made fails the test."""
    pairs = [(s, given() if callable(given) else given) for s, given in heard.whole.decisions.values()]
    return [(s, score(decision)) for s, decision in pairs if decision is not None]


def improves(owner, curve):
    """Whether incumbents and bounds never get worse, and lie on the right sides of each other."""
    sign = 1.0 if owner.sense == "max" else -1.0
    incumbent, bound = (x[np.isfinite(x)] for x in (curve.incumbent, curve.bound))
    apart = (sign * (curve.bound - curve.incumbent))[np.isfinite(curve.bound) & np.isfinite(curve.incumbent)]
    rises = (sign * np.diff(incumbent) >= -1e-12).all() and (sign * np.diff(bound) <= 1e-12).all()
    return rises and (apart >= -1e-9 * np.abs(incumbent[-1])).all() and (np.diff(curve.seconds) > 0.0).all()


@pytest.mark.parametrize(("id", "method"), METHODS)
def test_exact_methods_tell_what_they_return(id, method):
    """One tiny slot: every decision that is told is feasible, none beats the optimum, no bound passes it."""
    owner = problem(id)
    instance = owner.generate("tiny", 3)
    slot = owner.slot(instance, 1, owner.start(instance))
    with anytime.listening(owner.sense) as heard:
        certificate = owner.exact(slot, Limits(seconds=60.0), method)
        seconds = heard.seconds
    outcomes = []

    def score(decision):
        outcome = owner.evaluate(slot, decision)
        outcomes.append(bool(outcome.feasible))
        return float(outcome.objective)

    found = told(owner, heard, score)
    assert all(outcomes)
    bounds = list(heard.whole.bounds.values())
    slack = 1e-6 * max(1.0, abs(certificate.objective))
    for _, value in found:
        assert float(gap_to(owner.sense, value, certificate.objective)) >= -1e-6
    for _, value in bounds:
        sign = 1.0 if owner.sense == "max" else -1.0
        assert sign * (value - certificate.objective) >= -slack
    curve = anytime.settled(owner.sense, found, bounds, (seconds, certificate.objective, certificate.bound))
    assert improves(owner, curve)
    assert_allclose(curve.incumbent[-1], certificate.objective)
    assert_allclose(curve.bound[-1], certificate.bound)


@pytest.mark.parametrize(("id", "method"), METHODS)
def test_listening_changes_no_result(id, method):
    owner = problem(id)
    instance = owner.generate("tiny", 3)
    slot = owner.slot(instance, 0, owner.start(instance))
    alone = owner.exact(slot, Limits(seconds=60.0), method)
    with anytime.listening(owner.sense):
        heard = owner.exact(slot, Limits(seconds=60.0), method)
    assert (alone.status, alone.objective) == (heard.status, heard.objective)
    assert_allclose(alone.bound, heard.bound, rtol=1e-9)


@pytest.mark.parametrize(("id", "method"), HORIZONS)
def test_horizon_methods_tell_what_they_return(id, method):
    owner = problem(id)
    instance = owner.generate("closed-tiny" if id == "mec-synchronization" else "tiny", 3)
    if not owner.coupled(instance.params):
        pytest.skip("slots are not coupled")
    with anytime.listening(owner.sense) as heard:
        certificate = owner.exact_horizon(instance, Limits(seconds=10.0), method)
        seconds = heard.seconds
    found = told(owner, heard, lambda decision: referee.rescore(owner, instance, decision).mean)
    bounds = list(heard.whole.bounds.values())
    for _, value in bounds:
        sign = 1.0 if owner.sense == "max" else -1.0
        assert sign * (value - certificate.objective) >= -1e-6 * max(1.0, abs(certificate.objective))
    assert found or bounds
    curve = anytime.settled(owner.sense, found, bounds, (seconds, certificate.objective, certificate.bound))
    assert improves(owner, curve)
    assert_allclose(curve.incumbent[-1], certificate.objective)


@pytest.mark.parametrize(("id", "name"), SEARCHES)
def test_searches_tell_of_improvements_until_what_they_return(id, name):
    """Played over a horizon: the curve improves and ends at the score; on most problems it has more than its end."""
    owner = problem(id)
    instance = owner.generate("tiny", 3)
    options = {"generations": 15, "population": 20} if name == "genetic" else {}
    solver = load_solver(SOLVERS[name])(owner, instance, seed=1, **options)
    played = referee.play(owner, instance, solver, listen=True)
    again = load_solver(SOLVERS[name])(owner, instance, seed=1, **options)
    silent = referee.play(owner, instance, again)
    assert silent.curve is None
    assert played.scores.objective.tolist() == silent.scores.objective.tolist()
    assert improves(owner, played.curve)
    assert_allclose(played.curve.incumbent[-1], played.scores.mean, rtol=1e-12)
    assert_allclose(played.curve.seconds[-1], played.seconds.max())
    assert len(played.curve.seconds) > 1 or len(np.unique(played.curve.incumbent)) == 1


def test_a_local_search_that_is_told_slot_by_slot_starts_at_its_start():
    """The first incumbents are those of the rule that it begins with; every slot is its own."""
    owner = problem("edge-placement")
    instance = owner.generate("tiny", 3)
    slots = referee.slots(owner, instance)
    with anytime.listening(owner.sense, share=instance.horizon) as heard:
        chosen = owner.heuristics["local-search"](slots)
    assert sorted(heard.single) == list(range(instance.horizon))
    for t, log in heard.single.items():
        _, last = list(log.decisions.values())[-1]
        assert_allclose(
            owner.evaluate(slots[t], last).objective, owner.evaluate(slots[t], chosen[t]).objective, rtol=1e-12
        )
