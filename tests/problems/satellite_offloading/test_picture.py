"""What the picture says: links as wide as their channels, and the times that count."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dtbench.problems import problem

OFFLOADING = problem("satellite-offloading")


@pytest.mark.parametrize("train_delay", ["sum", "max"])
def test_channels_uploads_and_training(train_delay):
    instance = OFFLOADING.generate("tiny", 1, train_delay=train_delay)
    slot = OFFLOADING.slot(instance, 0, OFFLOADING.start(instance))
    decision = OFFLOADING.Decision(
        channels=np.array([1, 2, 3, 2]), assoc=np.array([0, 1, 1, 0]), share=np.array([0.5, 0.4, 0.6, 0.5])
    )
    picture = OFFLOADING.picture(slot, decision)
    space, channels, upload, training = picture.plots
    assert space.unit == ""  # a scheme: there are no positions
    links, uavs, satellites = space.layers
    assert_allclose(np.diff(links.width), 7.0 / 8 * np.array([1, 1, -1]))
    assert len(uavs.xy) == 4
    assert satellites.names == ("S0: 2 UAVs, 100 %", "S1: 2 UAVs, 100 %")
    assert_allclose(links.end, satellites.xy[[0, 1, 1, 0]])
    assert channels.title == "channels of each UAV, 8 of 8"
    assert channels.totals.tolist() == [1, 2, 3, 2]
    metrics = OFFLOADING.evaluate(slot, decision).metrics
    assert_allclose(upload.totals.max(), metrics["t_up"])
    assert_allclose(training.totals.max(), metrics["t_train"])


def test_without_a_decision_nothing_is_linked():
    instance = OFFLOADING.generate("tiny", 1)
    (space,) = OFFLOADING.picture(OFFLOADING.slot(instance, 0, OFFLOADING.start(instance)), None).plots
    assert [layer.label for layer in space.layers] == ["UAV", "satellite"]
