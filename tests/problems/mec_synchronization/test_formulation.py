"""The MILP on levels: below the optimum, tighter with more levels, not worse than the naive one."""

import numpy as np
import pyomo.environ as pyo
import pytest
from numpy.testing import assert_allclose

from dtbench.core import Limits
from dtbench.exact.highs import solve_highs
from dtbench.exact.pyomo_backend import solve_pyomo
from dtbench.problems.mec_synchronization import formulation as levels
from dtbench.problems.mec_synchronization import reference
from dtbench.problems.mec_synchronization.candidates import Candidates

from .hand import MEC, hand_slot, slots_of

SOLVED = Limits(seconds=30.0, gap=1e-7)


def bound(slot, count):
    candidates = Candidates.of(slot, slot.host)
    result = solve_highs(levels.model(candidates, levels.grid(candidates, count), slot.n_users), SOLVED)
    assert result.status == "optimal"
    return result.bound


@pytest.mark.parametrize("seed", range(3))
def test_bounds_rise_with_the_levels_to_the_optimum(seed):
    """Intervals of 2, 4 and 8 levels are nested."""
    slot = slots_of("tiny", seed)[seed]
    optimum = MEC.exact(slot).objective
    values = [bound(slot, count) for count in (2, 4, 8)]
    assert (np.diff(values) >= -1e-7).all()
    assert values[-1] <= optimum * (1 + 1e-7)
    assert values[-1] >= 0.9 * optimum


def test_hand_example_has_no_slack_in_its_times():
    """Each twin has a server alone: with the radio at tb the bound is the energy of tb, which is the optimum."""
    assert_allclose(bound(hand_slot(), 4), 0.983619, rtol=0.06)
    assert bound(hand_slot(), 4) <= 0.983619


@pytest.mark.parametrize("seed", range(2))
def test_reference_is_the_naive_form(seed):
    """Same levels without bounds on powers: its optimum is not above that of the strong form, nor that of the slot."""
    slot = slots_of("tiny", 10 + seed)[seed]
    naive = solve_pyomo(reference.build(slot, 4), SOLVED)
    assert naive.status == "optimal"
    assert naive.bound <= bound(slot, 4) * (1 + 1e-6)
    assert naive.bound <= MEC.exact(slot).objective * (1 + 1e-7)


def test_reference_names_the_papers_constraints():
    model = reference.build(slots_of("tiny", 0)[1], 4)
    families = {c.local_name: c.doc for c in model.component_objects(pyo.Constraint)}
    assert families["radio"] == "Eqs. (7), (8)"
    assert families["link"] == "Eq. (14f)"
    assert families["server"] == "Eq. (14h)"


@pytest.mark.parametrize("method", MEC.exactness.bracket_methods)
def test_brackets_are_certificates(method):
    slot = slots_of("tiny", 4)[2]
    found, best = MEC.exact(slot, Limits(seconds=30.0), method), MEC.exact(slot)
    assert found.method == method
    assert found.bound <= best.objective * (1 + 1e-7)
    assert best.bound <= found.objective * (1 + 1e-7)
    assert found.objective <= 1.2 * best.objective
    assert MEC.evaluate(slot, found.decision).feasible


def test_no_time_leaves_a_bracket():
    slot = slots_of("small", 4)[2]
    found = MEC.exact(slot, Limits(seconds=0.0), "levels")
    assert 0.0 <= found.bound <= found.objective


def test_the_optimum_has_a_point_on_the_grid():
    """The set of the optimum, in times of the level that holds its own, costs no more than the optimum."""
    slot = slots_of("tiny", 5)[1]
    found = Candidates.of(slot, slot.host)
    on = levels.grid(found, 8)
    served = MEC.exact(slot).decision.power[found.user] > 0
    assert set(np.flatnonzero(served)) <= set(on.user.tolist())
    assert (on.least <= on.most).all()
    assert (on.begin < on.end).all()
