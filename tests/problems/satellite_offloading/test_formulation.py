"""Rows and cuts of the strong formulation hold for every completed decision."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dtbench.problems.satellite_offloading.completion import complete
from dtbench.problems.satellite_offloading.formulation import Formulation
from dtbench.problems.satellite_offloading.terms import Terms

from .hand import hand_slot, slots_of


@pytest.mark.parametrize("size", ["tiny", "small", "paper"])
def test_decisions_are_points_of_the_formulation(size):
    """Every row is a relaxation: completed decisions break none, and cost what the referee says."""
    slot = slots_of(size, 3)[1]
    plain, relaxed = Terms.of(slot), Terms.of(slot, relaxed=True)
    form = Formulation(relaxed)
    model = form.with_cuts(form.model(), form.cuts_of(np.full(slot.n_uav, 0.217)))
    done = complete(plain, np.random.default_rng(0).integers(0, slot.n_sat, (30, slot.n_uav)))
    checked = 0
    for index in np.flatnonzero(np.isfinite(done.objective)):
        x = form.point(done.assoc[index], done.share[index], done.channels[index])
        assert model.violation(x) <= 1e-9
        assert_allclose(model.value(x) * relaxed.beta, done.objective[index], rtol=3e-6)
        model = form.with_cuts(model, form.cuts_of(done.share[index]))
        checked += 1
    assert checked >= 3


def test_tangents_are_tight_at_their_share():
    """a = 12.5 s at r = 0.25: t >= 50 s, q >= 1/16; nothing where the UAV is not there."""
    form = Formulation(Terms.of(hand_slot()))
    cuts = form.cuts_of(np.array([0.5, 0.25, 0.5]))
    rows = form.with_cuts(form.model(), cuts).rows[-2 * len(cuts.at) :]
    x = np.zeros(form.n_columns)
    x[form.phi[1, 0]], x[form.rho[1, 0]], x[form.t[1, 0]], x[form.q[1, 0]] = 1.0, 0.25, 50.0, 0.0625
    assert_allclose(rows @ x, 0.0, atol=1e-12)
    x[form.t[1, 0]], x[form.q[1, 0]] = 49.0, 0.06
    assert (rows @ x).min() < 0
