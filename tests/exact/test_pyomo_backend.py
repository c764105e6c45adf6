"""Pyomo models through HiGHS: the same result as from arrays."""

import json
import math
import subprocess
import sys
import threading

import pyomo.environ as pyo
import pytest

from dtbench.core import Limits
from dtbench.errors import DtbenchError
from dtbench.exact import highs
from dtbench.exact.pyomo_backend import MOST_TERMS, TERMS_PER_SECOND, solve_pyomo, too_long


def facility(demand: float = 2.5) -> pyo.ConcreteModel:
    """Open sites of size 2 at cost 3, serve ``demand``, 1 for each unit that is not served: open one, 3 + 0.5."""
    m = pyo.ConcreteModel()
    m.sites = pyo.RangeSet(2)
    m.open = pyo.Var(m.sites, domain=pyo.Binary)
    m.lost = pyo.Var(bounds=(0, 0.6))
    m.serve = pyo.Constraint(expr=2 * sum(m.open[s] for s in m.sites) + m.lost >= demand)
    m.cost = pyo.Objective(expr=3 * sum(m.open[s] for s in m.sites) + m.lost)
    return m


def test_mixed_model_by_hand():
    m = facility()
    result = solve_pyomo(m, Limits())
    assert result.status == "optimal"
    assert result.objective == pytest.approx(3.5)
    assert result.bound == pytest.approx(3.5)
    assert sorted(result.x.round(6).tolist()) == [0.0, 0.5, 1.0]
    assert m.lost.value == pytest.approx(0.5)
    assert "HiGHS" in result.backend
    assert "Pyomo" in result.backend


def test_infeasible_proves_no_bound():
    result = solve_pyomo(facility(9.0), Limits())
    assert (result.status, result.x) == ("infeasible", None)
    assert math.isnan(result.bound)


def test_no_time_proves_nothing():
    result = solve_pyomo(facility(), Limits(seconds=0.0))
    assert result.status == "unknown"
    assert math.isnan(result.bound)


def test_unbounded_is_an_error():
    m = pyo.ConcreteModel()
    m.x = pyo.Var(domain=pyo.NonNegativeReals)
    m.cost = pyo.Objective(expr=-m.x)
    with pytest.raises(ValueError, match="unbounded"):
        solve_pyomo(m, Limits())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda m: m.serve.set_value(1e8 * m.open[1] + m.lost >= 1.0),
            r"'serve' has 'open\[1\]' with the coefficient 1e",
        ),
        (lambda m: m.cost.set_value(1e7 * m.lost), r"'cost' has 'lost' with the coefficient 1e\+07"),
        (lambda m: m.serve.set_value(m.lost <= 1e12), r"'serve' has the right-hand side 1e\+12"),
        (lambda m: m.lost.setub(1e9), r"variable 'lost' has the bound 1e\+09"),
    ],
)
def test_large_numbers_are_refused_by_the_names_of_the_model(change, words):
    m = facility()
    change(m)
    with pytest.raises(DtbenchError, match=words):
        solve_pyomo(m, Limits())


THREADS = """
import json, threading
from dtbench.core import Limits
from dtbench.problems import problem

owner = problem("stin-deployment")
instance = owner.generate("tiny", 0)
slots = [owner.slot(instance, t, owner.start(instance)) for t in range(3)]
found = {}

def solve(name, method):
    found[name] = [owner.exact(slot, Limits(), method).objective for slot in slots]

threads = [threading.Thread(target=solve, args=(f"{m}{i}", m)) for i in range(2) for m in ("reference", "strong")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(found))
"""


def test_threads_of_one_process_do_not_wait_for_each_other_for_ever():
    """In a process of its own, which can be ended if they do."""
    ended = subprocess.run([sys.executable, "-c", THREADS], capture_output=True, timeout=120, check=True)
    found = json.loads(ended.stdout)
    assert len(found) == 4
    assert all(values == pytest.approx(found["strong0"], rel=1e-6) for values in found.values())


def test_waiting_for_another_thread_is_time():
    """The lock is held elsewhere: nothing is known when time is over."""
    held, done = threading.Event(), threading.Event()

    def hold():
        with highs.LOCK:
            held.set()
            done.wait(60.0)

    other = threading.Thread(target=hold)
    other.start()
    held.wait(60.0)
    result = solve_pyomo(facility(), Limits(seconds=0.05))
    done.set()
    other.join()
    assert (result.status, result.x, result.native) == ("unknown", None, "waited for another thread")
    assert math.isnan(result.bound)


def test_models_that_take_longer_than_there_is_time_are_not_written():
    assert too_long(TERMS_PER_SECOND, 1.0) is None
    for terms, seconds in ((TERMS_PER_SECOND + 1, 1.0), (1, 0.0), (MOST_TERMS + 1, math.inf)):
        result = too_long(terms, seconds)
        assert result.status == "unknown"
        assert result.x is None
        assert math.isnan(result.bound)
        assert "no time to write" in result.native
