"""What may be called optimal, and what is refused."""

import math

import numpy as np
import pytest

from dtbench.core import Limits
from dtbench.exact.certificate import certify, tightened, with_target
from dtbench.problems import problem
from dtbench.problems.stin_deployment.model import StinDecision

STIN = problem("stin-deployment")


@pytest.fixture
def slot():
    instance = STIN.generate("tiny", 0)
    return STIN.slot(instance, 0, STIN.start(instance))


def certificate(slot, bound_of, *, node=0, gap=1e-7, **more):
    """Certificate of everybody on one node, with a bound made from the value."""
    decision = StinDecision(node=np.full(slot.n_users, node))
    value = float(STIN.evaluate(slot, decision).objective)
    limits = Limits(gap=gap)
    return value, certify(STIN, slot, decision, bound_of(value), limits, seconds=0.0, method="m", backend="b", **more)


def test_optimal_needs_a_gap(slot):
    assert certificate(slot, lambda v: v)[1].status == "optimal"
    assert certificate(slot, lambda v: v * (1 - 0.9e-7))[1].status == "optimal"
    assert certificate(slot, lambda v: v * (1 - 1.1e-7))[1].status == "feasible"
    assert certificate(slot, lambda v: v * 0.96, gap=0.05)[1].status == "optimal"
    assert certificate(slot, lambda v: math.nan)[1].status == "feasible"


def test_the_objective_is_the_referees(slot):
    value, made = certificate(slot, lambda v: v - 0.1)
    assert made.objective == value
    assert made.bound == value - 0.1


def test_rounding_is_cut_and_more_is_an_error(slot):
    value, made = certificate(slot, lambda v: v * (1 + 1e-10))
    assert made.bound == made.objective == value
    with pytest.raises(ValueError, match="beyond the objective"):
        certificate(slot, lambda v: v * 1.0001)


def test_an_infeasible_incumbent_is_an_error(slot):
    with pytest.raises(ValueError, match=r"infeasible decision: \{'capacity'"):
        certificate(slot, lambda v: 0.0, node=1)


def test_without_incumbent(slot):
    facts = {"seconds": 0.0, "method": "m", "backend": "b"}
    unknown = certify(STIN, slot, None, 0.3, Limits(gap=0.0), **facts)
    assert (unknown.status, unknown.bound) == ("unknown", 0.3)
    assert math.isnan(unknown.objective)
    assert math.isnan(unknown.gap)
    assert certify(STIN, slot, None, math.nan, Limits(gap=0.0), infeasible=True, **facts).status == "infeasible"


def test_limits_of_problem_and_back_end():
    limits = with_target(STIN, Limits(seconds=5.0))
    assert limits.gap == STIN.exactness.target_gap
    assert with_target(STIN, Limits(gap=0.1)).gap == 0.1
    inner = tightened(limits, -1.0)
    assert inner.seconds == 0.0
    assert 0 < inner.gap < limits.gap
    assert 0 < inner.gap_abs < limits.gap_abs
