"""Best known values that records improve."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from dtbench.library.best_known import HORIZON, best_known
from dtbench.problems import problem
from tuning import improve

MEC = problem("mec-synchronization")
NAME = "mec-synchronization/large-000"
KNOWN = best_known(MEC.id)[NAME][HORIZON]


def record(objective, bound, *, solver="exact", feasible=True, instance=NAME):
    """What is read of a record with two slots, whose means are given."""
    bounds = [None if bound is None else bound - 0.1, None if bound is None else bound + 0.1]
    slots = SimpleNamespace(mean=objective, feasible=[True, feasible], bound=bounds)
    return SimpleNamespace(
        slots=slots, cell=SimpleNamespace(solver=solver, instance=instance), method={"backend": "of the record"}
    )


def test_each_side_is_taken_where_it_is_better():
    nearer = improve.improved(MEC, KNOWN, record(KNOWN.objective - 0.01, KNOWN.bound - 0.01))
    assert (nearer.objective, nearer.bound) == (pytest.approx(KNOWN.objective - 0.01), KNOWN.bound)
    assert nearer.gap < KNOWN.gap
    assert nearer.version == "of the record"
    tighter = improve.improved(MEC, KNOWN, record(KNOWN.objective + 0.01, KNOWN.bound + 0.01))
    assert (tighter.objective, tighter.bound) == (KNOWN.objective, pytest.approx(KNOWN.bound + 0.01))
    assert tighter.status == "feasible"


def test_where_both_meet_it_is_optimal():
    half = 0.5 * (KNOWN.objective + KNOWN.bound)
    assert improve.improved(MEC, KNOWN, record(half, half)).status == "optimal"


@pytest.mark.parametrize(
    "worse",
    [
        record(KNOWN.objective + 0.01, KNOWN.bound - 0.01),
        record(KNOWN.objective + 0.01, None),
        record(KNOWN.objective - 0.01, KNOWN.bound, feasible=False),
        record(KNOWN.objective - 0.01, KNOWN.bound, solver="greedy"),
        SimpleNamespace(slots=None, cell=SimpleNamespace(solver="exact", instance=NAME)),
    ],
)
def test_what_is_no_better_changes_nothing(worse):
    assert improve.improved(MEC, KNOWN, worse) is KNOWN
    rows, better = improve.improve(MEC, [worse])
    assert not better
    assert rows == [row for of in best_known(MEC.id).values() for row in of.values()]


def test_only_horizons_that_have_no_slots_of_their_own_are_replaced():
    name = next(name for name, rows in best_known(MEC.id).items() if len(rows) > 1)
    assert not improve.improve(MEC, [record(0.0, 0.0, instance=name), record(0.0, 0.0, instance="no/such")])[1]
    rows, better = improve.improve(MEC, [record(KNOWN.objective - 0.01, KNOWN.bound)])
    assert better == [row for row in rows if row.objective == better[0].objective]
    assert better[0] == replace(KNOWN, objective=better[0].objective, gap=better[0].gap, version="of the record")


def test_of_rewards_more_is_better():
    owner = problem("edge-migration")
    known = replace(next(iter(best_known(owner.id).values()))[HORIZON], objective=10.0, bound=11.0)
    assert owner.sense == "max"
    found = improve.improved(owner, known, record(10.5, 10.8))
    assert (found.objective, found.bound) == (10.5, pytest.approx(10.8))
