"""The state of a proof keeps what is better, whatever the sense."""

import time

import numpy as np
import pytest

from dtbench.core import Limits
from dtbench.exact.proof import Proof
from dtbench.problems import problem

STIN = problem("stin-deployment")
SLOT = STIN.slot(STIN.generate("tiny", 1), 0, STIN.start(STIN.generate("tiny", 1)))


def proof(seconds=60.0, gap=0.5):
    return Proof(STIN, SLOT, Limits(seconds=seconds, gap=gap), gap, time.perf_counter())


def decision(*node):
    return STIN.Decision(node=np.array(node))


def test_nothing_is_known_at_first():
    certificate = proof().certificate("none")
    assert certificate.status == "unknown"
    assert np.isnan(certificate.objective)
    assert np.isnan(certificate.bound)


def test_better_feasible_decisions_and_bounds_are_kept():
    state = proof()
    state.consider(decision(0, 0, 0, 0, 0))
    at_home = state.objective
    state.consider(decision(9, 9, 9, 9, 9))  # no node at all
    assert state.objective == at_home
    best = STIN.exact(SLOT)
    state.consider(best.decision)
    assert state.objective == best.objective < at_home
    for bound in (0.1, np.nan, -np.inf, 0.05):
        state.prove(bound)
    assert state.bound == 0.1
    assert not state.closed
    state.prove(0.6 * best.objective)
    assert state.closed
    certificate = state.certificate("by hand")
    assert (certificate.status, certificate.gap) == ("optimal", pytest.approx(0.4))


def test_no_time_is_left():
    assert proof(seconds=0.0).seconds == 0.0
