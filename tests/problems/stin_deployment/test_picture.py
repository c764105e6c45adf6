"""What the picture says, by hand: users by node, loads, and the delays of the referee."""

import numpy as np
from numpy.testing import assert_allclose

from dtbench.picture import Bars, Map, Points
from dtbench.problems import problem

STIN = problem("stin-deployment")


def layers(picture):
    assert isinstance(picture.plots[0], Map)
    return {layer.label: layer for layer in picture.plots[0].layers}


def test_who_is_where():
    instance = STIN.generate("tiny", 1)
    slot = STIN.slot(instance, 3, STIN.start(instance))
    decision = STIN.Decision(node=np.array([0, 1, 3, 3, 2]))  # own, E0, cloud, cloud, E1
    picture = STIN.picture(slot, decision)
    found = layers(picture)
    assert found["user, twin on the own device"].names == ("0",)
    assert found["user, twin on an end device"].names == ("1", "4")
    assert found["user, twin in the cloud"].names == ("2", "3")
    assert_allclose(found["twin goes to an end device"].start, slot.user_xy[[1, 4]])
    assert_allclose(found["twin goes to an end device"].end, slot.end_xy[[0, 1]])
    held, delay = picture.plots[1:]
    assert isinstance(held, Bars)
    assert held.names == ("own", "E0", "E1", "cloud")
    assert held.totals.tolist() == [1, 1, 1, 2]
    assert held.limits[1:3].tolist() == slot.cap_end.tolist()
    latency = STIN.evaluate(slot, decision).metrics["latency"]
    assert_allclose(delay.totals, [latency[0], latency[1], latency[4], latency[2] + latency[3]])


def test_before_a_decision_there_are_users_and_devices_only():
    instance = STIN.generate("tiny", 1)
    (space,) = STIN.picture(STIN.slot(instance, 0, STIN.start(instance)), None).plots
    assert [layer.label for layer in space.layers] == ["user", "end device", "satellite (not to scale)"]
    assert all(isinstance(layer, Points) for layer in space.layers)
