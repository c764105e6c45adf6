"""Limits of exact methods: who is given a second answers after about a second, with what is proved by then."""

import itertools
import math
import time
import tracemalloc

import numpy as np
import pytest

from dtbench import referee
from dtbench.core import Limits
from dtbench.errors import Declined, DtbenchError
from dtbench.problems import all_problems, problem
from dtbench.problems.dnt_spectrum import local_search as dnt_search
from dtbench.problems.edge_association.placement import heuristics as placement_rules
from dtbench.problems.edge_association.placement import local_search as placement_search
from dtbench.problems.mec_synchronization import heuristics as mec_rules
from dtbench.problems.mec_synchronization.candidates import Candidates
from dtbench.problems.mec_synchronization.sets import Prices, best_flips
from dtbench.problems.satellite_offloading.heuristics import descend, promising, starts
from dtbench.problems.satellite_offloading.terms import Terms
from dtbench.problems.stin_deployment import heuristics as stin_rules

LIMIT = 1.0  # s
AT_MOST = 5.0  # s of processor time, which other processes of the machine do not lengthen
SLOW = ("large", "city")


def sizes(owner):
    return [size for size in owner.sizes if size not in ("paper9",)]


SLOTS = [
    pytest.param(owner, method, size, id=f"{id}-{method}-{size}", marks=[pytest.mark.slow] if size in SLOW else [])
    for id, owner in all_problems().items()
    for method in (*owner.exactness.methods, *owner.exactness.bracket_methods)
    for size in sizes(owner)
]
HORIZONS = [
    pytest.param(owner, size, id=f"{id}-{size}", marks=[pytest.mark.slow] if size in SLOW else [])
    for id, owner in all_problems().items()
    for size in sizes(owner)
    if owner.coupled(owner.sizes[size])
]


def no_better(owner, objective, bound):
    """Whether a bound leaves room for the objective."""
    sign = 1.0 if owner.sense == "min" else -1.0
    return sign * (objective - bound) >= -1e-6 * max(1.0, abs(objective))


@pytest.mark.parametrize(("owner", "method", "size"), SLOTS)
def test_a_slot_takes_what_it_is_given(owner, method, size):
    instance = owner.generate(size, 0)
    slot, began = owner.slot(instance, 0, owner.start(instance)), time.process_time()
    try:
        found = owner.exact(slot, Limits(seconds=LIMIT), method)
    except (Declined, DtbenchError, ValueError) as error:  # too many to enumerate
        assert any(word in str(error) for word in ("enumerat", "more than"))  # noqa: PT017
        found = None
    assert time.process_time() - began < AT_MOST
    if found is None or found.decision is None:
        return
    outcome = owner.evaluate(slot, found.decision)
    assert outcome.feasible
    assert found.objective == pytest.approx(float(outcome.objective), rel=1e-9)
    assert math.isnan(found.bound) or no_better(owner, found.objective, found.bound)
    for rule in owner.heuristics.values():
        tried = owner.evaluate(slot, rule(slot)) if size not in SLOW else outcome
        if tried.feasible and math.isfinite(found.bound):
            assert no_better(owner, float(tried.objective), found.bound)


@pytest.mark.parametrize(("owner", "size"), HORIZONS)
def test_a_horizon_takes_what_it_is_given(owner, size):
    instance, began = owner.generate(size, 0), time.process_time()
    found = owner.exact_horizon(instance, Limits(seconds=LIMIT))
    assert time.process_time() - began < AT_MOST
    assert found.status != "infeasible"
    if found.decision is not None:
        scores = referee.rescore(owner, instance, found.decision)
        assert not scores.repaired.any()
        assert found.objective == pytest.approx(scores.mean, rel=1e-9)
        assert math.isnan(found.bound) or no_better(owner, found.objective, found.bound)


@pytest.mark.parametrize("seconds", [0.0, 0.3])
@pytest.mark.parametrize("id", sorted(all_problems()))
def test_a_city_has_an_incumbent_and_a_bound_at_any_limit(id, seconds):
    """By the problem's first method: nothing that is larger than memory, or that no limit ends, is on its way."""
    owner, slot = first_slot(id, "city")
    began = time.process_time()
    found = owner.exact(slot, Limits(seconds=seconds))
    assert time.process_time() - began < AT_MOST
    assert owner.evaluate(slot, found.decision).feasible
    assert math.isfinite(found.bound)
    assert no_better(owner, found.objective, found.bound)


