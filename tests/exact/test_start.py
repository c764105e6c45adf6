"""Exact methods that begin with a given decision prove the same optimum."""

import pytest

from dtbench.core import Limits
from dtbench.errors import DtbenchError
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems import all_problems, problem
from dtbench.referee import slots

CASES = [(id, method) for id, owner in all_problems().items() for method in owner.exactness.start_methods]
RULES = {"mec-synchronization": "silent", "edge-placement": "nearest", "satellite-offloading": "greedy"}


@pytest.mark.parametrize(("id", "method"), CASES)
def test_the_optimum_is_that_without_a_start(id, method):
    owner = problem(id)
    slot = slots(owner, owner.generate("tiny", 12))[0]
    start = owner.heuristics[RULES.get(id, "greedy-marginal")](slot)
    begun, plain = owner.exact_from(start, slot, Limits(), method), owner.exact(slot, Limits(), method)
    assert begun.status == plain.status == "optimal"
    assert begun.objective == pytest.approx(plain.objective, rel=2e-4)
    assert owner.exact_from(plain.decision, slot, Limits(), method).objective <= plain.objective * (1 + 1e-6)


@pytest.mark.parametrize("id", ["stin-deployment", "edge-placement", "satellite-offloading"])
def test_without_time_the_start_is_the_incumbent(id):
    """Local search is stopped at once, so what was handed in, or a step of it, is what is known."""
    owner = problem(id)
    slot = slots(owner, owner.generate("small", 12))[0]
    best = owner.exact(slot, Limits(), None).decision
    limits = Limits(seconds=1e-9)
    begun, plain = owner.exact_from(best, slot, limits, "strong"), owner.exact(slot, limits, "strong")
    assert begun.objective == pytest.approx(float(owner.evaluate(slot, best).objective), rel=1e-5)
    assert plain.decision is None or begun.objective <= plain.objective


def test_methods_without_a_start_refuse_one():
    owner = problem("stin-deployment")
    instance = owner.generate("tiny", 1)
    slot = slots(owner, instance)[0]
    with pytest.raises(ValueError, match="'reference' of 'stin-deployment' takes no start. Those that do: strong"):
        owner.exact_from(owner.heuristics["greedy"](slot), slot, Limits(), "reference")
    other, exact = problem("dnt-spectrum"), load_solver(discover()["exact"])
    small = other.generate("tiny", 1)
    with pytest.raises(DtbenchError, match="these methods take one: none"):
        exact(other, small, start="greedy")


def test_the_solver_begins_with_a_rule():
    owner = problem("stin-deployment")
    instance = owner.generate("tiny", 1)
    solver = load_solver(discover()["exact"])(owner, instance, start="greedy-marginal")
    slot = slots(owner, instance)[0]
    solver.decide(slot)
    assert solver.certificate.objective == pytest.approx(owner.exact(slot).objective, rel=1e-9)
