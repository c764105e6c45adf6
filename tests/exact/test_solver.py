"""The solver ``exact``: any problem's exact method, slot by slot."""

from dataclasses import replace

import numpy as np
import pytest

from dtbench import referee
from dtbench.errors import DtbenchError
from dtbench.plugins.discovery import discover, find, load_solver
from dtbench.problems import problem

STIN = problem("stin-deployment")


@pytest.fixture
def exact():
    return load_solver(find("exact", discover()))


def test_every_slot_is_certified(exact):
    instance = STIN.generate("tiny", 0)
    played = referee.play(STIN, instance, exact(STIN, instance, gap=1e-6))
    assert not played.scores.repaired.any()
    assert [c.status for c in played.certificates] == ["optimal"] * instance.horizon
    assert [c.objective for c in played.certificates] == pytest.approx(list(played.scores.objective))
    assert {c.method for c in played.certificates} == {"strong"}


def test_options_reach_the_method(exact):
    instance = STIN.generate("paper", 0)
    slot = STIN.slot(instance, 0, STIN.start(instance))
    solver = exact(STIN, instance, method="cpsat", time_limit=0.0)
    solver.decide(slot)
    assert (solver.certificate.method, solver.certificate.status) == ("cpsat", "feasible")
    solver = exact(STIN, instance, method="enumeration", gap=0.9)
    solver.decide(slot)
    assert (solver.certificate.method, solver.certificate.status) == ("enumeration", "optimal")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "gurobi"}, "'method' is 'gurobi'; 'stin-deployment' has strong, enumeration, cpsat, reference"),
        ({"gap": -1.0}, "option 'gap' is -1.0"),
        ({"time": 3}, "unknown option 'time'"),
    ],
)
def test_bad_options_are_named(exact, options, message):
    instance = STIN.generate("tiny", 0)
    with pytest.raises(DtbenchError, match=message):
        exact(STIN, instance, **options)


def test_without_incumbent_the_referee_still_gets_a_decision(exact, monkeypatch):
    instance = STIN.generate("tiny", 0)
    slot = STIN.slot(instance, 0, STIN.start(instance))
    empty = replace(STIN.exact(slot), decision=None, status="unknown")
    monkeypatch.setattr(type(STIN), "exact", lambda *_: empty)
    solver = exact(STIN, instance)
    decision = solver.decide(slot)
    assert solver.certificate.status == "unknown"
    assert np.shape(decision.node) == (slot.n_users,)
