"""Horizons: exact in the reference protocol, bracketed in the closed one, and the energy bound of problem (14)."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dtbench import referee
from dtbench.core import Limits
from dtbench.library import instances

from .hand import MEC


@pytest.mark.parametrize("size", ["tiny", "small"])
def test_reference_protocol_is_solved_slot_by_slot(size):
    instance = MEC.generate(size, 1, frame_slots=5)
    certificate = MEC.exact_horizon(instance)
    assert certificate.status == "optimal"
    assert certificate.gap <= 1e-4
    scores = referee.rescore(MEC, instance, certificate.decision)
    assert scores.mean == certificate.objective
    state = MEC.start(instance)
    slots = [MEC.exact(MEC.slot(instance, t, state)).objective for t in range(10)]
    assert_allclose(certificate.objective, np.mean(slots), rtol=1e-9)
    assert certificate.details["optimal_slots"] == 10


@pytest.mark.parametrize("overrides", [{}, {"queue": "live"}, {"mig_slots": 0}, {"y0": "zero"}])
def test_closed_protocol_is_bracketed(overrides):
    """The bound holds for every rule, random play and the trajectory itself."""
    instance = MEC.generate("closed-tiny", 2, frame_slots=3, **overrides)
    certificate = MEC.exact_horizon(instance, Limits(seconds=20.0))
    assert certificate.bound <= certificate.objective
    assert certificate.status in ("feasible", "optimal")
    assert referee.rescore(MEC, instance, certificate.decision).mean == certificate.objective
    rng = np.random.default_rng(0)
    policies = [*MEC.heuristics.values(), lambda slot: MEC.random_decision(instance, slot, rng)]
    for policy in policies:
        _, scores = referee.walk(MEC, instance, lambda _, slot, policy=policy: policy(slot))
        assert scores.mean >= certificate.bound * (1 - 1e-9)
    for name in ("greedy", "nearest"):
        _, scores = referee.walk(MEC, instance, lambda _, slot, name=name: MEC.heuristics[name](slot))
        assert scores.mean >= certificate.objective * (1 - 1e-9)


def test_one_frame_leaves_only_the_placement_open():
    """With one frame the queue of J is given: the bracket is that of the placement alone, a few percent."""
    instance = MEC.generate("closed-tiny", 0, n_frames=1)
    certificate = MEC.exact_horizon(instance, Limits(seconds=20.0))
    assert certificate.gap < 0.1


def test_out_of_time_the_bracket_still_holds():
    instance = MEC.generate("closed-tiny", 3, frame_slots=3)
    hasty, better = (MEC.exact_horizon(instance, Limits(seconds=s)) for s in (0.0, 20.0))
    assert hasty.bound <= better.objective
    assert better.bound <= hasty.objective


def test_batches_are_refused():
    batch = MEC.resample(MEC.generate("tiny", 0), np.random.default_rng(0), (2,))
    with pytest.raises(ValueError, match="leading axes"):
        MEC.exact_horizon(batch)


@pytest.mark.parametrize(("size", "limit"), [("tiny", 70e3), ("small", 140e3), ("paper", 600e3)])
def test_files_are_small_and_read_back(tmp_path, size, limit):
    instance = MEC.generate(size, 0)
    file = tmp_path / f"{size}.nc"
    instances.save(file, instance)
    assert file.stat().st_size < limit
    again = instances.load(file)
    for name, _, value in instance.arrays():
        np.testing.assert_array_equal(getattr(again, name), value)
    assert again.params == instance.params
