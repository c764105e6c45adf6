"""What the picture says, by hand: who moved from where to where."""

import numpy as np
from numpy.testing import assert_allclose

from dtbench.problems.edge_association.migration.model import MigrationDecision

from .hand import MIGRATION, hand_slot


def test_who_moved_and_what_that_costs():
    slot = hand_slot(prev=(1, 0, 0))
    decision = MigrationDecision(assoc=np.array([0, 0, 1]))  # users 0 and 2 move: 1 to 0, and 0 to 1
    picture = MIGRATION.picture(slot, decision)
    found = {layer.label: layer for layer in picture.plots[0].layers}
    assert_allclose(found["user to a twin that stayed"].start, slot.user_xy[[1]])
    assert_allclose(found["user to a twin that moved"].start, slot.user_xy[[0, 2]])
    ways = found["way of twins that moved"]
    assert sorted(map(tuple, ways.start)) == [(0.0, 0.0), (600.0, 0.0)]
    assert ways.arrow
    held, latency = picture.plots[1:]
    assert {part.label: part.values.tolist() for part in held.parts} == {
        "twins that stayed": [1, 0], "twins that moved here": [1, 1],
    }  # fmt: skip
    metrics = MIGRATION.evaluate(slot, decision).metrics
    assert_allclose(latency.parts[0].values.sum(), 3 * metrics["mean_latency"])
    assert_allclose(latency.parts[1].values.sum(), 3 * metrics["mean_migration"])
    terms = {part.label: float(part.values[0]) for part in picture.terms}
    assert terms["lost by migration"] < 0.0
    assert_allclose(terms["energy"], -0.5 * metrics["mean_energy"])


def test_nobody_moves_before_a_decision():
    (space,) = MIGRATION.picture(hand_slot(), None).plots
    found = {layer.label: layer for layer in space.layers}
    assert len(found["way of twins that moved"].start) == 0
    assert len(found["user to a twin that stayed"].start) == 3