MOST_BYTES = 2**30  # of arrays of a search's step on a batch


def of_satellites():
    _, slot = first_slot("satellite-offloading", "city")
    descend(Terms.of(slot), starts(slot), time.perf_counter())  # what it begins with
    terms = Terms.of(slot)
    promising(terms, starts(slot)[0], math.inf)


def of_placements():
    owner, slot = first_slot("edge-placement", "city")
    assoc = np.random.default_rng(0).integers(slot.n_bs, size=(300, slot.n_users))
    owner.evaluate(slot, owner.Decision(open=np.ones((300, slot.n_bs), dtype=bool), assoc=assoc))


def of_twins():
    _, slot = first_slot("stin-deployment", "city")
    many = slot[None][np.zeros(40, dtype=np.int64)]
    stin_rules.local_search(many, stin_rules.local(many), until=time.perf_counter() + 0.01)


def of_spectrum():
    owner, slot = first_slot("dnt-spectrum", "city")
    begin = owner.heuristics["greedy"](slot)[None]
    near = dnt_search.neighbours(slot[None], begin.bs, begin.rb, begin.up)
    dnt_search.scored(slot[None], near)


@pytest.mark.parametrize("step", [of_satellites, of_placements, of_twins, of_spectrum])
def test_steps_of_a_city_fit_into_memory(step):
    tracemalloc.start()
    try:
        step()
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("owner", "method"),
    [pytest.param(o, m, id=f"{id}-{m}") for id, o in all_problems().items() for m in o.exactness.methods],
)
def test_no_time_gives_a_valid_incumbent_or_none(owner, method):
    instance = owner.generate("tiny", 3)
    slot = owner.slot(instance, 0, owner.start(instance))
    found, best = owner.exact(slot, Limits(seconds=0.0), method), owner.exact(slot)
    assert found.status != "infeasible"
    if found.decision is not None:
        assert owner.evaluate(slot, found.decision).feasible
        assert no_better(owner, found.objective, best.bound)
    assert math.isnan(found.bound) or no_better(owner, best.objective, found.bound)


# Heuristics by a clock that says one second more whenever it is asked


@pytest.fixture
def clock(monkeypatch):
    ticks = itertools.count()
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(ticks)))
    return ticks


def first_slot(id, size, seed=0):
    owner = problem(id)
    instance = owner.generate(size, seed)
    return owner, owner.slot(instance, 0, owner.start(instance))


def placement(until):
    owner, slot = first_slot("edge-placement", "small")
    return owner.evaluate(slot, placement_search.local_search(slot, until=until))


def placement_add(until):
    owner, slot = first_slot("edge-placement", "small")
    return owner.evaluate(slot, placement_rules.greedy_add(slot, until))


def stin(until):
    owner, slot = first_slot("stin-deployment", "small")
    return owner.evaluate(slot, stin_rules.local_search(slot, until=until))


def satellite(until):
    owner, slot = first_slot("satellite-offloading", "paper")
    return owner.evaluate(slot, descend(Terms.of(slot), starts(slot), until).decision(0))


def mec(until):
    owner, slot = first_slot("mec-synchronization", "paper", 1)
    found = Candidates.of(slot, slot.host)
    chosen = best_flips(Prices(found), np.zeros_like(mec_rules.admitted(found)), until)
    from dtbench.problems.mec_synchronization.exact import decision_of

    return owner.evaluate(slot, decision_of(slot, found, slot.host, chosen))


@pytest.mark.parametrize("search", [placement, placement_add, stin, satellite, mec])
def test_searches_stop_when_the_clock_says_so(search, clock):
    """Without time they give where they began, with some they are no worse, with all of it they are better."""
    asked, outcomes = [], []
    for until in (-math.inf, 3.0, math.inf):
        before = next(clock)
        outcomes.append(search(before + until))
        asked.append(next(clock) - before)
    assert all(outcome.feasible for outcome in outcomes)
    none, some, whole = (float(outcome.objective) for outcome in outcomes)
    assert whole <= some <= none * (1.0 + 1e-12)
    assert whole < none
    assert asked[0] <= asked[1] <= asked[2]
    assert asked[1] < 12
