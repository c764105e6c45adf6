"""What the picture says, by hand: open servers, lines to twins, fees."""

import numpy as np
from numpy.testing import assert_allclose

from dtbench.problems import problem
from dtbench.problems.edge_association.placement.model import of_assoc

PLACEMENT = problem("edge-placement")


def test_who_is_where_and_what_it_costs():
    instance = PLACEMENT.generate("tiny", 1)
    slot = PLACEMENT.slot(instance, 0, PLACEMENT.start(instance))
    decision = of_assoc(np.array([0, 0, 0, 1, 1, 1]), 3)
    picture = PLACEMENT.picture(slot, decision)
    found = {layer.label: layer for layer in picture.plots[0].layers}
    assert found["open server"].names == ("0", "1")
    assert found["base station"].names == ("2",)
    near = decision.assoc == slot.access
    assert len(found["twin at the nearest base station"].start) == near.sum()
    assert_allclose(found["twin behind a wire"].end, slot.bs_xy[decision.assoc[~near]])
    assert picture.plots[1].totals.tolist() == [3, 3, 0]
    assert picture.plots[1].limits[:2].tolist() == slot.cap[:2].tolist()
    assert np.isnan(picture.plots[1].limits[2])
    terms = {part.label: float(part.values[0]) for part in picture.terms}
    assert terms["fees of servers"] == slot.params.cost_weight * 2 * slot.params.open_cost
    assert_allclose(picture.plots[2].totals.sum(), PLACEMENT.evaluate(slot, decision).metrics["latency"])
