"""Horizons: bracketed in the closed protocol, and the energy bound of problem (14)."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from dtbench import referee
from dtbench.core import Limits
from dtbench.library import instances
from dtbench.plugins.discovery import discover, load_solver
from dtbench.problems.mec_synchronization.model import MecDecision

from .hand import MEC


def test_coupling_belongs_to_the_instance():
    """The parameter decides, whatever the size is called."""
    reference, closed = MEC.generate("closed-tiny", 1, protocol="reference"), MEC.generate("tiny", 1, protocol="closed")
    assert not MEC.coupled(reference.params)
    assert MEC.exact_horizon(reference) is None
    assert MEC.coupled(closed.params)
    assert MEC.exact_horizon(closed, Limits(seconds=1.0)).method == "closed"


@pytest.mark.parametrize("rule", MEC.heuristics)
def test_rules_decide_horizons_of_the_reference_protocol_at_once(rule):
    """The same decisions as slot by slot."""
    instance = MEC.generate("tiny", 1, frame_slots=5)
    solver = load_solver(discover()[rule])(MEC, instance)
    calls = []
    solver.decide = lambda slot, decide=solver.decide: (calls.append(slot.batch_shape), decide(slot))[1]
    whole = referee.play(MEC, instance, solver)
    assert calls == [(instance.horizon,)]
    given, scores = referee.walk(MEC, instance, lambda _, slot: MEC.heuristics[rule](slot))
    assert_allclose(whole.scores.objective, scores.objective, rtol=1e-12)
    assert_array_equal(whole.decisions.host, MecDecision.stack(given).host)
    assert_allclose(whole.decisions.power, MecDecision.stack(given).power, rtol=1e-9)


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
    batch = MEC.resample(MEC.generate("closed-tiny", 0), np.random.default_rng(0), (2,))
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
