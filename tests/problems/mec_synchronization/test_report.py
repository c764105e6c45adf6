"""Figures of a played horizon."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dtbench import referee
from dtbench.core import Limits
from dtbench.problems.mec_synchronization.model import MecDecision
from dtbench.problems.mec_synchronization.report import summary

from .hand import MEC


def played(instance, name):
    given, scores = referee.walk(MEC, instance, lambda _, slot: MEC.heuristics[name](slot))
    return MecDecision.stack(given), scores.mean


def test_silence_fails_every_request():
    """Failures per slot are the requests; per request 1; the queue grows by a_k - 0.2 a slot."""
    instance = MEC.generate("closed-tiny", 0)
    decisions, mean = played(instance, "silent")
    found = summary(MEC, instance, decisions)
    assert_allclose(found["objective"], mean)
    assert_allclose(found["failure_ratio"], instance.request.mean())
    assert_allclose(found["worst_failure_ratio"], instance.request.mean(axis=0).max())
    assert found["request_failure_ratio"] == 1.0
    assert found["energy"] == found["migrations"] == 0.0
    assert found["share_above_eps"] == 1.0


@pytest.mark.parametrize("size", ["closed-tiny", "tiny"])
def test_regret_along_the_own_path(size):
    instance = MEC.generate(size, 1)
    greedy, best = (summary(MEC, instance, played(instance, n)[0], Limits()) for n in ("greedy", "local-search"))
    assert 0.0 <= best["regret"] < 1e-3
    assert greedy["regret"] >= 0.0
    assert np.isfinite(list(greedy.values())).all()


def test_migrations_are_counted_per_user_and_frame():
    instance = MEC.generate("closed-small", 0)
    moves = summary(MEC, instance, played(instance, "nearest")[0])["migrations"]
    near = np.stack([MEC.slot(instance, t, MEC.start(instance)).access for t in (0, 20)])
    before = np.stack([instance.host_ref[0], near[0]])
    assert_allclose(moves, (near != before).mean())
