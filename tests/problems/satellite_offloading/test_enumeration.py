"""Partitions: how many there are, and the readings that only enumeration solves."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dtbench.errors import DtbenchError
from dtbench.problems.satellite_offloading.enumeration import partitions
from dtbench.problems.satellite_offloading.model import OffloadingDecision, evaluate

from .hand import OFFLOADING, brute_force, slots_of


def test_partitions_are_counted():
    """Stirling numbers: S(11,1) + S(11,2) + S(11,3) = 1 + 1023 + 28501; all associations where satellites differ."""
    assert len(partitions(11, 3, identical=True)) == 29525
    assert len(partitions(4, 2, identical=True)) == 8
    every = partitions(5, 3, identical=False)
    assert len(np.unique(every, axis=0)) == len(every) == 3**5
    with pytest.raises(DtbenchError, match="'strong'"):
        partitions(32, 8, identical=True)


@pytest.mark.parametrize(
    "overrides",
    [{"energy_model": "pooled"}, {"train_delay": "max"}, {"train_delay": "max", "energy_model": "pooled"}],
    ids=str,
)
def test_other_readings_are_enumerated(overrides):
    """No random decision is better, and no other shares of the best association."""
    slots = slots_of("tiny", 2, **overrides)
    for t in range(4):
        found = OFFLOADING.exact(slots[t])
        assert found.status == "optimal"
        assert found.method == "strong"
        assert_allclose(found.objective, brute_force(slots[t]), rtol=1e-8)
        rng = np.random.default_rng(t)
        share = found.decision.share * rng.uniform(0.98, 1.02, (500, 4))
        near = OffloadingDecision(channels=found.decision.channels, assoc=found.decision.assoc, share=share)
        outcome = evaluate(slots[t], near)
        assert outcome.feasible.any() or t
        assert (outcome.objective >= found.bound)[outcome.feasible].all()
