"""The horizon as one MILP: the same optimum as the table of best rates, on small instances."""

import pytest
from numpy.testing import assert_allclose

from dtbench.core import Limits
from dtbench.errors import DtbenchError

from .hand import DNT

CASES = [{}, {"predictor": "drift"}, {"rate_weight": 0.9}, {"serve_all": True, "horizon": 4}, {"delay_limit": 0.2}]


@pytest.mark.parametrize("options", CASES)
@pytest.mark.parametrize("seed", [300, 301])
def test_agrees_with_the_timeline(seed, options):
    instance = DNT.generate("tiny", seed, **options)
    one, other = (DNT.exact_horizon(instance, method=method) for method in ("horizon", "whole"))
    assert one.status == other.status == "optimal"
    assert one.method == "horizon"
    assert other.method == "whole"
    assert_allclose(one.objective, other.objective, rtol=1e-8)


def test_small():
    instance = DNT.generate("small", 300, horizon=6)
    one, other = (DNT.exact_horizon(instance, method=method) for method in ("horizon", "whole"))
    assert_allclose(one.objective, other.objective, rtol=1e-8)


def test_out_of_time_it_proves_nothing_false():
    instance = DNT.generate("small", 301)
    best = DNT.exact_horizon(instance).objective
    hasty = DNT.exact_horizon(instance, Limits(seconds=0.05), "whole")
    assert not hasty.bound < best - 1e-9


@pytest.mark.parametrize("options", [{"interference": "printed"}, {"error_scope": "block"}])
def test_what_it_does_not_take(options):
    with pytest.raises(DtbenchError, match="Use method 'horizon'"):
        DNT.exact_horizon(DNT.generate("tiny", 0, **options), method="whole")


def test_unknown_method():
    with pytest.raises(ValueError, match="Known: horizon, whole"):
        DNT.exact_horizon(DNT.generate("tiny", 0), method="magic")
