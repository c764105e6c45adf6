"""The study of learned starts: time is counted, restarts never lose to the first search."""

import numpy as np
import pytest

from dtbench.problems import problem

from .scripts import script

start = script("studies", "start")
STIN = problem("stin-deployment")


def test_restarts_never_lose():
    instance = STIN.generate("tiny", 77)
    own, _ = start.played(STIN, instance, lambda _, slot: STIN.heuristics["local-search"](slot), 10)
    once, _ = start.played(STIN, instance, start.Restarts(STIN, instance, [0.0] * 10, 1), 10)
    often, _ = start.played(STIN, instance, start.Restarts(STIN, instance, [0.01] * 10, 1), 10)
    assert once == own
    assert (np.array(often) <= np.array(own)).all()


def test_ratios_by_hand(tmp_path):
    """Two networks: learned is 0.9 and 0.8 of own, and 0.9 and 1.0 of restarts."""
    rows = [
        {"problem": "stin-deployment", "size": "paper", "network": network, "method": arm, "slots": 1,
         "objective": value, "ms": 2.0}
        for network, values in ((1, (1.0, 2.0, 0.9, 1.0)), (2, (2.0, 2.0, 1.6, 1.6)))
        for arm, value in zip(start.ARMS, values, strict=True)
    ]  # fmt: skip
    start.write(tmp_path / "start.csv", rows)
    found = {row["method"]: row for row in start.table(start.read(tmp_path / "start.csv", start.WHOLE))}
    assert found["learned"]["ratio"] == pytest.approx(0.85)
    assert found["learned"]["low"] < 0.8 < 0.9 < found["learned"]["high"]
    assert found["learned / restarts"]["ratio"] == pytest.approx(0.95)
    assert found["own"]["ratio"] == found["own"]["high"] == 1.0
