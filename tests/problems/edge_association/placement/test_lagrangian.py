"""The bound by prices, against optima; and the servers that it opens."""

import time

import pytest

from dtbench.core import Limits
from dtbench.problems import problem
from dtbench.problems.edge_association.placement import exact
from dtbench.problems.edge_association.placement.heuristics import greedy
from dtbench.problems.edge_association.placement.lagrangian import ascend

PLACEMENT = problem("edge-placement")


def first(size, seed, **params):
    instance = PLACEMENT.generate(size, seed, **params)
    return PLACEMENT.slot(instance, 0, PLACEMENT.start(instance))


@pytest.mark.parametrize("params", [{}, {"objective": "latency"}, {"latency_norm": "MN"}], ids=str)
@pytest.mark.parametrize("size", ["tiny", "small"])
def test_no_placement_is_below_it(size, params):
    for seed in range(3):
        slot = first(size, seed, **params)
        best = PLACEMENT.exact(slot, Limits()).objective
        found = ascend(slot, float(PLACEMENT.evaluate(slot, greedy(slot)).objective))
        assert 0.8 * best <= found.bound <= best * (1 + 1e-7)
        assert found.opened.any(axis=-1)[0]


def test_one_step_is_made_when_time_is_up():
    slot = first("small", 0)
    upper = float(PLACEMENT.evaluate(slot, greedy(slot)).objective)
    early = ascend(slot, upper, time.perf_counter())
    assert 0.0 < early.bound <= ascend(slot, upper).bound


@pytest.mark.parametrize("method", ["strong", "reference"])
def test_vast_slots_begin_with_prices(method, monkeypatch):
    """As if a small slot were vast: without time there is a placement and a bound, with it the same optimum."""
    slot = first("small", 1)
    best = PLACEMENT.exact(slot, Limits(), "strong")
    monkeypatch.setattr(exact, "VAST", 0)
    none = PLACEMENT.exact(slot, Limits(seconds=0.0), method)
    assert none.bound <= best.objective <= none.objective
    assert PLACEMENT.exact(slot, Limits(), method).objective == pytest.approx(best.objective, rel=1e-5)
