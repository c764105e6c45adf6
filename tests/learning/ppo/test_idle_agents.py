"""Agents that have nothing to choose in a whole rollout: they learn nothing, and nothing breaks."""

import numpy as np
import pytest

from dtbench.plugins.discovery import discover, find, load_solver
from dtbench.problems import problem

MEC = problem("mec-synchronization")


@pytest.mark.parametrize("name", ["happo", "gaussian-happo", "mappo"])
def test_users_without_any_request(name):
    """With these arrivals, hardly any user asks in the two slots of an episode."""
    instance = MEC.generate("tiny", 10_001, arrival=0.05, frame_slots=2, n_frames=1)
    options = {"episodes": 4, "parallel": 2, "traces": 1, "cache": False}
    agent = load_solver(find(name, discover()))(MEC, instance, seed=0, **options)
    found, _ = agent.obtain(lambda _: None, shipped=False)
    assert found.header.episodes == 4
    assert all(np.isfinite(value).all() for value in found.arrays.values())
